package limits

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
)

// A form is how a value enters a pair.
type form byte

const (
	asNumbers    form = iota // deterministic
	asWeight                 // a trainable vector
	asBirth                  // W·a
	asLinear                 // a linear op on other fields
	asFunction               // a function of one Gaussian at the same place
	asProduct                // a product of independent fields
	asPolynomial             // a polynomial of Gaussians at the same place
)

// formOf decides how a value enters pairs, and refuses what has no form.
func (d *derivation) formOf(v cellOf) form {
	if f, ok := d.forms[v]; ok {
		return f
	}
	f := d.findForm(v)
	d.forms[v] = f
	return f
}

func (d *derivation) findForm(v cellOf) form {
	e := v.v.Def
	switch x := d.values[v.v]; {
	case x.kind.deterministic():
		return asNumbers
	case x.kind == weight:
		return asWeight
	case d.birthOf(v.v) != nil:
		return asBirth
	case d.isGaussian(v.v):
		return asLinear
	}
	linear := d.isLinear(v.v)
	if linear && e.Op != backends.OpTypeAdd && e.Op != backends.OpTypeSub {
		return asLinear
	}
	err, slots := d.cutAll(v)
	switch {
	case err == nil && !slots:
		return asFunction
	case linear:
		return asLinear
	case e.Op == backends.OpTypeMul && d.independent(d.operands(v)):
		return asProduct
	case err == nil:
		return asFunction
	case d.isPolynomial(v) == nil:
		return asPolynomial
	}
	d.refuse(e, "%v", err)
	return 0
}

// cutAll tries to cut every entry of v, and reports whether one has slots.
func (d *derivation) cutAll(v cellOf) (err error, slots bool) {
	for p := range d.values[v.v].layout.np {
		c, err := d.cutAt(v, p)
		if err == nil {
			_, err = d.functionOf(c)
		}
		if err != nil {
			return err, false
		}
		slots = slots || len(c.slots) > 0
	}
	return nil, slots
}

// ruleOf chooses the rule of a node.
func (b *builder) ruleOf(n *node) rule {
	v, w := n.v, n.w
	if !b.relate(v, w).product && !b.relate(v, w).tangent {
		return zeroRule{}
	}
	if w.v == one && b.isMoment(v) {
		return newMomentRule(b, n)
	}
	f, g := b.formOf(v), b.formOf(w)
	switch {
	case f == asNumbers && g == asNumbers:
		return numbersRule{}
	case v.v == one:
		panic("limits: a mean is a pair with one on the right")
	case w.v == one:
		return b.meanRule(n, f)
	case f == asNumbers && b.values[v.v].varies && g == asLinear:
		return newLinearRule(b, n, true) // w may vary along with v
	case g == asNumbers && b.values[w.v].varies && f == asLinear:
		return newLinearRule(b, n, false)
	case f == asNumbers || g == asNumbers:
		return &meanTimesNumber{numberLeft: f == asNumbers}
	case f == asWeight && g == asWeight:
		return newWeightRule(b, n)
	case f == asBirth && g == asBirth:
		return b.birthRule(n)
	}
	if x, y := b.dropouts[v.v], v == w; x != nil && y {
		return &dropoutRule{drop: x}
	}
	// A Gaussian beside a function is an argument as it is: it is not taken apart.
	left := f == asLinear && !(g == asFunction && b.isGaussian(v.v))
	right := g == asLinear && !(f == asFunction && b.isGaussian(w.v))
	switch {
	case right && (!left || w.v.ID >= v.v.ID):
		return newLinearRule(b, n, true)
	case left:
		return newLinearRule(b, n, false)
	case f == asPolynomial || g == asPolynomial:
		return newPolynomialRule(b, n)
	case f == asProduct || g == asProduct:
		return newProductRule(b, n)
	}
	return newFunctionRule(b, n)
}

// meanRule is that of E[v].
func (b *builder) meanRule(n *node, f form) rule {
	switch f {
	case asLinear:
		return newLinearRule(b, n, false)
	case asWeight:
		return newWeightRule(b, n)
	case asPolynomial:
		return newPolynomialRule(b, n)
	}
	return newFunctionRule(b, n)
}

// isMoment reports whether v is a product of fields that is no function of one
// Gaussian alone: its mean is a second moment of the factors.
func (d *derivation) isMoment(v cellOf) bool {
	x := d.values[v.v]
	if x.kind != field || v.v.Def.Op != backends.OpTypeMul || d.isLinear(v.v) {
		return false
	}
	err, slots := d.cutAll(v)
	return err != nil || slots
}

// sortedKeys returns the keys of a set of numbers in order.
func sortedKeys(m map[int]bool) []int {
	list := make([]int, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
