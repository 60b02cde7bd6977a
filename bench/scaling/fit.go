package main

import (
	"fmt"

	"github.com/gontk/ntk/limits"
)

// An exponent is how y grows with x, y ∝ x^slope, with its standard error.
type exponent struct{ slope, err float64 }

// String writes the exponent and twice its standard error.
func (e exponent) String() string { return fmt.Sprintf("%5.2f ± %.2f", e.slope, 2*e.err) }

// fit returns the exponent of at least three points. The error is that of points
// scattered about a straight line of logarithms, and of lines that are not straight.
func fit(x, y []float64) exponent {
	p := limits.FitPower(x, y, make([]float64, len(x))) // no errors known: the scatter tells
	return exponent{p.Exponent, p.Error}
}
