package axes

import "github.com/gontk/ntk/graph"

// join returns the axis along which x and y meet elementwise, and makes one
// index of what must be one.
func (a *Analysis) join(e *graph.Eqn, x, y factors) factors {
	if len(x) == 0 || only(x, Free) && len(y) > 0 {
		return y
	}
	if len(y) == 0 || only(y, Free) {
		return x
	}
	rx, ry, ok := a.refine(x, y)
	if !ok {
		return a.joinStraddling(e, rx, ry)
	}
	out := make(factors, len(rx))
	for i := range rx {
		// A pair may have become one index with an earlier one.
		out[i] = a.unify(e, rx[i].root(), ry[i].root())
	}
	return out
}

// joinStraddling joins axes that no common list of factors describes.
func (a *Analysis) joinStraddling(e *graph.Eqn, x, y factors) factors {
	switch {
	case has(x, Batch) || has(y, Batch):
		a.mix(e, Unfollowed, "axes made of %s and of %s meet", text(x), text(y))
		return a.new(Lost, sizeOf(x), e.Out[0], 0)
	case only(x, Position, Free, Random) && only(y, Position, Free, Random):
		// Data are numbers: only the flat index matters.
		return a.new(Position, sizeOf(x), e.Out[0], 0)
	}
	a.conflict(e, "axes made of %s and of %s meet", text(x), text(y))
	return a.new(Lost, sizeOf(x), e.Out[0], 0)
}

// unify returns the index that two roots of equal size are where they meet.
func (a *Analysis) unify(e *graph.Eqn, x, y *factor) *factor {
	if x == y {
		return x
	}
	// From here on, x's role comes first in this order.
	if rank(x.role) > rank(y.role) {
		x, y = y, x
	}
	switch {
	case x.role == Batch && y.role != Free && y.role != Random:
		a.meetsBatch(e, y)
	case x.role == y.role && (x.role == Width || x.role == Unknown),
		y.role == Unknown && (x.role == Width || x.role == Position):
		y.up = x
		x.contracted = x.contracted || y.contracted
	case x.role == Position && y.role == Width && a.fixed(x):
		// Numbers of the model's own lie along the width: a table of waves.
		x.up = y
		return y
	case x.role == Position && y.role == Width:
		a.conflict(e, "a width meets %s, an axis of data", name(x))
	}
	return x
}

// fixed reports whether an index counts numbers that depend on no input.
func (a *Analysis) fixed(f *factor) bool {
	return !a.isInput[f.born] && !a.examples[f.born]
}

// rank orders roles: where two meet, the first is the result's.
func rank(r Role) int {
	for i, o := range [...]Role{Batch, Lost, Position, Width, Unknown, Random, Free} {
		if r == o {
			return i
		}
	}
	panic("axes: role " + r.String() + " is given after the analysis")
}

func sizeOf(fs factors) int { return public(fs).Size() }
