package limits

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// A variable is a weight of the model: N(Mean, Tau²) entries of rate Eta.
type variable struct {
	graph.Distribution
	name  string
	value *graph.Value
}

// An entry is one entry of a variable, times a constant.
type entry struct {
	of *variable
	// key is its row-major index in the variable.
	key int
	c   float64
	// stopped says that no gradient reaches it this way.
	stopped bool
}

// entryOf follows a weight's relabellings and scalings up to its variable. It
// reports false where the weight is padded with zeros.
func (d *derivation) entryOf(v *graph.Value, at []int) (entry, bool) {
	x := entry{c: 1}
	for d.variables[v] == nil {
		e := v.Def
		switch {
		case isRelabel(e.Op):
			x.stopped = x.stopped || stops(v)
			v, at = source(v, at)
			if at == nil || d.values[v].kind != weight {
				return entry{}, false
			}
			continue
		case e.Op == backends.OpTypeNeg:
			x.c = -x.c
			v = e.In[0]
			continue
		}
		w, c := e.In[0], e.In[1]
		if d.values[w].kind != weight {
			w, c = c, w
		}
		f := d.constants.at(c, broadcast(c, at))
		if e.Op == backends.OpTypeDiv {
			f = 1 / f
		}
		x.c *= f
		v, at = w, broadcast(w, at)
	}
	x.of, x.key = d.variables[v], flat(at, v.Shape.Dimensions)
	return x, true
}

// A birth is a value whose entries are sums over a weight's,
//
//	z = Σ_r W[r]·a[r]:
//
// a Gaussian of the limit.
type birth struct {
	v *graph.Value
	w *variable
	// a is the operand that is no weight, nil for rows of a table that are
	// picked by index.
	a *graph.Value
	// stopped says that no gradient reaches the weight.
	stopped bool
}

// birthOf returns v as a birth, nil if it is none.
func (d *derivation) birthOf(v *graph.Value) *birth {
	if b, ok := d.births[v]; ok {
		return b
	}
	b := d.findBirth(v)
	d.births[v] = b
	return b
}

func (d *derivation) findBirth(v *graph.Value) *birth {
	e := v.Def
	w := 0 // which operand is the weight
	switch e.Op {
	case backends.OpTypeGather:
	case backends.OpTypeDotGeneral, backends.OpTypeConvGeneral:
		if d.values[e.In[0]].kind != weight {
			w = 1
		}
	default:
		return nil
	}
	if d.values[e.In[w]].kind != weight || d.values[v].kind != field {
		return nil
	}
	b := &birth{v: v}
	if e.Op != backends.OpTypeGather {
		b.a = e.In[1-w]
	}
	x, ok := d.anyEntry(e.In[w])
	if !ok {
		d.refuse(e, "its weight is zero throughout")
	}
	b.w, b.stopped = x.of, x.stopped
	return b
}

// anyEntry returns an entry of a weight that is not a fill.
func (d *derivation) anyEntry(v *graph.Value) (entry, bool) {
	for k := range v.Shape.Size() {
		if x, ok := d.entryOf(v, unflat(k, v.Shape.Dimensions)); ok {
			return x, true
		}
	}
	return entry{}, false
}

// A term of a birth is c·W[key]·a[position], which stands for many alike.
type birthTerm struct {
	key, position, cell int
	c, multiple         float64
}

// A birthRows has the terms of the entries of a cell of a birth, by position.
type birthRows struct {
	*birth
	rows [][]birthTerm
	keys map[int]bool
}

// rowsOf returns the terms of a birth with an operand.
func (d *derivation) rowsOf(b *birth, cell int) *birthRows {
	k := cellOf{b.v, cell}
	if r, ok := d.birthRows[k]; ok {
		return r
	}
	r := &birthRows{birth: b, keys: map[int]bool{}}
	l := d.values[b.v].layout
	second := b.a == b.v.Def.In[0] && d.values[b.v.Def.In[1]].kind == weight
	for p := range l.np {
		var row []birthTerm
		for _, s := range d.summands(b.v, l.coordinates(p, cell)) {
			wv, w, a := b.v.Def.In[0], s.l, s.r
			if second {
				wv, w, a = b.v.Def.In[1], s.r, s.l
			}
			x, ok := d.entryOf(wv, w)
			if !ok {
				continue
			}
			if x.of != b.w || x.stopped != b.stopped {
				d.refuse(b.v.Def, "several weights, or several paths of gradients, are joined into the one that it contracts")
			}
			position, acell := d.values[b.a].layout.locate(a)
			row = append(row, birthTerm{x.key, position, acell, x.c, s.multiple})
			r.keys[x.key] = true
		}
		r.rows = append(r.rows, row)
	}
	d.birthRows[k] = r
	return r
}

// cellOf is a value and a cell.
type cellOf struct {
	v    *graph.Value
	cell int
}
