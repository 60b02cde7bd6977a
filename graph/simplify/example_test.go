package simplify_test

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/simplify"
)

// The same product written twice is computed once, and what nobody reads not
// at all.
func ExampleProgram() {
	r, err := graph.Trace(mlctx.New(), "squares", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		x := graph.Inputs(g, shapes.Make(dtypes.Float64, 2))[0]
		gx.Exp(x)
		return []*gx.Node{gx.Add(gx.Mul(x, x), gx.Mul(x, x))}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	small, err := simplify.Program(r.Program)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(small)
	// Output:
	// program squares(%0 "input:0" float64[2])
	//   %2 float64[2] = Mul %0 %0
	//   %3 float64[2] = Add %2 %2
	//   return %3
}
