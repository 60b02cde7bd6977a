package vmap

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

func broadcastInDim(c call) graph.Op {
	a := c.attrs.(graph.BroadcastInDimAttrs)
	return c.o.BroadcastInDim(c.in[0].X, prepend(c.m.n, a.Shape.Dimensions), prepend(0, shifted(a.Axes)))
}

func reshape(c call) graph.Op {
	a := c.attrs.(graph.ReshapeAttrs)
	return c.o.Reshape(c.in[0].X, prepend(c.m.n, a.Dims)...)
}

func transpose(c call) graph.Op {
	a := c.attrs.(graph.TransposeAttrs)
	return c.o.Transpose(c.in[0].X, prepend(0, shifted(a.Perm))...)
}

// concatenate repeats what is fixed: the joined value has to be whole.
func concatenate(c call) graph.Op {
	a := c.attrs.(graph.ConcatenateAttrs)
	xs := make([]graph.Op, len(c.in))
	for i, v := range c.in {
		xs[i] = c.m.front(v)
	}
	return c.o.Concatenate(a.Axis+1, xs...)
}

func slice(c call) graph.Op {
	a := c.attrs.(graph.SliceAttrs)
	return c.o.Slice(c.in[0].X, prepend(0, a.Starts), prepend(c.m.n, a.Limits), prepend(1, a.Strides))
}

func reverse(c call) graph.Op {
	a := c.attrs.(graph.ReverseAttrs)
	return c.do(graph.ReverseAttrs{Axes: shifted(a.Axes)}, c.in[0].X)
}

// pad pads with one number for all examples. Where each example has its own, a
// mask selects it.
func pad(c call) graph.Op {
	a := c.attrs.(graph.PadAttrs)
	x, fill := c.in[0], c.in[1]
	if !fill.Mapped {
		return c.do(graph.PadAttrs{Axes: prepend(backends.PadAxis{}, a.Axes)}, x.X, fill.X)
	}
	o := c.perExample()
	y := o.Pad(x, zero(o, o.DType(x)), a.Axes...)
	inside := o.Pad(ones(o, o.Dims(x)), zero(o, dtypes.Int32), a.Axes...)
	y = o.Do(backends.OpTypeWhere, nil, isOne(o, inside), y, fill)
	return c.m.front(y.(*Value))
}

// zero returns the scalar 0 of any dtype.
func zero(o graph.Ops, dt dtypes.DType) graph.Op {
	return toDType(o, o.Scalar(dtypes.Int32, 0), dt)
}

// ones returns integer ones, from which padding makes a mask.
func ones(o graph.Ops, dims []int) graph.Op {
	return o.BroadcastInDim(o.Scalar(dtypes.Int32, 1), dims, nil)
}

// isOne turns a mask of integers into booleans.
func isOne(o graph.Ops, mask graph.Op) graph.Op {
	return o.Do(backends.OpTypeEqual, nil, mask, o.Scalar(dtypes.Int32, 1))
}
