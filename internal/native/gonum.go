package native

import (
	"errors"
	"math"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
)

// Gonum returns a BLAS in pure Go: several to twenty times slower than
// OpenBLAS, and always there. Its larger products run on all processors,
// whatever SetThreads says.
func Gonum() *BLAS {
	b := newBLAS("gonum")
	b.config = "pure Go"
	var g blasgonum.Implementation
	b.single = gonumKernels(g.Sgemm, g.Ssyrk)
	b.double = gonumKernels(g.Dgemm, g.Dsyrk)
	b.lapack.eigh = gonumEigh
	b.lapack.potrf = plainPotrf
	b.lapack.trsm = gonumTrsm
	return b
}

func gonumKernels[T real32or64](
	gemm func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int),
	syrk func(ul blas.Uplo, tA blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int),
) kernels[T] {
	return kernels[T]{
		gemm: func(transA, transB bool, m, n, k int, alpha T, a unsafe.Pointer, lda int, b unsafe.Pointer, ldb int, beta T, c unsafe.Pointer, ldc int) {
			c0 := view[T](c, m, n, ldc)
			if k == 0 || alpha == 0 {
				scaleRows(c0, m, n, ldc, beta)
				return
			}
			rowsA, colsA, rowsB, colsB := m, k, k, n
			if transA {
				rowsA, colsA = k, m
			}
			if transB {
				rowsB, colsB = n, k
			}
			gemm(gonumTrans(transA), gonumTrans(transB), m, n, k, alpha, view[T](a, rowsA, colsA, lda), lda, view[T](b, rowsB, colsB, ldb), ldb, beta, c0, ldc)
		},
		syrk: func(upper bool, n, k int, alpha T, a unsafe.Pointer, lda int, beta T, c unsafe.Pointer, ldc int) {
			uplo := blas.Lower
			if upper {
				uplo = blas.Upper
			}
			c0 := view[T](c, n, n, ldc)
			if k == 0 || alpha == 0 {
				// gonum checks the length of A even where it does not read it.
				syrk(uplo, blas.NoTrans, n, 1, 0, make([]T, n), 1, beta, c0, ldc)
				return
			}
			syrk(uplo, blas.NoTrans, n, k, alpha, view[T](a, n, k, lda), lda, beta, c0, ldc)
		},
	}
}

func gonumTrans(trans bool) blas.Transpose {
	if trans {
		return blas.Trans
	}
	return blas.NoTrans
}

// view makes a slice of a row-major matrix behind a pointer.
func view[T real32or64](p unsafe.Pointer, rows, cols, ld int) []T {
	if rows == 0 || cols == 0 {
		return nil
	}
	return unsafe.Slice((*T)(p), (rows-1)*ld+cols)
}

// scaleRows computes C = beta·C; beta 0 clears even NaN.
func scaleRows[T real32or64](c []T, m, n, ldc int, beta T) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

func gonumEigh(n int, a, w []float64, vectors bool) error {
	job := lapack.EVNone
	if vectors {
		job = lapack.EVCompute
	}
	var impl lapackgonum.Implementation
	size := make([]float64, 1)
	impl.Dsyev(job, blas.Upper, n, a, n, w, size, -1)
	work := make([]float64, int(size[0]))
	if !impl.Dsyev(job, blas.Upper, n, a, n, w, work, len(work)) {
		return errors.New("the QL iteration did not converge")
	}
	return nil
}

func gonumTrsm(left, trans bool, m, n int, l []float64, ldl int, b []float64, ldb int) {
	side := blas.Right
	if left {
		side = blas.Left
	}
	blasgonum.Implementation{}.Dtrsm(side, blas.Lower, gonumTrans(trans), blas.NonUnit, m, n, 1, l, ldl, b, ldb)
}

// plainPotrf is Cholesky by plain loops: gonum's does not say which pivot
// failed. It is called on small blocks only.
func plainPotrf(n int, a []float64, lda int) int {
	for i := range n {
		ri := a[i*lda : i*lda+i+1]
		for j := range i {
			rj := a[j*lda : j*lda+j+1]
			s := ri[j]
			for q, v := range rj[:j] {
				s -= ri[q] * v
			}
			ri[j] = s / rj[j]
		}
		d := ri[i]
		for _, v := range ri[:i] {
			d -= v * v
		}
		if !(d > 0) { // negated, so NaN fails
			return i
		}
		ri[i] = math.Sqrt(d)
	}
	return -1
}
