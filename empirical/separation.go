package empirical

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// A separation writes the cotangent of a weight's only use as a product,
//
//	δ[n, o, b, t, i] = P[n, o, b, i] · M[n, b, t, i],
//
// of a part that does not depend on the position and one that does not depend
// on the output. Below a global pooling that a linear readout follows, P is the
// readout's weights and M the derivative of the nonlinearity. Then
//
//	J[n, o, b, i, j] = P[n, o, b, i] · G[n, b, i, j],   G = Σ_t M[n, b, t, i] a[n, b, t, j],
//
// and G is formed once for all outputs.
type separation struct {
	// delta is δ and base the op, above it on every path from u, that repeats
	// P at all positions. M is what the ops between make of 1.
	delta *graph.Value
	base  *graph.Value
	// dependent are the values that depend on u.
	dependent map[*graph.Value]bool
}

// separate finds the separation of a cotangent δ along the axes of it that are
// positions. It goes up from δ through ops that are linear, entry by entry, with
// coefficients that do not depend on u. It returns nil if there is none.
func separate(delta *graph.Value, positions []int, dependent map[*graph.Value]bool) *separation {
	s := &separation{delta: delta, dependent: dependent}
	seen := map[*graph.Value]bool{}
	var up func(v *graph.Value) bool
	up = func(v *graph.Value) bool {
		if seen[v] || !dependent[v] {
			return true
		}
		seen[v] = true
		e := v.Def
		if e.Op == backends.OpTypeBroadcastInDim && v.Shape.Equal(delta.Shape) && repeats(e, positions) {
			if s.base == nil {
				s.base = v
			}
			return s.base == v
		}
		if !v.Shape.Equal(delta.Shape) || !linear(e) {
			return false
		}
		for _, in := range e.In {
			if !up(in) {
				return false
			}
		}
		return true
	}
	if !up(delta) || s.base == nil {
		return nil
	}
	return s
}

// linear reports whether e works entry by entry. What depends on u does so
// linearly, for it is a gradient: e is no product of two such, and what it adds
// to one, or selects in its place, is 0.
func linear(e *graph.Eqn) bool {
	switch e.Op {
	case backends.OpTypeAdd, backends.OpTypeSub, backends.OpTypeMul, backends.OpTypeDiv, backends.OpTypeNeg, backends.OpTypeWhere:
		return true
	case backends.OpTypeIdentity:
		return e.Attrs.(graph.IdentityAttrs) == (graph.IdentityAttrs{})
	}
	return false
}

// repeats reports whether a BroadcastInDim repeats its operand along all the
// axes of positions and along no other, in order.
func repeats(e *graph.Eqn, positions []int) bool {
	a, x := e.Attrs.(graph.BroadcastInDimAttrs), e.In[0].Shape
	if !slices.IsSorted(a.Axes) {
		return false
	}
	from := make([]int, a.Shape.Rank()) // sizes of the operand, 1 for new axes
	for i := range from {
		from[i] = 1
	}
	for i, axis := range a.Axes {
		from[axis] = x.Dimensions[i]
	}
	for axis, size := range a.Shape.Dimensions {
		if slices.Contains(positions, axis) {
			size = 1
		}
		if from[axis] != size {
			return false
		}
	}
	return true
}

// positionsOf returns the axes of a consumer's result that are positions.
func positionsOf(u use) []int {
	switch u.consumer.Op {
	case backends.OpTypeConvGeneral:
		ax := u.consumer.Attrs.(graph.ConvGeneralAttrs).Axes
		return append([]int{ax.OutputBatch}, ax.OutputSpatial...)
	case backends.OpTypeGather:
		return span(0, u.consumer.Out[0].Shape.Rank()-u.consumer.In[0].Shape.Rank()+1)
	}
	r := rolesOf(u)
	at := len(r.aB)
	if r.wIsLeft {
		at = u.consumer.Out[0].Shape.Rank() - len(r.aT)
	}
	return span(at, at+len(r.aT))
}

// separableTerm returns G [B, I, n, J] and P [n, O, B·I] of w's only use, from
// the values of the gradient's Program.
func (m mapped) separableTerm(w *weight, values []graph.Op, env graph.Env) []graph.Op {
	u, s := w.uses[0], w.separation
	x := m.perExample(m.scaling(s, s.delta, graph.Env{}, env))
	scale := m.deltaOf(u, m.Reshape(x, slices.Insert(slices.Clone(m.Dims(x)), 1, 1)...), 1, w.dims.T)
	if u.scale != 1 {
		scale = m.Mul(scale, m.Scalar(m.DType(scale), u.scale))
	}
	a := m.other(u, values[u.a])
	if w.indexed {
		a = m.oneHot(a, w.dims)
	}
	g := m.Reshape(m.outer(scale, a, w.dims), m.n, w.dims.B, w.dims.I, w.dims.J)

	dims := append([]int{m.n, m.o}, s.delta.Shape.Dimensions...)
	for _, axis := range positionsOf(u) {
		dims[2+axis] = 1
	}
	p := m.deltaOf(u, m.Reshape(m.perCotangent(env[s.base.Def.In[0]]), dims...), m.o, 1)
	return []graph.Op{m.Transpose(g, 1, 2, 0, 3), m.Reshape(p, m.n, m.o, w.dims.B*w.dims.I)}
}

// scaling returns what the ops from a separation's base to v make of 1.
func (m mapped) scaling(s *separation, v *graph.Value, done, env graph.Env) graph.Op {
	if !s.dependent[v] {
		return env[v]
	}
	if y := done[v]; y != nil {
		return y
	}
	one := graph.Ops{It: m.basis}
	var y graph.Op
	if v == s.base {
		y = one.BroadcastInDim(one.Constant(v.Shape.DType, nil, 1), v.Shape.Dimensions, nil)
	} else {
		in := make([]graph.Op, len(v.Def.In))
		for i, x := range v.Def.In {
			in[i] = m.scaling(s, x, done, env)
		}
		y = one.Do(v.Def.Op, v.Def.Attrs, in...)
	}
	done[v] = y
	return y
}
