package models

import (
	"fmt"
	"math"
)

// preserving holds, per activation φ, the gain σ_w = 1/√E[φ(z)²], z ~ N(0, 1),
// under which a layer keeps a variance of 1: √2 for ReLU, as He et al. have it.
var preserving = map[string]float64{
	"identity": 1,
	"relu":     math.Sqrt2,
	"abs":      1,
	"tanh":     1.592537419722944,
	"erf":      1.4671669504892526, // 1/√((2/π) asin(2/3))
	"gelu":     1.5335304411956476,
	"swish":    1.6765324703311664,
	"sigmoid":  1.8462285453386982,
	"softplus": 1.041866835535381,
	"sin":      1.5208666231790036,
	"cos":      1.3272506002846336,
	"selu":     1,
}

// DefaultGain returns the gain σ_w under which layers with the activation keep
// a variance of 1. It returns an error for activations it does not know.
func DefaultGain(activation string) (float64, error) {
	if g, ok := preserving[activation]; ok {
		return g, nil
	}
	names := sortedKeys(preserving)
	return 0, fmt.Errorf("models: no default gain for activation %q%s; give one, or use one of %s", activation, didYouMean(activation, names), join(names))
}
