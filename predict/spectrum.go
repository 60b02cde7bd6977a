// Package predict says what kernel matrices mean for training: matrices in,
// answers out.
package predict

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gontk/ntk/internal/native"
)

// A Spectrum holds the eigenvalues of a symmetric positive semidefinite matrix.
type Spectrum struct {
	// Values are the eigenvalues in descending order, as computed: the smallest
	// may be negative by rounding.
	Values []float64
	// Rounding is what the eigenvalue solver may err by, n·ε·λ_1 in float64.
	Rounding float64
	// Error is what the entries' own error may move an eigenvalue by (Weyl),
	// as the caller estimated it; 0 if unknown.
	Error float64
}

// NewSpectrum returns the eigenvalues of the symmetric matrix a, row-major [n, n].
//
// It returns an error if a is not n × n or has an entry that is not finite. It
// takes O(n³) time and a copy of a.
func NewSpectrum(ctx context.Context, blas *native.BLAS, n int, a []float64) (*Spectrum, error) {
	if n < 1 || len(a) != n*n {
		return nil, fmt.Errorf("predict: a matrix of %d entries is not %d × %d", len(a), n, n)
	}
	for i, x := range a {
		if x-x != 0 {
			return nil, fmt.Errorf("predict: entry [%d, %d] is %g; a spectrum needs finite entries", i/n, i%n, x)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	values, _, err := blas.Eigh(n, a, false)
	if err != nil {
		return nil, fmt.Errorf("predict: eigenvalues: %w", err)
	}
	slices.Reverse(values)
	top := max(math.Abs(values[0]), math.Abs(values[n-1]))
	return &Spectrum{Values: values, Rounding: float64(n) * 0x1p-52 * top}, nil
}

// Max returns λ_1.
func (s *Spectrum) Max() float64 { return s.Values[0] }

// Min returns the smallest eigenvalue.
func (s *Spectrum) Min() float64 { return s.Values[len(s.Values)-1] }

// Uncertainty returns how far an eigenvalue may be off.
func (s *Spectrum) Uncertainty() float64 { return max(s.Rounding, s.Error) }

// Condition returns λ_1/λ_min. It is a lower bound, and exact is false, when
// λ_min lies within the uncertainty of zero: then the bound is λ_1 divided by
// what λ_min can be at most.
func (s *Spectrum) Condition() (kappa float64, exact bool) {
	u := s.Uncertainty()
	if m := s.Min(); m > 2*u {
		return s.Max() / m, true
	}
	if most := s.Min() + u; most > 0 {
		return s.Max() / most, false
	}
	if u > 0 {
		return s.Max() / u, false
	}
	return math.Inf(1), false
}

// PSD reports whether no eigenvalue is more negative than rounding and the
// entries' error explain.
func (s *Spectrum) PSD() bool { return s.Min() >= -s.Uncertainty() }

// EffectiveRank returns (Σλ)²/Σλ², between 1 and n.
func (s *Spectrum) EffectiveRank() float64 {
	var sum, squares float64
	for _, v := range s.Values {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}

// MaxStableRate returns the largest learning rate for which gradient descent on
//
//	L = ‖f − y‖² / (2·size)
//
// does not diverge while the kernel stays what it is: 2·size/λ_1, where size is
// 1 for a sum over examples and outputs and N·O for a mean. The matrix must be
// the kernel of all N·O outputs, or of one output where outputs do not interact.
//
// Source: Lee et al., "Wide neural networks of any depth evolve as linear
// models under gradient descent" (NeurIPS 2019), section 2.2.
func (s *Spectrum) MaxStableRate(size int) float64 {
	if s.Max() <= 0 {
		return math.Inf(1)
	}
	return 2 * float64(size) / s.Max()
}

// Flatten turns a full Gram matrix Θ [n, n, o, o] into the symmetric matrix
// [n·o, n·o] with index (n, o).
func Flatten(theta []float64, n, o int) []float64 {
	out := make([]float64, len(theta))
	k := n * o
	for i := range n {
		for j := range n {
			for p := range o {
				copy(out[(i*o+p)*k+j*o:][:o], theta[((i*n+j)*o+p)*o:][:o])
			}
		}
	}
	return out
}
