package onnx

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// A call is a node while it is converted. Its methods panic with errors.
type call struct {
	*builder
	node *node
	in   []*value // nil for those left out
}

func (c *call) fail(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// x returns input i, which must be there, in the graph.
func (c *call) x(i int) *gx.Node {
	if !c.has(i) {
		c.fail("input %d is missing", i)
	}
	return c.nodeOf(c.in[i])
}

// has reports whether input i is given.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// given returns the inputs that are.
func (c *call) given() []*value {
	return slices.DeleteFunc(slices.Clone(c.in), func(v *value) bool { return v == nil })
}

// literals returns the inputs if all are known, else nil.
func (c *call) literals() []*literal {
	var out []*literal
	for _, v := range c.given() {
		if v.lit == nil {
			return nil
		}
		out = append(out, v.lit)
	}
	return out
}

// known returns input i, which must not depend on data or weights.
func (c *call) known(i int) *literal {
	if !c.has(i) {
		c.fail("input %d is missing", i)
	}
	if c.in[i].lit == nil {
		c.fail("its input %d (%q) depends on the data or on weights; it must be a constant, or follow from shapes", i, c.node.in[i])
	}
	return c.in[i].lit
}

// list returns input i as a list of whole numbers that is known.
func (c *call) list(i int) []int {
	v, err := c.known(i).ints()
	if err != nil {
		c.fail("input %d (%q): %w", i, c.node.in[i], err)
	}
	return v
}

// number returns input i as a single number that is known.
func (c *call) number(i int) float64 {
	l := c.known(i)
	if len(l.v) != 1 {
		c.fail("input %d (%q) has shape %v; want one number", i, c.node.in[i], l.dims)
	}
	return l.v[0]
}

func (c *call) attribute(name string, kind int64) *attribute {
	a := c.node.attrs[name]
	if a != nil && a.kind != kind {
		c.fail("attribute %s is of type %d, want %d", name, a.kind, kind)
	}
	return a
}

func (c *call) integer(name string, otherwise int) int {
	a := c.attribute(name, kindInt)
	if a == nil {
		return otherwise
	}
	if a.i > maxDim || a.i < -maxDim {
		c.fail("attribute %s is %d; want a number within ±%d", name, a.i, int64(maxDim))
	}
	return int(a.i)
}

func (c *call) float(name string, otherwise float64) float64 {
	if a := c.attribute(name, kindFloat); a != nil {
		return a.f
	}
	return otherwise
}

func (c *call) text(name, otherwise string) string {
	if a := c.attribute(name, kindString); a != nil {
		return a.s
	}
	return otherwise
}

// integers returns a list; nil if the attribute is not there.
func (c *call) integers(name string) []int {
	a := c.attribute(name, kindInts)
	if a == nil {
		return nil
	}
	out := make([]int, len(a.ints))
	for i, v := range a.ints {
		if v > maxDim || v < -maxDim {
			c.fail("attribute %s is %v; want numbers within ±%d", name, a.ints, int64(maxDim))
		}
		out[i] = int(v)
	}
	return out
}

// axis makes an axis of a value of the given rank positive.
func (c *call) axis(a, rank int) int {
	if a < -rank || a >= rank {
		c.fail("axis %d of a value of %d axes", a, rank)
	}
	return (a + rank) % rank
}

func (c *call) axes(list []int, rank int) []int {
	out := make([]int, len(list))
	for i, a := range list {
		out[i] = c.axis(a, rank)
		if slices.Contains(out[:i], out[i]) {
			c.fail("axis %d is given twice", a)
		}
	}
	return out
}

// must takes an error of the host's arithmetic for the node's.
func (c *call) must(l *literal, err error) []*value {
	if err != nil {
		panic(err)
	}
	return []*value{{lit: l}}
}

func result(x *gx.Node) []*value { return []*value{{node: x}} }
