package empirical_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
)

func ExampleNetwork_Operator() {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		fmt.Println(err)
		return
	}
	// f(w, x) = w·x, so Θ is x xᵀ = [[1 2] [2 5]] whatever w is.
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.Dense(ctx, x, false, 1) })
	f, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float64, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	x := empirical.Batch{tensors.FromValue([][]float64{{1, 0}, {2, 1}})}
	theta, err := f.Operator(ctx, x, empirical.OperatorOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	product := make([]float64, theta.Dim())
	if err := theta.MulVec(ctx, product, []float64{1, 10}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(product)
	// Output: [21 52]
}
