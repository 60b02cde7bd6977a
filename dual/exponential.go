package dual

import (
	"fmt"
	"math"
)

// Exp returns a·exp(bx), with K = a²·exp(b²E[(u+v)²]/2) and K̇ = b²K.
func Exp(a, b float64) *Activation {
	f := Custom(fmt.Sprintf("exp(a=%g, b=%g)", a, b),
		func(x float64) float64 { return a * math.Exp(b*x) },
		func(x float64) float64 { return a * b * math.Exp(b*x) })
	f.Family, f.Params, f.form = "exp", []float64{a, b}, exponential{a, b}
	return f
}

type exponential struct{ a, b float64 }

// loss: exp(x) is off by the error of x, which is some ulps of it.
func (f exponential) loss(p Pair) float64 { return 2 * f.b * f.b * p.S() * 0x1p-52 }

func (f exponential) dual(p Pair) (k, kdot float64) {
	k = f.a * f.a * math.Exp(f.b*f.b*p.S()/2)
	return k, f.b * f.b * k
}

// Gaussian returns a·exp(bx²). With Δ = 1 − 2b(q1+q2) + 4b²(q1q2 − c²),
//
//	K = a²/√Δ,  K̇ = 4a²b²c/Δ^{3/2}.
//
// For b > 0 both are infinite from q = 1/4b on.
func Gaussian(a, b float64) *Activation {
	f := Custom(fmt.Sprintf("gaussian(a=%g, b=%g)", a, b),
		func(x float64) float64 { return a * math.Exp(b*x*x) },
		func(x float64) float64 { return 2 * a * b * x * math.Exp(b*x*x) })
	f.Family, f.Params, f.form = "gaussian", []float64{a, b}, gaussian{a, b}
	return f
}

type gaussian struct{ a, b float64 }

func (f gaussian) delta(p Pair) float64 {
	return 1 - 2*f.b*(p.q1+p.q2) + 4*f.b*f.b*p.det()
}

// bounded requires 1 − 2bλ > 0 for both eigenvalues of the covariance.
func (f gaussian) bounded(p Pair) error {
	if f.b > 0 && !(f.delta(p) > 0 && f.b*(p.q1+p.q2) < 1) {
		return fmt.Errorf("E[φ(u)φ(v)] is infinite at variances %g and %g: expected below 1/4b = %g", p.q1, p.q2, 1/(4*f.b))
	}
	return nil
}

// loss: Δ is a difference if b > 0, and K̇ has the power 3/2 of it.
func (f gaussian) loss(p Pair) float64 {
	if f.b < 0 {
		return 0
	}
	return 16 * 0x1p-52 / f.delta(p)
}

func (f gaussian) dual(p Pair) (k, kdot float64) {
	d := f.delta(p)
	k = f.a * f.a / math.Sqrt(d)
	return k, 4 * f.b * f.b * k * p.C() / d
}

// Gabor returns exp(−x²)·sin x. Under the density tilted by exp(−u²−v²), u and
// v have variances r1 = (q1+2(q1q2−c²))/Δ, r2 and covariance s = c/Δ, with Δ as
// in [Gaussian] for b = −1, and E[sin u sin v] = e^{−(r1+r2)/2} sinh s =: Σ,
// E[cos u cos v] =: Γ with cosh, so that
//
//	K = Σ/√Δ,  K̇ = [(1 − 2(r1+r2) + 4(r1r2+s²))·Γ + 4s(2−r1−r2)·Σ]/√Δ.
func Gabor() *Activation {
	f := Custom("gabor",
		func(x float64) float64 { return math.Exp(-x*x) * math.Sin(x) },
		func(x float64) float64 {
			sin, cos := math.Sincos(x)
			return math.Exp(-x*x) * (cos - 2*x*sin)
		})
	f.Family, f.form = "gabor", gabor{}
	return f
}

type gabor struct{}

func (gabor) dual(p Pair) (k, kdot float64) {
	det := p.det()
	delta := 1 + 2*(p.q1+p.q2) + 4*det
	r1, r2, s := (p.q1+2*det)/delta, (p.q2+2*det)/delta, p.C()/delta
	// |s| ≤ (r1+r2)/2 ≤ 1/2: nothing overflows.
	fall := math.Exp(-(r1 + r2) / 2)
	sines, cosines := fall*math.Sinh(s), fall*math.Cosh(s)
	kdot = cosines*(1-2*(r1+r2)+4*(r1*r2+s*s)) + 4*s*sines*(2-r1-r2)
	root := math.Sqrt(delta)
	return sines / root, kdot / root
}
