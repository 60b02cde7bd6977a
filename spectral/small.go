package spectral

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// The small dense problems that methods reduce large ones to are gonum's.

// symmetric copies h, made symmetric where rounding left it not quite so.
func symmetric(h blas64.General) *mat.SymDense {
	s := mat.NewSymDense(h.Rows, nil)
	for i := range h.Rows {
		for j := i; j < h.Rows; j++ {
			s.SetSym(i, j, (h.Data[i*h.Stride+j]+h.Data[j*h.Stride+i])/2)
		}
	}
	return s
}

// eigenSym returns the eigenvalues of the symmetric h in descending order, and
// eigenvectors as columns.
func eigenSym(h blas64.General) ([]float64, blas64.General, error) {
	n := h.Rows
	var eig mat.EigenSym
	if !eig.Factorize(symmetric(h), true) {
		return nil, blas64.General{}, fmt.Errorf("spectral: LAPACK found no eigenvalues of a dense matrix of size %d", n)
	}
	var u mat.Dense
	eig.VectorsTo(&u)
	up := eig.Values(nil)
	values, s := make([]float64, n), zeros(n, n)
	for j := range n {
		values[j] = up[n-1-j]
		for i := range n {
			s.Data[i*n+j] = u.At(i, n-1-j)
		}
	}
	return values, s, nil
}

// columns copies the first k columns of s.
func columns(s blas64.General, k int) blas64.General {
	c := zeros(s.Rows, k)
	for i := range s.Rows {
		copy(row(c, i), row(s, i)[:k])
	}
	return c
}

// factorize makes the Cholesky factor of h; false if h is not positive definite.
func factorize(chol *mat.Cholesky, h blas64.General) bool {
	return chol.Factorize(symmetric(h))
}

// solveIn replaces x by the solution of the factored system.
func solveIn(chol *mat.Cholesky, x blas64.General) {
	d := mat.NewDense(x.Rows, x.Cols, x.Data)
	// The only error is a large condition number; what it costs shows in the
	// residuals.
	_ = chol.SolveTo(d, d)
}
