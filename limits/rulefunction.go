package limits

import (
	"fmt"
	"math"
	"strings"

	"github.com/gontk/ntk/dual"
)

// functionRule: entries are functions of one Gaussian u (w) and of weights
// without variance at the same place along the width,
//
//	M = E[φ(u)ψ(w)],  T = Σ_kl E[∂_kφ ∂_lψ]·Θ(argument k, argument l).
type functionRule struct {
	left, right *functionSide // right is nil beside one
	// nodes[i][j] relates place i of left's arguments with place j of right's.
	nodes [][]*node
	own   bool
}

// A functionSide holds the cuts of a cell of a value.
type functionSide struct {
	of     cellOf
	cuts   []*cut
	f      []*function
	places []cellOf // of arguments
	// place[p][k] is where argument k of the entry at p is in places; −1: none.
	place [][]int
	// variance[p] is the index of the variance of the Gaussian, −1 without one.
	variance []int
	// id identifies the side among those with slots.
	id int
}

func newFunctionRule(b *builder, n *node) rule {
	r := &functionRule{left: b.side(n.v), own: n.own}
	if n.w.v == one {
		return r
	}
	r.right = b.side(n.w)
	r.nodes = make([][]*node, len(r.left.places))
	for i, v := range r.left.places {
		r.nodes[i] = make([]*node, len(r.right.places))
		for j, w := range r.right.places {
			if x := b.relate(v, w); x.product || x.tangent {
				r.nodes[i][j] = b.node(v, w, n.own)
			}
		}
	}
	return r
}

// side returns the cuts of a cell, made once.
func (b *builder) side(v cellOf) *functionSide {
	if s, ok := b.sides[v]; ok {
		return s
	}
	s := &functionSide{of: v, id: len(b.sides)}
	b.sides[v] = s
	for p := range b.values[v.v].layout.np {
		c, err := b.cutAt(v, p)
		var f *function
		if err == nil {
			f, err = b.functionOf(c)
		}
		if err != nil {
			b.refuse(v.v.Def, "%v", err)
		}
		s.cuts, s.f, s.variance = append(s.cuts, c), append(s.f, f), append(s.variance, -1)
		row := make([]int, len(c.arguments))
		for k, a := range c.arguments {
			row[k] = -1
			if a.v == nil {
				continue
			}
			row[k] = len(s.places)
			for i, q := range s.places {
				if q == a.cellOf {
					row[k] = i
				}
			}
			if row[k] == len(s.places) {
				s.places = append(s.places, a.cellOf)
			}
		}
		s.place = append(s.place, row)
	}
	return s
}

// needs asks for the variance of the Gaussian at position p.
func (s *functionSide) needs(b *builder, p int) {
	if c := s.cuts[p]; c.live {
		s.variance[p] = b.variance(c.arguments[0].cellOf, c.arguments[0].position)
	}
}

func (r *functionRule) grow(b *builder, _ *node, pairs []pair) {
	for _, p := range pairs {
		r.left.needs(b, int(p[0]))
		if r.right == nil {
			continue
		}
		r.right.needs(b, int(p[1]))
		r.arguments(int(p[0]), int(p[1]), func(_, _ int, n *node, i, j int) { b.need(n, i, j) })
	}
}

// arguments calls f with every pair of related arguments and where their
// numbers are.
func (r *functionRule) arguments(p, q int, f func(k, l int, n *node, i, j int)) {
	x, y := r.left.cuts[p].arguments, r.right.cuts[q].arguments
	for k, i := range r.left.place[p] {
		for l, j := range r.right.place[q] {
			if i >= 0 && j >= 0 && r.nodes[i][j] != nil {
				f(k, l, r.nodes[i][j], x[k].position, y[l].position)
			}
		}
	}
}

func (r *functionRule) children() []*node {
	var list []*node
	for _, row := range r.nodes {
		for _, n := range row {
			if n != nil && len(n.list) > 0 {
				list = append(list, n)
			}
		}
	}
	return list
}

func (r *functionRule) eval(e *evaluation, n *node, m, t []float64) {
	var d, angles []float64
	if t != nil && n.v == n.w {
		d, angles = make([]float64, len(n.list)), make([]float64, len(n.list))
		defer func() { e.d[n.id], e.angles[n.id] = someKnown(d), someKnown(angles) }()
	}
	for i, p := range n.list {
		if e.err != nil {
			return
		}
		if r.right == nil {
			m[i] = r.mean(e, int(p[0]))
			continue
		}
		x, y, distance, angle := r.expect(e, int(p[0]), int(p[1]), t != nil, d != nil)
		m[i] = x
		if t != nil {
			t[i] = y
		}
		if d != nil {
			d[i], angles[i] = distance, angle
		}
	}
}

func (r *functionRule) mean(e *evaluation, p int) float64 {
	q := e.left.varianceAt(r.left, p)
	x, err := e.left.part(r.left, p, valuePart).Moments(q)
	e.fail(err)
	return x.Mean
}

// expect returns M and T of one pair of entries, and their squared distance and
// angle if those are wanted and known.
func (r *functionRule) expect(e *evaluation, p, q int, tangents, distances bool) (m, t, distance, angle float64) {
	q1, q2 := e.left.varianceAt(r.left, p), e.right.varianceAt(r.right, q)
	covariance, distance := 0.0, math.NaN()
	related := false
	var u *node // of the Gaussians, at (ui, uj)
	var ui, uj int
	r.arguments(p, q, func(k, l int, n *node, i, j int) {
		if k == 0 && l == 0 {
			covariance, related = e.m[n.id][n.at(i, j)], true
			if !r.own {
				distance = e.distanceAt(n, i, j)
				u, ui, uj = n, i, j
			}
		}
	})
	pair := pairOf(q1, q2, covariance, distance)
	if u != nil && math.Abs(pair.Rho()) > nearRho {
		pair = angled(pair, e.angle(u, ui, uj))
	}
	distance, angle = math.NaN(), math.NaN()
	f, g := e.left.part(r.left, p, valuePart), e.right.part(r.right, q, valuePart)
	var x dual.Result
	var err error
	if distances && related && f == g {
		x, distance, angle, err = next(f, pair)
	} else {
		x, err = cross(f, g, pair, related)
	}
	e.fail(err)
	e.converged(x)
	if !tangents {
		return x.K, 0, distance, angle
	}
	r.arguments(p, q, func(k, l int, n *node, i, j int) {
		theta := e.t[n.id][n.at(i, j)]
		switch {
		case theta == 0:
		case k == 0 && l == 0:
			t += theta * x.Kdot
		default:
			y, err := cross(e.left.part(r.left, p, k), e.right.part(r.right, q, l), pair, related)
			e.fail(err)
			e.converged(y)
			t += theta * y.K
		}
	})
	return x.K, t, distance, angle
}

// cross is dual.Cross, or the product of the means of what is unrelated.
func cross(f, g *dual.Activation, p dual.Pair, related bool) (dual.Result, error) {
	if related {
		return dual.Cross(f, g, p)
	}
	x, err := f.Moments(p.Q1())
	if err != nil {
		return dual.Result{}, err
	}
	y, err := g.Moments(p.Q2())
	return dual.Result{K: x.Mean * y.Mean, Kdot: x.SlopeMean * y.SlopeMean, Reached: x.RelErr+y.RelErr <= 1e-12}, err
}

func (r *functionRule) text(*builder, *node) string {
	s := fmt.Sprintf("φ(%s) = %s: K = E[φφ], Θ = E[φ'φ']·Θ", r.left.names(0), r.left.f[0].describe())
	if len(r.left.cuts[0].arguments) > 1 {
		s += " + terms of the weights"
	}
	return s
}

// names lists the arguments of an entry.
func (s *functionSide) names(p int) string {
	var list []string
	for k, a := range s.cuts[p].arguments {
		if a.v != nil {
			list = append(list, fmt.Sprintf("x%d = %%%d", k, a.v.ID))
		}
	}
	return strings.Join(list, ", ")
}

// describe names a function and how its duals are computed.
func (f *function) describe() string {
	if f.slots > 0 {
		return f.String() + " (Hermite series, anew for each example)"
	}
	a := f.part(valuePart, nil)
	if a.Family == "" {
		return f.String() + " (" + a.Name + ", Hermite series)"
	}
	return f.String() + " (" + a.Name + ", closed form)"
}
