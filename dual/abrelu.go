package dual

import (
	"fmt"
	"math"
)

// ABReLU returns a·min(x, 0) + b·max(x, 0), with slope b at 0. With J_1 the
// arc-cosine kernel of order 1 and g(θ) = sin θ − θ cos θ,
//
//	K = √(q1 q2)·[(a²+b²)/2·cos θ + (a−b)²·g(θ)/2π],
//	K̇ = (a²+b²)(π−θ)/2π + ab·θ/π.
//
// Source: Cho and Saul (NIPS 2009), eq. (3)-(6).
func ABReLU(a, b float64) *Activation {
	f := Custom(fmt.Sprintf("abrelu(a=%g, b=%g)", a, b),
		func(x float64) float64 {
			if x >= 0 {
				return b * x
			}
			return a * x
		},
		func(x float64) float64 {
			if x >= 0 {
				return b
			}
			return a
		})
	if a != b {
		f.Kinks = []Kink{{0, []float64{0, b - a}}}
	}
	f.Family, f.Params, f.form = "abrelu", []float64{a, b}, abrelu{a, b}
	return f
}

func named(f *Activation, name string) *Activation { f.Name = name; return f }

// ReLU returns max(x, 0).
func ReLU() *Activation { return named(ABReLU(0, 1), "relu") }

// LeakyReLU returns max(x, 0) + alpha·min(x, 0).
func LeakyReLU(alpha float64) *Activation {
	return named(ABReLU(alpha, 1), fmt.Sprintf("leaky_relu(%g)", alpha))
}

// Abs returns |x|, with slope 1 at 0 as in GoMLX.
func Abs() *Activation { return named(ABReLU(-1, 1), "abs") }

// Identity returns x.
func Identity() *Activation {
	f := named(ABReLU(1, 1), "identity")
	f.finite = polynomial{0, 1}
	return f
}

type abrelu struct{ a, b float64 }

func (f abrelu) dual(p Pair) (k, kdot float64) {
	theta, eta := p.Theta(), p.eta()
	squares := f.a*f.a + f.b*f.b
	s := geometric(p.q1, p.q2)
	kdot = (squares*eta + 2*f.a*f.b*theta) / (2 * math.Pi)
	if eta < math.Pi/2 {
		// g(θ) = g(η) + π cos η: what is left is small near ρ = −1.
		return s * ((f.a-f.b)*(f.a-f.b)*crescent(eta)/(2*math.Pi) + f.a*f.b*p.Rho()), kdot
	}
	return s * (squares/2*p.Rho() + (f.a-f.b)*(f.a-f.b)*crescent(theta)/(2*math.Pi)), kdot
}

// step maps 1 − ρ and 1 + ρ through the layer: with r = (a−b)²/(a²+b²),
//
//	1 − ρ' = 1 − cos θ − r·g(θ)/π = (2−r) + (r−1)(1 − cos η) − r·g(η)/π,  η = π − θ.
func (f abrelu) step(p Pair) (minus, plus float64) {
	if f.a == f.b {
		return p.minus, p.plus
	}
	squares := f.a*f.a + f.b*f.b
	r := (f.a - f.b) * (f.a - f.b) / squares
	both := (f.a + f.b) * (f.a + f.b) / squares // 2 − r
	if p.minus <= p.plus {
		tilt := r * crescent(p.Theta()) / math.Pi
		return p.minus - tilt, p.plus + tilt
	}
	tilt := r * crescent(p.eta()) / math.Pi
	return both + (r-1)*p.plus - tilt, r - (r-1)*p.plus + tilt
}

// crescent returns g(θ) = sin θ − θ cos θ = θ³/3 − θ⁵/30 + …, with all digits
// for small θ.
func crescent(theta float64) float64 {
	if theta > 0.5 {
		sin, cos := math.Sincos(theta)
		return sin - theta*cos
	}
	// The terms are (−1)^{n+1}·2n·θ^{2n+1}/(2n+1)!; at θ = ½ the ninth is 1e-21.
	t2 := theta * theta
	sum, term := 0.0, theta
	for n := 1; n < 10; n++ {
		k := float64(2 * n)
		term *= -t2 / (k * (k + 1))
		sum -= k * term
	}
	return sum
}
