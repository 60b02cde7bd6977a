package dual

import (
	"math"
	"slices"
	"sync"
)

// An Activation is a function of one variable as a program computes it. It is
// made by the constructors of this package, and not changed afterwards; then it
// may be used concurrently.
type Activation struct {
	// Name is for people: "relu", "erf(a=1, b=1, c=0)".
	Name string
	// Family and Params identify a function that has a closed form, for those
	// who write it in another language. They are "" and nil for others.
	Family string
	Params []float64
	// Value is φ.
	Value func(x float64) float64
	// Slope is φ' as the program's autodiff has it: at a kink one of its
	// sides (1 for ReLU at 0), and nothing for a jump of φ.
	Slope func(x float64) float64
	// Kinks are where φ or a derivative of it jumps.
	Kinks []Kink

	form   form   // nil: Hermite series
	finite finite // of a polynomial: its Hermite series

	mu      sync.Mutex
	series  map[seriesKey]*Series
	held    int // coefficients in series
	moments map[float64]Moments
}

// A Kink is a point where a function or a derivative of it jumps.
type Kink struct {
	// At is where.
	At float64
	// Jumps[m] is the limit of φ's m-th derivative from the right minus that
	// from the left: Jumps[0] a jump of φ, Jumps[1] of its slope. Missing
	// ones count as 0. Those of higher order that are given are not needed
	// for correct results, but make series converge faster.
	Jumps []float64
}

// jump returns the jump of φ's m-th derivative.
func (k Kink) jump(m int) float64 {
	if m < len(k.Jumps) {
		return k.Jumps[m]
	}
	return 0
}

// Custom returns the activation of a function and of its derivative as a
// program computes it. Kinks that are not told cost accuracy, which results
// report, but not correctness.
func Custom(name string, value, slope func(x float64) float64, kinks ...Kink) *Activation {
	return &Activation{Name: name, Value: value, Slope: slope, Kinks: slices.Clone(kinks)}
}

// same reports whether f and g are one function. Of those without a family only
// a pointer tells.
func (f *Activation) same(g *Activation) bool {
	return f == g || f.Family != "" && f.Family == g.Family && slices.Equal(f.Params, g.Params)
}

// scaled returns x ↦ φ(s·x) and x ↦ φ'(s·x).
func (f *Activation) scaled(s float64) []func(float64) float64 {
	return []func(float64) float64{
		func(x float64) float64 { return f.Value(s * x) },
		func(x float64) float64 { return f.Slope(s * x) },
	}
}

// breaks returns the kinks of x ↦ φ(s·x).
func (f *Activation) breaks(s float64) []float64 {
	b := make([]float64, len(f.Kinks))
	for i, k := range f.Kinks {
		b[i] = k.At / s
	}
	return b
}

// normal is the density of N(0, 1).
func normal(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// cdf is the distribution function of N(0, 1).
func cdf(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
