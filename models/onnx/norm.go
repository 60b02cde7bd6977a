package onnx

import (
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// batchNorm is (x − mean)/√(var + ε)·gain + bias with running statistics.
func batchNorm(c *call) []*value {
	x := c.x(0)
	if x.Rank() < 2 {
		c.fail("the input has shape %v; want batch and channels", x.Shape().Dimensions)
	}
	if c.integer("training_mode", 0) != 0 {
		c.fail("the file was exported in training mode; export it in inference mode")
	}
	gain, bias := c.perChannel(1, x, 1), c.perChannel(2, x, 1)
	mean, variance := c.perChannel(3, x, 1), c.perChannel(4, x, 1)
	std := gx.Sqrt(gx.AddScalar(variance, c.float("epsilon", 1e-5)))
	return result(gx.Add(gx.Mul(gx.Div(gx.Sub(x, mean), std), gain), bias))
}

// standardized subtracts the mean over axes and divides by √(variance + ε).
func standardized(x *gx.Node, eps float64, axes ...int) *gx.Node {
	x = gx.Sub(x, gx.ReduceAndKeep(x, gx.ReduceMean, axes...))
	variance := gx.ReduceAndKeep(gx.Square(x), gx.ReduceMean, axes...)
	return gx.Div(x, gx.Sqrt(gx.AddScalar(variance, eps)))
}

func layerNorm(c *call) []*value {
	x := c.x(0)
	a := c.axis(c.integer("axis", -1), x.Rank())
	y := standardized(x, c.float("epsilon", 1e-5), from(a, x.Rank()-a)...)
	y = gx.Mul(y, c.spreadable(1, y))
	if c.has(2) {
		y = gx.Add(y, c.spreadable(2, y))
	}
	return result(y)
}

// spreadable returns input i with as many axes as x, to be broadcast to it.
func (c *call) spreadable(i int, x *gx.Node) *gx.Node {
	v := c.x(i)
	all, err := broadcastDims(v.Shape().Dimensions, x.Shape().Dimensions)
	if err != nil {
		panic(err)
	}
	if !slices.Equal(all, x.Shape().Dimensions) {
		c.fail("input %d has shape %v, which does not fit %v", i, v.Shape().Dimensions, x.Shape().Dimensions)
	}
	return gx.ExpandLeftToRank(v, x.Rank())
}

func instanceNorm(c *call) []*value {
	x, spatial := c.images()
	y := standardized(x, c.float("epsilon", 1e-5), from(2, len(spatial))...)
	return result(gx.Add(gx.Mul(y, c.perChannel(1, x, 1)), c.perChannel(2, x, 1)))
}

// groupNorm has a gain and a bias for each group up to opset 20, from 21 on for
// each channel.
func groupNorm(c *call) []*value {
	x, _ := c.images()
	dims := x.Shape().Dimensions
	groups := c.integer("num_groups", 0)
	if groups < 1 || dims[1]%groups != 0 {
		c.fail("%d groups of %d channels", groups, dims[1])
	}
	split := gx.Reshape(x, append([]int{dims[0], groups, dims[1] / groups}, dims[2:]...)...)
	y := standardized(split, c.float("epsilon", 1e-5), from(2, split.Rank()-2)...)
	if c.m.opset < 21 {
		y = gx.Add(gx.Mul(y, c.perChannel(1, y, 1)), c.perChannel(2, y, 1))
		return result(gx.Reshape(y, dims...))
	}
	y = gx.Reshape(y, dims...)
	return result(gx.Add(gx.Mul(y, c.perChannel(1, y, 1)), c.perChannel(2, y, 1)))
}
