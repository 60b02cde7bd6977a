// Ownmodel gives a network of its own, written with GoMLX's layers, the whole
// ntk command line:
//
//	go run ./examples/ownmodel diagnose --model mine --data digits
package main

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/cmd"
)

// mine is a residual network on patches: dense layers with layer norm and
// dropout, attention between the rows of an image, ten outputs.
func mine(ctx *context.Context, inputs []*graph.Node) []*graph.Node {
	x := inputs[0] // [batch, height, width, channels]
	dims := x.Shape().Dimensions
	x = graph.Reshape(x, dims[0], dims[1], dims[2]*dims[3]) // a token for each row
	x = layers.Dense(ctx.In("embed"), x, true, 32)
	y := layers.LayerNormalization(ctx.In("norm1"), x, -1).Done()
	x = graph.Add(x, layers.MultiHeadAttention(ctx.In("attention"), y, y, y, 2, 16).Done())
	y = layers.LayerNormalization(ctx.In("norm2"), x, -1).Done()
	y = activations.Gelu(layers.Dense(ctx.In("hidden"), y, true, 64))
	y = layers.Dropout(ctx.In("dropout"), y, graph.Scalar(x.Graph(), x.DType(), 0.1))
	x = graph.Add(x, layers.Dense(ctx.In("out"), y, true, 32))
	return []*graph.Node{layers.Dense(ctx.In("readout"), graph.ReduceMean(x, 1), true, 10)}
}

func main() {
	cmd.Main(cmd.Func("mine", "a small transformer on the rows of an image", mine))
}
