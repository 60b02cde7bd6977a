package predict

import (
	"context"
	"fmt"
	"slices"

	"github.com/gontk/ntk/internal/native"
)

// Modes are the eigenpairs of a kernel on training examples: the directions that
// gradient descent learns each at its own rate.
type Modes struct {
	// Spectrum holds the eigenvalues in descending order.
	Spectrum
	// Vectors [n, n] has the orthonormal eigenvectors as columns, in that order.
	Vectors Matrix
}

// NewModes returns the eigenpairs of the symmetric theta [n, n].
//
// It returns an error if theta is not square, not symmetric to float32 rounding, or
// has an entry that is not finite. It takes O(n³) time, and holds 3n² numbers.
func NewModes(ctx context.Context, blas *native.BLAS, theta Matrix) (*Modes, error) {
	n := theta.Rows
	if n < 1 {
		return nil, fmt.Errorf("predict: a kernel is [%d, %d]; want at least one example", theta.Rows, theta.Cols)
	}
	if err := theta.checkSymmetric("the kernel", n); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	values, vectors, err := blas.Eigh(n, theta.Data, true)
	if err != nil {
		return nil, fmt.Errorf("predict: eigenpairs: %w", err)
	}
	slices.Reverse(values)
	m := Matrix{n, n, vectors}
	for i := range n {
		slices.Reverse(m.Row(i))
	}
	top := max(maxAbs(values[:1]), maxAbs(values[n-1:]))
	return &Modes{Spectrum{Values: values, Rounding: float64(n) * 0x1p-52 * top}, m}, nil
}

// project returns Vᵀ·m.
func (m *Modes) project(blas *native.BLAS, x Matrix) (Matrix, error) {
	return product(blas, transposed(m.Vectors), plain(x))
}
