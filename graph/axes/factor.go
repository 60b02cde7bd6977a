package axes

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

// A factor is a node of a union-find forest. A root is one index; a root that
// an op split is that index still, written as its parts, row-major.
type factor struct {
	id, size int
	role     Role
	// born is the value with whose axis the index first appeared.
	born *graph.Value
	axis int
	// contracted says that a DotGeneral or a convolution sums over the index.
	contracted bool

	up    *factor
	parts []*factor
}

// factors are an axis, row-major; an axis of size 1 has none.
type factors []*factor

func (f *factor) root() *factor {
	for f.up != nil {
		f = f.up
	}
	return f
}

// expand replaces every factor by its root and every root that was split by its parts.
func expand(fs factors) factors {
	var out factors
	for _, f := range fs {
		if f = f.root(); f.parts != nil {
			out = append(out, expand(f.parts)...)
		} else {
			out = append(out, f)
		}
	}
	return out
}

// new returns an axis of one factor, or of none if its size is 1.
func (a *Analysis) new(r Role, size int, born *graph.Value, axis int) factors {
	if size == 1 {
		return nil
	}
	a.nextID++
	return factors{{id: a.nextID, size: size, role: r, born: born, axis: axis}}
}

// split writes the root f as an index of n and one of f.size/n.
func (a *Analysis) split(f *factor, n int) {
	for _, size := range []int{n, f.size / n} {
		part := a.new(f.role, size, f.born, f.axis)
		part[0].contracted = f.contracted
		f.parts = append(f.parts, part...)
	}
}

// refine splits factors of two axes of equal size until both are lists of
// equal sizes, and returns the lists. It reports false where an index of one
// straddles indices of the other, as 3·4 and 4·3 do.
func (a *Analysis) refine(x, y factors) (factors, factors, bool) {
	for {
		// A split may show elsewhere in either list: both may hold the index.
		x, y = expand(x), expand(y)
		i := 0
		for i < len(x) && i < len(y) && x[i].size == y[i].size {
			i++
		}
		if i == len(x) || i == len(y) {
			return x, y, len(x) == len(y)
		}
		big, small := x[i], y[i]
		if big.size < small.size {
			big, small = small, big
		}
		if big.size%small.size != 0 {
			return x, y, false
		}
		a.split(big, small.size)
	}
}

// has reports whether a factor of fs has one of the roles.
func has(fs factors, roles ...Role) bool {
	for _, f := range expand(fs) {
		if slices.Contains(roles, f.role) {
			return true
		}
	}
	return false
}

// only reports whether every factor of fs has one of the roles.
func only(fs factors, roles ...Role) bool {
	for _, f := range expand(fs) {
		if !slices.Contains(roles, f.role) {
			return false
		}
	}
	return true
}

// common returns the role of an index made of several: what varies rules over
// what does not. It reports false for indices of different kinds.
func common(fs factors) (Role, bool) {
	r := Free
	for _, f := range expand(fs) {
		switch {
		case f.role == r || f.role == Free:
		case r == Free:
			r = f.role
		default:
			return Lost, false
		}
	}
	return r, true
}

// crossed reports whether a factor of the batch stands twice among the axes of v.
func (a *Analysis) crossed(v *graph.Value) bool {
	seen := map[*factor]bool{}
	for _, fs := range a.of[v] {
		for _, f := range expand(fs) {
			if f.role == Batch && seen[f] {
				return true
			}
			seen[f] = true
		}
	}
	return false
}

// holds reports whether a root stands among the axes of v.
func (a *Analysis) holds(v *graph.Value, f *factor) bool {
	return slices.ContainsFunc(a.of[v], func(fs factors) bool { return slices.Contains(expand(fs), f) })
}

// wholeBatch reports whether every factor of the batch stands among the axes of v.
func (a *Analysis) wholeBatch(v *graph.Value) bool {
	return !slices.ContainsFunc(expand(a.batch), func(f *factor) bool { return !a.holds(v, f) })
}
