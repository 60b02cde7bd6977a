package jvp

import (
	"github.com/gontk/ntk/graph"
)

// linear is the rule of ops that are linear in their only operand.
func linear(c call) graph.Op { return c.do(c.t(0)) }

// jointlyLinear is the rule of ops that are linear in all operands together.
func jointlyLinear(c call) graph.Op {
	ts := make([]graph.Op, len(c.in))
	for i := range ts {
		ts[i] = c.full(i)
	}
	return c.do(ts...)
}

// bilinear is the rule of products: (a·b)˙ = ȧ·b + a·ḃ.
func bilinear(c call) graph.Op {
	var s, t graph.Op
	if c.t(0) != nil {
		s = c.do(c.t(0), c.x(1))
	}
	if c.t(1) != nil {
		t = c.do(c.x(0), c.t(1))
	}
	return c.sum(s, t)
}

// reduceSum leaves a scalar alone: to a backend no axes would mean all.
func reduceSum(c call) graph.Op {
	return c.o.ReduceSum(c.t(0), c.attrs.(graph.ReduceAttrs).Axes...)
}

func dynamicSlice(c call) graph.Op { return c.do(append([]graph.Op{c.t(0)}, c.primals(1)...)...) }

func dynamicUpdateSlice(c call) graph.Op {
	return c.do(append([]graph.Op{c.full(0), c.full(1)}, c.primals(2)...)...)
}

// primals returns those of the operands from first on.
func (c call) primals(first int) []graph.Op {
	var xs []graph.Op
	for _, v := range c.in[first:] {
		xs = append(xs, v.X)
	}
	return xs
}
