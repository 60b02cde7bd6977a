package jvp

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// reduceExtremum sums the tangents of all entries that are extreme, as in GoMLX.
func reduceExtremum(c call) graph.Op {
	axes := c.attrs.(graph.ReduceAttrs).Axes
	kept := slices.Clone(c.o.Dims(c.x(0)))
	for _, a := range axes {
		kept[a] = 1
	}
	extreme := c.binary(backends.OpTypeEqual, c.x(0), c.o.Reshape(c.y, kept...))
	return c.o.ReduceSum(c.o.Do(backends.OpTypeWhere, nil, extreme, c.t(0), c.scalar(0)), axes...)
}

// reduceProduct multiplies halves until one entry is left. Unlike a quotient by
// each entry, that is right where entries are 0; it takes log₂ n steps.
func reduceProduct(c call) graph.Op {
	o := c.dual()
	axes := c.attrs.(graph.ReduceAttrs).Axes
	dims := c.o.Dims(c.x(0))
	perm, n := slices.Clone(axes), 1
	for _, a := range axes {
		n *= dims[a]
	}
	for a := range dims {
		if !slices.Contains(axes, a) {
			perm = append(perm, a)
		}
	}
	rest := slices.Clone(c.o.Dims(c.y))
	x := o.Reshape(o.Transpose(c.in[0], perm...), append([]int{n}, rest...)...)
	for n > 1 {
		half := n / 2
		low, high, odd := along0(o, x, 0, half), along0(o, x, half, 2*half), along0(o, x, 2*half, n)
		x = o.Mul(low, high)
		if n%2 == 1 {
			x = o.Concatenate(0, x, odd)
		}
		n -= half
	}
	return o.Reshape(x, rest...).(*Value).T
}

// along0 returns entries start … limit−1 of axis 0, nil if there are none.
func along0(o graph.Ops, x graph.Op, start, limit int) graph.Op {
	if start == limit {
		return nil
	}
	limits := slices.Clone(o.Dims(x))
	starts := make([]int, len(limits))
	starts[0], limits[0] = start, limit
	return o.Slice(x, starts, limits, nil)
}
