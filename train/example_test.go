package train_test

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
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// f(x) = w·x with one example x = 2 has Θ = 4 at every step, and gradient
// descent on (f − y)²/2 takes the error times 1 − 4·rate, its square times ¼ at
// the rate 1/8.
func ExampleEvolve() {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		fmt.Println(err)
		return
	}
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return layers.Dense(ctx, x, false, 1) })
	f, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float64, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := train.Evolve(context.Background(), train.Config{
		Backend: backend, BLAS: native.Gonum(), Network: f, Model: model, Optimizer: train.SGD(1. / 8), Steps: 2, At: []int{1, 2},
		Train: train.Examples{X: empirical.Batch{tensors.FromValue([][]float64{{2}})}, Y: predict.Matrix{Rows: 1, Cols: 1, Data: []float64{3}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range result.Points {
		fmt.Printf("step %d: loss × %.4f, λ1 of Θ %.4f\n", p.Step, *p.Network.Loss / *result.Points[0].Network.Loss, p.Eigenvalues[0])
	}
	// Output:
	// step 0: loss × 1.0000, λ1 of Θ 4.0000
	// step 1: loss × 0.2500, λ1 of Θ 4.0000
	// step 2: loss × 0.0625, λ1 of Θ 4.0000
}
