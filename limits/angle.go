package limits

import (
	"math"

	"github.com/gontk/ntk/dual"
)

// Inputs of one direction and other lengths have D = (√q1 − √q2)², and what is left
// of it for 1 − ρ is rounding: the angle would be off by 1e-8. Nearly opposite inputs
// lose 1 + ρ likewise. Without biases the angle itself is what layers hand on: the
// first has it from unit vectors, activations of one kink map it in closed form, and
// scales leave it as it is.

// angle returns the angle of Gaussians of a node (v, v), small ones with all digits and
// those near π to a rounding of π; NaN if it is not known.
func (e *evaluation) angle(n *node, p, q int) float64 {
	if n.own || n.v != n.w || n.at(p, q) < 0 {
		return math.NaN()
	}
	switch r := n.rule.(type) {
	case *birthRule:
		left, right := r.left.rows[p], r.right.rows[q]
		if r.numbers {
			return r.angle(e, left, right)
		}
		if r.only != nil && len(left) == 1 && len(right) == 1 && left[0].key == right[0].key && left[0].c*right[0].c > 0 {
			return e.angle(r.only, left[0].position, right[0].position)
		}
	case *linearRule:
		left, right := r.only(p), r.only(q)
		if left != nil && right != nil && left.target == right.target && left.c*right.c > 0 {
			return e.angle(r.distinct[left.target], left.position, right.position)
		}
	case *functionRule:
		if a := e.angles[n.id]; a != nil {
			return a[n.at(p, q)]
		}
	}
	return math.NaN()
}

// only returns the term of a row beside which no other has a variance, nil if there is
// none: biases that start at zero have none.
func (r *linearRule) only(p int) *linearEntry {
	var only *linearEntry
	if r.distinct == nil {
		return nil
	}
	for i := range r.m.rows[p] {
		x := &r.m.rows[p][i]
		if w, ok := r.distinct[x.target].rule.(*weightRule); x.c == 0 || ok && w.zero(x.position) {
			continue
		}
		if only != nil || x.factor >= 0 {
			return nil
		}
		only = x
	}
	return only
}

// zero reports whether an entry is 0 at initialization.
func (r *weightRule) zero(p int) bool {
	x := r.left[p]
	return x.of == nil || x.c == 0 || x.of.Tau == 0 && x.of.Mean == 0
}

// angle of sums over the same entries of the weight: of unit vectors,
//
//	θ = 2 asin(|x − y|/2) = π − 2 asin(|x + y|/2).
func (r *birthRule) angle(e *evaluation, left, right []birthTerm) float64 {
	if len(left) != len(right) {
		return math.NaN()
	}
	x, y := e.left.numbers.of(r.left.a), e.right.numbers.of(r.right.a)
	var xx, yy, xy float64
	for i := range left {
		s, t := &left[i], &right[i]
		if s.key != t.key || s.c != t.c {
			return math.NaN()
		}
		w, a, b := s.c*s.c*s.multiple, x[s.position], y[t.position]
		xx, yy, xy = xx+w*a*a, yy+w*b*b, xy+w*a*b
	}
	sign := math.Copysign(1, xy)
	n1, n2 := math.Sqrt(xx), sign*math.Sqrt(yy)
	chord := 0.0
	for i := range left {
		s, t := &left[i], &right[i]
		d := x[s.position]/n1 - y[t.position]/n2
		chord += s.c * s.c * s.multiple * d * d
	}
	theta := 2 * math.Asin(math.Sqrt(chord)/2) // NaN of zeros
	if sign < 0 {
		theta = math.Pi - theta
	}
	return theta
}

// angled returns p with the angle θ, if that is known.
func angled(p dual.Pair, theta float64) dual.Pair {
	if math.IsNaN(theta) {
		return p
	}
	return dual.Angle(p.Q1(), p.Q2(), theta)
}
