package vmap

import "github.com/gontk/ntk/graph"

// dotGeneral makes the examples a batch axis if both operands are mapped, and
// otherwise the first cross axis of the mapped one, so that a fixed matrix is
// read once for all examples. The result is transposed only where DotGeneral's
// order of axes (batch, lhs, rhs) does not put the examples first.
func dotGeneral(c call) graph.Op {
	a := c.attrs.(graph.DotGeneralAttrs)
	l, r := c.in[0], c.in[1]
	lCross := len(c.dims(l)) - len(a.LC) - len(a.LB)
	rCross := len(c.dims(r)) - len(a.RC) - len(a.RB)
	switch {
	case l.Mapped && r.Mapped:
		return c.o.DotGeneral(l.X, shifted(a.LC), prepend(0, shifted(a.LB)), r.X, shifted(a.RC), prepend(0, shifted(a.RB)))
	case l.Mapped:
		y := c.o.DotGeneral(l.X, shifted(a.LC), shifted(a.LB), r.X, a.RC, a.RB)
		return c.o.MoveAxis(y, len(a.LB), 0)
	case rCross == 0 && lCross > 0 && len(a.LB) == 0:
		// Turned around, the result is [n, lhs] as it should be.
		return c.o.DotGeneral(r.X, shifted(a.RC), nil, l.X, a.LC, nil)
	default:
		y := c.o.DotGeneral(l.X, a.LC, a.LB, r.X, shifted(a.RC), shifted(a.RB))
		return c.o.MoveAxis(y, len(a.LB)+lCross, 0)
	}
}
