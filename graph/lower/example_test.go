package lower_test

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// GoMLX's pure Go backend cannot pad: padding becomes a concatenation.
func ExampleNew() {
	r, err := graph.Trace(mlctx.New(), "padded", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		x := graph.Inputs(g, shapes.Make(dtypes.Float64, 3))[0]
		return []*gx.Node{gx.Pad(x, gx.ScalarZero(g, dtypes.Float64), gx.PadAxis{Start: 1, End: 2})}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := graph.Rewrite(r.Program, func(rec *graph.Recorder) graph.Interpreter { return lower.New(rec, lower.SimpleGo()) })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Program.Count()[backends.OpTypePad], p.Count()[backends.OpTypePad], p.Outputs[0].Shape)
	// Output: 1 0 (Float64)[6]
}
