package spectral_test

import (
	"context"
	"fmt"

	"github.com/gontk/ntk/spectral"
)

// differences is the second difference, 2 on the diagonal and −1 beside it.
type differences int

func (d differences) Dim() int { return int(d) }

func (d differences) MulVec(_ context.Context, dst, v []float64) error {
	for i := range dst {
		dst[i] = 2 * v[i]
		if i > 0 {
			dst[i] -= v[i-1]
		}
		if i+1 < len(v) {
			dst[i] -= v[i+1]
		}
	}
	return nil
}

func ExampleLanczos() {
	// For n = 5 the eigenvalues are 2 − 2·cos(πj/6): 2+√3, 3, 2, 1, 2−√3.
	pairs, err := spectral.Lanczos(context.Background(), differences(5), 3, spectral.LanczosOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f converged %v\n", pairs.Values, pairs.Converged)
	// Output: [3.7321 3.0000 2.0000] converged [true true true]
}

func ExampleHutchPP() {
	// u·uᵀ with u = (1, 2, 3, 4) has trace 1 + 4 + 9 + 16, and rank 1: the sketch
	// has all of it, so nothing is left to chance.
	u := []float64{1, 2, 3, 4}
	a := make([]float64, 16)
	for i := range a {
		a[i] = u[i/4] * u[i%4]
	}
	op, err := spectral.NewDense(4, a)
	if err != nil {
		fmt.Println(err)
		return
	}
	trace, err := spectral.HutchPP(context.Background(), op, spectral.TraceOptions{Products: 9})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f ± %.4f\n", trace.Value, trace.Error)
	// Output: 30.0000 ± 0.0000
}

func ExampleSolve() {
	// (A + I)·x = b with A = [2 −1; −1 2] and x = (1, 2).
	s, err := spectral.Solve(context.Background(), differences(2), 1, []float64{1, 5}, 1, spectral.SolveOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f in %d iterations\n", s.X, s.Iterations)
	// Output: [1.0000 2.0000] in 2 iterations
}
