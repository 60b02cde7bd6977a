package dual

import (
	"fmt"
	"math"
)

// EdgeOfChaos returns the layer on the edge of chaos that has bias variance σ_b²,
// and its fixed variance q*: where
//
//	σ_w² E[φ'²] = 1  and  q* = σ_w² E[φ²] + σ_b².
//
// For σ_b = 0 and φ(0) = 0 this may be the limit q* → 0, with σ_w = 1/|φ'(0)|;
// where every variance is fixed, as for ReLU with σ_w² = 2, q* is 1. If there are
// several edges it is the one of the smallest q* from 1e-6 to 1e6 where chaos
// begins as q* grows. It returns an error if there is none, as for ReLU with
// a bias.
//
// Source: Schoenholz et al., arXiv 1611.01232, section 3; Hayou et al., arXiv
// 1902.06853, proposition 1.
func EdgeOfChaos(f *Activation, biasVariance float64) (Layer, float64, error) {
	if !(biasVariance >= 0) {
		return Layer{}, 0, fmt.Errorf("dual: edge of chaos of %s at bias variance %g: expected ≥ 0", f.Name, biasVariance)
	}
	lack := func(q float64) (float64, error) {
		_, excess, err := f.excess(q)
		return excess - biasVariance, err
	}
	const from, to, factor = 1e-6, 1e6, 1.25
	before, err := lack(from)
	if err != nil {
		return Layer{}, 0, err
	}
	if biasVariance == 0 {
		one, excess, err := f.excess(1)
		if err != nil {
			return Layer{}, 0, err
		}
		// Homogeneous: q E[φ'²] = E[φ²] for every q.
		if math.Abs(excess) <= rounding && math.Abs(before) <= rounding*from {
			return Layer{f, 1 / one, 0}, 1, nil
		}
		if d := f.Slope(0); before > 0 && f.Value(0) == 0 && d != 0 {
			return Layer{f, 1 / (d * d), 0}, 0, nil
		}
	}
	for q := from; q < to; q *= factor {
		next, err := lack(q * factor)
		if err != nil {
			return Layer{}, 0, err
		}
		if before < 0 && next >= 0 {
			if q, err = bisect(q, q*factor, lack); err != nil {
				return Layer{}, 0, err
			}
			slope, _, err := f.excess(q)
			return Layer{f, 1 / slope, biasVariance}, q, err
		}
		before = next
	}
	return Layer{}, 0, fmt.Errorf("dual: %s has no edge of chaos at bias variance %g for q* from %g to %g; choose another bias variance", f.Name, biasVariance, from, to)
}

// excess returns E[φ'²] and q − E[φ²]/E[φ'²], the bias variance with which q
// is fixed on the edge. With a_0 = E[φ] and a_1 = E[φx],
//
//	q E[φ'²] − E[φ²] = E[(√q φ' − a_1)²] − E[(φ − a_0 − a_1 x)²] − a_0²,
//
// which does not cancel where φ is nearly linear.
func (f *Activation) excess(q float64) (slopeSquare, excess float64, err error) {
	sd := math.Sqrt(q)
	m, err := f.mesh(sd, fewOrders)
	if err != nil {
		return 0, 0, fmt.Errorf("dual: E[%s²] at variance %g: %w", f.Name, q, err)
	}
	y, d := m.values[0], m.values[1]
	a0, a1 := m.mean(y), m.dot(y, m.x)
	for i, w := range m.weight {
		s, r := sd*d[i]-a1, y[i]-a0-a1*m.x[i]
		excess += w * (s*s - r*r)
		slopeSquare += w * d[i] * d[i]
	}
	if slopeSquare == 0 {
		return 0, 0, fmt.Errorf("dual: the derivative of %s vanishes: it has no edge of chaos", f.Name)
	}
	return slopeSquare, (excess - a0*a0) / slopeSquare, nil
}
