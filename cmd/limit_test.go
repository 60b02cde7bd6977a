package cmd

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
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
	if at(t, j, "ntk") != filepath.Join(out, "ntk.npy") || at(t, j, "shape.1") != 5.0 {
		t.Errorf("ntk %v, shape %v", at(t, j, "ntk"), at(t, j, "shape"))
	}
	for name, scale := range map[string]float64{"ntk.npy": 1, "nngp.npy": 2.0 / 3} {
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
	// Of three tiles, of 6, 6 and 3 pairs, the first is done when a run is stopped.
	part := filepath.Join(t.TempDir(), "part")
	small := append(slices.Clone(args), "--block", "3", "--out", part)
	r = interruptAt(t, "pair 8 of 15", own, small...)
	if want := "to go on: ntk " + strings.Join(small, " ") + " --resume"; !strings.Contains(r.stderr, want) {
		t.Fatalf("stderr %q, want %q", r.stderr, want)
	}
	r = succeed(t, own, append(small, "--resume")...)
	if !strings.Contains(r.stderr, "1 of 3 tiles are done") {
		t.Errorf("stderr %q, want what was there", r.stderr)
	}
	for _, name := range []string{"ntk.npy", "nngp.npy"} {
		_, _, got := readNPY(t, filepath.Join(part, name))
		_, _, want := readNPY(t, filepath.Join(out, name))
		if !slices.Equal(got, want) {
			t.Errorf("%s after --resume is %v, want %v", name, got, want)
		}
	}
	if j := decode(t, "ntk/verify/1", succeed(t, nil, "verify", part, "--json").stdout); len(at(t, j, "files").([]any)) != 5 {
		t.Errorf("verified %v, want K, Θ, their journals and the manifest", j)
	}
	if r := do(t.Context(), own, append(small, "--resume", "--shuffle", "3")...); r.status != 1 || !strings.Contains(r.stderr, "shuffle") {
		t.Errorf("status %d, stderr %q, want 1 and the difference", r.status, r.stderr)
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

// TestLimitResume goes on from everything that a kill leaves while the arrays are
// made: nothing, an array without a journal, K without Θ.
func TestLimitResume(t *testing.T) {
	file := write(t, "x.npy", npy("(5, 3)", integers(5, 3)...))
	own := []Model{linear("line", 4, nil)}
	line := strings.Fields("limit --quiet --model line --examples all --data " + file)
	whole := filepath.Join(t.TempDir(), "whole")
	succeed(t, own, append(slices.Clone(line), "--block", "2", "--out", whole)...)
	copied := func(to string, names ...string) func(*testing.T, string) {
		return func(t *testing.T, folder string) {
			for _, name := range names {
				b, err := os.ReadFile(filepath.Join(whole, name))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, name+to), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, left := range map[string]func(*testing.T, string){
		"nothing":           copied(""),
		"a manifest":        copied("", manifestName),
		"K without journal": copied(".partial", "nngp.npy"),
		"K without Θ":       copied("", manifestName, "nngp.npy", "nngp.npy.journal"),
		"Θ without journal": func(t *testing.T, folder string) {
			copied("", "nngp.npy", "nngp.npy.journal")(t, folder)
			copied(".partial", "ntk.npy")(t, folder)
		},
		"all that there was": copied("", manifestName, "nngp.npy", "nngp.npy.journal", "ntk.npy", "ntk.npy.journal"),
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			left(t, out)
			// Without --block tiles are cut as those that are there.
			succeed(t, own, append(slices.Clone(line), "--resume", "--out", out)...)
			succeed(t, nil, "verify", out)
			for _, array := range []string{"ntk.npy", "nngp.npy"} {
				_, _, got := readNPY(t, filepath.Join(out, array))
				_, _, want := readNPY(t, filepath.Join(whole, array))
				if !slices.Equal(got, want) {
					t.Errorf("%s is %v, want %v", array, got, want)
				}
			}
		})
	}
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "mine.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := do(t.Context(), own, append(slices.Clone(line), "--resume", "--out", out)...); r.status != 1 || !strings.Contains(r.stderr, "nngp.npy.journal does not exist") {
		t.Errorf("a folder of others: status %d, stderr %q", r.status, r.stderr)
	}
	succeed(t, own, append(slices.Clone(line), "--force", "--out", whole)...)
	succeed(t, nil, "verify", whole)
}

// TestLimitMonteCarlo runs what a refusal recommends: the words of package
// limits and those that name the network and data at hand.
func TestLimitMonteCarlo(t *testing.T) {
	file := write(t, "x.npy", npy("(5, 3)", integers(5, 3)...))
	bent := []Model{linear("bent", 4, gx.Tanh)}
	own := do(t.Context(), bent, "--quiet", "limit", "--model", "bent", "--data", file, "--examples", "all", "--explain")
	model := graph.One(func(_ *mlctx.Context, x *gx.Node) *gx.Node { return x })
	_, refusal := limits.Derive(mlctx.New(), model, []shapes.Shape{shapes.Make(dtypes.Float64, 3)}, limits.Options{})
	if refusal == nil {
		t.Fatal("the input itself has a limit")
	}
	for name, text := range map[string]string{"of cmd": own.stderr, "of limits": refusal.Error()} {
		out := filepath.Join(t.TempDir(), "out")
		args := recommended(t, text, "MODEL", "bent", "DATA", file, "DIR", out)
		succeed(t, bent, append(args, "--backend", "go", "--examples", "all")...)
		thetas, err := filepath.Glob(filepath.Join(out, "*.npy"))
		if err != nil || len(thetas) != 32 {
			t.Errorf("%s: %q left %d matrices (%v), want one for each of 32 seeds", name, args, len(thetas), err)
		}
	}
	// Networks that can be built at several widths are compared over them.
	gru := write(t, "gru.json", []byte(`{"layers": [{"op": "gru", "width": 4, "w_std": 1, "u_std": 1}, {"op": "dense", "width": 1, "w_std": 1}], "parameterization": "ntk", "input_shape": [3, 2]}`))
	steps := write(t, "steps.npy", npy("(2, 3, 2)", integers(6, 2)...))
	r := do(t.Context(), nil, "--quiet", "limit", "--model", gru, "--data", steps, "--examples", "2", "--block", "2", "--explain")
	out := filepath.Join(t.TempDir(), "out")
	args := recommended(t, r.stderr, "DIR", out)
	if !slices.Contains(args, "compare") || slices.Contains(args, "--block") {
		t.Errorf("%q recommends %q", r.stderr, args)
	}
	text := succeed(t, nil, append(args, "--backend", "go", "--seeds", "2", "--widths", "4,8")...).stdout
	if !strings.Contains(text, "No limit is derived") || !strings.Contains(text, "not derived") {
		t.Errorf("compare says %q of what has no limit", text)
	}
}

// recommended returns the arguments of the command that a refusal recommends, with
// words that stand for something replaced.
func recommended(t *testing.T, text string, words ...string) []string {
	t.Helper()
	_, command, ok := strings.Cut(text, "serves: ntk ")
	if !ok {
		t.Fatalf("%q names no command", text)
	}
	return strings.Fields(strings.NewReplacer(words...).Replace(command))
}
