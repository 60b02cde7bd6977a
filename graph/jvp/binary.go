package jvp

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// spread broadcasts a tangent as binary ops do: a scalar to any shape, an axis
// of size 1 to any size.
func (c call) spread(t graph.Op) graph.Op {
	axes := make([]int, len(c.o.Dims(t)))
	for i := range axes {
		axes[i] = i
	}
	return c.o.BroadcastInDim(t, c.o.Dims(c.y), axes)
}

// sum adds tangents of which one may be nil.
func (c call) sum(s, t graph.Op) graph.Op {
	switch {
	case s == nil:
		return t
	case t == nil:
		return s
	}
	return c.o.Add(s, t)
}

func add(c call) graph.Op { return c.spread(c.sum(c.t(0), c.t(1))) }

func sub(c call) graph.Op {
	switch s, t := c.t(0), c.t(1); {
	case t == nil:
		return c.spread(s)
	case s == nil:
		return c.spread(c.unary(backends.OpTypeNeg, t))
	default:
		return c.binary(backends.OpTypeSub, s, t)
	}
}

// div: (a/b)˙ = (ȧ − (a/b)ḃ) / b.
func div(c call) graph.Op {
	t := c.t(0)
	if s := c.t(1); s != nil {
		if s = c.o.Mul(c.y, s); t == nil {
			t = c.unary(backends.OpTypeNeg, s)
		} else {
			t = c.binary(backends.OpTypeSub, t, s)
		}
	}
	return c.binary(backends.OpTypeDiv, t, c.x(1))
}

// rem: a − qb for the integer q = trunc(a/b) has the tangent ȧ − qḃ. q is
// rounded from (a − rem)/b, because a/b may be rounded across an integer.
func rem(c call) graph.Op {
	t := c.t(0)
	if s := c.t(1); s != nil {
		q := c.binary(backends.OpTypeDiv, c.binary(backends.OpTypeSub, c.x(0), c.y), c.x(1))
		s = c.o.Mul(c.unary(backends.OpTypeRound, q), s)
		if t == nil {
			return c.unary(backends.OpTypeNeg, s)
		}
		return c.binary(backends.OpTypeSub, t, s)
	}
	return c.spread(t)
}

// pow: (a^b)˙ = b a^(b−1) ȧ + log(a) a^b ḃ. Like GoMLX's, it is NaN for b = 0
// at a = 0, and in b for a ≤ 0.
func pow(c call) graph.Op {
	a, b := c.x(0), c.x(1)
	var s, t graph.Op
	if c.t(0) != nil {
		slope := c.binary(backends.OpTypePow, a, c.binary(backends.OpTypeSub, b, c.scalar(1)))
		s = c.o.Mul(c.t(0), c.o.Mul(b, slope))
	}
	if c.t(1) != nil {
		t = c.o.Mul(c.t(1), c.o.Mul(c.unary(backends.OpTypeLog, a), c.y))
	}
	return c.sum(s, t)
}

// maximum passes the tangent of the larger operand, of the first if they are equal.
func maximum(c call) graph.Op { return c.larger(c.t(0), c.t(1)) }

// minimum passes the tangent of the smaller operand, of the second if they are
// equal: GoMLX takes the gradient of Max and swaps the operands' shares.
func minimum(c call) graph.Op { return c.larger(c.t(1), c.t(0)) }

// larger selects s where operand 0 is at least operand 1, and t elsewhere.
func (c call) larger(s, t graph.Op) graph.Op {
	return c.selects(c.binary(backends.OpTypeGreaterOrEqual, c.x(0), c.x(1)), s, t)
}

// selects returns Where(condition, s, t) of the output's shape; nil is zero.
func (c call) selects(condition, s, t graph.Op) graph.Op {
	return c.o.Do(backends.OpTypeWhere, nil, condition, c.spreadOrZero(s), c.spreadOrZero(t))
}

// spreadOrZero is spread that returns a scalar for nil.
func (c call) spreadOrZero(t graph.Op) graph.Op {
	if t == nil {
		return c.scalar(0)
	}
	return c.spread(t)
}

func where(c call) graph.Op { return c.selects(c.x(0), c.t(1), c.t(2)) }

// clamp is differentiated as GoMLX's ClipScalar, Min(Max(x, min), max): the
// slope in x is 1 at the lower bound and 0 at the upper.
func clamp(c call) graph.Op {
	o := c.dual()
	low, x, high := c.in[0], c.in[1], c.in[2]
	y := o.Do(backends.OpTypeMax, nil, x, low)
	return o.Do(backends.OpTypeMin, nil, y, high).(*Value).T
}
