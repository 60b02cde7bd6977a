package diagnose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
)

// axesOf are examples a_i e_i: x·x' is a_i² on the diagonal, else 0.
func axesOf(a ...float64) *data.Set {
	n := len(a)
	s := &data.Set{Name: "axes", X: make([]float64, n*n), Shape: []int{n, n}}
	for i, v := range a {
		s.X[i*n+i] = v
	}
	return s
}

// twoLayers is f(x) = depth·(w·x + v·x) with o outputs: each of the two weights
// has the term depth² x·x' δ_op of Θ, whatever the weights are.
func twoLayers(o int) Source {
	return Source{Name: "two", Build: func(depth int, _ []int, _ int) (empirical.Model, error) {
		return func(ctx *mlctx.Context, in []*gx.Node) []*gx.Node {
			x := in[0]
			shape := shapes.Make(x.DType(), x.Shape().Dimensions[1], o)
			w := ctx.In("a").VariableWithShape("w", shape).ValueGraph(x.Graph())
			v := ctx.In("b").VariableWithShape("v", shape).ValueGraph(x.Graph())
			y := gx.Add(gx.Dot(x, w), gx.Dot(x, v))
			return []*gx.Node{gx.MulScalar(y, max(1, depth))}
		}, nil
	}}
}

var openGo = sync.OnceValues(func() (*native.Backend, error) { return native.Open(native.Options{Backend: native.Go}) })

func pureGo(t *testing.T) backends.Backend {
	t.Helper()
	b, err := openGo()
	if err != nil {
		t.Fatal(err)
	}
	return b.GoMLX
}

func config(t *testing.T, o int, a ...float64) Config {
	t.Helper()
	return Config{Source: twoLayers(o), Data: axesOf(a...), Seed: 3, Backend: pureGo(t), BLAS: native.Gonum()}
}

// TestRun compares with Θ = 2·depth²·diag(a²) for each output. The entries are
// exact in both dtypes; the solver errs by n·ε.
func TestRun(t *testing.T) {
	const tol = 1e-13
	for _, outputs := range []empirical.Outputs{empirical.Mean, empirical.Full} {
		for _, dtype := range []dtypes.DType{dtypes.InvalidDType, dtypes.Float64} {
			c := config(t, 2, 1, 3, 2)
			c.Outputs, c.DType, c.Depths, c.Seeds = outputs, dtype, []int{1, 2}, 2
			var steps []Step
			c.Progress = func(s Step) { steps = append(steps, s) }
			var handed []string
			c.Theta = func(depth int, seed uint64, g *empirical.Gram) error {
				handed = append(handed, fmt.Sprint(depth, " ", seed, " ", g.Outputs))
				return nil
			}
			r, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			want := []float64{9, 4, 1}
			if outputs == empirical.Full {
				want = []float64{9, 9, 4, 4, 1, 1}
			}
			if r.Examples != 3 || r.Outputs != 2 || r.Dimension != len(want) || r.Reduction != outputs.String() || len(r.Depths) != 2 {
				t.Fatalf("%s: %d examples, %d outputs, dimension %d, %s, %d depths", outputs, r.Examples, r.Outputs, r.Dimension, r.Reduction, len(r.Depths))
			}
			for i, d := range r.Depths {
				if d.Depth != i+1 || d.Parameters != 2*3*2 || len(d.Seeds) != 2 {
					t.Fatalf("depth %d of %d parameters with %d seeds, want %d, 12, 2", d.Depth, d.Parameters, len(d.Seeds), i+1)
				}
				scale := 2 * float64(d.Depth*d.Depth)
				for k, s := range d.Seeds {
					for l, v := range want {
						if got := s.Eigenvalues[l]; !(math.Abs(got-scale*v) <= tol*9*scale) {
							t.Errorf("%s, depth %d: eigenvalue %d is %g, want %g", outputs, d.Depth, l, got, scale*v)
						}
					}
					for _, n := range []struct {
						name      string
						got, want float64
					}{
						{"condition number", s.Condition, 9},
						{"rate of ½ sum", s.MaxRateSum, 2 / (9 * scale)},
						{"rate of ½ mean", s.MaxRateMean, 2 * 3 * 2 / (9 * scale)},
						{"trace", s.Trace, 2 * 14 * scale},
						{"share of a", s.Shares[0].Part, 0.5},
						{"share of b", s.Shares[1].Part, 0.5},
						{"effective rank", s.EffectiveRank, float64(len(want)/3) * 14 * 14 / (81 + 16 + 1)},
					} {
						if !(math.Abs(n.got-n.want) <= tol*n.want) {
							t.Errorf("%s, depth %d, seed %d: %s is %g, want %g", outputs, d.Depth, k, n.name, n.got, n.want)
						}
					}
					if s.Seed != 3+uint64(k) || !s.Exact || s.Precision.Max != 0 {
						t.Errorf("seed %d, exact %v, entries' error %g", s.Seed, s.Exact, s.Precision.Max)
					}
				}
			}
			if want := []string{"1 3 ", "1 4 ", "2 3 ", "2 4 "}; len(handed) != 4 || !slices.EqualFunc(handed, want, strings.HasPrefix) {
				t.Errorf("Theta was handed %q, want %q", handed, want)
			}
			if last := steps[len(steps)-1]; len(steps) != 4 || last != (Step{Depth: 2, Seed: 4, Run: 3, Runs: 4, Tile: 1, Tiles: 1}) {
				t.Errorf("%d steps, the last %+v", len(steps), last)
			}
		}
	}
}

// TestRunWeights uses the weights of a context as they are: f(x) = (w x)², so
// that Θ = (2w x²)².
func TestRunWeights(t *testing.T) {
	c := config(t, 1, 3)
	c.Source.Build = func(int, []int, int) (empirical.Model, error) {
		return func(ctx *mlctx.Context, in []*gx.Node) []*gx.Node {
			w := ctx.VariableWithShape("w", shapes.Make(in[0].DType(), 1, 1)).ValueGraph(in[0].Graph())
			return []*gx.Node{gx.Square(gx.Dot(in[0], w))}
		}, nil
	}
	c.Context = mlctx.New()
	c.Context.VariableWithValue("w", [][]float32{{5}})
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	// Small integers: nothing is rounded.
	if got, want := r.Depths[0].Seeds[0].Eigenvalues[0], math.Pow(2*5*3*3, 2); got != want {
		t.Errorf("Θ is %g, want %g", got, want)
	}
}

// TestRunFails gives bad configurations, and a context that ends after the
// first network: what is finished comes back beside the cause.
func TestRunFails(t *testing.T) {
	c := config(t, 1, 1)
	c.Outputs = empirical.Trace
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), `"trace"; choose mean or full`) {
		t.Errorf("outputs trace: %v", err)
	}
	c = config(t, 1, 1)
	c.DType = dtypes.Int32
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "float32 or float64") {
		t.Errorf("dtype int32: %v", err)
	}
	c = config(t, 1)
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "axes has no examples") {
		t.Errorf("no examples: %v", err)
	}
	enough := errors.New("enough")
	c = config(t, 1, 1, 2)
	c.Depths, c.Seeds = []int{1, 2}, 2
	c.Theta = func(depth int, seed uint64, _ *empirical.Gram) error {
		if depth == 2 {
			return enough
		}
		return nil
	}
	r, err := Run(t.Context(), c)
	if !errors.Is(err, enough) || r == nil || len(r.Depths) != 1 || len(r.Depths[0].Seeds) != 2 {
		t.Errorf("failed at the second depth: %v, %+v", err, r)
	}

	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	c.Theta = func(_ int, seed uint64, _ *empirical.Gram) error {
		if seed == 4 {
			stop(enough)
		}
		return nil
	}
	c.DType = dtypes.Float64
	r, err = Run(ctx, c)
	if !errors.Is(err, enough) || r == nil || len(r.Depths) != 1 || r.Depths[0].Seeds[0].Seed != 3 {
		t.Errorf("cancelled at the second seed: %v, %+v", err, r)
	}
}

// TestJSON writes null for what is not finite, and numbers else.
func TestJSON(t *testing.T) {
	for _, tc := range []struct {
		seed Seed
		want map[string]any
	}{
		{
			Seed{Seed: 1, Condition: math.Inf(1), MaxRateSum: math.Inf(1), MaxRateMean: math.NaN()},
			map[string]any{"condition": nil, "max_rate_half_sum": nil, "max_rate_half_mean": nil, "seed": 1.0},
		},
		{
			Seed{Seed: 2, Condition: 8, MaxRateSum: 0.5, MaxRateMean: 4, Exact: true},
			map[string]any{"condition": 8.0, "max_rate_half_sum": 0.5, "max_rate_half_mean": 4.0, "condition_exact": true},
		},
	} {
		text, err := json.Marshal(Result{Depths: []Depth{{Seeds: []Seed{tc.seed}}}})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Depths []struct {
				Seeds []map[string]any `json:"seeds"`
			} `json:"depths"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for name, want := range tc.want {
			if v, ok := got.Depths[0].Seeds[0][name]; !ok || v != want {
				t.Errorf("%s is %v, want %v", name, v, want)
			}
		}
		if n := bytes.Count(text, []byte(`"condition":`)); n != 1 {
			t.Errorf("condition is written %d times: %s", n, text)
		}
	}
}

// TestKnownKernel is the check that doctor makes.
func TestKnownKernel(t *testing.T) {
	e, err := KnownKernel(t.Context(), pureGo(t), native.Gonum())
	// Sums of three products of halves: exact in float32.
	if err != nil || e != 0 {
		t.Errorf("the kernel of w·x errs by %g, %v", e, err)
	}
}
