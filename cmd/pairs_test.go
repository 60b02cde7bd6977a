package cmd

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestPairs compares theta.npy with x·x' of the pairs, if o = p, else 0.
func TestPairs(t *testing.T) {
	x := integers(8, 3)
	y := append(append([]float64{}, x[3:]...), 1, 2, 3) // each example's successor
	first, second := write(t, "x.npy", npy("(8, 3)", x...)), write(t, "y.npy", npy("(8, 3)", y...))
	for _, tc := range []struct {
		name, args string
		shape      []int
		outputs    string
		second     []float64
	}{
		{"diagonal", "--diagonal --outputs mean", []int{8, 1}, "mean", x},
		{"diagonal, whole", "--diagonal --outputs full --block 3", []int{8, 2, 2}, "full", x},
		{"pairs", "--outputs trace --block 3 --pairs " + second, []int{8, 1}, "trace", y},
		{"pairs by output", "--outputs diagonal --pairs " + second, []int{8, 2}, "diagonal", y},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "theta")
			args := strings.Fields("gram --model line --backend go --dtype float64 --json --quiet --examples all --data " + first + " --out " + out + " " + tc.args)
			j := decode(t, "ntk/gram/1", succeed(t, []Model{linear("line", 2, nil)}, args...).stdout)
			if at(t, j, "plan.pairs") != true || at(t, j, "plan.n1") != 8.0 {
				t.Errorf("the plan is of %v, pairs %v", at(t, j, "plan.n1"), at(t, j, "plan.pairs"))
			}
			_, shape, values := readNPY(t, filepath.Join(out, "theta.npy"))
			if !reflect.DeepEqual(shape, tc.shape) {
				t.Errorf("shape %v, want %v", shape, tc.shape)
			}
			var want []float64
			for i := range 8 {
				v := 0.0
				for k := range 3 {
					v += x[i*3+k] * tc.second[i*3+k]
				}
				want = append(want, reduced(v, 2, tc.outputs)...)
			}
			if !reflect.DeepEqual(values, want) { // small integers: every sum is exact
				t.Errorf("theta.npy holds %v, want %v", values, want)
			}
			succeed(t, nil, "verify", "--quiet", out)
			m := readManifest(t, out)
			if strings.Contains(tc.args, "--pairs") {
				if at(t, m, "pairs.shape.0") != 8.0 || at(t, m, "config.pairs") != second {
					t.Errorf("the manifest says of the second examples %v, %v", at(t, m, "pairs"), at(t, m, "config.pairs"))
				}
			} else if at(t, m, "config.diagonal") != "true" || m["pairs"] != nil {
				t.Errorf("config %v, pairs %v", at(t, m, "config"), m["pairs"])
			}
		})
	}
}

// TestResumePairs goes on with pairs that were stopped, and with no others.
func TestResumePairs(t *testing.T) {
	x := integers(6, 3)
	file := write(t, "x.npy", npy("(6, 3)", x...))
	other := write(t, "y.npy", npy("(6, 3)", make([]float64, 18)...))
	out := filepath.Join(t.TempDir(), "stopped")
	own := []Model{linear("line", 2, nil)}
	args := []string{"gram", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--block", "2", "--diagonal", "--out", out}
	interruptAt(t, "tile 1 of 3", own, args...)
	for _, changed := range [][]string{{"--pairs", other, "--diagonal=false"}, {"--diagonal=false"}} {
		if r := do(t.Context(), own, append(append([]string{}, args...), append(changed, "--resume")...)...); r.status != 1 {
			t.Errorf("resumed with %q: status %d, stderr %q", changed, r.status, r.stderr)
		}
	}
	succeed(t, own, append(args, "--resume")...)
	var want []float64
	for i := range 6 {
		want = append(want, inner(x, 3, i, i))
	}
	if _, _, values := readNPY(t, filepath.Join(out, "theta.npy")); !reflect.DeepEqual(values, want) {
		t.Errorf("theta.npy holds %v, want %v", values, want)
	}
}
