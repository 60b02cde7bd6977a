package onnx_test

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models/onnx"
)

func ExampleLoad() {
	m, err := onnx.Load("testdata/mlp.onnx", onnx.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Inputs()[0].Name, m.Inputs()[0].Shape, m.Outputs())
	for _, w := range m.Weights()[:2] {
		fmt.Println(w.Name, w.Shape)
	}
	ctx := mlctx.New() // will hold the trained weights
	r, err := graph.Record(ctx, m.Model(), shapes.Make(dtypes.Float32, 2, 6))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Program.Outputs[0].Shape)
	// Output:
	// input [6] [output]
	// 0.weight [16 6]
	// 0.bias [16]
	// (Float32)[2 3]
}
