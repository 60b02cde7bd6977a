package cmd

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// TestLimit: of f(x) = w·x the kernels are Θ(x, x') = x·x' and K = τ² x·x', τ²
// being GoMLX's default for weights, He's 2/3 of three features.
func TestLimit(t *testing.T) {
	x := integers(5, 3)
	file := write(t, "x.npy", npy("(5, 3)", x...))
	out := filepath.Join(t.TempDir(), "limit")
	own := []Model{linear("line", 4, nil)}
	args := []string{"limit", "--model", "line", "--examples", "all", "--data", file}
	r := succeed(t, own, append(args, "--json", "--quiet", "--out", out)...)
	j := decode(t, "ntk/limit/1", r.stdout)
	if at(t, j, "ntk") != filepath.Join(out, "theta.npy") || at(t, j, "shape.1") != 5.0 {
		t.Errorf("ntk %v, shape %v", at(t, j, "ntk"), at(t, j, "shape"))
	}
	for name, scale := range map[string]float64{"theta.npy": 1, "nngp.npy": 2.0 / 3} {
		dtype, _, values := readNPY(t, filepath.Join(out, name))
		if dtype != "f8" || len(values) != 25 {
			t.Fatalf("%s has %d numbers of %s", name, len(values), dtype)
		}
		for i := range 5 {
			for j := range 5 {
				// τ is recognized from draws, to rounding.
				if got, want := values[5*i+j], scale*inner(x, 3, i, j); !(math.Abs(got-want) <= 1e-12*scale*100) {
					t.Errorf("%s[%d, %d] is %g, want %g", name, i, j, got, want)
				}
			}
		}
	}
	text := succeed(t, own, append(args, "--explain")...).stdout
	if !strings.Contains(text, "/first/w on %") || !strings.Contains(text, "over 3 entries") {
		t.Errorf("the recursion %q does not say what /first/w acts on", text)
	}
	decode(t, "ntk/recursion/1", succeed(t, own, append(args, "--explain", "--json")...).stdout)

	bent := []Model{linear("bent", 4, gx.Tanh)}
	if r := do(t.Context(), bent, "limit", "--model", "bent", "--data", file, "--examples", "all", "--explain"); r.status != 1 ||
		!strings.Contains(r.stderr, "not linear in a readout weight") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("status %d, stderr %q, want 1 and one line with the reason", r.status, r.stderr)
	}
	if r := do(t.Context(), own, "limit", "--model", "line"); r.status != 2 || !strings.Contains(r.stderr, "--out is missing") {
		t.Errorf("status %d, stderr %q, want 2 and --out", r.status, r.stderr)
	}
	if r := do(t.Context(), own, append(args, "--memory", "1B", "--out", filepath.Join(t.TempDir(), "x"))...); r.status != 1 || !strings.Contains(r.stderr, "memory budget") {
		t.Errorf("status %d, stderr %q, want 1 and the budget", r.status, r.stderr)
	}
}
