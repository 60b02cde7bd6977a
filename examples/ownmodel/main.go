// Ownmodel gives a network of its own, written with GoMLX's layers, the whole
// ntk command line:
//
//	go run ./examples/ownmodel diagnose --model mine --data digits
package main

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/layers/batchnorm"

	"github.com/gontk/ntk/cmd"
)

// mine reads a digit, 8×8 pixels, as a sequence of 64 shades of grey.
func mine(ctx *context.Context, inputs []*graph.Node) []*graph.Node {
	x := inputs[0] // [batch, 8, 8, 1], of mean 0 and standard deviation 1
	shades := graph.ClipScalar(graph.AddScalar(graph.MulScalar(x, 6), 5), 0, 16)
	words := graph.ConvertDType(graph.Reshape(shades, -1, 64, 1), dtypes.Int32)
	h := layers.Embedding(ctx.In("shades"), words, x.DType(), 17, 32)
	place := ctx.In("places").VariableWithShape("table", shapes.Make(x.DType(), 1, 64, 32))
	h = graph.Add(h, place.ValueGraph(x.Graph()))
	h = graph.Add(h, layers.MultiHeadAttention(ctx.In("attention"), h, h, h, 4, 8).Done())
	h = layers.DropoutStatic(ctx.In("dropout"), h, 0.1)
	// Backends' own batch norm for inference has no gradient in GoMLX.
	h = batchnorm.New(ctx.In("norm"), h, -1).UseBackendInference(false).Done()
	h = activations.Gelu(layers.Dense(ctx.In("hidden"), h, true, 64))
	return []*graph.Node{layers.Dense(ctx.In("readout"), graph.ReduceMean(h, 1), true, 10)}
}

func main() {
	cmd.Main(cmd.Func("mine", "attention between the pixels of a digit", mine))
}
