package limits

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

// A kind says what a value is in the limit.
type kind byte

const (
	constant  kind = iota // the same for every input
	data                  // depends on the input alone
	statistic             // a mean along a width: deterministic in the limit
	weight                // a trainable variable, moved and scaled
	field                 // random along a width
	random                // random bits, and what is computed from them
)

// deterministic reports whether entries of the kind are numbers, given the input.
func (k kind) deterministic() bool { return k <= statistic }

// A value is what is known of a graph.Value.
type value struct {
	kind   kind
	layout *layout
	// zero says that every entry is 0.
	zero bool
	// born says that it is a sum along a width: a statistic is born.
	born bool
	// varies says that numbers differ from cell to cell: a table of waves that
	// is added along a width.
	varies bool
}

// classify finds the kind of every value, and refuses what no rule covers.
func (d *derivation) classify() {
	for _, e := range d.program.Eqns {
		for _, v := range e.Out {
			d.values[v] = &value{layout: newLayout(v.Shape.Dimensions, d.axes.Of(v))}
		}
		if e.Op == backends.OpTypeRNGBitGenerator {
			d.values[e.Out[0]].kind, d.values[e.Out[1]].kind = random, random
			continue
		}
		v := e.Out[0]
		x := d.values[v]
		x.kind = d.kindOf(e)
		x.varies = d.varies(v)
		x.zero = d.isZero(v)
		d.checkWidthless(e)
		d.checkTransposed(v)
	}
}

func (d *derivation) kindOf(e *graph.Eqn) kind {
	v := e.Out[0]
	switch e.Op {
	case backends.OpTypeParameter:
		w := d.variables[v]
		switch {
		case w == nil && slices.Contains(d.inputs, v):
			return data
		case w == nil || !v.Shape.DType.IsFloat():
			return random // the state of the generator
		case w.Tau == 0 && w.Eta == 0:
			return constant
		}
		return weight
	case backends.OpTypeDotGeneral, backends.OpTypeConvGeneral:
		return d.kindOfProduct(e)
	case backends.OpTypeGather:
		return d.kindOfGather(e)
	}
	k := constant
	for _, u := range e.In {
		k = max(k, d.values[u].kind)
	}
	if a, ok := e.Attrs.(graph.IdentityAttrs); ok && a.Custom && k > statistic {
		d.refuse(e, "a custom gradient, which is not the derivative of what it computes")
	}
	switch {
	case k <= statistic:
		return k
	case k == random:
		if d.isDropout(e) {
			return max(field, d.values[e.In[2]].kind)
		}
		for _, u := range e.In {
			if k := d.values[u].kind; k == field || k == weight || k == statistic {
				d.refuse(e, "random numbers meet a random field; only dropout, Where(random ≤ rate, 0, x), has a rule")
			}
		}
		return random
	case k == weight:
		if d.isScaling(e) {
			return weight
		}
		return field
	}
	if e.Op == backends.OpTypeReduceSum {
		return d.kindOfSum(e)
	}
	if isElementwise(e.Op) || isRelabel(e.Op) || isSum(e) {
		return field
	}
	d.refuse(e, "%s", unruled(e, d))
	return 0
}

// kindOfSum is that of a ReduceSum of a field: along a width it is a statistic,
// but along one of few entries, beside a longer one that is left (a mean over
// heads), it stays random and is a sum of as many Gaussians.
func (d *derivation) kindOfSum(e *graph.Eqn) kind {
	v, u := e.Out[0], e.In[0]
	n := 1
	for _, i := range e.Attrs.(graph.ReduceAttrs).Axes {
		for _, f := range d.axes.Of(u)[i] {
			if isWidth(axes.Axis{f}) {
				n *= f.Size
			}
		}
	}
	left := d.values[v].layout.nc
	switch {
	case n == 1:
		return field
	case n >= narrow || n >= left:
		d.values[v].born = true
		if n < narrow {
			d.warn("%s at %s is a mean along a width of %d: the limit is a poor guide to so few", e.Op, e.Source(), n)
		}
		return statistic
	case !d.isGaussian(u):
		d.refuse(e, "it sums over %d entries of a random width beside another of %d: that is neither a mean nor Gaussian", n, left)
	}
	return field
}

// isScaling reports whether every entry of e's result is that of one weight
// times a constant, or 0.
func (d *derivation) isScaling(e *graph.Eqn) bool {
	fixed := func(i int) bool { return d.values[e.In[i]].kind == constant }
	switch {
	case e.Op == backends.OpTypePad, e.Op == backends.OpTypeConcatenate:
		return !slices.ContainsFunc(e.In, func(u *graph.Value) bool { return d.values[u].kind != weight && !d.values[u].zero })
	case isRelabel(e.Op), e.Op == backends.OpTypeNeg:
		return true
	case e.Op == backends.OpTypeMul:
		return fixed(0) || fixed(1)
	case e.Op == backends.OpTypeDiv:
		return fixed(1)
	}
	return false
}

// kindOfProduct is that of a DotGeneral or a convolution.
func (d *derivation) kindOfProduct(e *graph.Eqn) kind {
	l, r := d.values[e.In[0]].kind, d.values[e.In[1]].kind
	switch {
	case l == random || r == random:
		d.refuse(e, "random numbers are contracted; only dropout, Where(random ≤ rate, 0, x), has a rule")
	case l.deterministic() && r.deterministic():
		return max(l, r)
	case l == weight && r == weight:
		d.refuse(e, "weights are multiplied by one another; their product is not Gaussian")
	case l == weight || r == weight:
		if l == field || r == field {
			d.checkBirth(e)
		}
		return field
	}
	width := d.contractsWidth(e)
	if l == field && r == field {
		if !width {
			d.refuse(e, "two random fields are multiplied and summed over positions; that is no mean along a width and has no rule")
		}
		d.values[e.Out[0]].born = true
		return statistic
	}
	if width {
		d.refuse(e, "it contracts a random width with fixed numbers; a readout must be a trainable weight of zero mean")
	}
	return field
}

// contractsWidth reports whether e sums over a width.
func (d *derivation) contractsWidth(e *graph.Eqn) bool {
	v := e.Out[0]
	for _, s := range d.summands(v, make([]int, v.Shape.Rank())) {
		if s.width {
			return true
		}
	}
	return false
}

// checkBirth refuses a weight on a field of which it contracts no width.
func (d *derivation) checkBirth(e *graph.Eqn) {
	if !d.contractsWidth(e) {
		d.refuse(e, "a weight contracts positions only while a random width stays free (token mixing, a depthwise convolution, or a layer of width 1): in the limit it stays random")
	}
}

func (d *derivation) kindOfGather(e *graph.Eqn) kind {
	x, at := d.values[e.In[0]].kind, d.values[e.In[1]].kind
	switch {
	case x.deterministic() && at.deterministic():
		return max(x, at)
	case x == weight && at <= data:
		return field
	}
	d.refuse(e, "entries of a random field, or of a weight by random numbers, are picked by index")
	return 0
}

// varies reports whether a deterministic value differs along a width.
func (d *derivation) varies(v *graph.Value) bool {
	e, x := v.Def, d.values[v]
	if !x.kind.deterministic() || x.born || x.layout.nc == 1 || d.variables[v] != nil {
		return false
	}
	return len(e.In) == 0 || slices.ContainsFunc(e.In, func(u *graph.Value) bool { return d.values[u].varies })
}

// isZero reports whether every entry of a deterministic value is 0.
func (d *derivation) isZero(v *graph.Value) bool {
	e := v.Def
	zero := func(i int) bool { return d.values[e.In[i]].zero }
	x := d.values[v]
	switch {
	case x.kind == constant:
		for _, c := range d.constantEntries(v) {
			if c != 0 {
				return false
			}
		}
		return true
	case x.kind == field || x.kind == weight:
		return false
	case x.born:
		return d.meanIsZero(v)
	}
	switch e.Op {
	case backends.OpTypeAdd, backends.OpTypeSub:
		return zero(0) && zero(1)
	case backends.OpTypeMul:
		return zero(0) || zero(1)
	case backends.OpTypeDiv, backends.OpTypeNeg, backends.OpTypeReduceSum:
		return zero(0)
	case backends.OpTypePad:
		return zero(0) && zero(1)
	case backends.OpTypeConcatenate:
		return !slices.ContainsFunc(e.In, func(u *graph.Value) bool { return !d.values[u].zero })
	}
	return isRelabel(e.Op) && zero(0)
}

func isElementwise(op graph.OpType) bool {
	switch op {
	case backends.OpTypeWhere, backends.OpTypeClamp:
		return true
	}
	return graph.IsUnary(op) || graph.IsBinary(op)
}
