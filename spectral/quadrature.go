package spectral

import (
	"fmt"
	"math"
)

// A Quadrature stands for the eigenvalues of an operator: for each probe, nodes
// and weights that sum to 1. See [LanczosQuadrature].
type Quadrature struct {
	// Dim is how many eigenvalues there are, n.
	Dim int
	// Nodes and Weights [probes][steps]; fewer steps where a Krylov space ended.
	// Nodes descend.
	Nodes, Weights [][]float64
	// Whole says that the probes are all n unit vectors: their average is no
	// estimate, and standard errors are 0.
	Whole bool
	// Products counts products with the operator.
	Products int
}

// Trace estimates tr f(A) = Σ_i f(λ_i).
//
// It returns [ErrNotFinite] if f is NaN or infinite at a node. Nodes lie between
// the smallest and the largest eigenvalue but for rounding, so log and square
// roots of a singular matrix must be cut off by the caller.
func (q *Quadrature) Trace(f func(float64) float64) (Estimate, error) {
	var bad error
	mean, err := q.average(func(x float64) float64 {
		y := f(x)
		if y-y != 0 && bad == nil {
			bad = fmt.Errorf("spectral: %w: f(%g) is %g; cut f off there", ErrNotFinite, x, y)
		}
		return y
	})
	if bad != nil {
		return Estimate{}, bad
	}
	n := float64(q.Dim)
	return Estimate{Value: n * mean, Error: n * err, Products: q.Products}, nil
}

// Density returns the spectral density at x, smoothed by a Gaussian,
//
//	ρ(x) = (1/n) Σ_i exp(−(x−λ_i)²/2σ²)/(σ·√(2π)),
//
// and its standard error. It integrates to 1 over x; its unit is that of 1/λ.
// The width σ is in units of λ and must be positive; a width of several gaps
// between nodes, extent/Steps, hides the quadrature's own error.
func (q *Quadrature) Density(x, width float64) (value, stderr float64, err error) {
	if math.IsNaN(x) || !(width > 0) {
		return 0, 0, fmt.Errorf("spectral: density: x is %g and the width is %g; want a number and more than 0", x, width)
	}
	value, stderr = q.average(func(t float64) float64 {
		z := (x - t) / width
		return math.Exp(-z*z/2) / (width * math.Sqrt(2*math.Pi))
	})
	return value, stderr, nil
}

// Cumulative returns the fraction of eigenvalues not above x, each smoothed by a
// Gaussian of the given width, and its standard error. A width of 0 smooths
// nothing: then a node at x counts in full.
func (q *Quadrature) Cumulative(x, width float64) (value, stderr float64, err error) {
	if math.IsNaN(x) || !(width >= 0) {
		return 0, 0, fmt.Errorf("spectral: cumulative density: x is %g and the width is %g; want a number and 0 or more", x, width)
	}
	value, stderr = q.average(func(t float64) float64 {
		switch {
		case width > 0:
			return math.Erfc((t-x)/(width*math.Sqrt2)) / 2
		case t <= x:
			return 1
		}
		return 0
	})
	return value, stderr, nil
}

// average returns the mean of Σ_j w_j·f(θ_j) over probes, with standard error.
func (q *Quadrature) average(f func(float64) float64) (mean, stderr float64) {
	sums := make([]float64, len(q.Nodes))
	for i, nodes := range q.Nodes {
		for j, x := range nodes {
			sums[i] += q.Weights[i][j] * f(x)
		}
	}
	if mean, stderr = meanAndError(sums); q.Whole {
		stderr = 0
	}
	return mean, stderr
}
