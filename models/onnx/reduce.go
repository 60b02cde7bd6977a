package onnx

import (
	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// reduceAxes reads what every reduction has: the axes, from an attribute or, since
// opset 13 (sums) or 18, from input 1, and whether they stay, of size 1.
func (c *call) reduceAxes(rank int) (axes []int, keep, none bool) {
	list := c.integers("axes")
	if c.has(1) {
		if list != nil {
			c.fail("axes are given twice, as an attribute and as an input")
		}
		list = c.list(1)
	}
	keep = c.integer("keepdims", 1) != 0
	if len(list) == 0 {
		return from(0, rank), keep, c.integer("noop_with_empty_axes", 0) != 0
	}
	return c.axes(list, rank), keep, false
}

// reduce applies f, which reduces axes and keeps none of them.
func (c *call) reduce(f func(x *gx.Node, axes ...int) *gx.Node) []*value {
	x := c.x(0)
	axes, keep, none := c.reduceAxes(x.Rank())
	if none || len(axes) == 0 {
		return []*value{c.in[0]}
	}
	if keep {
		return result(gx.ReduceAndKeep(x, f, axes...))
	}
	return result(f(x, axes...))
}

func reduceSum(c *call) []*value  { return c.reduce(gx.ReduceSum) }
func reduceMean(c *call) []*value { return c.reduce(gx.ReduceMean) }
func reduceMax(c *call) []*value  { return c.reduce(gx.ReduceMax) }
func reduceMin(c *call) []*value  { return c.reduce(gx.ReduceMin) }

func reduceSumSquare(c *call) []*value {
	return c.reduce(func(x *gx.Node, axes ...int) *gx.Node { return gx.ReduceSum(gx.Square(x), axes...) })
}

func reduceL1(c *call) []*value {
	return c.reduce(func(x *gx.Node, axes ...int) *gx.Node { return gx.ReduceSum(gx.Abs(x), axes...) })
}

func reduceL2(c *call) []*value {
	return c.reduce(func(x *gx.Node, axes ...int) *gx.Node { return gx.Sqrt(gx.ReduceSum(gx.Square(x), axes...)) })
}

// reduceLogSumExp subtracts the largest entry first. Its derivative does not
// depend on what is subtracted.
func reduceLogSumExp(c *call) []*value {
	return c.reduce(func(x *gx.Node, axes ...int) *gx.Node {
		top := gx.StopGradient(gx.ReduceAndKeep(x, gx.ReduceMax, axes...))
		sum := gx.ReduceSum(gx.Exp(gx.Sub(x, top)), axes...)
		return gx.Add(gx.Log(sum), gx.Reshape(top, sum.Shape().Dimensions...))
	})
}

// reduceProd has no derivative: exporters multiply sizes with it.
func reduceProd(c *call) []*value {
	l := c.known(0)
	axes, keep, none := c.reduceAxes(len(l.dims))
	if none {
		return []*value{c.in[0]}
	}
	if len(axes) != len(l.dims) {
		c.fail("the product over axes %v of %d is not supported", axes, len(l.dims))
	}
	p := 1.0
	for _, x := range l.v {
		p *= x
	}
	out := &literal{l.kind, nil, []float64{p}}
	if keep {
		for range l.dims {
			out.dims = append(out.dims, 1)
		}
	}
	return []*value{{lit: out}}
}

// softmaxAxes are those over which entries sum to 1: one, or up to opset 12 all
// from the attribute's on.
func (c *call) softmaxAxes(rank int) []int {
	if c.m.opset < 13 {
		a := c.axis(c.integer("axis", 1), rank)
		return from(a, rank-a)
	}
	return []int{c.axis(c.integer("axis", -1), rank)}
}

func softmax(c *call) []*value {
	return result(gx.Softmax(c.x(0), c.softmaxAxes(c.x(0).Rank())...))
}

func logSoftmax(c *call) []*value {
	return result(gx.LogSoftmax(c.x(0), c.softmaxAxes(c.x(0).Rank())...))
}
