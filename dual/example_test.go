package dual_test

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/dual"
)

// Inputs at 60° of unit length: K = (sin θ + (π−θ)cos θ)/2π, K̇ = (π−θ)/2π = ⅓.
func ExampleActivation_Dual() {
	r, err := dual.ReLU().Dual(dual.Angle(1, 1, math.Pi/3))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("K = %.9f, K̇ = %.9f\n", r.K, r.Kdot)
	// Output: K = 0.304498891, K̇ = 0.333333333
}

// He initialization is the edge of chaos of ReLU.
func ExampleEdgeOfChaos() {
	for _, f := range []*dual.Activation{dual.ReLU(), dual.Tanh()} {
		layer, _, err := dual.EdgeOfChaos(f, 0)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: weight variance %.6f\n", f.Name, layer.WeightVariance)
	}
	// Output:
	// relu: weight variance 2.000000
	// tanh: weight variance 1.000000
}
