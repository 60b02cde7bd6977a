package empirical_test

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// f = √(w·x) has no value at most of the random weights and examples on which
// examples are compared. That says nothing about whether they interact:
//
//	Θ(x, y) = x·y / (4 √(w·x) √(w·y)).
func TestProbeOutsideDomain(t *testing.T) {
	root := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := ctx.VariableWithValue("w", []float64{1, 2, 3}).ValueGraph(x.Graph())
		return gx.Sqrt(gx.Dot(x, gx.Reshape(w, 3, 1)))
	}
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(root), shapes.Make(dtypes.Float64, 3))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, w := [][]float64{{1, 0.5, 2}, {3, 1, 0.25}}, []float64{1, 2, 3}
	g, err := f.NTK(context.Background(), empirical.Batch{tensors.FromValue(x)}, nil, empirical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inner := func(x, y []float64) (s float64) {
		for i := range x {
			s += x[i] * y[i]
		}
		return s
	}
	for i := range x {
		for j := range x {
			want := inner(x[i], x[j]) / (4 * math.Sqrt(inner(w, x[i])*inner(w, x[j])))
			// A few roundings of numbers near 1.
			if got := g.Values[2*i+j]; !(math.Abs(got-want) <= 1e-14) {
				t.Errorf("Θ[%d, %d] = %v, want %v", i, j, got, want)
			}
		}
	}
}
