package limits

import (
	"fmt"
	"maps"
	"slices"
)

// polynomialRule: polynomials of Gaussians that may be correlated,
//
//	M = Σ c c' E[Π u·Π w],  T = Σ c c' Σ_kl E[Π without u_k and w_l]·Θ(u_k, w_l),
//
// with moments by Wick's theorem, over pairs of monomials.
type polynomialRule struct {
	of          cellOf
	left, right []*polynomialEntry // by position; right is nil beside one
	own         bool
	// nodes holds those of pairs of arguments, by their cells.
	nodes map[[2]cellOf]*node
}

func newPolynomialRule(b *builder, n *node) rule {
	r := &polynomialRule{of: n.v, own: n.own, nodes: map[[2]cellOf]*node{}, left: b.polynomials(n, n.v)}
	if n.w.v != one {
		r.right = b.polynomials(n, n.w)
	}
	return r
}

func (b *builder) polynomials(n *node, v cellOf) []*polynomialEntry {
	list := make([]*polynomialEntry, b.values[v.v].layout.np)
	for p := range list {
		var err error
		if list[p], err = b.polynomialAt(v, p); err != nil {
			b.refuse(n.v.v.Def, "a polynomial of several Gaussians meets another value (%%%d): %v", v.v.ID, err)
		}
	}
	return list
}

// join adds the node of two arguments, nil if they have nothing in common.
func (r *polynomialRule) join(b *builder, x, y argument, own bool) {
	if s := b.relate(x.cellOf, y.cellOf); !s.product && !s.tangent {
		return
	}
	n := b.node(x.cellOf, y.cellOf, own)
	b.need(n, x.position, y.position)
	if own {
		b.moments[n] = true
	} else {
		r.nodes[[2]cellOf{x.cellOf, y.cellOf}] = n
	}
}

func (r *polynomialRule) grow(b *builder, _ *node, pairs []pair) {
	for _, p := range pairs {
		x := r.left[p[0]]
		r.within(b, x)
		if r.right == nil {
			continue
		}
		y := r.right[p[1]]
		r.within(b, y)
		for _, u := range x.arguments {
			for _, w := range y.arguments {
				r.join(b, u, w, r.own)
			}
		}
	}
}

// within asks for the covariances of arguments of one side.
func (r *polynomialRule) within(b *builder, x *polynomialEntry) {
	for i, u := range x.arguments {
		for _, w := range x.arguments[i:] {
			r.join(b, u, w, true)
		}
	}
}

func (r *polynomialRule) children() []*node { return slices.Collect(maps.Values(r.nodes)) }

func (r *polynomialRule) eval(e *evaluation, n *node, m, t []float64) {
	for i, p := range n.list {
		x, y := r.left[p[0]], &polynomialEntry{terms: []monomial{{c: 1}}}
		if r.right != nil {
			y = r.right[p[1]]
		}
		mean := append(append([]float64(nil), x.means...), y.means...)
		c, theta := r.covariances(e, x, y, t != nil)
		k := len(x.arguments)
		sm, st := 0.0, 0.0
		for _, a := range x.terms {
			for _, b := range y.terms {
				s := a.c * b.c
				for _, f := range a.factors {
					s *= e.left.factor(f)
				}
				for _, f := range b.factors {
					s *= e.right.factor(f)
				}
				list := append([]int(nil), a.arguments...)
				for _, j := range b.arguments {
					list = append(list, k+j)
				}
				sm += s * moment(list, mean, c)
				if t == nil {
					continue
				}
				for v := range a.arguments {
					for w := range b.arguments {
						if d := theta[a.arguments[v]][b.arguments[w]]; d != 0 {
							st += s * d * moment(without(without(list, len(a.arguments)+w), v), mean, c)
						}
					}
				}
			}
		}
		m[i] = sm
		if t != nil {
			t[i] = st
		}
	}
}

// covariances returns those of all arguments, x's before y's, and Θ of x's with
// y's.
func (r *polynomialRule) covariances(e *evaluation, x, y *polynomialEntry, tangents bool) (c, theta [][]float64) {
	k, total := len(x.arguments), len(x.arguments)+len(y.arguments)
	c = make([][]float64, total)
	for i := range c {
		c[i] = make([]float64, total)
	}
	theta = make([][]float64, k)
	side := func(z *polynomialEntry, of *example, from int) {
		for i, u := range z.arguments {
			for j, w := range z.arguments[i:] {
				v := of.covariance(u, w) - z.means[i]*z.means[i+j]
				c[from+i][from+i+j], c[from+i+j][from+i] = v, v
			}
		}
	}
	side(x, e.left, 0)
	side(y, e.right, k)
	for i, u := range x.arguments {
		theta[i] = make([]float64, len(y.arguments))
		for j, w := range y.arguments {
			n := r.nodes[[2]cellOf{u.cellOf, w.cellOf}]
			if r.own {
				c[i][k+j] = e.left.covariance(u, w) - x.means[i]*y.means[j]
			} else if n != nil {
				at := n.at(u.position, w.position)
				c[i][k+j] = e.m[n.id][at] - x.means[i]*y.means[j]
				if tangents {
					theta[i][j] = e.t[n.id][at]
				}
			}
			c[k+j][i] = c[i][k+j]
		}
	}
	return c, theta
}

// covariance returns E[u·w] of arguments of one example, 0 if they have nothing
// in common.
func (x *example) covariance(u, w argument) float64 {
	n := x.b.nodes[nodeKey{u.cellOf, w.cellOf, true}]
	p, q := u.position, w.position
	if n == nil {
		n, p, q = x.b.nodes[nodeKey{w.cellOf, u.cellOf, true}], q, p
	}
	if n == nil {
		return 0
	}
	m := x.moments[n]
	if x.own != nil {
		m = x.compute(n)
	}
	return m[n.at(p, q)]
}

func (r *polynomialRule) text(*builder, *node) string {
	return fmt.Sprintf("a polynomial of %d Gaussians, of %d terms: moments by Wick's theorem", len(r.left[0].arguments), len(r.left[0].terms))
}
