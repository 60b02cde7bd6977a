package limits

import "fmt"

// zeroRule: nothing random in common, and one mean is zero.
type zeroRule struct{}

func (zeroRule) grow(*builder, *node, []pair)                {}
func (zeroRule) children() []*node                           { return nil }
func (zeroRule) eval(_ *evaluation, _ *node, m, t []float64) { clear(m); clear(t) }
func (zeroRule) text(*builder, *node) string                 { return "0" }

// numbersRule: two deterministic values, M = v·w, or its mean along a width
// where both vary along it, T = 0.
type numbersRule struct{}

func (numbersRule) grow(b *builder, n *node, _ []pair) {
	b.numbersOf(n.v.v)
	b.numbersOf(n.w.v)
}

func (numbersRule) children() []*node { return nil }

func (numbersRule) eval(r *evaluation, n *node, m, t []float64) {
	clear(t)
	for i, p := range n.list {
		x, y := r.left.numbers.row(n.v.v, int(p[0])), r.right.numbers.row(n.w.v, int(p[1]))
		m[i] = meanProduct(x, y)
	}
}

// meanProduct is the mean of x·y along a width; what has one number is the same
// all along.
func meanProduct(x, y []float64) float64 {
	if len(x) < len(y) {
		x, y = y, x
	}
	sum := 0.0
	for c, z := range x {
		if len(y) > 1 {
			sum += z * y[c]
		} else {
			sum += z * y[0]
		}
	}
	return sum / float64(len(x))
}

func (numbersRule) text(*builder, *node) string { return "M = v·w" }

// meanTimesNumber: a field beside a number, M = E[v]·w, T = 0.
type meanTimesNumber struct {
	numberLeft bool
	mean       int
	node       *node
}

func (r *meanTimesNumber) grow(b *builder, n *node, pairs []pair) {
	for _, p := range pairs {
		if r.numberLeft {
			b.numbersOf(n.v.v)
			r.mean = b.mean(n.w, int(p[1]))
		} else {
			b.numbersOf(n.w.v)
			r.mean = b.mean(n.v, int(p[0]))
		}
	}
	r.node = b.means[r.mean]
}

func (r *meanTimesNumber) children() []*node { return nil }

func (r *meanTimesNumber) eval(e *evaluation, n *node, m, t []float64) {
	var x, y []float64
	if r.numberLeft {
		x, y = e.left.numbers.mean(n.v.v), e.right.mean(r.mean)
	} else {
		x, y = e.left.mean(r.mean), e.right.numbers.mean(n.w.v)
	}
	for i, p := range n.list {
		m[i] = x[p[0]] * y[p[1]]
	}
	clear(t)
}

func (r *meanTimesNumber) text(*builder, *node) string { return "M = E[v]·w, Θ = 0" }

// linearRule: v (or w) is a sum, and so are M and T:
//
//	v_p = Σ_r A[p, r]·u_r:  M(v, w)[p, q] = Σ_r A[p, r]·M(u, w)[r, q].
type linearRule struct {
	m     *linearMap
	right bool
	nodes []*node // by target
	// distinct are the nodes of the targets with themselves, if those have
	// nothing in common; see distances.
	distinct []*node
}

func newLinearRule(b *builder, n *node, right bool) rule {
	r := &linearRule{right: right}
	if right {
		r.m = b.linearOf(n.w.v, n.w.cell)
	} else {
		r.m = b.linearOf(n.v.v, n.v.cell)
	}
	for _, t := range r.m.targets {
		if right {
			r.nodes = append(r.nodes, b.node(n.v, t, n.own))
		} else {
			r.nodes = append(r.nodes, b.node(t, n.w, n.own))
		}
	}
	return r
}

func (r *linearRule) grow(b *builder, n *node, pairs []pair) {
	for _, p := range pairs {
		if r.right {
			for _, x := range r.m.rows[p[1]] {
				b.need(r.nodes[x.target], int(p[0]), x.position)
			}
			continue
		}
		for _, x := range r.m.rows[p[0]] {
			b.need(r.nodes[x.target], x.position, int(p[1]))
		}
	}
}

func (r *linearRule) children() []*node { return r.nodes }

func (r *linearRule) eval(e *evaluation, n *node, m, t []float64) {
	side := e.left
	if r.right {
		side = e.right
	}
	for i, p := range n.list {
		at, other := int(p[0]), int(p[1])
		if r.right {
			at, other = other, at
		}
		sm, st := 0.0, 0.0
		for _, x := range r.m.rows[at] {
			u := r.nodes[x.target]
			k := 0
			if r.right {
				k = u.at(other, x.position)
			} else {
				k = u.at(x.position, other)
			}
			c := x.c
			if x.factor >= 0 {
				c *= side.factor(x.factor)
			}
			sm += c * e.m[u.id][k]
			if t != nil {
				st += c * e.t[u.id][k]
			}
		}
		m[i] = sm
		if t != nil {
			t[i] = st
			if r.m.stopped {
				t[i] = 0
			}
		}
	}
}

func (r *linearRule) text(*builder, *node) string {
	c := 1.0
	if row := r.m.rows[0]; len(row) == 1 && row[0].factor < 0 {
		c = row[0].c
	}
	if c != 1 {
		return fmt.Sprintf("%.6g times %s", c, r.m.inputsOf())
	}
	return "linear in " + r.m.inputsOf()
}

// dropoutRule: x·m with the same mask m on both sides only where example,
// position and unit are the same: E[m²] = E[m] = keep, otherwise E[m]².
type dropoutRule struct {
	drop *dropout
	node *node
}

func (r *dropoutRule) grow(b *builder, n *node, pairs []pair) {
	if r.node == nil {
		at := b.values[n.v.v].layout.coordinates(0, n.v.cell)
		_, cell := b.values[r.drop.x].layout.locate(broadcast(r.drop.x, at))
		r.node = b.node(cellOf{r.drop.x, cell}, cellOf{r.drop.x, cell}, n.own)
	}
	for _, p := range pairs {
		b.need(r.node, int(p[0]), int(p[1]))
	}
}

func (r *dropoutRule) children() []*node { return []*node{r.node} }

func (r *dropoutRule) eval(e *evaluation, n *node, m, t []float64) {
	for i, p := range n.list {
		c := r.drop.keep * r.drop.keep
		if e.same && p[0] == p[1] {
			c = r.drop.keep
		}
		k := r.node.at(int(p[0]), int(p[1]))
		m[i] = c * e.m[r.node.id][k]
		if t != nil {
			t[i] = c * e.t[r.node.id][k]
		}
	}
}

func (r *dropoutRule) text(*builder, *node) string {
	return fmt.Sprintf("dropout, kept with probability %g: K and Θ times it for the same draw, times its square otherwise", r.drop.keep)
}
