package empirical

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// checkScale makes sure that Tol has something to be relative to.
func (r *drawRun) checkScale() error {
	o := r.opts
	if r.x2 == nil {
		if o.Scale1 != nil || o.Scale2 != nil {
			return errors.New("empirical: Scale1 and Scale2 are given and x2 is x1: Θ has its own diagonal; leave them nil")
		}
		return nil
	}
	if o.Scale1 == nil && o.Scale2 == nil {
		if o.Tol > 0 {
			return errors.New("empirical: Tol is relative to √(Θ_nn Θ_mm), and Θ(x1, x2) has no diagonal: give those of Θ(x1, x1) and Θ(x2, x2) in Scale1 and Scale2")
		}
		return nil
	}
	for i, s := range [][]float64{o.Scale1, o.Scale2} {
		n := []int{r.plan.N1, r.plan.N2}[i]
		if len(s) != n && len(s) != n*r.plan.outputAxis() {
			return fmt.Errorf("empirical: Scale%d has %d entries for %d examples; want the diagonal of Θ, one an example or one an output of each", i+1, len(s), n)
		}
		for k, v := range s {
			if !(v >= 0) || math.IsInf(v, 1) {
				return fmt.Errorf("empirical: entry %d of Scale%d is %g, want one of a diagonal of Θ, 0 or more", k, i+1, v)
			}
		}
	}
	return nil
}

// outputAxis returns the length of an axis of outputs of Θ, 1 without.
func (p *Plan) outputAxis() int {
	if len(p.Outputs.tail(p.O)) == 0 {
		return 1
	}
	return p.O
}

// relative returns the standard error of an entry of Θ relative to √(Θ_nn Θ_mm),
// the quantile asked for or the largest; NaN without a scale. With two axes of
// outputs, Θ_nn and Θ_mm are of the outputs of the entry.
func (r *drawRun) relative(e *Estimate) float64 {
	p := r.plan
	o := p.outputAxis()
	s1, s2 := r.opts.Scale1, r.opts.Scale2
	if r.x2 == nil {
		s1 = p.diagonal(e.Mean)
		s2 = s1
	}
	if s1 == nil || s2 == nil {
		return math.NaN()
	}
	at := func(s []float64, n, examples, output int) float64 {
		if len(s) == examples {
			return s[n]
		}
		return s[n*o+output]
	}
	tail := product(p.Outputs.tail(p.O))
	rel := e.StdErr()
	for i, se := range rel {
		n, m, t := i/tail/p.N2, i/tail%p.N2, i%tail
		first, second := t, t
		if p.Outputs == Full {
			first, second = t/o, t%o
		}
		if se == 0 { // exact, even of an entry that is 0
			continue
		}
		rel[i] = se / math.Sqrt(at(s1, n, p.N1, first)*at(s2, m, p.N2, second))
	}
	return quantile(rel, r.opts.Quantile)
}

// diagonal returns Θ_nn of the mean Θ(x, x), [N, O] where it has outputs.
func (p *Plan) diagonal(theta []float64) []float64 {
	o := p.outputAxis()
	tail := product(p.Outputs.tail(p.O))
	d := make([]float64, 0, p.N1*o)
	for n := range p.N1 {
		for k := range o {
			t := k
			if p.Outputs == Full {
				t = k*o + k
			}
			d = append(d, theta[(n*p.N2+n)*tail+t])
		}
	}
	return d
}

// quantile returns the least value that a part q of x does not exceed.
func quantile(x []float64, q float64) float64 {
	if q == 1 {
		return slices.Max(x)
	}
	slices.Sort(x)
	return x[max(0, int(math.Ceil(q*float64(len(x))))-1)]
}
