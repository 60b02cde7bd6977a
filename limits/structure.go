package limits

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// isGaussian reports whether every entry of v is a Gaussian of mean zero: v is
// linear in births and in weights of mean zero, and nothing is added.
func (d *derivation) isGaussian(v *graph.Value) bool {
	if g, ok := d.gaussian[v]; ok {
		return g
	}
	g := d.findGaussian(v)
	d.gaussian[v] = g
	return g
}

func (d *derivation) findGaussian(v *graph.Value) bool {
	switch x := d.values[v]; {
	case x.kind == weight:
		w, ok := d.anyEntry(v)
		return !ok || w.of.Mean == 0
	case x.kind != field:
		return false
	case d.birthOf(v) != nil:
		return true
	case !d.isLinear(v), d.dropouts[v] != nil:
		return false
	}
	for _, u := range v.Def.In {
		if x := d.values[u]; !x.zero && !x.kind.deterministic() && !d.isGaussian(u) {
			return false
		}
	}
	// Numbers may multiply, but not be added.
	switch v.Def.Op {
	case backends.OpTypeMul, backends.OpTypeDiv, backends.OpTypeDotGeneral, backends.OpTypeConvGeneral, backends.OpTypeWhere:
		if v.Def.Op != backends.OpTypeWhere {
			return true
		}
		return !d.adds(v.Def.In[1]) && !d.adds(v.Def.In[2])
	}
	for _, u := range v.Def.In {
		if d.adds(u) {
			return false
		}
	}
	return true
}

// adds reports whether u is a number other than 0.
func (d *derivation) adds(u *graph.Value) bool {
	x := d.values[u]
	return x.kind.deterministic() && !x.zero
}

// isCentred reports whether E[v] is zero whatever the input.
func (d *derivation) isCentred(v cellOf) bool {
	x := d.values[v.v]
	switch {
	case x.zero:
		return true
	case x.kind.deterministic():
		return false
	case d.isGaussian(v.v):
		return true
	}
	if m := d.linearOf(v.v, v.cell); m != nil {
		for _, t := range m.targets {
			if !d.isCentred(t) {
				return false
			}
		}
		return true
	}
	if v.v.Def.Op == backends.OpTypeMul && x.kind == field {
		a, b := d.operands(v)
		return d.independent(a, b) && (d.isCentred(a) || d.isCentred(b))
	}
	return false
}

// operands returns the operands of an elementwise op of two, with their cells.
func (d *derivation) operands(v cellOf) (a, b cellOf) {
	return d.operand(v, 0), d.operand(v, 1)
}

func (d *derivation) operand(v cellOf, i int) cellOf {
	u := v.v.Def.In[i]
	if d.values[u].kind.deterministic() {
		return cellOf{u, 0}
	}
	_, cell := d.values[u].layout.locate(broadcast(u, d.values[v.v].layout.coordinates(0, v.cell)))
	return cellOf{u, cell}
}

// independent reports whether no random number is behind both values.
func (d *derivation) independent(v, w cellOf) bool {
	for a := range d.support(v) {
		for b := range d.support(w) {
			if r := d.relate(a, b); r.tangent || r.product && (d.isGaussian(a.v) || d.isGaussian(b.v) || a == b) {
				return false
			}
		}
	}
	return true
}

// support returns the births and weights that a cell of v is computed from at
// the same place along the width.
func (d *derivation) support(v cellOf) map[cellOf]bool {
	if s, ok := d.supports[v]; ok {
		return s
	}
	s := map[cellOf]bool{}
	add := func(p cellOf) {
		for a := range d.support(p) {
			s[a] = true
		}
	}
	switch x := d.values[v.v]; {
	case x.kind.deterministic():
	case x.kind == weight, d.birthOf(v.v) != nil:
		s[v] = true
	case d.linearOf(v.v, v.cell) != nil:
		for _, t := range d.linearOf(v.v, v.cell).targets {
			add(t)
		}
	default:
		for i, u := range v.v.Def.In {
			if k := d.values[u].kind; k == weight || k == field {
				add(d.operand(v, i))
			}
		}
	}
	d.supports[v] = s
	return s
}

// meanIsZero reports whether a sum along a width has mean zero at every position.
func (d *derivation) meanIsZero(v *graph.Value) bool {
	l := d.values[v].layout
	for p := range l.np {
		for _, s := range d.summands(v, l.coordinates(p, 0)) {
			if !d.summandIsZero(v, s) {
				return false
			}
		}
	}
	return true
}

func (d *derivation) summandIsZero(v *graph.Value, s summand) bool {
	cell := func(u *graph.Value, at []int) cellOf {
		_, c := d.values[u].layout.locate(at)
		return cellOf{u, c}
	}
	e := v.Def
	if s.r != nil {
		return !d.relate(cell(e.In[0], s.l), cell(e.In[1], s.r)).product
	}
	return d.isCentred(cell(e.In[0], s.l))
}
