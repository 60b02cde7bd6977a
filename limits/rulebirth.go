package limits

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gontk/ntk/graph"
)

// birthRule: two sums over one weight,
//
//	K[p, q] = τ² Σ_r c c'·M[r, r'],  Θ[p, q] = η Σ_r c c'·M[r, r'] + τ² Σ_r c c'·T[r, r'],
//
// over the terms with the same entry of the weight.
type birthRule struct {
	w           *variable
	trained     bool
	left, right *birthRows
	// leftIDs[p][i] numbers the key of a term of left among right's keys, −1 if
	// it is none of them; byKey[q] has right's term by that number, or −1.
	leftIDs, byKey [][]int32
	nodes          map[[2]int]*node
	// only is the node if there is no other.
	only *node
	own  bool
	// numbers says that both operands are, and have no nodes.
	numbers bool
}

func (b *builder) birthRule(n *node) rule {
	x, y := b.birthOf(n.v.v), b.birthOf(n.w.v)
	trained := x.w.Eta != 0 && !x.stopped && !y.stopped
	if x.a == nil {
		return newLookupRule(b, n, x, y, trained)
	}
	r := &birthRule{
		w: x.w, trained: trained, left: b.rowsOf(x, n.v.cell), right: b.rowsOf(y, n.w.cell),
		nodes: map[[2]int]*node{}, own: n.own,
		numbers: b.isPlain(x.a) && b.isPlain(y.a),
	}
	ids := map[int]int32{}
	for _, k := range sortedKeys(r.right.keys) {
		ids[k] = int32(len(ids))
	}
	for _, row := range r.left.rows {
		list := make([]int32, len(row))
		for i, t := range row {
			id, ok := ids[t.key]
			if !ok {
				id = -1
			}
			list[i] = id
		}
		r.leftIDs = append(r.leftIDs, list)
	}
	for _, row := range r.right.rows {
		list := slices.Repeat([]int32{-1}, len(ids))
		for i, t := range row {
			list[ids[t.key]] = int32(i)
		}
		r.byKey = append(r.byKey, list)
	}
	return r
}

// isPlain reports whether v is numbers that are the same all along a width.
func (b *builder) isPlain(v *graph.Value) bool {
	return b.values[v].kind.deterministic() && !b.values[v].varies
}

// terms calls f with every pair of terms that have an entry of the weight in common.
func (r *birthRule) terms(p, q int, f func(s, t *birthTerm)) {
	left, right, byKey := r.left.rows[p], r.right.rows[q], r.byKey[q]
	for i, id := range r.leftIDs[p] {
		if id < 0 {
			continue
		}
		if j := byKey[id]; j >= 0 {
			f(&left[i], &right[j])
		}
	}
}

func (r *birthRule) grow(b *builder, _ *node, pairs []pair) {
	if r.numbers {
		b.numbersOf(r.left.a)
		b.numbersOf(r.right.a)
		return
	}
	for _, p := range pairs {
		r.terms(int(p[0]), int(p[1]), func(s, t *birthTerm) {
			k := [2]int{s.cell, t.cell}
			u := r.nodes[k]
			if u == nil {
				u = b.node(b.cellIn(r.left.a, s.cell), b.cellIn(r.right.a, t.cell), r.own)
				r.nodes[k] = u
				r.only = u
				if len(r.nodes) > 1 {
					r.only = nil
				}
			}
			b.need(u, s.position, t.position)
		})
	}
}

// cellIn is a cell of a field; numbers have but one.
func (b *builder) cellIn(v *graph.Value, cell int) cellOf {
	if b.values[v].kind.deterministic() {
		cell = 0
	}
	return cellOf{v, cell}
}

func (r *birthRule) children() []*node { return slices.Collect(maps.Values(r.nodes)) }

func (r *birthRule) eval(e *evaluation, n *node, m, t []float64) {
	tau2, eta := r.w.Tau*r.w.Tau, r.w.Eta
	if !r.trained {
		eta = 0
	}
	if r.numbers {
		clear(t)
		x, y := e.left.numbers.of(r.left.a), e.right.numbers.of(r.right.a)
		for i, p := range n.list {
			sum := 0.0
			r.terms(int(p[0]), int(p[1]), func(s, u *birthTerm) {
				sum += s.c * u.c * s.multiple * x[s.position] * y[u.position]
			})
			m[i] = tau2 * sum
			if t != nil {
				t[i] = eta * sum
			}
		}
		return
	}
	for i, p := range n.list {
		sm, st := 0.0, 0.0
		r.terms(int(p[0]), int(p[1]), func(x, y *birthTerm) {
			u := r.only
			if u == nil {
				u = r.nodes[[2]int{x.cell, y.cell}]
			}
			k := u.at(x.position, y.position)
			c := x.c * y.c * x.multiple
			sm += c * e.m[u.id][k]
			if t != nil {
				st += c * e.t[u.id][k]
			}
		})
		m[i] = tau2 * sm
		if t != nil {
			t[i] = eta*sm + tau2*st
		}
	}
}

func (r *birthRule) text(*builder, *node) string {
	theta := "τ²·Σ Θ"
	if r.trained {
		theta = fmt.Sprintf("%.6g·Σ M + ", r.w.Eta) + theta
	}
	return fmt.Sprintf("%s on %%%d, τ² = %.6g, over %g entries: K = τ²·Σ M, Θ = %s", r.w.name, r.left.a.ID, r.w.Tau*r.w.Tau, r.left.width(), theta)
}

// A lookup is a cell of rows of a table that are picked by index.
type lookup struct {
	*birth
	cell int
}

// lookupRule: the rows of one table are the same where the indices are.
type lookupRule struct {
	w           *variable
	trained     bool
	left, right int // among the builder's lookups
}

func newLookupRule(b *builder, n *node, x, y *birth, trained bool) rule {
	return &lookupRule{w: x.w, trained: trained, left: b.lookup(x, n.v.cell), right: b.lookup(y, n.w.cell)}
}

func (b *builder) lookup(x *birth, cell int) int {
	b.numbersOf(x.v.Def.In[1])
	for i, l := range b.lookups {
		if l.birth == x && l.cell == cell {
			return i
		}
	}
	b.lookups = append(b.lookups, &lookup{x, cell})
	return len(b.lookups) - 1
}

func (r *lookupRule) grow(*builder, *node, []pair) {}
func (r *lookupRule) children() []*node            { return nil }

func (r *lookupRule) eval(e *evaluation, n *node, m, t []float64) {
	x, y := e.left.rows(r.left), e.right.rows(r.right)
	clear(m)
	clear(t)
	for i, p := range n.list {
		a, b := x[p[0]], y[p[1]]
		if a.of == nil || b.of == nil || a.key != b.key {
			continue
		}
		m[i] = a.c * b.c * r.w.Tau * r.w.Tau
		if t != nil && r.trained {
			t[i] = a.c * b.c * r.w.Eta
		}
	}
}

func (r *lookupRule) text(*builder, *node) string {
	return fmt.Sprintf("%s, rows by index: K = %.6g and Θ = %.6g where the indices are equal", r.w.name, r.w.Tau*r.w.Tau, r.w.Eta)
}

// weightRule: vectors along the width (biases, gains, tables of positions),
//
//	M = mean² + τ², Θ = η  for the same entry.
//
// Beside one it is the mean.
type weightRule struct {
	left, right []entry
}

func newWeightRule(b *builder, n *node) rule {
	r := &weightRule{left: b.entriesOf(n.v)}
	if n.w.v != one {
		r.right = b.entriesOf(n.w)
	}
	return r
}

// entriesOf returns the entries of a cell of a weight, by position; a fill has
// no variable.
func (d *derivation) entriesOf(v cellOf) []entry {
	l := d.values[v.v].layout
	list := make([]entry, l.np)
	for p := range list {
		list[p], _ = d.entryOf(v.v, l.coordinates(p, v.cell))
	}
	return list
}

func (r *weightRule) grow(*builder, *node, []pair) {}
func (r *weightRule) children() []*node            { return nil }

func (r *weightRule) eval(_ *evaluation, n *node, m, t []float64) {
	clear(m)
	clear(t)
	for i, p := range n.list {
		x := r.left[p[0]]
		if x.of == nil {
			continue
		}
		m[i] = x.c * x.of.Mean
		if r.right == nil {
			continue
		}
		y := r.right[p[1]]
		if y.of == nil {
			m[i] = 0
			continue
		}
		m[i] *= y.c * y.of.Mean
		if x.of == y.of && x.key == y.key {
			m[i] += x.c * y.c * x.of.Tau * x.of.Tau
			if t != nil && !x.stopped && !y.stopped {
				t[i] = x.c * y.c * x.of.Eta
			}
		}
	}
}

func (r *weightRule) text(b *builder, n *node) string {
	x, ok := b.anyEntry(n.v.v)
	if !ok {
		return "0"
	}
	return fmt.Sprintf("%s: K = %.6g, Θ = %.6g for the same entry", x.of.name, x.of.Mean*x.of.Mean+x.of.Tau*x.of.Tau, x.of.Eta)
}
