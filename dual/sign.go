package dual

import "math"

// Sign returns the sign of x, 0 at 0, with
//
//	K = 2/π·asin ρ = 1 − 2θ/π,  K̇ = 0,
//
// since its derivative in a program is 0.
func Sign() *Activation {
	f := Custom("sign",
		func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return 0
		},
		func(float64) float64 { return 0 },
		Kink{0, []float64{2}})
	f.Family, f.form = "sign", sign{}
	return f
}

type sign struct{}

func (sign) dual(p Pair) (k, kdot float64) {
	if p.minus <= p.plus {
		return 1 - 2*p.Theta()/math.Pi, 0
	}
	return 2*p.eta()/math.Pi - 1, 0
}

func (sign) step(p Pair) (minus, plus float64) {
	return 2 * p.Theta() / math.Pi, 2 * p.eta() / math.Pi
}
