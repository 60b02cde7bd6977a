package limits

import (
	"math"

	"github.com/gontk/ntk/dual"
)

// Where v and w are one value, nodes carry the squared distance
//
//	D[p, q] = E[(v_p(x) − v_q(x'))²]
//
// too: near coincident inputs 1 − ρ has all its digits from D, and half of them
// from K. It starts from the differences of inputs, and what all positions share
// (biases) cancels. NaN means that it is not known; then K serves.

// distances returns D of a node whose numbers were computed, nil if no entry is
// known.
func (e *evaluation) distances(n *node) []float64 {
	if n.own || n.v != n.w {
		return nil
	}
	var at func(p, q int) float64
	switch r := n.rule.(type) {
	case numbersRule:
		at = func(p, q int) float64 { return r.distance(e, n, p, q) }
	case *birthRule:
		if r.only != nil && e.d[r.only.id] == nil {
			return nil
		}
		at = func(p, q int) float64 { return r.distance(e, p, q) }
	case *weightRule:
		at = r.distance
	case *linearRule:
		at = r.distances(e, n)
	case *functionRule:
		return e.d[n.id] // found along with K
	}
	if at == nil {
		return nil
	}
	d := make([]float64, len(n.list))
	for i, p := range n.list {
		d[i] = at(int(p[0]), int(p[1]))
	}
	return someKnown(d)
}

// someKnown returns d, or nil if no entry is known.
func someKnown(d []float64) []float64 {
	for _, x := range d {
		if !math.IsNaN(x) {
			return d
		}
	}
	return nil
}

// distanceAt returns D of an entry of a node, NaN if it is not known.
func (e *evaluation) distanceAt(n *node, p, q int) float64 {
	if n.v != n.w || e.d[n.id] == nil {
		return math.NaN()
	}
	return e.d[n.id][n.at(p, q)]
}

func (numbersRule) distance(e *evaluation, n *node, p, q int) float64 {
	x, y := e.left.numbers.row(n.v.v, p), e.right.numbers.row(n.w.v, q)
	sum := 0.0
	for i := range x {
		sum += (x[i] - y[i]) * (x[i] - y[i])
	}
	return sum / float64(len(x))
}

// distance of entries whose sums go over the same entries of the weight:
// D = τ² Σ c²·D_a.
func (r *birthRule) distance(e *evaluation, p, q int) float64 {
	left, right := r.left.rows[p], r.right.rows[q]
	if len(left) != len(right) {
		return math.NaN()
	}
	var x, y []float64
	if r.numbers {
		x, y = e.left.numbers.of(r.left.a), e.right.numbers.of(r.right.a)
	}
	sum := 0.0
	for i := range left {
		s, t := &left[i], &right[i]
		if s.key != t.key || s.c != t.c {
			return math.NaN()
		}
		d := 0.0
		if r.numbers {
			d = (x[s.position] - y[t.position]) * (x[s.position] - y[t.position])
		} else {
			n := r.only
			if n == nil {
				n = r.nodes[[2]int{s.cell, t.cell}]
			}
			d = e.distanceAt(n, s.position, t.position)
		}
		sum += s.c * s.c * s.multiple * d
	}
	return r.w.Tau * r.w.Tau * sum
}

// distance of the same entry of a weight is 0.
func (r *weightRule) distance(p, q int) float64 {
	x, y := r.left[p], r.right[q]
	if x.of == nil || x != y {
		return math.NaN()
	}
	return 0
}

// distances of a sum of values that have nothing in common, each with one
// coefficient on both sides: D = Σ c²·D_u. The node is (v, v) and this rule took
// its left side apart: its right side is taken apart by the nodes below.
func (r *linearRule) distances(e *evaluation, n *node) func(p, q int) float64 {
	if r.distinct == nil {
		return nil
	}
	return func(p, q int) float64 {
		left, right := r.m.rows[p], r.m.rows[q]
		if len(left) != len(right) {
			return math.NaN()
		}
		sum := 0.0
		for i, s := range left {
			t := right[i]
			if s.target != t.target || s.c != t.c || s.factor >= 0 || t.factor >= 0 || i > 0 && left[i-1].target == s.target {
				return math.NaN()
			}
			u := r.distinct[s.target]
			if u.at(s.position, t.position) < 0 {
				return math.NaN()
			}
			sum += s.c * s.c * e.distanceAt(u, s.position, t.position)
		}
		return sum
	}
}

// distinctTargets returns the nodes (u, u) of the targets of a map if no two of
// them have anything in common.
func (b *builder) distinctTargets(m *linearMap) []*node {
	var list []*node
	for i, t := range m.targets {
		for _, u := range m.targets[:i] {
			if x, y := b.relate(t, u), b.relate(u, t); x.product || x.tangent || y.product || y.tangent {
				return nil
			}
		}
		n, ok := b.nodes[nodeKey{t, t, false}]
		if !ok {
			return nil
		}
		list = append(list, n)
	}
	return list
}

// next returns M and T of f(u), f(w) at a pair, and their squared distance and angle
// where those are worth their price: near coincidence, and near opposites, which an
// even function makes coincide.
func next(f *dual.Activation, p dual.Pair) (r dual.Result, distance, angle float64, err error) {
	kinked, theta := f.Family == "abrelu", p.Theta()
	if kinked {
		theta = min(theta, math.Pi-theta)
	}
	if theta > nearKink || theta > near && !kinked {
		r, err = f.Dual(p)
		return r, math.NaN(), math.NaN(), err
	}
	q, r, err := f.Next(p)
	if angle = math.NaN(); kinked {
		angle = q.Theta()
	}
	return r, q.D(), angle, err
}

// Angles below which distances are carried. At 0.1 K serves to 1e-14; functions
// other than piecewise linear ones take some dozen duals more.
const nearKink, near = 0.1, 1e-2

// nearRho is |ρ| beyond which angles are asked for: cos 0.1 is 0.995.
const nearRho = 0.99

// pairOf returns the covariance of two Gaussians from their distance if it is
// known and they are nearer than far, and from K otherwise.
func pairOf(q1, q2, k, d float64) dual.Pair {
	if p := dual.Apart(q1, q2, d); k > 0 && p.Rho() > 0.5 { // false for NaN
		return p
	}
	return dual.Cov(q1, q2, k)
}
