package limits

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

// A relation says what two values may have in common, positions apart: E[v·w]
// and Θ(v, w) are zero where it says false.
type relation struct{ product, tangent bool }

type pairKey struct{ v, w cellOf }

// relate finds the relation of a cell of v and a cell of w, of two inputs.
func (d *derivation) relate(v, w cellOf) relation {
	k := pairKey{v, w}
	if r, ok := d.relations[k]; ok {
		return r
	}
	r := d.findRelation(v, w)
	d.relations[k] = r
	return r
}

func (d *derivation) findRelation(v, w cellOf) relation {
	x, y := d.values[v.v], d.values[w.v]
	switch {
	case x.zero || y.zero:
		return relation{}
	case x.kind.deterministic() && y.kind.deterministic():
		return relation{true, false}
	case x.kind.deterministic():
		return relation{!d.isCentred(w), false}
	case y.kind.deterministic():
		return relation{!d.isCentred(v), false}
	case x.kind == weight && y.kind == weight:
		return d.relateWeights(v, w)
	}
	b, c := d.birthOf(v.v), d.birthOf(w.v)
	switch {
	case b != nil && c != nil:
		return d.relateBirths(b, v.cell, c, w.cell)
	case b != nil && y.kind == weight, c != nil && x.kind == weight:
		return relation{}
	}
	var r relation
	m, side := d.linearOf(v.v, v.cell), 0
	if n := d.linearOf(w.v, w.cell); n != nil && (m == nil || w.v.ID >= v.v.ID) {
		m, side = n, 1
	}
	if m != nil {
		for _, t := range m.targets {
			s := relation{}
			if side == 0 {
				s = d.relate(t, w)
			} else {
				s = d.relate(v, t)
			}
			r.product = r.product || s.product
			r.tangent = r.tangent || s.tangent && !m.stopped
		}
		return r
	}
	r.product = !d.isCentred(v) && !d.isCentred(w)
	for a := range d.support(v) {
		for b := range d.support(w) {
			if a == v && b == w {
				continue // births and weights were dealt with
			}
			s := d.relate(a, b)
			r.product, r.tangent = r.product || s.product, r.tangent || s.tangent
		}
	}
	return r
}

func (d *derivation) relateWeights(v, w cellOf) relation {
	x, ok := d.anyEntry(v.v)
	y, also := d.anyEntry(w.v)
	if !ok || !also {
		return relation{}
	}
	r := relation{product: x.of.Mean != 0 && y.of.Mean != 0}
	if x.of == y.of && d.meet(d.entryKeys(v), d.entryKeys(w)) {
		r.product = r.product || x.of.Tau != 0
		r.tangent = x.of.Eta != 0 && !x.stopped && !y.stopped
	}
	return r
}

// entryKeys returns which entries of its variable a cell of a weight has.
func (d *derivation) entryKeys(v cellOf) map[int]bool {
	l := d.values[v.v].layout
	keys := map[int]bool{}
	for p := range l.np {
		if x, ok := d.entryOf(v.v, l.coordinates(p, v.cell)); ok {
			keys[x.key] = true
		}
	}
	return keys
}

func (d *derivation) meet(x, y map[int]bool) bool {
	for k := range x {
		if y[k] {
			return true
		}
	}
	return false
}

func (d *derivation) relateBirths(b *birth, bc int, c *birth, cc int) relation {
	if b.w != c.w {
		return relation{}
	}
	trained := b.w.Eta != 0 && !b.stopped && !c.stopped
	if b.a == nil || c.a == nil {
		if b.a != nil || c.a != nil || !d.sameColumn(b.v, bc, c.v, cc) {
			return relation{}
		}
		return relation{b.w.Tau != 0, trained}
	}
	x, y := d.rowsOf(b, bc), d.rowsOf(c, cc)
	if !d.meet(x.keys, y.keys) {
		return relation{}
	}
	var r relation
	for _, k := range commonCells(x, y) {
		z := d.relate(cellOf{b.a, k[0]}, cellOf{c.a, k[1]})
		r.product = r.product || z.product && b.w.Tau != 0
		r.tangent = r.tangent || z.product && trained || z.tangent && b.w.Tau != 0
	}
	return r
}

// commonCells lists the cells of the operands of two births that meet the same
// entry of the weight somewhere.
func commonCells(x, y *birthRows) [][2]int {
	of := map[int][]int{} // cells of x by key
	for _, row := range x.rows {
		for _, t := range row {
			if !slices.Contains(of[t.key], t.cell) {
				of[t.key] = append(of[t.key], t.cell)
			}
		}
	}
	var list [][2]int
	for _, row := range y.rows {
		for _, t := range row {
			for _, c := range of[t.key] {
				if k := [2]int{c, t.cell}; !slices.Contains(list, k) {
					list = append(list, k)
				}
			}
		}
	}
	return list
}

// sameColumn reports whether cells of two lookups in one table are one column.
func (d *derivation) sameColumn(v *graph.Value, vc int, w *graph.Value, wc int) bool {
	return d.column(v, vc) == d.column(w, wc)
}

// column returns the index in the table of the part that a lookup takes whole.
func (d *derivation) column(v *graph.Value, cell int) int {
	at := d.values[v].layout.coordinates(0, cell)
	a := v.Def.Attrs.(graph.GatherAttrs)
	table := v.Def.In[0]
	from := make([]int, table.Shape.Rank())
	k := 0
	for axis := range from {
		for _, c := range a.CollapsedSliceAxes {
			if c == axis {
				axis = -1
			}
		}
		if axis < 0 {
			continue
		}
		from[axis] = at[a.OffsetOutputAxes[k]]
		k++
	}
	x, _ := d.entryOf(table, from)
	return x.key
}
