package limits

import (
	"slices"

	"github.com/gontk/ntk/dual"
)

// A SignalLayer is a weight of a limit that acts on activations: the step
//
//	z' = W φ(z) + b
//
// of what is known of signals in deep networks as maps of variances q and of
// correlations c, Q(q) = σ_w² E[φ(√q x)²] + σ_b² and C(c).
type SignalLayer struct {
	// Weight is its scope and name.
	Weight string
	// Layer has φ, σ_w² and σ_b². Of a convolution σ_w² is the sum over the taps of
	// an inner pixel: its maps are those of images that are the same all over.
	dual.Layer
	// Why says what makes it no such step, as branches that are added; "" if it is one.
	Why string
}

// Signal lists the steps of a limit, from the inputs on: what its weights but the
// first do to the variances and correlations of activations. Fixed points, χ_1,
// depth scales and the edge of chaos are those of [dual.Layer] and
// [dual.EdgeOfChaos].
//
// Source: Poole et al., arXiv 1606.05340; Schoenholz et al., arXiv 1611.01232.
func (l *Limit) Signal() []SignalLayer {
	var list []SignalLayer
	for _, n := range l.plan.cross {
		r, ok := n.rule.(*birthRule)
		if !ok || n.v != n.w || r.numbers {
			continue
		}
		s := SignalLayer{Weight: r.w.name}
		row := r.left.widest()
		for _, t := range row {
			s.WeightVariance += r.w.Tau * r.w.Tau * t.c * t.c * t.multiple
		}
		var below, above float64
		if s.Activation, below, s.Why = l.plan.activation(r.left, row); s.Why == "" {
			above, s.BiasVariance, s.Why = l.plan.bias(n.v)
			s.WeightVariance *= below * below * above * above
		}
		list = append(list, s)
	}
	return list
}

// widest returns the row of most entries: that of an inner position.
func (r *birthRows) widest() []birthTerm {
	return slices.MaxFunc(r.rows, func(a, b []birthTerm) int { return len(a) - len(b) })
}

// rule returns the rule of a cell with itself, nil if the plan has none.
func (p *plan) rule(c cellOf) rule {
	if n := p.nodes[nodeKey{c, c, false}]; n != nil {
		return n.rule
	}
	return nil
}

// activation returns the function that the operand of a birth is, and by what it
// is multiplied.
func (p *plan) activation(r *birthRows, row []birthTerm) (f *dual.Activation, scale float64, why string) {
	scale = 1
	c, position := cellOf{r.a, row[0].cell}, row[0].position
	for {
		switch x := p.rule(c).(type) {
		case *functionRule:
			if x.left.f[position].slots > 0 {
				return nil, 0, "its activations depend on statistics of the example"
			}
			if len(x.left.cuts[position].arguments) > 1 {
				return nil, 0, "its activations have weights in them"
			}
			return x.left.f[position].part(valuePart, nil), scale, ""
		case *linearRule:
			terms := x.m.rows[position]
			if len(terms) != 1 || terms[0].factor >= 0 {
				return nil, 0, "it acts on sums, or on what numbers multiply"
			}
			scale *= terms[0].c
			c, position = x.m.targets[terms[0].target], terms[0].position
		case *birthRule:
			return dual.Identity(), scale, ""
		default:
			return nil, 0, "it acts on what is no function of one Gaussian"
		}
	}
}

// bias follows a birth to the activation above it, and returns by what it is
// multiplied on the way, and the variance of what is added.
func (p *plan) bias(c cellOf) (scale, variance float64, why string) {
	scale = 1
	for {
		var above []*linearMap
		var next cellOf
		for _, n := range p.cross {
			if r, ok := n.rule.(*linearRule); ok && n.v == n.w && slices.Contains(r.m.targets, c) {
				above, next = append(above, r.m), n.v
			}
		}
		if len(above) == 0 {
			return scale, variance, ""
		}
		if len(above) > 1 {
			return 0, 0, "what it makes is used in several sums"
		}
		m := above[0]
		row := slices.MaxFunc(m.rows, func(a, b []linearEntry) int { return len(a) - len(b) })
		own, by, added := 0, 1.0, 0.0
		for _, t := range row {
			u := m.targets[t.target]
			switch {
			case t.factor >= 0:
				return 0, 0, "numbers of the example multiply what it makes"
			case u == c:
				own++
				by = t.c
			case p.values[u.v].kind == weight:
				if x := p.entriesOf(u)[t.position]; x.of != nil {
					added += t.c * t.c * x.c * x.c * (x.of.Tau*x.of.Tau + x.of.Mean*x.of.Mean)
				}
			default:
				return 0, 0, "other branches are added to what it makes"
			}
		}
		if own != 1 {
			return 0, 0, "what it makes is summed over positions"
		}
		scale, variance = scale*by, variance*by*by+added
		c = next
	}
}
