package vmap

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

// sameAttrs is the rule of ops that map entries of one operand.
func sameAttrs(c call) graph.Op { return c.do(c.attrs, c.in[0].X) }

// elementwise is the rule of binary ops, which broadcast axes of size 1: what
// is fixed is not repeated.
func elementwise(c call) graph.Op {
	rank := max(len(c.dims(c.in[0])), len(c.dims(c.in[1])))
	xs := make([]graph.Op, 2)
	for i, v := range c.in {
		d := c.dims(v)
		switch {
		case v.Mapped && len(d) == rank, !v.Mapped && len(d) == 0:
			xs[i] = v.X
		case v.Mapped: // a scalar of each example: [n] -> [n, 1, ...]
			xs[i] = c.o.Reshape(v.X, append([]int{c.m.n}, slices.Repeat([]int{1}, rank)...)...)
		default:
			xs[i] = c.o.Reshape(v.X, prepend(1, d)...)
		}
	}
	return c.do(c.attrs, xs...)
}

// exact is the rule of ops whose operands are scalars or all of one shape.
func exact(c call) graph.Op {
	var dims []int
	for _, v := range c.in {
		if d := c.dims(v); len(d) > 0 {
			dims = d
		}
	}
	return c.do(c.attrs, c.full(dims)...)
}

// clamp is exact whose result has the shape of the operand in the middle.
func clamp(c call) graph.Op {
	xs := c.full(c.dims(c.in[1]))
	xs[1] = c.m.front(c.in[1])
	return c.do(c.attrs, xs...)
}

// full returns the operands with the dimensions [n, dims...]. Fixed scalars stay scalars.
func (c call) full(dims []int) []graph.Op {
	xs := make([]graph.Op, len(c.in))
	for i, v := range c.in {
		switch r := len(c.dims(v)); {
		case r == 0 && !v.Mapped:
			xs[i] = v.X
		case r == 0:
			xs[i] = c.o.BroadcastInDim(v.X, prepend(c.m.n, dims), []int{0})
		default:
			xs[i] = c.m.front(v)
		}
	}
	return xs
}
