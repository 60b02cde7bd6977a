package limits

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// unruled says why e, on a random field, has no rule.
func unruled(e *graph.Eqn, d *derivation) string {
	along := ""
	if a, ok := e.Attrs.(graph.ReduceAttrs); ok {
		along = " along positions"
		for _, i := range a.Axes {
			if isWidth(d.axes.Of(e.In[0])[i]) {
				along = " along a width"
			}
		}
	}
	switch e.Op {
	case backends.OpTypeReduceMax, backends.OpTypeReduceMin, backends.OpTypeArgMinMax:
		return "an extremum" + along + " of a random field: its law is not Gaussian and has no rule"
	case backends.OpTypeReduceWindow:
		return "a maximum over windows of a random field (max-pool): its law has no rule; use average pooling"
	case backends.OpTypeBatchNormForTraining, backends.OpTypeBatchNormGradient:
		return "it reduces over the batch: examples interact"
	}
	return "it has no rule on a random field"
}

// checkWidthless refuses a trainable or random number that a whole width shares.
func (d *derivation) checkWidthless(e *graph.Eqn) {
	if !isElementwise(e.Op) || d.values[e.Out[0]].kind != field {
		return
	}
	of := d.axes.Of(e.Out[0])
	for i, u := range e.In {
		if k := d.values[u].kind; k != weight && k != field {
			continue
		}
		own := d.axes.Of(u)
		if d.values[u].kind == weight && !slices.ContainsFunc(own, isWidth) && len(e.In) == 2 && d.values[e.In[1-i]].kind.deterministic() {
			d.refuse(e, "a trainable or random number without a width (a temperature, a bias of logits): Θ, or K, stays random at every width; fix it")
		}
		for i, axis := range of {
			if isWidth(axis) && (len(own) == 0 || !isWidth(own[i])) {
				d.refuse(e, "a trainable or random number is shared by a whole width (axis %d): Θ, or K, stays random at every width; fix it, or give it one entry per unit", i)
			}
		}
	}
}

// checkTransposed refuses fields with one width along two axes: entries (i, i)
// are not like the others, and a width meets itself transposed or shuffled.
func (d *derivation) checkTransposed(v *graph.Value) {
	x := d.values[v]
	if x.kind != field {
		return
	}
	for i, s := range x.layout.cells {
		for _, t := range x.layout.cells[:i] {
			if s.id == t.id {
				d.refuse(v.Def, "axes %d and %d of the result are one width: a width meets itself transposed, shuffled or in an outer product", t.axis, s.axis)
			}
		}
	}
}
