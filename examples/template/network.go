package main

import (
	"fmt"
	"math"
	"strconv"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/cmd"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

// Sizes of the network where --depth and the data do not say.
const (
	width      = 128
	ownDepth   = 4
	ownOutputs = 10
)

// skip gives the network to --model. New is called once for every depth.
var skip = cmd.Model{Name: "skip", About: "residual blocks on vectors, of --depth", New: func(depth int, _ []int, outputs int) (graph.Model, error) {
	if depth < 0 {
		return nil, fmt.Errorf("skip has no depth %d; it takes 0 (its own) and more", depth)
	}
	if depth == 0 {
		depth = ownDepth
	}
	if outputs == 0 {
		outputs = ownOutputs
	}
	return network(depth, outputs), nil
}}

// network is, with L blocks,
//
//	h_0 = W_in x,  h_{l+1} = h_l + W_l relu(h_l)/√L,  f = W_out h_L,
//
// every W in the ntk parameterization: W h stands for σ/√n·W h of n inputs, with
// W ~ N(0, 1), σ = √2 behind a relu and else 1. Layers of GoMLX serve as well.
func network(depth, outputs int) graph.Model {
	return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = gx.Reshape(x, x.Shape().Dimensions[0], -1) // [batch, features]
		h := models.Dense(ctx.In("in"), x, width, models.Weights{WStd: 1})
		for l := range depth {
			branch := models.Dense(ctx.In("block"+strconv.Itoa(l)), models.ReLU(h), width, models.Weights{WStd: math.Sqrt2})
			h = gx.Add(h, gx.MulScalar(branch, 1/math.Sqrt(float64(depth))))
		}
		return models.Dense(ctx.In("out"), h, outputs, models.Weights{WStd: 1})
	})
}
