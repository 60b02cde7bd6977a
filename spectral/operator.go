// Package spectral finds eigenvalues, densities, traces and solutions of linear
// systems of symmetric operators that nobody holds as a matrix.
//
// Vectors lie one after another: k vectors of length n are a slice [k, n].
// Random probes are drawn from a counter: the same seed gives the same probes,
// however many of them are multiplied at a time.
package spectral

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Errors that callers tell apart with [errors.Is].
var (
	// ErrNotFinite says that an operator, a function or an input gave NaN or ±Inf.
	ErrNotFinite = errors.New("not finite")
	// ErrNotConverged comes with the result so far.
	ErrNotConverged = errors.New("not converged")
	// ErrIndefinite says that a matrix which must be positive definite is not.
	ErrIndefinite = errors.New("not positive definite")
)

// An Operator applies a symmetric matrix that nobody holds.
type Operator interface {
	// Dim returns n.
	Dim() int
	// MulVec sets every entry of dst [n] to A·v. The two do not overlap, and v
	// is not to be changed.
	MulVec(ctx context.Context, dst, v []float64) error
}

// A BlockOperator applies its matrix to many vectors in one pass over the data.
// Callers prefer MulMat where an [Operator] has it.
type BlockOperator interface {
	Operator
	// MulMat sets dst [k, n] to A·v for each of the k vectors of v.
	MulMat(ctx context.Context, dst, v []float64, k int) error
}

// Dense is a symmetric matrix in memory, as a [BlockOperator].
type Dense struct{ a blas64.General }

// asymmetry is how far, relative to the largest entry, entries of a symmetric
// matrix may differ from their mirror images: float32 rounding passes, a matrix
// that is not symmetric at all does not.
const asymmetry = 1e-5

// NewDense wraps a, row-major [n, n], which it does not copy.
//
// It returns an error if a is not n × n or not symmetric to 1e-5 of its largest
// entry, and [ErrNotFinite] for an entry that is NaN or infinite.
func NewDense(n int, a []float64) (*Dense, error) {
	if n < 1 || len(a) != n*n {
		return nil, fmt.Errorf("spectral: a matrix of %d entries is not %d × %d", len(a), n, n)
	}
	if i := firstNotFinite(a); i >= 0 {
		return nil, fmt.Errorf("spectral: %w: entry [%d, %d] of the matrix is %g", ErrNotFinite, i/n, i%n, a[i])
	}
	top := maxAbs(a)
	for i := range n {
		for j := range i {
			if math.Abs(a[i*n+j]-a[j*n+i]) > asymmetry*top {
				return nil, fmt.Errorf("spectral: entries [%d, %d] and [%d, %d] are %g and %g; an operator must be symmetric",
					i, j, j, i, a[i*n+j], a[j*n+i])
			}
		}
	}
	return &Dense{rows(a, n, n)}, nil
}

// Dim returns n.
func (d *Dense) Dim() int { return d.a.Rows }

// MulVec sets dst to A·v. It returns an error if lengths are not n.
func (d *Dense) MulVec(_ context.Context, dst, v []float64) error {
	if err := checkLengths(d.a.Rows, dst, v, 1); err != nil {
		return err
	}
	blas64.Gemv(blas.NoTrans, 1, d.a, vector(v), 0, vector(dst))
	return nil
}

// MulMat sets dst [k, n] to A·v for each of the k vectors of v. It returns an
// error if lengths are not k·n.
func (d *Dense) MulMat(_ context.Context, dst, v []float64, k int) error {
	n := d.a.Rows
	if err := checkLengths(n, dst, v, k); err != nil {
		return err
	}
	// Row vectors, so v·Aᵀ: both factors are then read along their rows.
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, rows(v, k, n), d.a, 0, rows(dst, k, n))
	return nil
}

// checkLengths checks what a caller hands to a product of k vectors.
func checkLengths(n int, dst, v []float64, k int) error {
	if k < 1 || len(dst) != k*n || len(v) != k*n {
		return fmt.Errorf("spectral: a product of %d vectors of %d entries gets %d, and room for %d", k, n, len(v), len(dst))
	}
	return nil
}

// rows views data as k rows of length n.
func rows(data []float64, k, n int) blas64.General {
	return blas64.General{Rows: k, Cols: n, Stride: max(n, 1), Data: data[:k*n]}
}

func zeros(k, n int) blas64.General { return rows(make([]float64, k*n), k, n) }

func vector(v []float64) blas64.Vector { return blas64.Vector{N: len(v), Inc: 1, Data: v} }

// row returns row i of a matrix made by rows.
func row(m blas64.General, i int) []float64 { return m.Data[i*m.Stride:][:m.Cols] }

// firstNotFinite returns the index of the first NaN or infinity, or −1.
func firstNotFinite(v []float64) int {
	for i, x := range v {
		if x-x != 0 {
			return i
		}
	}
	return -1
}

// checkVectors returns [ErrNotFinite] for vectors of length n that a caller
// gives, one after another, under the given name.
func checkVectors(who, name string, v []float64, n int) error {
	if i := firstNotFinite(v); i >= 0 {
		return fmt.Errorf("spectral: %s: %w: %s has %g at entry %d of vector %d", who, ErrNotFinite, name, v[i], i%n, i/n)
	}
	return nil
}

func maxAbs(v []float64) float64 {
	top := 0.0
	for _, x := range v {
		top = max(top, math.Abs(x))
	}
	return top
}
