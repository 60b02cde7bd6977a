package limits_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
)

// One hidden layer, f = n^−1/2 Σ_i a_i φ(w_i·x) with a, w ~ N(0, 1). Its tangent
// kernel is a mean over the n units,
//
//	Θ_n(x, x') = (1/n) Σ_i [φ(w_i x)φ(w_i x') + a_i² φ'(w_i x)φ'(w_i x') x·x'],
//
// and tends to the expectation, E[φφ'] + E[φ'φ'] x·x'. For ReLU and inputs of
// length 1 at 60 degrees Cho and Saul's arc-cosine kernels give
// E[φφ'] = (sin θ + (π − θ) cos θ)/2π and E[φ'φ'] = (π − θ)/2π = 1/3.
func ExampleCompare() {
	model := func(width int) (graph.Model, error) {
		return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 2, width), graph.Gaussian(1)).ValueGraph(x.Graph())
			a := graph.Weight(ctx, "a", shapes.Make(x.DType(), width, 1), graph.Gaussian(1)).ValueGraph(x.Graph())
			return gx.MulScalar(gx.Dot(activations.Relu(gx.Dot(x, w)), a), 1/math.Sqrt(float64(width)))
		}), nil
	}
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		fmt.Println(err)
		return
	}
	x := empirical.Batch{tensors.FromValue([][]float64{{1, 0}, {0.5, math.Sqrt(3) / 2}})}
	c, err := limits.Compare(context.Background(), backend, model, x, limits.CompareOptions{Widths: []int{32, 64, 128}, Seeds: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	theta := math.Pi / 3
	closed := (math.Sin(theta)+(math.Pi-theta)*math.Cos(theta))/(2*math.Pi) + (math.Pi-theta)/(2*math.Pi)*math.Cos(theta)
	fmt.Printf("closed form  %.9f\n", closed)
	fmt.Printf("derived      %.9f\n", c.NTK.Widths[0].Limit[1])
	for _, w := range c.NTK.Widths {
		fmt.Printf("width %3d: within 4 standard errors: %v\n", w.Width, math.Abs(w.Mean[1]-closed) < 4*w.StdErr[1])
	}
	f := c.NTK.Fit
	fmt.Printf("extrapolated: within 4 standard errors: %v\n", math.Abs(f.Limit[1]-closed) < 4*f.LimitError[1])
	// Output:
	// closed form  0.471165557
	// derived      0.471165557
	// width  32: within 4 standard errors: true
	// width  64: within 4 standard errors: true
	// width 128: within 4 standard errors: true
	// extrapolated: within 4 standard errors: true
}

// TestStandardGrows: in the standard parameterization Θ/n of one hidden layer tends
// to E[φφ'], from which it differs by E[φ'φ'] x·x'/n at every width; with two
// hidden layers Θ is n·(K3 + K̇3 K2) + K̇3 K̇2 K1, of which a third order is left.
// Kernels are Cho and Saul's, at 60 degrees and |x| = 1.
func TestStandardGrows(t *testing.T) {
	kappa := func(rho float64) (k, kdot float64) { // E of √2·ReLU
		theta := math.Acos(rho)
		return (math.Sin(theta) + (math.Pi-theta)*rho) / math.Pi, (math.Pi - theta) / math.Pi
	}
	standard := func(depth, n int) graph.Model {
		return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h, in := x, 2
			weight := func(name string, rows, cols int, tau float64) *gx.Node {
				return graph.Weight(ctx, name, shapes.Make(x.DType(), rows, cols), graph.Gaussian(tau)).ValueGraph(x.Graph())
			}
			for l := range depth {
				tau := 1.0
				if l > 0 {
					tau = math.Sqrt(2 / float64(in))
				}
				h, in = activations.Relu(gx.Dot(h, weight(fmt.Sprint("w", l), in, n, tau))), n
			}
			return gx.Dot(h, weight("a", n, 1, math.Sqrt(2/float64(n))))
		})
	}
	x := empirical.Batch{tensors.FromValue([][]float64{{1, 0}, {0.5, math.Sqrt(3) / 2}})}
	for depth := 1; depth <= 2; depth++ {
		for _, n := range []int{64, 512, 4096} {
			l, err := limits.Derive(mlctx.New(), standard(depth, n), []shapes.Shape{shapes.Make(dtypes.Float64, 2)}, limits.Options{})
			if err != nil {
				t.Fatal(err)
			}
			g, err := l.Gram(t.Context(), x, nil, limits.GramOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// κ is E of (√2 relu)², so that E[relu relu'] = κ/2; τ² n = 2 restores it.
			const rho = 0.5
			k, kdot := kappa(rho)
			want := k/2 + kdot*rho/float64(n)
			if depth == 2 {
				k2, kdot2 := kappa(k)
				want = k2/2 + kdot2*k/2 + kdot2*kdot*rho/float64(n)
			}
			// arccos, of the test and of the limit, loses a few digits of 16.
			if got := g.NTK[1] / float64(n); !(math.Abs(got/want-1) <= 1e-12) {
				t.Errorf("%d hidden layers of %d: Θ/n = %.15g, want %.15g", depth, n, got, want)
			}
		}
	}
}
