package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestGram compares theta.npy with Θ(x, x')[o, p] = x·x' if o = p, else 0.
func TestGram(t *testing.T) {
	for _, tc := range []struct {
		name    string
		n, d, o int
		outputs string
		more    string
		dtype   string
		shape   []int
	}{
		{"mean", 5, 3, 4, "mean", "", "f4", []int{5, 5}},
		{"full", 5, 3, 4, "full", "", "f4", []int{5, 5, 4, 4}},
		{"trace", 5, 3, 4, "trace", "", "f4", []int{5, 5}},
		{"diagonal", 5, 3, 4, "diagonal", "", "f4", []int{5, 5, 4}},
		{"float64", 5, 3, 4, "full", "--dtype float64", "f8", []int{5, 5, 4, 4}},
		{"tiles", 5, 3, 4, "full", "--block 2", "f4", []int{5, 5, 4, 4}},
		{"factors", 5, 3, 4, "mean", "--way factor --block 3", "f4", []int{5, 5}},
		{"one example", 1, 3, 4, "full", "", "f4", []int{1, 1, 4, 4}},
		{"one output", 5, 3, 1, "full", "", "f4", []int{5, 5, 1, 1}},
		{"one of each", 1, 1, 1, "mean", "", "f4", []int{1, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := integers(tc.n, tc.d)
			file := write(t, "x.npy", npy(fmt.Sprintf("(%d, %d)", tc.n, tc.d), x...))
			out := filepath.Join(t.TempDir(), "theta")
			args := strings.Fields("gram --model line --backend go --json --quiet --examples all --data " + file + " --out " + out + " --outputs " + tc.outputs + " " + tc.more)
			r := succeed(t, []Model{linear("line", tc.o, nil)}, args...)
			if r.stderr != "" {
				t.Errorf("--quiet, stderr %q", r.stderr)
			}
			j := decode(t, "ntk/gram/1", r.stdout)
			if at(t, j, "parameters") != float64(tc.d*tc.o) || at(t, j, "outputs") != tc.outputs || at(t, j, "plan.n1") != float64(tc.n) {
				t.Errorf("parameters %v, outputs %v, n1 %v", at(t, j, "parameters"), at(t, j, "outputs"), at(t, j, "plan.n1"))
			}
			// Of one weight, so all of the trace.
			trace := 0.0
			for i := range tc.n {
				trace += float64(tc.o) * inner(x, tc.d, i, i)
			}
			if w, tr, part := at(t, j, "shares.0.weight"), at(t, j, "shares.0.trace"), at(t, j, "shares.0.part"); w != "/first/w" || tr != trace || part != 1.0 {
				t.Errorf("share of %v: %v, %v, want /first/w, %g, 1", w, tr, part, trace)
			}

			dtype, shape, values := readNPY(t, filepath.Join(out, "theta.npy"))
			if dtype != tc.dtype || !reflect.DeepEqual(shape, tc.shape) {
				t.Fatalf("theta.npy is %s of shape %v, want %s, %v", dtype, shape, tc.dtype, tc.shape)
			}
			var want []float64
			for i := range tc.n {
				for j := range tc.n {
					want = append(want, reduced(inner(x, tc.d, i, j), tc.o, tc.outputs)...)
				}
			}
			if !reflect.DeepEqual(values, want) { // small integers: every sum is exact
				t.Errorf("theta.npy holds %v, want %v", values, want)
			}
		})
	}
}

// reduced is v·1 [o, o] reduced over outputs.
func reduced(v float64, o int, outputs string) []float64 {
	var out []float64
	switch outputs {
	case "mean":
		return []float64{v}
	case "trace":
		return []float64{float64(o) * v}
	case "diagonal":
		for range o {
			out = append(out, v)
		}
		return out
	}
	for p := range o {
		for q := range o {
			out = append(out, map[bool]float64{true: v}[p == q])
		}
	}
	return out
}

// TestExplain reads what the plan of a linear network must say, and that
// nothing is done.
func TestExplain(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	out := filepath.Join(t.TempDir(), "none")
	args := []string{"gram", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--out", out, "--block", "2", "--explain"}
	own := []Model{linear("line", 4, nil)}
	r := succeed(t, own, append(args, "--json", "--memory", "1MiB")...)
	j := decode(t, "ntk/plan/1", r.stdout)
	for path, want := range map[string]any{
		"plan.n1": 6.0, "plan.outputs": 4.0, "plan.reduction": "mean", "plan.parameters": 12.0,
		"plan.block": 2.0, "plan.tiles": 6.0, // of 3 × 3 those on and above the diagonal
		"plan.budget": float64(1 << 20), "plan.budget_source": "--memory",
		"plan.weights.0.name": "/first/w", "plan.weights.0.shape.0": 3.0, "plan.weights.0.shape.1": 4.0,
	} {
		if got := at(t, j, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	text := succeed(t, own, args...).stdout
	for _, want := range []string{"6 × 6 examples, 4 outputs, 12 parameters", "6 tiles of 2 examples", "/first/w"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan %q lacks %q", text, want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("--explain made the folder of --out")
	}
}

// TestProgress finds progress on stderr and results on stdout, and neither in
// the other.
func TestProgress(t *testing.T) {
	defer func(d time.Duration) { progressEvery = d }(progressEvery)
	progressEvery = 0
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	own := []Model{linear("line", 2, nil)}
	for _, tc := range []struct {
		verb, line, result string
	}{
		{"gram --block 2 --force --out " + filepath.Join(t.TempDir(), "a"), "ntk: tile 6 of 6: 100%", "theta.npy"},
		{"spectrum", "ntk: tile 1 of 1: 100%", "condition number"},
		{"diagnose --seeds 2", "ntk: seed 2: 100%", "condition number"},
	} {
		args := append(strings.Fields(tc.verb), "--model", "line", "--backend", "go", "--data", file, "--examples", "all")
		r := succeed(t, own, args...)
		if !strings.Contains(r.stderr, tc.line) || strings.Contains(r.stdout, "%\n") || strings.Contains(r.stdout, "ntk: ") {
			t.Errorf("%s: stderr %q, stdout %q, want %q in the former only", tc.verb, r.stderr, r.stdout, tc.line)
		}
		if !strings.Contains(r.stdout, tc.result) || strings.Contains(r.stderr, tc.result) {
			t.Errorf("%s: stderr %q, stdout %q, want %q in the latter only", tc.verb, r.stderr, r.stdout, tc.result)
		}
		if strings.Contains(r.stdout+r.stderr, "\x1b") {
			t.Errorf("%s: escape sequences, and no terminal", tc.verb)
		}
		if r := succeed(t, own, append(args, "--quiet")...); r.stderr != "" || r.stdout == "" {
			t.Errorf("%s --quiet: stderr %q, stdout %q", tc.verb, r.stderr, r.stdout)
		}
	}
}

// TestForce replaces ntk's own files in --out, and no others.
func TestForce(t *testing.T) {
	out := t.TempDir()
	own := []Model{linear("line", 1, nil)}
	notes := filepath.Join(out, "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, x := range []float64{2, 3} {
		file := write(t, "x.npy", npy("(1, 1)", x))
		succeed(t, own, "gram", "--model", "line", "--backend", "go", "--quiet", "--data", file, "--examples", "all", "--out", out, "--force")
		if _, _, theta := readNPY(t, filepath.Join(out, "theta.npy")); len(theta) != 1 || theta[0] != x*x {
			t.Errorf("Θ of %g is %v, want %g", x, theta, x*x)
		}
	}
	if b, err := os.ReadFile(notes); err != nil || string(b) != "mine" {
		t.Errorf("another's file is now %q, %v", b, err)
	}
}
