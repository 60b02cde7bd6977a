package main

import (
	"math"
	"testing"
)

// Powers are found as they are; a deviation has the error that the formula gives
// by hand: log y = 0, 1, 0 at log x = −1, 0, 1 has slope 0, residuals ∓1/3, 2/3
// and so err² = (6/9)/(1·2) = 1/3.
func TestFit(t *testing.T) {
	e := math.E
	for _, tc := range []struct {
		name       string
		x, y       []float64
		slope, err float64
	}{
		{"square", []float64{2, 4, 8, 16}, []float64{12, 48, 192, 768}, 2, 0},
		{"inverse", []float64{1, 10, 100}, []float64{5, .5, .05}, -1, 0},
		{"constant", []float64{3, 5, 9}, []float64{7, 7, 7}, 0, 0},
		{"peak", []float64{1 / e, 1, e}, []float64{1, e, 1}, 0, math.Sqrt(1. / 3)},
		{"peak of another power", []float64{1 / e, 1, e}, []float64{1 / e, e, e}, 1, math.Sqrt(1. / 3)},
	} {
		got := fit(tc.x, tc.y)
		// Logarithms of numbers near 1000 are rounded to 1e-15.
		if !(math.Abs(got.slope-tc.slope) <= 1e-14) || !(math.Abs(got.err-tc.err) <= 1e-7) {
			t.Errorf("%s: %g ± %g, want %g ± %g", tc.name, got.slope, got.err, tc.slope, tc.err)
		}
	}
}
