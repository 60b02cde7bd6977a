package cmd

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// weighted is f_o(x) = (w·x)_o + (1+o)·b_o with 3 outputs, so that
// Θ[o, p] = x·x'·1[o = p] from w, and (1+o)²·1[o = p] from b.
func weighted() Model {
	return Func("weighted", "w·x + (1, 2, 3)·b", graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		g := x.Graph()
		w := ctx.In("first").VariableWithShape("w", shapes.Make(x.DType(), x.Shape().Dim(1), 3)).ValueGraph(g)
		b := ctx.In("second").VariableWithShape("b", shapes.Make(x.DType(), 1, 3)).ValueGraph(g)
		return gx.Add(gx.Dot(x, w), gx.Mul(b, gx.ConvertDType(gx.Const(g, [][]float64{{1, 2, 3}}), x.DType())))
	}))
}

// TestChoice computes Θ of some outputs and some weights.
func TestChoice(t *testing.T) {
	x := integers(4, 2)
	file := write(t, "x.npy", npy("(4, 2)", x...))
	// term is Θ[o, o] of w and b, o from 0.
	term := func(i, j, o int, w, b float64) float64 { return w*inner(x, 2, i, j) + b*float64((1+o)*(1+o)) }
	for _, tc := range []struct {
		args       string
		shape      []int
		parameters float64
		want       func(i, j int) []float64
	}{
		{"--outputs diagonal --of 2,0", []int{4, 4, 2}, 9, func(i, j int) []float64 {
			return []float64{term(i, j, 2, 1, 1), term(i, j, 0, 1, 1)}
		}},
		{"--outputs trace --of 2 --params second", []int{4, 4}, 3, func(i, j int) []float64 { return []float64{9} }},
		{"--outputs mean --params /*/w", []int{4, 4}, 6, func(i, j int) []float64 { return []float64{term(i, j, 0, 1, 0)} }},
		{"--outputs full --of 1 --params /first/w --params second/b", []int{4, 4, 1, 1}, 9, func(i, j int) []float64 {
			return []float64{term(i, j, 1, 1, 1)}
		}},
		// Different outputs share no weight: (1/O) Σ_o Θ[o, o]; 2 of them, as halves are exact.
		{"--outputs pseudo --of 0,1", []int{4, 4}, 9, func(i, j int) []float64 {
			return []float64{(term(i, j, 0, 1, 1) + term(i, j, 1, 1, 1)) / 2}
		}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "theta")
			args := strings.Fields("gram --model weighted --backend go --dtype float64 --json --quiet --examples all --data " + file + " --out " + out + " " + tc.args)
			j := decode(t, "ntk/gram/1", succeed(t, []Model{weighted()}, args...).stdout)
			if got := at(t, j, "parameters"); got != tc.parameters {
				t.Errorf("%v parameters, want %g", got, tc.parameters)
			}
			_, shape, theta := readNPY(t, filepath.Join(out, "theta.npy"))
			if !reflect.DeepEqual(shape, tc.shape) {
				t.Fatalf("shape %v, want %v", shape, tc.shape)
			}
			var want []float64
			for i := range 4 {
				for j := range 4 {
					want = append(want, tc.want(i, j)...)
				}
			}
			for k, w := range want {
				if e := theta[k] - w; !(max(e, -e) <= 1e-14*30) { // 1/√2 of pseudo is rounded; entries are below 100
					t.Fatalf("Θ is %v, want %v", theta, want)
				}
			}
			// The manifest says what was chosen.
			config := at(t, readManifest(t, out), "config").(map[string]any)
			for _, flag := range []string{"of", "params"} {
				if _, ok := config[flag]; ok != strings.Contains(tc.args, "--"+flag) {
					t.Errorf("%s: the manifest's config is %v", flag, config)
				}
			}
		})
	}
}

// TestChoiceOfDiagnose has orthonormal examples: of b alone Θ[o, o] is (1+o)²
// between any two, a matrix of ones.
func TestChoiceOfDiagnose(t *testing.T) {
	file := write(t, "x.npy", npy("(2, 2)", 1, 0, 0, 1))
	common := strings.Fields("--model weighted --backend go --dtype float64 --examples all --of 2,1 --params second --json --data " + file)
	out := filepath.Join(t.TempDir(), "out")
	j := decode(t, "ntk/diagnose/1", succeed(t, []Model{weighted()}, append([]string{"diagnose", "--seeds", "1", "--outputs", "full", "--out", out}, common...)...).stdout)
	for path, want := range map[string]any{
		"result.outputs": 2.0, "result.of.0": 2.0, "result.of.1": 1.0, "result.params.0": "second",
		"result.dimension": 4.0, "result.depths.0.parameters": 3.0,
	} {
		if got := at(t, j, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	// Of two ones by two, 2·(9, 4) and zeros.
	near(t, "λ1", at(t, j, "result.depths.0.seeds.0.eigenvalues.0"), 18, 1e-14)
	near(t, "λ2", at(t, j, "result.depths.0.seeds.0.eigenvalues.1"), 8, 1e-14)
	if _, shape, _ := readNPY(t, filepath.Join(out, "theta-seed1.npy")); !slices.Equal(shape, []int{2, 2, 2, 2}) {
		t.Errorf("Θ has shape %v", shape)
	}
	j = decode(t, "ntk/spectrum/1", succeed(t, []Model{weighted()}, append([]string{"spectrum", "--outputs", "trace"}, common...)...).stdout)
	near(t, "λ1 of the trace", at(t, j, "eigenvalues.0"), 26, 1e-14)
}

// TestDebugNaN names the op, before and after the kernel has failed: the log
// of a negative number, an exponential that overflows, a slope of √ at 0.
func TestDebugNaN(t *testing.T) {
	file := write(t, "x.npy", npy("(2, 1)", 1, -1))
	own := []Model{
		linear("log", 1, gx.Log),
		linear("exp", 1, func(y *gx.Node) *gx.Node { return gx.Exp(gx.MulScalar(y, 1e6)) }),
		linear("slope", 1, func(y *gx.Node) *gx.Node { return gx.Sqrt(gx.Sub(y, y)) }),
		// Infinite, but a weight of zero keeps it from the output and Θ.
		linear("masked", 1, func(y *gx.Node) *gx.Node {
			return gx.Where(gx.GreaterThan(gx.Exp(gx.AddScalar(gx.ZerosLike(y), 1e4)), gx.ZerosLike(y)), y, gx.ZerosLike(y))
		}),
		linear("line", 1, nil),
	}
	out := filepath.Join(t.TempDir(), "out")
	for _, tc := range []struct {
		model, more string
		fails       bool
		op, of      string
	}{
		{"exp", "", true, "Exp", "the output"},
		{"exp", "--debug-nan", true, "Exp", "the output"},
		{"log", "--debug-nan", true, "Log", "the output"},
		{"slope", "", true, "", "the gradient"},
		{"slope", "--debug-nan", true, "", "the gradient"},
		{"masked", "", false, "", ""},
		{"masked", "--debug-nan", true, "Exp", "the output"},
		{"line", "--debug-nan", false, "", ""},
	} {
		for _, verb := range []string{"gram --force --out " + out, "spectrum", "diagnose --seeds 1"} {
			name := strings.Fields(verb)[0] + " " + tc.model + " " + tc.more
			args := strings.Fields(fmt.Sprintf("%s --seed 3 --model %s --backend go --examples all --data %s --json %s", verb, tc.model, file, tc.more))
			r := do(t.Context(), own, args...)
			if !tc.fails {
				if r.status != 0 || strings.Contains(r.stderr, allFinite) != (tc.more != "") {
					t.Errorf("%s: status %d, stderr %q", name, r.status, r.stderr)
				}
				continue
			}
			// Where OpenBLAS is not installed, a notice says so first.
			_, line, noticed := strings.Cut(r.stderr, "dense algebra in pure Go")
			if _, line, _ = strings.Cut(line, "\n"); !noticed {
				line = r.stderr
			}
			if r.status != exitFailure || strings.Count(line, "\n") != 1 {
				t.Errorf("%s: status %d, stderr %q, want 1 and one line", name, r.status, r.stderr)
			}
			j := decode(t, "ntk/not-finite/1", r.stdout)
			if at(t, j, "not_finite.seed") != 3.0 || at(t, j, "not_finite.of") != tc.of {
				t.Errorf("%s: %s", name, r.stdout)
			}
			if op := at(t, j, "not_finite.op").(string); tc.op != "" && op != tc.op || !strings.Contains(r.stderr, op) || !strings.Contains(r.stderr, "seed 3") {
				t.Errorf("%s: op %s, want %s, stderr %q", name, op, tc.op, r.stderr)
			}
		}
	}
}
