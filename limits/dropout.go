package limits

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// A dropout is x·m with independent entries m of the values 0 and 1.
type dropout struct {
	x *graph.Value
	// keep is E[m].
	keep float64
}

// isDropout recognizes Where(random ≤ rate, 0, x) with a constant rate.
func (d *derivation) isDropout(e *graph.Eqn) bool {
	if e.Op != backends.OpTypeWhere || d.values[e.In[0]].kind != random || !d.values[e.In[1]].zero || d.values[e.In[2]].kind == random {
		return false
	}
	c := e.In[0].Def
	for c.Op == backends.OpTypeIdentity { // GoMLX stops gradients here
		c = c.In[0].Def
	}
	if c.Op != backends.OpTypeLessOrEqual || d.values[c.In[1]].kind != constant || !c.In[0].Shape.DType.IsFloat() {
		return false
	}
	rates := d.constantEntries(c.In[1])
	for _, r := range rates {
		if r != rates[0] {
			return false
		}
	}
	d.dropouts[e.Out[0]] = &dropout{e.In[2], 1 - rates[0]}
	return true
}
