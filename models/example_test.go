package models_test

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

func ExampleParseSpec() {
	spec, err := models.ParseSpec(strings.NewReader(`{
		"name": "two blocks",
		"input_shape": [8, 8, 3],
		"parameterization": "ntk",
		"layers": [
			{"op": "conv", "width": 16, "filter": [3, 3], "padding": "SAME", "w_std": 1.5, "b_std": 0.1},
			{"op": "residual", "main": [
				{"op": "relu"},
				{"op": "conv", "width": 16, "filter": [3, 3], "padding": "SAME", "w_std": 1.5}
			]},
			{"op": "global_avg_pool"},
			{"op": "dense", "width": 10, "w_std": 1}
		]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(spec)
	// Output:
	// two blocks: input [8 8 3], parameterization ntk
	//   conv width 16 filter [3 3] padding SAME w_std 1.5 b_std 0.1 → [8 8 16], weights p0
	//   residual → [8 8 16]
	//     main:
	//       relu → [8 8 16]
	//       conv width 16 filter [3 3] padding SAME w_std 1.5 → [8 8 16], weights p1
	//     shortcut:
	//   global_avg_pool → [16]
	//   dense width 10 w_std 1 → [10], weights p2
	//   output [10], 2912 parameters
}

// A mistake is one line that says where it is.
func ExampleParseSpec_error() {
	_, err := models.ParseSpec(strings.NewReader(`{"input_shape": [4], "parameterization": "ntk",
		"layers": [{"op": "dense", "widht": 16, "w_std": 1}]}`))
	fmt.Println(err)
	// Output: models: spec: layer 0 (dense): unknown field "widht" (did you mean "width"?)
}

func ExampleLookup() {
	build, err := models.Lookup("mlp")
	if err != nil {
		fmt.Println(err)
		return
	}
	spec, err := build(models.Config{Depth: 2, Width: 256, InputShape: []int{28, 28, 1}, Outputs: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	params, err := spec.Params()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range params {
		fmt.Println(p.Name, p.Scope, p.VarName, p.Shape)
	}
	// Output:
	// p0_W /p0 W [784 256]
	// p1_W /p1 W [256 256]
	// p2_W /p2 W [256 10]
}

// A model in plain GoMLX, with layers of this package: the scale multiplies
// the product, so the Dot reads W itself.
func ExampleDense() {
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := models.Weights{WStd: 2}
		x = models.ReLU(models.Dense(ctx.In("hidden"), x, 3, w))
		return models.Dense(ctx.In("readout"), x, 1, w)
	})
	r, err := graph.Record(mlctx.New(), model, shapes.Make(dtypes.Float64, 2, 4))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range r.Variables {
		fmt.Println(v.ScopeAndName(), v.Shape().Dimensions, v.Distribution.Tau)
	}
	// Output:
	// /hidden/W [4 3] 1
	// /readout/W [3 1] 1
}
