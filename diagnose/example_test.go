package diagnose_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/backends/simplego"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
)

// f(x) = w·x at the inputs (1, 0) and (0, 2) has Θ = x xᵀ, with the eigenvalues
// 4 and 1, whatever the seed.
func ExampleRun() {
	backend, err := simplego.New("ops_sequential")
	if err != nil {
		fmt.Println(err)
		return
	}
	line := func(int, []int, int) (empirical.Model, error) {
		return func(ctx *mlctx.Context, in []*gx.Node) []*gx.Node {
			return []*gx.Node{layers.Dense(ctx, in[0], false, 1)}
		}, nil
	}
	result, err := diagnose.Run(context.Background(), diagnose.Config{
		Source: diagnose.Source{Name: "line", Build: line}, Data: &data.Set{Name: "axes", X: []float64{1, 0, 0, 2}, Shape: []int{2, 2}},
		Seed: 1, Seeds: 2, Backend: backend, BLAS: native.Gonum(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range result.Depths[0].Seeds {
		fmt.Printf("seed %d: eigenvalues %.3f\n", s.Seed, s.Eigenvalues)
	}
	// Output:
	// seed 1: eigenvalues [4.000 1.000]
	// seed 2: eigenvalues [4.000 1.000]
}
