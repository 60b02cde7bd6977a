package onnx

import (
	"math"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// spread broadcasts x, aligned at the last axis, to dims.
func (c *call) spread(x *gx.Node, dims []int) *gx.Node {
	all, err := broadcastDims(x.Shape().Dimensions, dims)
	if err != nil {
		panic(err)
	}
	if !slices.Equal(all, dims) {
		c.fail("shape %v cannot be broadcast to %v", x.Shape().Dimensions, dims)
	}
	if slices.Equal(x.Shape().Dimensions, dims) {
		return x
	}
	if !fitsSize(dims) {
		c.fail("shape %v has more than %d entries", dims, int64(maxSize))
	}
	if x.Rank() < len(dims) && !x.IsScalar() {
		x = gx.ExpandLeftToRank(x, len(dims))
	}
	return gx.BroadcastToDims(x, dims...)
}

// aligned returns two operands in the graph, in one dtype and of one rank.
// Sizes of 1 are broadcast by GoMLX.
func (c *call) aligned(a, b *value) (x, y *gx.Node) {
	switch {
	case a.node == nil && b.node != nil:
		y = b.node
		x = c.constant(a.lit, y.DType())
	case b.node == nil && a.node != nil:
		x = a.node
		y = c.constant(b.lit, x.DType())
	default:
		x, y = c.nodeOf(a), c.nodeOf(b)
	}
	if x.DType() != y.DType() {
		c.fail("operands of types %s and %s", x.DType(), y.DType())
	}
	dims, err := broadcastDims(x.Shape().Dimensions, y.Shape().Dimensions)
	if err != nil {
		panic(err)
	}
	if !fitsSize(dims) {
		c.fail("the result has shape %v: more than %d entries", dims, int64(maxSize))
	}
	widen := func(x *gx.Node) *gx.Node {
		if x.IsScalar() {
			return x
		}
		return gx.ExpandLeftToRank(x, len(dims))
	}
	return widen(x), widen(y)
}

// An operation on two numbers, in the graph and on the host.
type operation struct {
	graph func(x, y *gx.Node) *gx.Node
	host  func(x, y float64) float64
}

var (
	add     = operation{gx.Add, func(x, y float64) float64 { return x + y }}
	sub     = operation{gx.Sub, func(x, y float64) float64 { return x - y }}
	mul     = operation{gx.Mul, func(x, y float64) float64 { return x * y }}
	maximum = operation{gx.Max, math.Max}
	minimum = operation{gx.Min, math.Min}
	mod     = operation{nil, math.Mod}

	equal          = operation{gx.Equal, func(x, y float64) float64 { return truth(x == y) }}
	greater        = operation{gx.GreaterThan, func(x, y float64) float64 { return truth(x > y) }}
	greaterOrEqual = operation{gx.GreaterOrEqual, func(x, y float64) float64 { return truth(x >= y) }}
	less           = operation{gx.LessThan, func(x, y float64) float64 { return truth(x < y) }}
	lessOrEqual    = operation{gx.LessOrEqual, func(x, y float64) float64 { return truth(x <= y) }}
	and            = operation{gx.LogicalAnd, func(x, y float64) float64 { return truth(x != 0 && y != 0) }}
	or             = operation{gx.LogicalOr, func(x, y float64) float64 { return truth(x != 0 || y != 0) }}
	xor            = operation{gx.LogicalXor, func(x, y float64) float64 { return truth((x != 0) != (y != 0)) }}
)

// fold applies an operation to values, from the left.
func (c *call) fold(o operation, k func(kind) kind, in []*value) *value {
	acc := in[0]
	for _, v := range in[1:] {
		if acc.lit != nil && v.lit != nil {
			l, err := combine(k(acc.lit.kind), func(v []float64) float64 { return o.host(v[0], v[1]) }, acc.lit, v.lit)
			acc = c.must(l, err)[0]
			continue
		}
		acc = &value{node: o.graph(c.aligned(acc, v))}
	}
	return acc
}

func sameKind(k kind) kind { return k }

func each(o operation) func(c *call) []*value {
	return func(c *call) []*value { return []*value{c.fold(o, sameKind, c.given())} }
}

func hostBinary(o operation) func(c *call) []*value {
	return func(c *call) []*value {
		a, b := c.known(0), c.known(1)
		return c.must(combine(a.kind, func(v []float64) float64 { return o.host(v[0], v[1]) }, a, b))
	}
}

func compare(o operation) func(c *call) []*value {
	return func(c *call) []*value {
		return []*value{c.fold(o, func(kind) kind { return logical }, c.given())}
	}
}

// div rounds whole numbers towards zero.
func div(c *call) []*value {
	o := operation{gx.Div, func(x, y float64) float64 { return x / y }}
	if l := c.in[0].lit; l != nil && l.kind == whole && c.in[1].lit != nil {
		if slices.Contains(c.in[1].lit.v, 0) {
			c.fail("division of a whole number by 0")
		}
		o.host = func(x, y float64) float64 { return math.Trunc(x / y) }
	}
	return []*value{c.fold(o, sameKind, c.given())}
}

// pow writes the usual exponents as products and roots: those have derivatives
// for negative bases too.
func pow(c *call) []*value {
	if c.in[0].lit != nil && c.in[1].lit != nil {
		return each(operation{nil, math.Pow})(c)
	}
	x := c.x(0)
	if l := c.in[1].lit; l != nil && len(l.v) == 1 && len(l.dims) <= x.Rank() && x.DType().IsFloat() {
		switch l.v[0] {
		case 1:
			return result(x)
		case 2:
			return result(gx.Square(x))
		case 3:
			return result(gx.Mul(x, gx.Square(x)))
		case 4:
			return result(gx.Square(gx.Square(x)))
		case 0.5:
			return result(gx.Sqrt(x))
		case -0.5:
			return result(gx.Reciprocal(gx.Sqrt(x)))
		case -1:
			return result(gx.Reciprocal(x))
		case -2:
			return result(gx.Reciprocal(gx.Square(x)))
		}
	}
	return result(gx.Pow(c.aligned(c.in[0], c.in[1])))
}

func meanOf(c *call) []*value {
	sum := c.fold(add, sameKind, c.given())
	return result(gx.MulScalar(c.nodeOf(sum), 1/float64(len(c.given()))))
}

func where(c *call) []*value {
	if l := c.literals(); l != nil {
		return c.must(combine(l[1].kind, func(v []float64) float64 {
			if v[0] != 0 {
				return v[1]
			}
			return v[2]
		}, l...))
	}
	yes, no := c.aligned(c.in[1], c.in[2])
	cond := c.x(0)
	dims, err := broadcastDims(cond.Shape().Dimensions, yes.Shape().Dimensions, no.Shape().Dimensions)
	if err != nil {
		panic(err)
	}
	return result(gx.Where(c.spread(cond, dims), c.spread(yes, dims), c.spread(no, dims)))
}
