package cmd

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gontk/ntk/empirical"
)

// TestTerms compares the files of the terms with those of w·x + (1, 2, 3)·b.
func TestTerms(t *testing.T) {
	x := integers(5, 2)
	file := write(t, "x.npy", npy("(5, 2)", x...))
	ofW := func(i, j, _ int) float64 { return inner(x, 2, i, j) }
	ofB := func(_, _, o int) float64 { return float64((1 + o) * (1 + o)) }
	for _, tc := range []struct {
		args  string
		names []string
		files []string
		terms []func(i, j, o int) float64
	}{
		{"--by-parameter", []string{"/first/w", "/second/b"}, []string{"theta.first.w.npy", "theta.second.b.npy"}, []func(i, j, o int) float64{ofW, ofB}},
		{"--by-parameter --block 2", []string{"/first/w", "/second/b"}, []string{"theta.first.w.npy", "theta.second.b.npy"}, []func(i, j, o int) float64{ofW, ofB}},
		{"--group /sec*", []string{"/sec*", "others"}, []string{"theta.sec_.npy", "theta.others.npy"}, []func(i, j, o int) float64{ofB, ofW}},
		{"--group second --group /first/w", []string{"second", "/first/w"}, []string{"theta.second.npy", "theta.first.w.npy"}, []func(i, j, o int) float64{ofB, ofW}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "theta")
			args := strings.Fields("gram --model weighted --backend go --dtype float64 --json --quiet --examples all --outputs diagonal --data " + file + " --out " + out + " " + tc.args)
			j := decode(t, "ntk/gram/1", succeed(t, []Model{weighted()}, args...).stdout)
			m := readManifest(t, out)
			if !reflect.DeepEqual(m["terms"], j["terms"]) {
				t.Errorf("the manifest has the terms %v, the result %v", m["terms"], j["terms"])
			}
			var sum []float64
			for k, term := range tc.terms {
				entry := m["terms"].([]any)[k]
				if name, got := at(t, entry, "name"), at(t, entry, "file"); name != tc.names[k] || got != tc.files[k] {
					t.Errorf("term %d is %v in %v, want %s in %s", k, name, got, tc.names[k], tc.files[k])
				}
				_, shape, values := readNPY(t, filepath.Join(out, tc.files[k]))
				var want []float64
				for i := range 5 {
					for j := range 5 {
						for o := range 3 {
							want = append(want, term(i, j, o))
						}
					}
				}
				if !reflect.DeepEqual(shape, []int{5, 5, 3}) || !reflect.DeepEqual(values, want) { // integers: exact
					t.Errorf("%s has shape %v and holds %v, want %v", tc.files[k], shape, values, want)
				}
				for i, v := range values {
					if len(sum) <= i {
						sum = append(sum, 0)
					}
					sum[i] += v
				}
			}
			if _, _, theta := readNPY(t, filepath.Join(out, "theta.npy")); !reflect.DeepEqual(theta, sum) {
				t.Errorf("theta.npy holds %v, its terms add up to %v", theta, sum)
			}
			succeed(t, nil, "verify", "--quiet", out)
		})
	}
}

// TestResumeTerms goes on where some terms' files were not made, or not filled.
func TestResumeTerms(t *testing.T) {
	x := integers(6, 2)
	file := write(t, "x.npy", npy("(6, 2)", x...))
	out := filepath.Join(t.TempDir(), "stopped")
	own := []Model{weighted()}
	args := []string{"gram", "--model", "weighted", "--backend", "go", "--data", file, "--examples", "all", "--block", "2", "--outputs", "mean", "--by-parameter", "--out", out}
	interruptAt(t, "tile 2 of 6", own, args...)
	late, err := filepath.Glob(filepath.Join(out, "theta.second.b.npy*"))
	if err != nil || len(late) == 0 {
		t.Fatalf("files %v, %v", late, err)
	}
	for _, f := range late {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	succeed(t, own, append(args, "--resume")...)
	var want, ofB []float64
	for i := range 6 {
		for j := range 6 {
			b := float64(float32(14.0 / 3))
			want, ofB = append(want, inner(x, 2, i, j)), append(ofB, b)
		}
	}
	if _, _, values := readNPY(t, filepath.Join(out, "theta.first.w.npy")); !reflect.DeepEqual(values, want) {
		t.Errorf("the term of w is %v, want %v", values, want)
	}
	if _, _, values := readNPY(t, filepath.Join(out, "theta.second.b.npy")); !reflect.DeepEqual(values, ofB) {
		t.Errorf("the term of b is %v, want %v", values, ofB)
	}
	succeed(t, nil, "verify", "--quiet", out)
}

// TestTermFiles gives weights names that files cannot have, or that differ in
// what files' names do not show.
func TestTermFiles(t *testing.T) {
	m := &manifest{Files: []string{"theta.npy"}}
	var terms []empirical.Term
	for _, name := range []string{"/a/b", "/a.b", "/A/B", "../x", "/ä", "", "/[a-z]*"} {
		terms = append(terms, empirical.Term{Name: name})
	}
	m.nameTerms(terms)
	want := []string{"theta.a.b.npy", "theta.a_b.npy", "theta.A.B.2.npy", "theta.__.x.npy", "theta._.npy", "theta..npy", "theta._a-z__.npy"}
	for i, f := range m.Terms {
		if f.File != want[i] || filepath.Base(f.File) != f.File || !isOurs(f.File) {
			t.Errorf("%q goes to %q, want %q", f.Name, f.File, want[i])
		}
	}
}
