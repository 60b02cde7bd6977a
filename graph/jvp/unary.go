package jvp

import (
	"math"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// zero is the rule of ops that are constant almost everywhere.
func zero(call) graph.Op { return nil }

// times returns ẋ·slope for the only operand.
func (c call) times(slope graph.Op) graph.Op { return c.o.Mul(c.t(0), slope) }

func (c call) unary(op graph.OpType, x graph.Op) graph.Op { return c.o.Do(op, nil, x) }

func (c call) binary(op graph.OpType, x, y graph.Op) graph.Op { return c.o.Do(op, nil, x, y) }

// abs has slope 1 at 0, as in GoMLX.
func abs(c call) graph.Op {
	negative := c.binary(backends.OpTypeLessThan, c.x(0), c.scalar(0))
	return c.o.Do(backends.OpTypeWhere, nil, negative, c.unary(backends.OpTypeNeg, c.t(0)), c.t(0))
}

func exp(c call) graph.Op { return c.times(c.y) }

// expm1 takes exp(x) anew: 1 + expm1(x) is rounded to nothing for x far below 0.
func expm1(c call) graph.Op { return c.times(c.unary(backends.OpTypeExp, c.x(0))) }

func log(c call) graph.Op { return c.binary(backends.OpTypeDiv, c.t(0), c.x(0)) }

func log1p(c call) graph.Op {
	return c.binary(backends.OpTypeDiv, c.t(0), c.o.Add(c.x(0), c.scalar(1)))
}

// logistic: σ' = σ(1 − σ).
func logistic(c call) graph.Op {
	return c.times(c.o.Mul(c.y, c.binary(backends.OpTypeSub, c.scalar(1), c.y)))
}

// tanh: tanh' = 1 − tanh².
func tanh(c call) graph.Op {
	return c.times(c.binary(backends.OpTypeSub, c.scalar(1), c.o.Mul(c.y, c.y)))
}

func sin(c call) graph.Op { return c.times(c.unary(backends.OpTypeCos, c.x(0))) }

func cos(c call) graph.Op {
	return c.times(c.unary(backends.OpTypeNeg, c.unary(backends.OpTypeSin, c.x(0))))
}

// sqrt: (√x)' = ½/√x.
func sqrt(c call) graph.Op {
	return c.binary(backends.OpTypeDiv, c.times(c.scalar(0.5)), c.y)
}

// rsqrt: (x^-½)' = −½ x^-½ / x.
func rsqrt(c call) graph.Op {
	return c.times(c.o.Mul(c.scalar(-0.5), c.binary(backends.OpTypeDiv, c.y, c.x(0))))
}

// erf: erf' = 2/√π exp(−x²).
func erf(c call) graph.Op {
	x := c.x(0)
	bell := c.unary(backends.OpTypeExp, c.unary(backends.OpTypeNeg, c.o.Mul(x, x)))
	return c.times(c.o.Mul(c.scalar(2/math.Sqrt(math.Pi)), bell))
}

// identity passes tangents unless it stops them.
func identity(c call) graph.Op {
	a, _ := c.attrs.(graph.IdentityAttrs)
	switch {
	case a.Stop:
		return nil
	case a.Custom:
		panic(graph.NoRule("jvp", c.op, "a custom gradient says what Jᵀu is, not what Jẋ is; use reverse mode"))
	}
	return linear(c)
}

// convertDType passes tangents from float to float. What is rounded to integers
// is constant almost everywhere.
func convertDType(c call) graph.Op {
	if !c.o.DType(c.y).IsFloat() {
		return nil
	}
	return linear(c)
}
