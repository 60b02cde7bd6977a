package limits

import "fmt"

// productRule: products of independent fields. Factors of v and of w that have
// something in common are paired, one with one:
//
//	M = Π M(f, g)·Π E[f]·Π E[g],  T = Σ T(f, g)·Π (M of the others).
type productRule struct {
	pairs       []productPair
	left, right []productMean
}

type productPair struct {
	node *node
	p, q []int // positions of the factors by that of the product
}

type productMean struct {
	of   cellOf
	at   []int
	mean int
}

// factorsOf lists the factors of a product, with their positions; of anything
// else, itself.
func (b *builder) factorsOf(v cellOf, at []int) []productMean {
	if at == nil {
		at = make([]int, b.values[v.v].layout.np)
		for p := range at {
			at[p] = p
		}
	}
	if b.formOf(v) != asProduct {
		return []productMean{{of: v, at: at}}
	}
	var list []productMean
	l := b.values[v.v].layout
	for i, u := range v.v.Def.In {
		from := make([]int, len(at))
		for k, p := range at {
			from[k], _ = b.values[u].layout.locate(broadcast(u, l.coordinates(p, v.cell)))
		}
		list = append(list, b.factorsOf(b.operand(v, i), from)...)
	}
	return list
}

func newProductRule(b *builder, n *node) rule {
	r := &productRule{}
	x, y := b.factorsOf(n.v, nil), b.factorsOf(n.w, nil)
	paired := make([]bool, len(y))
	for _, f := range x {
		partner := -1
		for j, g := range y {
			if b.independent(f.of, g.of) {
				continue
			}
			if partner >= 0 || paired[j] {
				b.refuse(n.v.v.Def, "a product of fields of which one depends on several factors of another product (at %s %%%d): several correlated Gaussians", n.w.v.Def.Op, n.w.v.ID)
			}
			partner, paired[j] = j, true
		}
		if partner < 0 {
			r.left = append(r.left, f)
			continue
		}
		g := y[partner]
		r.pairs = append(r.pairs, productPair{b.node(f.of, g.of, n.own), f.at, g.at})
	}
	for j, g := range y {
		if !paired[j] {
			r.right = append(r.right, g)
		}
	}
	return r
}

func (r *productRule) grow(b *builder, _ *node, pairs []pair) {
	for _, p := range pairs {
		for _, x := range r.pairs {
			b.need(x.node, x.p[p[0]], x.q[p[1]])
		}
		for i := range r.left {
			r.left[i].mean = b.mean(r.left[i].of, r.left[i].at[p[0]])
		}
		for i := range r.right {
			r.right[i].mean = b.mean(r.right[i].of, r.right[i].at[p[1]])
		}
	}
}

func (r *productRule) children() []*node {
	list := make([]*node, len(r.pairs))
	for i, x := range r.pairs {
		list[i] = x.node
	}
	return list
}

func (r *productRule) eval(e *evaluation, n *node, m, t []float64) {
	for i, p := range n.list {
		c := 1.0
		for _, f := range r.left {
			c *= e.left.mean(f.mean)[f.at[p[0]]]
		}
		for _, f := range r.right {
			c *= e.right.mean(f.mean)[f.at[p[1]]]
		}
		// (M, T) ← (M·m, T·m + M·t), a product of dual numbers.
		pm, pt := c, 0.0
		for _, x := range r.pairs {
			k := x.node.at(x.p[p[0]], x.q[p[1]])
			if t != nil {
				pt = pt*e.m[x.node.id][k] + pm*e.t[x.node.id][k]
			}
			pm *= e.m[x.node.id][k]
		}
		m[i] = pm
		if t != nil {
			t[i] = pt
		}
	}
}

func (r *productRule) text(*builder, *node) string {
	return fmt.Sprintf("product of %d independent pairs: K = Π K, Θ = Σ Θ·Π K", len(r.pairs))
}

// momentRule: the mean of a product, E[a·b], whatever a and b are.
type momentRule struct {
	node *node
	p, q []int
}

func newMomentRule(b *builder, n *node) rule {
	x, y := b.operands(n.v)
	r := &momentRule{node: b.node(x, y, true)}
	l := b.values[n.v.v].layout
	for p := range l.np {
		at := l.coordinates(p, n.v.cell)
		i, _ := b.values[x.v].layout.locate(broadcast(x.v, at))
		j, _ := b.values[y.v].layout.locate(broadcast(y.v, at))
		r.p, r.q = append(r.p, i), append(r.q, j)
	}
	return r
}

func (r *momentRule) grow(b *builder, _ *node, pairs []pair) {
	for _, p := range pairs {
		b.need(r.node, r.p[p[0]], r.q[p[0]])
	}
}

func (r *momentRule) children() []*node { return []*node{r.node} }

func (r *momentRule) eval(e *evaluation, n *node, m, _ []float64) {
	for i, p := range n.list {
		m[i] = e.m[r.node.id][r.node.at(r.p[p[0]], r.q[p[0]])]
	}
}

func (r *momentRule) text(*builder, *node) string { return "E[a·b]" }
