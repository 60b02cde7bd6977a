package limits

import (
	"fmt"
	"slices"

	"github.com/gontk/ntk/graph"
)

// A move is an op between a weight and where it is summed over that picks or
// moves entries of a width. Its text tells it from others.
type move struct {
	eqn  *graph.Eqn
	text string
}

// movesOf lists the moves from the variable down to a birth's operand.
func (d *derivation) movesOf(b *birth) []move {
	v := b.v.Def.In[0]
	if d.values[v].kind != weight {
		v = b.v.Def.In[1]
	}
	var list []move
	for d.variables[v] == nil {
		e := v.Def
		next := e.In[0]
		for _, u := range e.In {
			if d.values[u].kind == weight {
				next = u
				break
			}
		}
		for i, axis := range d.axes.Of(next) {
			if isWidth(axis) && moves(e, i) {
				list = append(list, move{e, fmt.Sprint(e.Op, e.Attrs)})
				break
			}
		}
		v = next
	}
	slices.Reverse(list)
	return list
}

// checkParts refuses uses of a weight that take different parts of a width, or
// one part in different orders, unless the parts have nothing in common: one
// entry stands for a whole part, and says where others lie.
func (d *derivation) checkParts() {
	uses := map[*variable][][]move{}
	for _, e := range d.program.Eqns {
		b := d.birthOf(e.Out[0])
		if b == nil {
			continue
		}
		m := d.movesOf(b)
		for _, o := range uses[b.w] {
			if !d.compatible(m, o) {
				d.refuse(e, "it takes another part of a width of weight %s than is taken elsewhere, or takes it in another order", b.w.name)
			}
		}
		uses[b.w] = append(uses[b.w], m)
	}
}

// compatible reports whether two uses take the same entries in the same order,
// or have none in common.
func (d *derivation) compatible(m, o []move) bool {
	for i := range min(len(m), len(o)) {
		if m[i].text == o[i].text {
			continue
		}
		a, ok := m[i].eqn.Attrs.(graph.SliceAttrs)
		b, also := o[i].eqn.Attrs.(graph.SliceAttrs)
		if !ok || !also || len(a.Starts) != len(b.Starts) {
			return false
		}
		for k := range a.Starts {
			if a.Limits[k] <= b.Starts[k] || b.Limits[k] <= a.Starts[k] {
				return true
			}
		}
		return false
	}
	return len(m) == len(o)
}
