// Package vmap batches a Program: one pass computes what a loop over examples would.
package vmap

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// A Value is what a Map computes with: X belongs to the inner Interpreter. If
// Mapped, axis 0 of X runs over the examples; if not, X is the same for all.
type Value struct {
	X      graph.Op
	Mapped bool
}

// Mapped returns the Value whose i-th example is x[i].
func Mapped(x graph.Op) graph.Op { return &Value{x, true} }

// Fixed returns the Value that is x in every example.
func Fixed(x graph.Op) graph.Op { return &Value{x, false} }

// A Map is the Interpreter that applies an op to n examples at once. Its
// values are *Value; their shapes are those of one example. Maps nest: the
// inner Interpreter may be a Map.
//
// What does not depend on a mapped value is computed once, whatever the op.
// Other ops need a rule, or Apply returns [graph.ErrNoRule] with the reason
// that [Refused] gives. Results equal those of the loop up to the order of
// summation.
type Map struct {
	inner graph.Interpreter
	n     int
}

var _ graph.Interpreter = (*Map)(nil)

// New returns the Map of n examples over inner. An n below 1 is an error of
// the first Apply or Out.
func New(inner graph.Interpreter, n int) *Map { return &Map{inner, n} }

// Shape implements graph.Interpreter: the shape of one example.
func (m *Map) Shape(v graph.Op) shapes.Shape {
	x := v.(*Value)
	s := m.inner.Shape(x.X)
	if x.Mapped {
		s = s.Clone()
		s.Dimensions = s.Dimensions[1:]
	}
	return s
}

// Out returns v as a value of the inner Interpreter, of shape [n, ...] where v
// has [...]. What is fixed is broadcast.
func (m *Map) Out(v graph.Op) (out graph.Op, err error) {
	x, err := m.value(v)
	if err != nil {
		return nil, fmt.Errorf("vmap: output: %w", err)
	}
	err = graph.Catch(func() { out = m.front(x) })
	return out, err
}

// Apply implements graph.Interpreter.
func (m *Map) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) ([]graph.Op, error) {
	c := call{m, graph.Ops{It: m.inner}, op, attrs, make([]*Value, len(in))}
	xs := make([]graph.Op, len(in))
	mapped := false
	for i, v := range in {
		x, err := m.value(v)
		if err != nil {
			return nil, fmt.Errorf("vmap: %s: input %d: %w", op, i, err)
		}
		c.in[i], xs[i] = x, x.X
		mapped = mapped || x.Mapped
	}
	if !mapped {
		out, err := m.inner.Apply(op, attrs, xs...)
		if err != nil {
			return nil, err
		}
		out = slices.Clone(out) // inner may have returned its arguments
		for i, o := range out {
			out[i] = Fixed(o)
		}
		return out, nil
	}
	if _, ok := writtenOut.Ops[op]; ok {
		return lower.New(m, writtenOut).Apply(op, attrs, in...)
	}
	r := rules[op]
	if r == nil {
		return nil, graph.NoRule("vmap", op, Refused[op])
	}
	var out graph.Op
	if err := graph.Catch(func() { out = r(c) }); err != nil {
		return nil, err
	}
	return []graph.Op{Mapped(out)}, nil
}

// value checks that v is a value of m.
func (m *Map) value(v graph.Op) (*Value, error) {
	x, ok := v.(*Value)
	if !ok || x == nil {
		return nil, fmt.Errorf("%T is not a value of this Map; wrap it in Mapped or Fixed", v)
	}
	if m.n < 1 {
		return nil, fmt.Errorf("a Map of %d examples, want at least 1", m.n)
	}
	if x.Mapped {
		if d := m.inner.Shape(x.X).Dimensions; len(d) == 0 || d[0] != m.n {
			return nil, fmt.Errorf("mapped value of dimensions %v, want %d examples on axis 0", d, m.n)
		}
	}
	return x, nil
}

// front returns v with its examples on axis 0, broadcast if v is fixed.
func (m *Map) front(v *Value) graph.Op {
	if v.Mapped {
		return v.X
	}
	o := graph.Ops{It: m.inner}
	d := o.Dims(v.X)
	return o.BroadcastInDim(v.X, prepend(m.n, d), ascending(1, len(d)))
}

// A call is the application of an op of which at least one operand is mapped.
type call struct {
	m     *Map
	o     graph.Ops // over the inner Interpreter
	op    graph.OpType
	attrs graph.Attrs
	in    []*Value
}

// A rule returns, as an inner value with the examples on axis 0, the only
// output of a call. It panics with an error like graph.Ops does.
type rule func(c call) graph.Op

// do applies the op of c with other attributes to inner values.
func (c call) do(attrs graph.Attrs, in ...graph.Op) graph.Op { return c.o.Do(c.op, attrs, in...) }

// perExample returns the ops that compute with values of the Map: rules that
// only combine other rules are written as if there were one example.
func (c call) perExample() graph.Ops { return graph.Ops{It: c.m} }

// dims returns the dimensions of one example of v.
func (c call) dims(v *Value) []int { return c.m.Shape(v).Dimensions }

// shifted returns axes of one example as axes of the mapped value.
func shifted(axes []int) []int {
	s := make([]int, len(axes))
	for i, a := range axes {
		s[i] = a + 1
	}
	return s
}

// prepend returns first followed by rest, in new memory.
func prepend[T any](first T, rest []T) []T {
	return append(append(make([]T, 0, len(rest)+1), first), rest...)
}

// ascending returns n axes from first on.
func ascending(first, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = first + i
	}
	return s
}

// product returns the number of entries of a shape.
func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}
