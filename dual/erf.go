package dual

import (
	"fmt"
	"math"
)

// Erf returns a·erf(bx) + c, with
//
//	K = a²·2/π·asin(2b²C/√((1+2b²q1)(1+2b²q2))) + c²,
//	K̇ = a²·4b²/π/√((1+2b²q1)(1+2b²q2) − 4b⁴C²).
//
// Source: Williams, "Computing with infinite networks" (NIPS 1996), eq. (11).
func Erf(a, b, c float64) *Activation {
	f := Custom(fmt.Sprintf("erf(a=%g, b=%g, c=%g)", a, b, c),
		func(x float64) float64 { return a*math.Erf(b*x) + c },
		func(x float64) float64 { return 2 * a * b / math.SqrtPi * math.Exp(-b*b*x*x) })
	f.Family, f.Params, f.form = "erf", []float64{a, b, c}, errorFunction{a, b, c}
	return f
}

// SigmoidLike returns the error function closest to the sigmoid,
// erf(x/2.4020563531719796)/2 + 1/2.
func SigmoidLike() *Activation { return named(Erf(0.5, 1/2.4020563531719796, 0.5), "sigmoid_like") }

type errorFunction struct{ a, b, c float64 }

func (f errorFunction) dual(p Pair) (k, kdot float64) {
	b2 := f.b * f.b
	// (1+2b²q1)(1+2b²q2) − 4b⁴c² from q1 q2 − c², which keeps its digits.
	root := math.Sqrt(1 + 2*b2*(p.q1+p.q2) + 4*b2*b2*p.det())
	k = f.a*f.a*2/math.Pi*math.Atan2(2*b2*p.C(), root) + f.c*f.c
	return k, f.a * f.a * 4 * b2 / math.Pi / root
}
