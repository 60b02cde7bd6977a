package limits

import (
	"math"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// checkStatistics checks every sum along a width.
func (d *derivation) checkStatistics() {
	for _, e := range d.program.Eqns {
		if v := e.Out[0]; d.values[v].born {
			d.checkStatistic(v)
		}
	}
}

// checkStatistic holds that a sum along a width is deterministic in the limit:
// of m = c·Σ_{i≤n} a_i b_i the deviation is |c|√n·sd(ab). One recording at one
// width tells c and n, not how c depends on n; c is taken for a multiple of 1/n
// rather than of 1/√n if that takes the smaller multiple,
//
//	|c|·n^{3/4} ≤ 1.
//
// Scales of the operands count into c, but for what makes a layer's variance
// independent of its own fan-in.
func (d *derivation) checkStatistic(v *graph.Value) {
	e := v.Def
	l := d.values[v].layout
	n := 0.0
	for _, s := range d.summands(v, l.coordinates(0, 0)) {
		n += s.multiple
	}
	for _, s := range l.cells {
		if len(d.cuts[s.id]) > 0 {
			d.refuse(e, "a mean along one width differs along another, which is concatenated of unlike parts")
		}
	}
	c := d.operandScale(e) * d.laterScale(v, map[*graph.Value]bool{})
	if math.Abs(c)*math.Pow(n, 0.75) > 1+1e-9 {
		d.refuse(e, "a sum over a width of %g with scale %.3g is no mean: its deviation stays, |c|√n = %.3g (for logits, scale by 1/d and not by 1/√d)", n, c, math.Abs(c)*math.Sqrt(n))
	}
	for _, w := range d.variables {
		if w.Eta > math.Sqrt(n)*d.leastRate() && d.program.DependsOn(w.value)[v] {
			d.refuse(e, "the learning rate of %s grows with the width, so that the derivative of this mean along a width does not vanish", w.name)
		}
	}
}

// leastRate is the smallest learning rate of those that are not zero.
func (d *derivation) leastRate() float64 {
	least := math.Inf(1)
	for _, w := range d.variables {
		if w.Eta > 0 {
			least = min(least, w.Eta)
		}
	}
	return least
}

// laterScale is the largest product of constants that v is multiplied by before
// an op that is more than a scaling.
func (d *derivation) laterScale(v *graph.Value, seen map[*graph.Value]bool) float64 {
	most := 0.0
	users := d.users[v]
	if len(users) == 0 {
		return 1
	}
	for _, e := range users {
		u := e.Out[0]
		c, scales := d.scaleOf(e, v)
		if !scales || seen[u] {
			most = max(most, 1)
			continue
		}
		seen[u] = true
		most = max(most, math.Abs(c)*d.laterScale(u, seen))
	}
	return most
}

// scaleOf reports whether e relabels v or multiplies it by constants, and
// returns the largest one.
func (d *derivation) scaleOf(e *graph.Eqn, v *graph.Value) (c float64, ok bool) {
	if isRelabel(e.Op) || e.Op == backends.OpTypeNeg {
		return 1, e.In[0] == v
	}
	if e.Op != backends.OpTypeMul && e.Op != backends.OpTypeDiv {
		return 1, false
	}
	other := e.In[1]
	if other == v {
		other = e.In[0]
	}
	if d.values[other].kind != constant || e.Op == backends.OpTypeDiv && other == e.In[0] {
		return 1, false
	}
	for _, x := range d.constantEntries(other) {
		if e.Op == backends.OpTypeDiv {
			x = 1 / x
		}
		c = max(c, math.Abs(x))
	}
	return c, true
}

// operandScale is the product of the constants that the operands of a sum are
// multiplied by.
func (d *derivation) operandScale(e *graph.Eqn) float64 {
	c := 1.0
	for _, u := range e.In {
		c *= d.scaleAbove(u)
	}
	return c
}

// scaleAbove is the product of the constants by which u is a multiple of another
// field. The one that stands directly behind a weight is left out if it is what
// makes the layer's output of order 1.
func (d *derivation) scaleAbove(u *graph.Value) float64 {
	c, last := 1.0, 1.0 // without the last one
	for {
		e := u.Def
		if b := d.birthOf(u); b != nil {
			g := d.gainOf(b)
			if g > 0 && math.Abs(math.Log(last*g)) < math.Abs(math.Log(g)) {
				return c
			}
			return c * last
		}
		if len(e.In) == 0 {
			return c * last
		}
		v := e.In[0]
		if e.Op == backends.OpTypeMul && d.values[v].kind == constant {
			v = e.In[1]
		}
		f, ok := d.scaleOf(e, v)
		switch {
		case ok && f != 1:
			c, last = c*last, f
		case ok:
		case (e.Op == backends.OpTypeAdd || e.Op == backends.OpTypeSub) && d.values[e.In[1]].kind != field: // a bias
			c, last = c*last, 1
		default:
			return c * last
		}
		u = v
	}
}

// gainOf is the deviation of a birth of an input of order 1.
func (d *derivation) gainOf(b *birth) float64 {
	if b.a == nil {
		return b.w.Tau
	}
	g := 0.0
	for _, t := range d.rowsOf(b, 0).rows[0] {
		g += t.c * t.c * t.multiple
	}
	return math.Sqrt(g) * b.w.Tau
}
