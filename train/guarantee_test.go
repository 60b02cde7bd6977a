package train_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// linearRun trains f = w·x on x_1 = (1, 0), x_2 = (0, 2): Θ has the eigenvalues 1.5 and 6
// throughout, 1.5 being the weights' own rate.
func linearRun(t *testing.T, model graph.Model, change func(*train.Config)) *train.Result {
	t.Helper()
	backend := kerneltest.Backend(t).GoMLX
	f, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float64, 2))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Redraw(2); err != nil {
		t.Fatal(err)
	}
	blas, err := native.DefaultBLAS("", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	x := empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{1, 0, 0, 2}, 2, 2)}
	c := train.Config{
		Backend: backend, BLAS: blas, Network: f, Model: model, Optimizer: train.SGD(0.25),
		Train: train.Examples{X: x, Y: predict.Matrix{Rows: 2, Cols: 1, Data: []float64{2, -3}}}, Steps: 8, At: []int{1, 3, 8},
	}
	change(&c)
	r, err := train.Evolve(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGuarantee compares the bound with its closed form, and holds that it is given only
// where the theorem speaks. That losses of a network whose kernel stands still are below it
// is the theorem.
func TestGuarantee(t *testing.T) {
	r := linearRun(t, linear(2, 1), func(*train.Config) {})
	start := *r.Points[0].Network.Loss
	for _, p := range r.Points {
		if p.LossBound == nil {
			t.Fatalf("no bound at step %d", p.Step)
		}
		near(t, fmt.Sprint("bound after ", p.Step), *p.LossBound, start*math.Exp(-1.5*0.25*float64(p.Step)/2), 1e-12)
		if !(*p.Network.Loss <= *p.LossBound) {
			t.Errorf("loss %g after %d steps, above the bound %g", *p.Network.Loss, p.Step, *p.LossBound)
		}
	}
	if v := r.Verdicts(); !strings.Contains(v[len(v)-1].Title, "holds here") {
		t.Errorf("verdicts %v, want the last to say that the theory holds", v)
	}
	fast := linearRun(t, linear(2, 1), func(c *train.Config) { c.Optimizer = train.SGD(0.66) }) // just below 2·size/λ1
	if v := fast.Verdicts(); !strings.Contains(v[len(v)-1].Title, "above exp") {
		t.Errorf("near the largest stable rate: verdicts %v, want the last to say that the loss is above", v)
	}
	// f = Σ w_i²x_i has the eigenvalues 4w_i²x_i², which vanish with w for targets of 0.
	square := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 2, 1), graph.Gaussian(1))
		return gx.Dot(x, gx.Square(w.ValueGraph(x.Graph())))
	})
	vanishing := linearRun(t, square, func(c *train.Config) { c.Train.Y.Data = []float64{0, 0} })
	if v := vanishing.Verdicts(); !strings.Contains(v[len(v)-1].Title, "falls below half") {
		t.Errorf("a kernel that vanishes: verdicts %v, want the last to say so", v)
	}
	for name, change := range map[string]func(*train.Config){
		"momentum":      func(c *train.Config) { c.Optimizer = train.Momentum(0.1, 0.5) },
		"adam":          func(c *train.Config) { c.Optimizer = train.Adam(0.1) },
		"minibatches":   func(c *train.Config) { c.Batch = 1 },
		"a probe":       func(c *train.Config) { c.Probe = 1 },
		"cross-entropy": func(c *train.Config) { c.Loss.Kind = train.CrossEntropy },
	} {
		for _, p := range linearRun(t, linear(2, 1), change).Points {
			if p.LossBound != nil {
				t.Errorf("%s: the bound %g at step %d; want none", name, *p.LossBound, p.Step)
			}
		}
	}
}
