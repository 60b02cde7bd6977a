package dual

import (
	"fmt"
	"math"
)

// RectifiedMonomial returns 1[x ≥ 0]·x^degree, whose dual is the arc-cosine
// kernel of order degree: K = (q1q2)^{degree/2}·T[degree][degree] with the
// moments T of a quadrant.
//
// Source: Cho and Saul (NIPS 2009).
func RectifiedMonomial(degree int) (*Activation, error) {
	if degree < 0 || degree > maxDegree/4 {
		return nil, fmt.Errorf("dual: rectified monomial of degree %d: expected 0 to %d", degree, maxDegree/4)
	}
	n := float64(degree)
	f := Custom(fmt.Sprintf("rectified_monomial(%d)", degree),
		func(x float64) float64 {
			if x < 0 {
				return 0
			}
			return math.Pow(x, n)
		},
		func(x float64) float64 {
			if x < 0 || degree == 0 {
				return 0
			}
			return n * math.Pow(x, n-1)
		})
	jumps := make([]float64, degree+1)
	jumps[degree] = 1
	for i := 2; i <= degree; i++ {
		jumps[degree] *= float64(i)
	}
	f.Kinks = []Kink{{0, jumps}}
	f.Family, f.Params, f.form = "rectified_monomial", []float64{n}, rectified{degree}
	return f, nil
}

type rectified struct{ degree int }

func (f rectified) dual(p Pair) (k, kdot float64) {
	n := f.degree
	s := geometric(p.q1, p.q2)
	power := math.Pow(s, float64(n))
	switch {
	case p.plus == 0:
		return 0, 0
	case p.minus == 0:
		m := upper(0, 2*n+1)
		if n > 0 {
			kdot = float64(n*n) * power / s * m[2*n-2]
		}
		return power * m[2*n], kdot
	}
	t := truncated(p, 0, 0, n+1, n+1)
	if n > 0 {
		kdot = float64(n*n) * power / s * t[n-1][n-1]
	}
	return power * t[n][n], kdot
}
