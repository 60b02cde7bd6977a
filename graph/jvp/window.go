package jvp

import (
	"math"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

func reduceWindow(c call) graph.Op {
	switch a := c.attrs.(graph.ReduceWindowAttrs); a.Type {
	case backends.ReduceOpSum:
		return linear(c)
	case backends.ReduceOpMax, backends.ReduceOpMin:
		return windowExtremum(c, a)
	default:
		panic(graph.NoRule("jvp", c.op, "products over windows; write them out with Slice and Mul"))
	}
}

// windowExtremum passes the tangent of the first extreme entry of each window,
// row-major: the transpose of SelectAndScatter, which is GoMLX's gradient. It
// goes through the positions in a window from the last to the first, each one a
// slice, so ops grow with the window's size: 4 per position.
func windowExtremum(c call, a graph.ReduceWindowAttrs) graph.Op {
	padding := make([]backends.PadAxis, len(a.Window))
	for i, p := range a.Paddings {
		padding[i] = backends.PadAxis{Start: p[0], End: p[1], Interior: a.BaseDilations[i] - 1}
	}
	// NaN equals nothing: padding is never the extreme entry, not even of -∞s.
	x := c.o.Pad(c.x(0), c.scalar(math.NaN()), padding...)
	t := c.o.Pad(c.t(0), c.scalar(0), padding...)

	out := c.o.Dims(c.y)
	tangent := c.o.BroadcastInDim(c.scalar(0), out, nil)
	at := make([]int, len(out)) // position in the window
	size := 1
	for _, w := range a.Window {
		size *= w
	}
	for flat := size - 1; flat >= 0; flat-- {
		rest := flat
		for i := len(at) - 1; i >= 0; i-- {
			at[i] = rest % a.Window[i] * a.WindowDilations[i]
			rest /= a.Window[i]
		}
		limits := make([]int, len(at))
		for i := range limits {
			limits[i] = at[i] + (out[i]-1)*a.Strides[i] + 1
		}
		extreme := c.binary(backends.OpTypeEqual, c.o.Slice(x, at, limits, a.Strides), c.y)
		tangent = c.o.Do(backends.OpTypeWhere, nil, extreme, c.o.Slice(t, at, limits, a.Strides), tangent)
	}
	return tangent
}
