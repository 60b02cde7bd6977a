package cost_test

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
)

// A product of matrices takes 2·n·m·k operations, and reads and writes each
// entry of three matrices, 4 bytes, once.
func ExampleProgram() {
	r, err := graph.Trace(mlctx.New(), "product", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		x := graph.Inputs(g, shapes.Make(dtypes.Float32, 3, 5), shapes.Make(dtypes.Float32, 5, 7))
		return []*gx.Node{gx.Dot(x[0], x[1])}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := cost.Program(r.Program)
	fmt.Println(c.FLOPs == 2*3*5*7, c.Bytes == 4*(3*5+5*7+3*7))
	// Output: true true
}
