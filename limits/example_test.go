package limits_test

import (
	"context"
	"fmt"
	"math"

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

// One hidden layer f = v·relu(W x)/√n, at two inputs of length 1 and at right
// angles: by the arc-cosine kernels of Cho and Saul K(x, x) = 1/2, K(x, x') =
// 1/2π, and Θ = K + K̇·x·x' with K̇(x, x) = 1/2.
func ExampleDerive() {
	const width = 256
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "W", shapes.Make(x.DType(), 2, width), graph.Gaussian(1))
		v := graph.Weight(ctx, "v", shapes.Make(x.DType(), width, 1), graph.Gaussian(1))
		h := activations.Relu(gx.Dot(x, w.ValueGraph(x.Graph())))
		return gx.MulScalar(gx.Dot(h, v.ValueGraph(x.Graph())), 1/math.Sqrt(width))
	})
	limit, err := limits.Derive(mlctx.New(), model, []shapes.Shape{shapes.Make(dtypes.Float64, 2)}, limits.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	x := empirical.Batch{tensors.FromValue([][]float64{{1, 0}, {0, 1}})}
	grams, err := limit.Gram(context.Background(), x, nil, limits.GramOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("K %.6f, 1/2π = %.6f\n", grams.NNGP, 1/(2*math.Pi))
	fmt.Printf("Θ %.6f\n", grams.NTK)
	// Output:
	// K [0.500000 0.159155 0.159155 0.500000], 1/2π = 0.159155
	// Θ [1.000000 0.159155 0.159155 1.000000]
}
