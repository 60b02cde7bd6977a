package diagnose

import (
	"fmt"
	"math"
)

// Kendall returns the correlation of two rankings of the same things,
//
//	τ_b = Σ_{i<j} sgn(a_i − a_j)·sgn(b_i − b_j) / √(n_a·n_b),
//
// n_a and n_b counting the pairs that a and b do not tie: 1 for the same order, −1 for
// the reverse. It is NaN if one ties all. Under no relation and without ties it has the
// standard deviation √(2(2n+5)/(9n(n−1))).
//
// It returns an error for lengths that differ and for NaN.
//
// Source: Kendall, Biometrika 33, 239 (1945).
func Kendall(a, b []float64) (float64, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("diagnose: rankings of %d and %d things", len(a), len(b))
	}
	var sum, na, nb int
	for i := range a {
		if math.IsNaN(a[i]) || math.IsNaN(b[i]) {
			return 0, fmt.Errorf("diagnose: the score of thing %d is not a number", i)
		}
		for j := range i {
			x, y := sign(a[i], a[j]), sign(b[i], b[j])
			sum, na, nb = sum+x*y, na+x*x, nb+y*y
		}
	}
	return float64(sum) / math.Sqrt(float64(na)*float64(nb)), nil
}

func sign(x, y float64) int {
	switch {
	case x > y:
		return 1
	case x < y:
		return -1
	}
	return 0
}
