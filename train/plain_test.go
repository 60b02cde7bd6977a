package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
)

// oneLayer is a ReLU network of one hidden layer.
func oneLayer(width, outputs int) graph.Model {
	return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		for i, n := range []int{width, outputs} {
			d := x.Shape().Dimensions[1]
			w := graph.Weight(ctx.In([]string{"a", "b"}[i]), "w", shapes.Make(x.DType(), d, n), graph.Gaussian(1/math.Sqrt(float64(d))))
			x = gx.Dot(x, w.ValueGraph(x.Graph()))
			if i == 0 {
				x = models.ReLU(x)
			}
		}
		return x
	})
}

// blobs are n examples of d numbers around as many centres as there are classes,
// with one-hot targets.
func blobs(n, d, classes int) (empirical.Batch, predict.Matrix, []int) {
	r := rand.New(rand.NewPCG(uint64(n), 9))
	x := make([]float32, n*d)
	y := predict.NewMatrix(n, classes)
	of := make([]int, n)
	for i := range n {
		of[i] = i % classes
		y.Row(i)[of[i]] = 1
		for j := range d {
			x[i*d+j] = float32(r.NormFloat64())
			if j == of[i] {
				x[i*d+j] += 2
			}
		}
	}
	return empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, d)}, y, of
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if e := math.Abs(got - want); !(e <= tol*math.Abs(want)+1e-12) {
		t.Errorf("%s: %.15g, want %.15g to %g", what, got, want, tol)
	}
}

func part(a []float64, i, n int) []float64 { return a[i*n : (i+1)*n] }

func size(a []float64) float64 { return distance(a, make([]float64, len(a))) }

func sqrt(x float64) float64 { return math.Sqrt(x) }

func distance(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(s)
}
