package graph

import (
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train"
)

// A Model is a network as GoMLX writes it: it builds the graph of f(θ, x) on
// its inputs, with weights from ctx. The batch axis of every input and output
// is the first. Several inputs and outputs are allowed.
type Model func(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node

// One makes a Model of a function with one input and one output.
func One(f func(ctx *mlctx.Context, x *gx.Node) *gx.Node) Model {
	return func(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
		return []*gx.Node{f(ctx, inputs[0])}
	}
}

// FromModelFn makes a Model of GoMLX's own model type. spec is passed on.
func FromModelFn(f train.ModelFn, spec any) Model {
	return func(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
		return f(ctx, spec, inputs)
	}
}

// InTraining makes a Model that is built in training mode: batch normalization
// takes the statistics of the batch, dropout drops.
func InTraining(m Model) Model {
	return func(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
		ctx.SetTraining(inputs[0].Graph(), true)
		return m(ctx, inputs)
	}
}
