package main

import (
	"fmt"
	"math"
)

// An exponent is how y grows with x, y ∝ x^slope, with its standard error.
type exponent struct{ slope, err float64 }

// String writes the exponent and twice its standard error.
func (e exponent) String() string { return fmt.Sprintf("%5.2f ± %.2f", e.slope, 2*e.err) }

// fit returns the exponent of at least three points by least squares of
// log y = c + slope·log x + ε,
//
//	slope = S_xy/S_xx,  err² = Σ ε²/((n−2)·S_xx),
//
// S the sums of products about the means. The error is that of scattered points
// about a straight line, and of lines that are not straight.
func fit(x, y []float64) exponent {
	n := float64(len(x))
	var mx, my float64
	for i := range x {
		mx += math.Log(x[i]) / n
		my += math.Log(y[i]) / n
	}
	var xx, xy float64
	for i := range x {
		d := math.Log(x[i]) - mx
		xx += d * d
		xy += d * (math.Log(y[i]) - my)
	}
	e := exponent{slope: xy / xx}
	var rest float64
	for i := range x {
		r := math.Log(y[i]) - my - e.slope*(math.Log(x[i])-mx)
		rest += r * r
	}
	e.err = math.Sqrt(rest / ((n - 2) * xx))
	return e
}
