package limits

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// A number of an example: an entry of a deterministic value, or its inverse.
type factor struct {
	v        *graph.Value
	position int
	inverse  bool
}

// A linearEntry is c·factor·u[position] of the target u.
type linearEntry struct {
	target, position int
	c                float64
	factor           int // of the derivation's factors, −1: none
}

// A linearMap says how the entries of a cell of a value depend linearly on
// other values: v[p] = Σ c·u[q]. Deterministic terms are targets too.
type linearMap struct {
	targets []cellOf
	rows    [][]linearEntry
	// stopped says that no gradient passes.
	stopped bool
}

func (m *linearMap) target(p cellOf) int {
	for i, t := range m.targets {
		if t == p {
			return i
		}
	}
	m.targets = append(m.targets, p)
	return len(m.targets) - 1
}

// linearOf returns the map of a field that is linear in its operands, nil for
// births and for what is not linear.
func (d *derivation) linearOf(v *graph.Value, cell int) *linearMap {
	k := cellOf{v, cell}
	if m, ok := d.linears[k]; ok {
		return m
	}
	var m *linearMap
	if d.isLinear(v) {
		m = &linearMap{stopped: stops(v)}
		l := d.values[v].layout
		m.rows = make([][]linearEntry, l.np)
		for p := range m.rows {
			d.linearRow(m, v, p, l.coordinates(p, cell))
		}
	}
	d.linears[k] = m
	return m
}

// isLinear reports whether a field is a linear op on fields.
func (d *derivation) isLinear(v *graph.Value) bool {
	e := v.Def
	if d.values[v].kind != field || d.birthOf(v) != nil {
		return false
	}
	if d.dropouts[v] != nil {
		return true
	}
	fixed := func(i int) bool { return d.values[e.In[i]].kind.deterministic() }
	switch e.Op {
	case backends.OpTypeAdd, backends.OpTypeSub, backends.OpTypeNeg:
		return true
	case backends.OpTypeMul:
		return fixed(0) || fixed(1)
	case backends.OpTypeDiv:
		return fixed(1)
	case backends.OpTypeWhere:
		return fixed(0)
	}
	return isRelabel(e.Op) || isSum(e)
}

func (d *derivation) linearRow(m *linearMap, v *graph.Value, p int, at []int) {
	e := v.Def
	switch {
	case d.dropouts[v] != nil: // the mean over masks
		drop := d.dropouts[v]
		d.addTerm(m, p, drop.keep, -1, drop.x, broadcast(drop.x, at))
	case isRelabel(e.Op):
		u, from := source(v, at)
		if from == nil {
			from = make([]int, u.Shape.Rank())
		}
		d.addTerm(m, p, 1, -1, u, from)
	case isSum(e):
		for _, s := range d.summands(v, at) {
			u, from, f := e.In[0], s.l, -1
			c := s.multiple
			if s.r != nil {
				g, other := e.In[1], s.r
				if d.values[u].kind.deterministic() {
					u, from, g, other = g, other, u, from
				}
				f, c = d.factorOf(g, other, false, c)
			}
			d.addTerm(m, p, c, f, u, from)
		}
	case e.Op == backends.OpTypeAdd, e.Op == backends.OpTypeSub:
		d.addTerm(m, p, 1, -1, e.In[0], broadcast(e.In[0], at))
		c := 1.0
		if e.Op == backends.OpTypeSub {
			c = -1
		}
		d.addTerm(m, p, c, -1, e.In[1], broadcast(e.In[1], at))
	case e.Op == backends.OpTypeNeg:
		d.addTerm(m, p, -1, -1, e.In[0], at)
	case e.Op == backends.OpTypeWhere:
		d.addChoice(m, p, e, at)
	default: // Mul, Div
		u, g := e.In[0], e.In[1]
		if d.values[u].kind.deterministic() {
			u, g = g, u
		}
		f, c := d.factorOf(g, broadcast(g, at), e.Op == backends.OpTypeDiv, 1)
		d.addTerm(m, p, c, f, u, broadcast(u, at))
	}
}

// addChoice adds the terms of a Where on numbers, c·u + (1−c)·w: the condition
// is 0 or 1.
func (d *derivation) addChoice(m *linearMap, p int, e *graph.Eqn, at []int) {
	c := e.In[0]
	if d.values[c].kind == constant {
		chosen := e.In[2]
		if d.constants.at(c, broadcast(c, at)) != 0 {
			chosen = e.In[1]
		}
		d.addTerm(m, p, 1, -1, chosen, broadcast(chosen, at))
		return
	}
	f, _ := d.factorOf(c, broadcast(c, at), false, 1)
	d.addTerm(m, p, 1, f, e.In[1], broadcast(e.In[1], at))
	d.addTerm(m, p, 1, -1, e.In[2], broadcast(e.In[2], at))
	d.addTerm(m, p, -1, f, e.In[2], broadcast(e.In[2], at))
}

func (d *derivation) addTerm(m *linearMap, p int, c float64, factor int, u *graph.Value, at []int) {
	if c == 0 || d.values[u].zero {
		return
	}
	position, cell := d.values[u].layout.locate(at)
	if d.values[u].kind.deterministic() {
		cell = 0
	}
	m.rows[p] = append(m.rows[p], linearEntry{m.target(cellOf{u, cell}), position, c, factor})
}

// factorOf returns the index of a factor, or −1 and c times it if it is constant.
func (d *derivation) factorOf(v *graph.Value, at []int, inverse bool, c float64) (int, float64) {
	if d.values[v].varies {
		d.refuse(v.Def, "numbers that vary along a width multiply a random field")
	}
	position, _ := d.values[v].layout.locate(at)
	if d.values[v].kind == constant {
		x := d.constants.of(v)[position]
		if inverse {
			return -1, c / x
		}
		return -1, c * x
	}
	f := factor{v, position, inverse}
	i, ok := d.factorIndex[f]
	if !ok {
		i = len(d.factors)
		d.factors = append(d.factors, f)
		d.factorIndex[f] = i
	}
	return i, c
}
