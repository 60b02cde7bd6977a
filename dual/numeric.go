package dual

import (
	"fmt"
	"math"
)

// Activations without a closed form: their duals are Hermite series.

// Tanh returns tanh x.
func Tanh() *Activation {
	return Custom("tanh", math.Tanh, func(x float64) float64 {
		// 1 − tanh² cancels where tanh is near 1.
		c := math.Cosh(x)
		return 1 / (c * c)
	})
}

func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// Sigmoid returns 1/(1 + e^{−x}).
func Sigmoid() *Activation {
	return Custom("sigmoid", sigmoid, func(x float64) float64 { return sigmoid(x) * sigmoid(-x) })
}

// Softplus returns log(1 + eˣ).
func Softplus() *Activation {
	return Custom("softplus", func(x float64) float64 {
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	}, sigmoid)
}

// SiLU returns x·sigmoid(x), also called swish.
func SiLU() *Activation {
	return Custom("silu",
		func(x float64) float64 { return x * sigmoid(x) },
		func(x float64) float64 { return sigmoid(x) * (1 + x*sigmoid(-x)) })
}

// ELU returns x for x ≥ 0 and alpha·(eˣ − 1) below, with slope 1 at 0.
func ELU(alpha float64) *Activation {
	return named(selu(alpha, 1), fmt.Sprintf("elu(%g)", alpha))
}

// SELU returns λ·ELU(x, α) with the constants that keep zero mean and unit
// variance.
//
// Source: Klambauer et al., arXiv 1706.02515.
func SELU() *Activation {
	return named(selu(1.6732632423543772848170429916717, 1.0507009873554804934193349852946), "selu")
}

func selu(alpha, lambda float64) *Activation {
	// At 0 every derivative from the left is λα. The more are told, the shorter the
	// series: 64 orders for SELU at q = 1, where 2048 do not reach with five.
	jumps := []float64{0, lambda * (1 - alpha)}
	for range 14 {
		jumps = append(jumps, -lambda*alpha)
	}
	return Custom("", func(x float64) float64 {
		if x >= 0 {
			return lambda * x
		}
		return lambda * alpha * math.Expm1(x)
	}, func(x float64) float64 {
		if x >= 0 {
			return lambda
		}
		return lambda * alpha * math.Exp(x)
	}, Kink{0, jumps})
}

// GELUTanh returns the approximation of GELU by tanh,
//
//	x/2·(1 + tanh(√(2/π)(x + 0.044715x³))).
//
// Source: Hendrycks and Gimpel, arXiv 1606.08415.
func GELUTanh() *Activation {
	const cubic = 0.044715
	c := math.Sqrt(2 / math.Pi)
	// (1 + tanh z)/2 = sigmoid(2z), without cancellation.
	arg := func(x float64) float64 { return 2 * c * (x + cubic*x*x*x) }
	return Custom("gelu_tanh",
		func(x float64) float64 { return x * sigmoid(arg(x)) },
		func(x float64) float64 {
			s, r := sigmoid(arg(x)), sigmoid(-arg(x))
			return s + x*s*r*2*c*(1+3*cubic*x*x)
		})
}
