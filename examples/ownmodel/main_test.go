package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/cmd"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
)

const (
	examples, outputs = 3, 10
	// Table, places; query, key, value and output of attention; gain and shift
	// of the norm; two dense layers.
	parameters = 17*32 + 64*32 + 4*(32*32+32) + 2*32 + (32*64 + 64) + (64*10 + 10)
)

// run runs a command line that must succeed, and returns what it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := cmd.Run(t.Context(), args, &out, &errs, nil, cmd.Func("mine", "the network", mine)); status != 0 {
		t.Fatalf("%s: status %d, %s", strings.Join(args, " "), status, errs.String())
	}
	return out.String()
}

// TestVerbs compares what the verbs say of the network with Θ from GoMLX's own
// gradients, one output of one example at a time.
func TestVerbs(t *testing.T) {
	if list := run(t, "models", "list"); !strings.HasPrefix(list, "mine ") {
		t.Errorf("models list does not begin with the network: %q", list)
	}
	want := loop(t)
	for _, backend := range []string{native.Go, native.XLA} {
		t.Run(backend, func(t *testing.T) {
			if _, err := native.FindPlugin("cpu", native.SearchOptions{}); backend == native.XLA && errors.Is(err, native.ErrNotFound) {
				t.Skip("XLA is not installed: ", err)
			}
			common := []string{"--model", "mine", "--data", "digits", "--examples", "3", "--backend", backend, "--dtype", "float64", "--json", "--quiet"}
			verb := func(into any, args ...string) {
				t.Helper()
				if err := json.Unmarshal([]byte(run(t, append(args, common...)...)), into); err != nil {
					t.Fatal(err)
				}
			}
			var plan struct {
				Plan struct{ Parameters, Outputs int }
			}
			if verb(&plan, "gram", "--explain"); plan.Plan.Parameters != parameters || plan.Plan.Outputs != outputs {
				t.Errorf("a plan for %d parameters and %d outputs, want %d and %d", plan.Plan.Parameters, plan.Plan.Outputs, parameters, outputs)
			}
			out := filepath.Join(t.TempDir(), "theta")
			var gram struct{ Parameters int }
			verb(&gram, "gram", "--outputs", "full", "--out", out)
			_, _, theta, err := tiles.ReadNPY(filepath.Join(out, "theta.npy"))
			if err != nil {
				t.Fatal(err)
			}
			// Both sum products of numbers rounded to 1e-16 in another order.
			if e := difference(theta.([]float64), want.full); !(e <= 1e-11) {
				t.Errorf("Θ differs from the loop's by %g of the largest entry", e)
			}
			var spectrum struct{ Eigenvalues []float64 }
			verb(&spectrum, "spectrum", "--outputs", "full")
			if sum := total(spectrum.Eigenvalues); len(spectrum.Eigenvalues) != examples*outputs || !(math.Abs(sum-want.trace) <= 1e-11*want.trace) {
				t.Errorf("%d eigenvalues of sum %g, want %d of %g, the trace", len(spectrum.Eigenvalues), sum, examples*outputs, want.trace)
			}
			var d struct {
				Result struct {
					Depths []struct {
						Parameters int
						Seeds      []struct {
							Trace       float64
							Eigenvalues []float64
						}
					}
				}
			}
			verb(&d, "diagnose", "--seeds", "2", "--outputs", "full", "--out", filepath.Join(t.TempDir(), "diagnosis"))
			first := d.Result.Depths[0].Seeds[0]
			if !(math.Abs(first.Trace-want.trace) <= 1e-11*want.trace) || d.Result.Depths[0].Parameters != parameters {
				t.Errorf("trace %g and %d parameters, want %g and %d", first.Trace, d.Result.Depths[0].Parameters, want.trace, parameters)
			}
			if second := d.Result.Depths[0].Seeds[1]; slices.Equal(first.Eigenvalues, second.Eigenvalues) {
				t.Error("two seeds give the same spectrum")
			}
		})
	}
}

// A looped Θ is [N, N, O, O] and its trace.
type looped struct {
	full  []float64
	trace float64
}

// loop computes Θ of seed 1 from gradients of GoMLX, in pure Go.
func loop(t *testing.T) looped {
	t.Helper()
	set, err := data.Open(t.Context(), "digits", data.Options{Examples: examples})
	if err != nil {
		t.Fatal(err)
	}
	ctx := mlctx.New()
	if _, err := graph.Record(ctx, mine, shapes.Make(dtypes.Float64, 2, 8, 8, 1)); err != nil {
		t.Fatal(err)
	}
	if err := graph.Initialize(ctx, 1, true); err != nil {
		t.Fatal(err)
	}
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	exec, err := mlctx.NewExec(backend, ctx.Reuse(), func(ctx *mlctx.Context, x, pick *gx.Node) []*gx.Node {
		return ctx.BuildTrainableVariablesGradientsGraph(gx.ReduceAllSum(gx.Mul(mine(ctx, []*gx.Node{x})[0], pick)))
	})
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]float64 // of the Jacobian
	for n := range examples {
		for o := range outputs {
			pick := make([]float64, outputs)
			pick[o] = 1
			gradients, err := exec.Exec(tensors.FromFlatDataAndDimensions(set.X[64*n:64*(n+1)], 1, 8, 8, 1), tensors.FromFlatDataAndDimensions(pick, 1, outputs))
			if err != nil {
				t.Fatal(err)
			}
			var row []float64
			for _, g := range gradients {
				if err := g.ConstFlatData(func(flat any) { row = append(row, flat.([]float64)...) }); err != nil {
					t.Fatal(err)
				}
			}
			rows = append(rows, row)
		}
	}
	var l looped
	for n := range examples {
		for m := range examples {
			for o := range outputs {
				for p := range outputs {
					v := 0.0
					for k, a := range rows[n*outputs+o] {
						v += a * rows[m*outputs+p][k]
					}
					l.full = append(l.full, v)
					if n == m && o == p {
						l.trace += v
					}
				}
			}
		}
	}
	return l
}

// difference is max|got − want| / max|want|, NaN if the sizes differ.
func difference(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	d, top := 0.0, 0.0
	for i, w := range want {
		d, top = math.Max(d, math.Abs(got[i]-w)), math.Max(top, math.Abs(w))
	}
	return d / top
}

func total(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum
}
