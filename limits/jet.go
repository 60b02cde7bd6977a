package limits

import (
	"math"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// maxArguments of a function: one Gaussian and weights without variance.
const maxArguments = 4

// A jet is the value of a function of several arguments with its derivatives:
// d[k] = ∂_k, h[k] = ∂_0∂_k.
type jet struct {
	v    float64
	d, h [maxArguments]float64
}

// compose returns f(x) for a function of one variable with derivatives f1, f2.
func (x jet) compose(f, f1, f2 float64) jet {
	y := jet{v: f}
	for k := range x.d {
		y.d[k] = f1 * x.d[k]
		y.h[k] = f2*x.d[0]*x.d[k] + f1*x.h[k]
	}
	return y
}

// linear returns a·x + b·y with value v.
func linear(v, a float64, x jet, b float64, y jet) jet {
	z := jet{v: v}
	for k := range z.d {
		z.d[k] = a*x.d[k] + b*y.d[k]
		z.h[k] = a*x.h[k] + b*y.h[k]
	}
	return z
}

func (x jet) times(y jet) jet {
	z := linear(x.v*y.v, y.v, x, x.v, y)
	for k := range z.h {
		z.h[k] += x.d[0]*y.d[k] + x.d[k]*y.d[0]
	}
	return z
}

func (x jet) inverse() jet {
	i := 1 / x.v
	return x.compose(i, -i*i, 2*i*i*i)
}

// A tape is which way the switches of a function went: of a maximum, a
// comparison. Forced ones continue a function beyond the switch.
type tape struct {
	forced []bool
	ways   []bool
	gaps   []float64
}

// way decides a switch: the first way if gap ≥ 0.
func (t *tape) way(gap float64, open bool) bool {
	i := len(t.ways)
	w := gap >= 0
	if open {
		w = gap > 0
	}
	if i < len(t.forced) {
		w = t.forced[i]
	}
	t.ways, t.gaps = append(t.ways, w), append(t.gaps, gap)
	return w
}

// apply returns the jet of an elementwise op, with the derivatives of GoMLX's
// autodiff: of Max and Min at ties the first operand's and the second's, of Abs
// at 0 the right one. It reports false for ops without a rule.
func apply(op graph.OpType, x []jet, t *tape) (jet, bool) {
	a := x[0]
	v := a.v
	switch op {
	case backends.OpTypeAdd:
		return linear(v+x[1].v, 1, a, 1, x[1]), true
	case backends.OpTypeSub:
		return linear(v-x[1].v, 1, a, -1, x[1]), true
	case backends.OpTypeMul:
		return a.times(x[1]), true
	case backends.OpTypeDiv:
		y := a.times(x[1].inverse())
		y.v = v / x[1].v
		return y, true
	case backends.OpTypePow:
		return power(a, x[1])
	case backends.OpTypeMax:
		if t.way(v-x[1].v, false) {
			return a, true
		}
		return x[1], true
	case backends.OpTypeMin:
		if t.way(v-x[1].v, false) {
			return x[1], true
		}
		return a, true
	case backends.OpTypeClamp: // Clamp(low, x, high)
		y, _ := apply(backends.OpTypeMax, []jet{x[1], x[0]}, t)
		return apply(backends.OpTypeMin, []jet{y, x[2]}, t)
	case backends.OpTypeNeg:
		return a.compose(-v, -1, 0), true
	case backends.OpTypeAbs:
		if t.way(v, false) {
			return a, true
		}
		return a.compose(-v, -1, 0), true
	case backends.OpTypeSign:
		switch {
		case v == 0 && t.forced == nil:
			t.way(v, false)
			return jet{}, true
		case t.way(v, false):
			return jet{v: 1}, true
		}
		return jet{v: -1}, true
	case backends.OpTypeWhere:
		if v != 0 {
			return x[1], true
		}
		return x[2], true
	case backends.OpTypeGreaterOrEqual, backends.OpTypeGreaterThan:
		return jet{v: truth(t.way(v-x[1].v, op == backends.OpTypeGreaterThan))}, true
	case backends.OpTypeLessThan, backends.OpTypeLessOrEqual:
		return jet{v: truth(t.way(x[1].v-v, op == backends.OpTypeLessThan))}, true
	case backends.OpTypeLogicalNot:
		return jet{v: truth(v == 0)}, true
	case backends.OpTypeLogicalAnd:
		return jet{v: truth(v != 0 && x[1].v != 0)}, true
	case backends.OpTypeLogicalOr:
		return jet{v: truth(v != 0 || x[1].v != 0)}, true
	}
	return transcendental(op, a)
}

// transcendental functions of one variable.
func transcendental(op graph.OpType, a jet) (jet, bool) {
	v := a.v
	switch op {
	case backends.OpTypeExp:
		f := math.Exp(v)
		return a.compose(f, f, f), true
	case backends.OpTypeExpm1:
		f := math.Exp(v)
		return a.compose(math.Expm1(v), f, f), true
	case backends.OpTypeLog:
		return a.compose(math.Log(v), 1/v, -1/(v*v)), true
	case backends.OpTypeLog1p:
		i := 1 / (1 + v)
		return a.compose(math.Log1p(v), i, -i*i), true
	case backends.OpTypeLogistic:
		s := logistic(v)
		f1 := s * logistic(-v)
		return a.compose(s, f1, f1*(1-2*s)), true
	case backends.OpTypeTanh:
		f, c := math.Tanh(v), math.Cosh(v)
		f1 := 1 / (c * c)
		return a.compose(f, f1, -2*f*f1), true
	case backends.OpTypeSin:
		s, c := math.Sincos(v)
		return a.compose(s, c, -s), true
	case backends.OpTypeCos:
		s, c := math.Sincos(v)
		return a.compose(c, -s, -c), true
	case backends.OpTypeErf:
		f1 := 2 / math.Sqrt(math.Pi) * math.Exp(-v*v)
		return a.compose(math.Erf(v), f1, -2*v*f1), true
	case backends.OpTypeSqrt:
		f := math.Sqrt(v)
		return a.compose(f, 0.5/f, -0.25/(f*v)), true
	case backends.OpTypeRsqrt:
		f := 1 / math.Sqrt(v)
		return a.compose(f, -0.5*f/v, 0.75*f/(v*v)), true
	}
	return jet{}, false
}

func logistic(v float64) float64 {
	if v < 0 {
		e := math.Exp(v)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-v))
}

// power is a^b for a fixed b.
func power(a, b jet) (jet, bool) {
	if b.d != ([maxArguments]float64{}) {
		return jet{}, false
	}
	n := b.v
	term := func(c, m float64) float64 {
		if c == 0 {
			return 0
		}
		return c * math.Pow(a.v, m)
	}
	return a.compose(math.Pow(a.v, n), term(n, n-1), term(n*(n-1), n-2)), true
}

// scalar evaluates an elementwise op on numbers.
func scalar(op graph.OpType, x []float64) (float64, bool) {
	switch op {
	case backends.OpTypeFloor:
		return math.Floor(x[0]), true
	case backends.OpTypeCeil:
		return math.Ceil(x[0]), true
	case backends.OpTypeRound:
		return math.RoundToEven(x[0]), true
	case backends.OpTypeRem:
		return math.Mod(x[0], x[1]), true
	case backends.OpTypeEqual:
		return truth(x[0] == x[1]), true
	case backends.OpTypeNotEqual:
		return truth(x[0] != x[1]), true
	case backends.OpTypeIsFinite:
		return truth(x[0]-x[0] == 0), true
	case backends.OpTypeIsNaN:
		return truth(math.IsNaN(x[0])), true
	case backends.OpTypePow:
		return math.Pow(x[0], x[1]), true
	}
	jets := make([]jet, len(x))
	for i, v := range x {
		jets[i].v = v
	}
	y, ok := apply(op, jets, &tape{})
	return y.v, ok
}
