// Package jvp is forward-mode differentiation of a Program: one pass computes
// its values and their derivative in one direction.
package jvp

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// A Value is what a Map computes with: a primal X and its tangent T, the
// derivative of X in the direction of the inputs' tangents. Both belong to the
// inner Interpreter and have one shape and dtype. A nil T is a zero tangent;
// only floats have others.
type Value struct{ X, T graph.Op }

// Dual returns the Value x with tangent t; nil means zero.
func Dual(x, t graph.Op) graph.Op { return &Value{x, t} }

// Const returns the Value x with a zero tangent.
func Const(x graph.Op) graph.Op { return &Value{X: x} }

// A Map is the Interpreter that applies an op to primals and, by the chain
// rule, to tangents:
//
//	y = f(x),  ẏ = J(x) ẋ,  J = ∂f/∂x.
//
// Its values are *Value, their shapes the primals'. Maps nest: a Map over a Map
// gives second derivatives, and package vmap goes above or below. Primals are
// those of the inner Interpreter, op by op, but for batch normalization in
// training, which is written out. Zero tangents cost nothing.
//
// Where a derivative jumps, J is the one of GoMLX's reverse mode, so that
// ⟨u, Jẋ⟩ = ⟨Jᵀu, ẋ⟩ there too:
//   - Max(x, x) passes its first tangent and Min(x, x) its second: ReLU'(0) = 1;
//   - |x| has slope 1 at 0;
//   - ReduceMax and ReduceMin sum the tangents of all extreme entries;
//   - max-pooling passes the tangent of the first maximum of a window;
//   - what Gather reads for an index outside has no tangent.
//
// Sign, Floor, Ceil, Round, comparisons and conversions to integers have zero
// tangents, and a stopped Identity gives one.
//
// Other ops need a rule, or Apply returns [graph.ErrNoRule] with the reason
// that [Refused] gives. So does an Identity with a custom gradient.
type Map struct{ inner graph.Interpreter }

var _ graph.Interpreter = (*Map)(nil)

// New returns the Map over inner.
func New(inner graph.Interpreter) *Map { return &Map{inner} }

// Shape implements graph.Interpreter: the primal's shape.
func (m *Map) Shape(v graph.Op) shapes.Shape { return m.inner.Shape(v.(*Value).X) }

// Tangent returns the tangent of v as a value of the inner Interpreter, zeros
// where it is nil. It returns an error if v is no value of m.
func (m *Map) Tangent(v graph.Op) (t graph.Op, err error) {
	x, err := m.value(v)
	if err != nil {
		return nil, fmt.Errorf("jvp: tangent: %w", err)
	}
	err = graph.Catch(func() { t = m.tangent(x) })
	return t, err
}

// Apply implements graph.Interpreter.
func (m *Map) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) ([]graph.Op, error) {
	c := call{m: m, o: graph.Ops{It: m.inner}, op: op, attrs: attrs, in: make([]*Value, len(in))}
	xs := make([]graph.Op, len(in))
	moves := false
	for i, v := range in {
		x, err := m.value(v)
		if err != nil {
			return nil, fmt.Errorf("jvp: %s: input %d: %w", op, i, err)
		}
		c.in[i], xs[i] = x, x.X
		moves = moves || x.T != nil
	}
	if _, ok := writtenOut.Ops[op]; ok && moves {
		return lower.New(m, writtenOut).Apply(op, attrs, in...)
	}
	r := rules[op]
	if moves && r == nil {
		return nil, graph.NoRule("jvp", op, Refused[op])
	}
	out, err := m.inner.Apply(op, attrs, xs...)
	if err != nil {
		return nil, err
	}
	out = slices.Clone(out) // inner may have returned its arguments
	var t graph.Op
	if moves {
		c.y = out[0]
		if err := graph.Catch(func() { t = r(c) }); err != nil {
			return nil, err
		}
	}
	for i, y := range out {
		out[i] = Const(y)
	}
	if t != nil { // rules are for ops of one output
		out[0] = Dual(c.y, t)
	}
	return out, nil
}

// value checks that v is a value of m.
func (m *Map) value(v graph.Op) (*Value, error) {
	x, ok := v.(*Value)
	if !ok || x == nil {
		return nil, fmt.Errorf("%T is not a value of this Map; wrap it in Dual or Const", v)
	}
	if x.T != nil {
		p, t := m.inner.Shape(x.X), m.inner.Shape(x.T)
		if !p.DType.IsFloat() {
			return nil, fmt.Errorf("a tangent of %s, only floats have one; use Const", p)
		}
		if !p.Equal(t) {
			return nil, fmt.Errorf("tangent of shape %s for a primal of shape %s, want the same", t, p)
		}
	}
	return x, nil
}

// tangent returns the tangent of v, zeros where it is nil.
func (m *Map) tangent(v *Value) graph.Op {
	if v.T != nil {
		return v.T
	}
	o := graph.Ops{It: m.inner}
	return o.BroadcastInDim(scalar(o, o.DType(v.X), 0), o.Dims(v.X), nil)
}
