package dual

import (
	"fmt"
	"math"
)

// Moments are expectations over one variable u ~ N(0, q).
type Moments struct {
	// Mean is E[φ], Square is E[φ²].
	Mean, Square float64
	// SlopeMean is E[φ'], SlopeSquare is E[φ'²].
	SlopeMean, SlopeSquare float64
	// Growth is dE[φ²]/dq = E[φφ'u]/q; NaN at q = 0 and for a φ that jumps away
	// from 0.
	Growth float64
	// RelErr bounds the error of each, relative to the root of the products
	// of Square and SlopeSquare that have its dimension.
	RelErr float64
}

// Moments returns the expectations of φ at variance q, by adaptive quadrature.
// At q = 0 they are those of the program at 0. It returns an error if q is
// negative or an expectation is infinite.
func (f *Activation) Moments(q float64) (Moments, error) {
	if !(q >= 0 && q <= math.MaxFloat64) {
		return Moments{}, fmt.Errorf("dual: variance %g: expected a finite one ≥ 0", q)
	}
	f.mu.Lock()
	m, ok := f.moments[q]
	f.mu.Unlock()
	if ok {
		return m, nil
	}
	m, err := f.integrate(q)
	if err != nil {
		return Moments{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.moments == nil || len(f.moments) >= kept/16 {
		f.moments = map[float64]Moments{}
	}
	f.moments[q] = m
	return m, nil
}

func (f *Activation) integrate(q float64) (Moments, error) {
	if q == 0 {
		y, d := f.Value(0), f.Slope(0)
		return Moments{Mean: y, Square: y * y, SlopeMean: d, SlopeSquare: d * d, Growth: math.NaN(), RelErr: rounding}, nil
	}
	s := math.Sqrt(q)
	h, err := f.mesh(s, fewOrders)
	if err != nil {
		return Moments{}, fmt.Errorf("dual: E[%s²] at variance %g: %w", f.Name, q, err)
	}
	y, d := h.values[0], h.values[1]
	m := Moments{
		Mean: h.mean(y), Square: h.dot(y, y),
		SlopeMean: h.mean(d), SlopeSquare: h.dot(d, d),
		RelErr: rounding + h.unresolved,
	}
	for i, w := range h.weight {
		m.Growth += w * y[i] * d[i] * h.x[i] / s
	}
	for _, k := range f.Kinks {
		if k.At != 0 && k.jump(0) != 0 {
			m.Growth = math.NaN()
		}
	}
	return m, nil
}
