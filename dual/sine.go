package dual

import (
	"fmt"
	"math"
)

// Sin returns a·sin(bx + c). With D = E[(u−v)²] and S = E[(u+v)²],
//
//	K = a²/2·[exp(−b²D/2) − cos(2c)·exp(−b²S/2)],
//	K̇ = a²b²/2·[exp(−b²D/2) + cos(2c)·exp(−b²S/2)].
func Sin(a, b, c float64) *Activation {
	f := Custom(fmt.Sprintf("sin(a=%g, b=%g, c=%g)", a, b, c),
		func(x float64) float64 { return a * math.Sin(b*x+c) },
		func(x float64) float64 { return a * b * math.Cos(b*x+c) })
	sin, cos := math.Sincos(c)
	f.Family, f.Params, f.form = "sin", []float64{a, b, c}, sine{a, b, sin * sin, cos * cos}
	return f
}

// Cos returns a·cos(bx + c).
func Cos(a, b, c float64) *Activation {
	f := Custom(fmt.Sprintf("cos(a=%g, b=%g, c=%g)", a, b, c),
		func(x float64) float64 { return a * math.Cos(b*x+c) },
		func(x float64) float64 { return -a * b * math.Sin(b*x+c) })
	sin, cos := math.Sincos(c)
	f.Family, f.Params, f.form = "cos", []float64{a, b, c}, sine{a, b, cos * cos, sin * sin}
	return f
}

// RBF returns √2·sin(√(2γ)x + π/4), whose K is exp(−γE[(u−v)²]): a network
// with the Gaussian kernel.
//
// Source: Rahimi and Recht, "Random features for large-scale kernel machines"
// (NIPS 2007).
func RBF(gamma float64) *Activation {
	return named(Sin(math.Sqrt2, math.Sqrt(2*gamma), math.Pi/4), fmt.Sprintf("rbf(%g)", gamma))
}

// sine is a·sin(bx+c) by sin²c and cos²c.
type sine struct{ a, b, sin2, cos2 float64 }

func (f sine) dual(p Pair) (k, kdot float64) {
	b2 := f.b * f.b
	far := math.Exp(-b2 * p.S() / 2)
	// [exp(−b²D/2) − exp(−b²S/2)]/2 = ½exp(−b²S/2)(exp(2b²C) − 1).
	var odd float64
	if c := p.C(); c < 0 {
		odd = far * math.Expm1(2*b2*c) / 2
	} else {
		odd = -math.Exp(-b2*p.D()/2) * math.Expm1(-2*b2*c) / 2
	}
	a2 := f.a * f.a
	return a2 * (odd + f.sin2*far), a2 * b2 * (odd + f.cos2*far)
}
