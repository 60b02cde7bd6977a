package dual

import (
	"fmt"
	"math"
)

// Hermite returns the normalized Hermite polynomial h_n = He_n/√n!, n = degree,
// whose K is ρⁿ at q = 1. At other variances its series is
//
//	h_n(√q x) = Σ_j √n!/(2^j j! √(n−2j)!)·√q^{n−2j}(q−1)^j·h_{n−2j}(x),
//
// in which nothing cancels, as it would in powers of x.
func Hermite(degree int) (*Activation, error) {
	if degree < 0 || degree > maxDegree {
		return nil, fmt.Errorf("dual: Hermite polynomial of degree %d: expected 0 to %d", degree, maxDegree)
	}
	f := Custom(fmt.Sprintf("hermite(%d)", degree),
		func(x float64) float64 { return hermite(degree).at(x) },
		func(x float64) float64 {
			if degree == 0 {
				return 0
			}
			return math.Sqrt(float64(degree)) * hermite(degree-1).at(x)
		})
	f.Family, f.Params, f.finite = "hermite", []float64{float64(degree)}, hermite(degree)
	return f, nil
}

type hermite int

// at returns h_n(x) by its recurrence.
func (n hermite) at(x float64) float64 {
	before, h := 0.0, 1.0
	for k := range int(n) {
		before, h = h, (x*h-math.Sqrt(float64(k))*before)/math.Sqrt(float64(k+1))
	}
	return h
}

// scaled returns the coefficients of h_n(√q x).
func (n hermite) scaled(q float64) []float64 {
	a := make([]float64, n+1)
	w := 1.0
	for j, k := 0, int(n); k >= 0; j, k = j+1, k-2 {
		a[k] = w * math.Pow(q, float64(k)/2) * math.Pow(q-1, float64(j))
		w *= math.Sqrt(float64(k)*float64(k-1)) / float64(2*(j+1))
	}
	return a
}

// series: h_n' = √n·h_{n−1}.
func (n hermite) series(q float64) (a, b []float64, loss float64) {
	if n > 0 {
		b = (n - 1).scaled(q)
		for i := range b {
			b[i] *= math.Sqrt(float64(n))
		}
	}
	return n.scaled(q), b, rounding
}
