package graph_test

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A model as data: its ops, and how its weights are drawn.
func ExampleRecord() {
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx.In("layer"), "W", shapes.Make(x.DType(), 3, 2), graph.Gaussian(0.5))
		return gx.Tanh(gx.Dot(x, w.ValueGraph(x.Graph())))
	})
	r, err := graph.Record(mlctx.New(), model, shapes.Make(dtypes.Float64, 4, 3))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range r.Program.Eqns {
		fmt.Println(e.Op, e.Out[0].Shape)
	}
	w := r.Variables[0]
	fmt.Println(w.ScopeAndName(), w.Distribution.Family, w.Distribution.Tau)
	// Output:
	// Parameter (Float64)[4 3]
	// Parameter (Float64)[3 2]
	// DotGeneral (Float64)[4 2]
	// Tanh (Float64)[4 2]
	// /layer/W normal 0.5
}
