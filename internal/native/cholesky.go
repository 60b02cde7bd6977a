package native

import (
	"fmt"
	"math"
	"unsafe"
)

// choleskyBlock is how many columns Cholesky eliminates at once: wide enough
// that nearly all work is in products, narrow enough that the block's own
// factorization, on one thread, does not matter.
const choleskyBlock = 128

// NotPositiveDefiniteError says where a Cholesky factorization ended.
type NotPositiveDefiniteError struct {
	N     int // size of the matrix
	Pivot int // index, from 0, of the first pivot that is not positive
}

func (e *NotPositiveDefiniteError) Error() string {
	return fmt.Sprintf("native: a %d×%d matrix is not positive definite: pivot %d (from 0) is not positive; a ridge on the diagonal helps if rounding made it so", e.N, e.N, e.Pivot)
}

// Cholesky returns the lower triangular L [n, n], zeros above the diagonal, of
//
//	A = L Lᵀ
//
// for a symmetric positive definite A [n, n]. It reads the upper triangle of a,
// which is what Syrk writes, and leaves a alone.
//
// It returns [ErrShape] if a does not have n² entries,
// [*NotPositiveDefiniteError] if a pivot is not positive, and another error if
// an entry read is NaN or infinite. It takes n³/3 operations; the result is
// bit-equal for any number of threads.
func (b *BLAS) Cholesky(n int, a []float64) (l []float64, err error) {
	if err := checkSquare("A", n, a); err != nil {
		return nil, err
	}
	if err := checkFiniteUpper(n, a); err != nil {
		return nil, err
	}
	l = make([]float64, n*n)
	copy(l, a)
	transpose(n, l)
	for i := range n {
		clear(l[i*n+i+1 : (i+1)*n])
	}

	// Right-looking: factor a block of columns, then subtract its outer
	// product from what is right of it.
	for j := 0; j < n; j += choleskyBlock {
		width := min(choleskyBlock, n-j)
		b.library.RLock()
		pivot := b.lapack.potrf(width, l[j*n+j:], n)
		b.library.RUnlock()
		for i := 0; pivot < 0 && i < width; i++ {
			// An overflow ends as NaN or infinity here, which OpenBLAS lets pass.
			if d := l[(j+i)*n+j+i]; !(d > 0) || math.IsInf(d, 1) {
				pivot = i
			}
		}
		if pivot >= 0 {
			return nil, &NotPositiveDefiniteError{N: n, Pivot: j + pivot}
		}
		rest := j + width
		panel := cut(n-rest, (n-rest+choleskyBlock-1)/choleskyBlock)
		b.parallel(len(panel), func(task int) {
			if row, m := rest+panel[task][0], panel[task][1]; m > 0 {
				b.lapack.trsm(false, true, m, width, l[j*n+j:], n, l[row*n+j:], n)
			}
		})
		b.subtractOuter(n, l, rest, j, width)
	}
	return l, nil
}

// subtractOuter subtracts P Pᵀ from the lower triangle of the trailing block
// of l that begins at row and column rest, P being columns j…j+width of its
// rows.
func (b *BLAS) subtractOuter(n int, l []float64, rest, j, width int) {
	if rest >= n {
		return
	}
	const edge = 256
	tiles := tilesOf(n-rest, n-rest, edge, true)
	entry := func(i, j int) unsafe.Pointer { return unsafe.Pointer(&l[i*n+j]) }
	b.parallel(len(tiles), func(task int) {
		// A tile on or above the diagonal, mirrored: (i, j) stands for (j, i).
		t := tiles[task]
		col, row := rest+t.i, rest+t.j
		if row == col {
			b.double.syrk(false, t.m, width, -1, entry(row, j), n, 1, entry(row, row), n)
			return
		}
		b.double.gemm(false, true, t.n, t.m, width, -1, entry(row, j), n, entry(col, j), n, 1, entry(row, col), n)
	})
}

// CholeskySolve solves A X = B for X [n, nrhs] in place of b, row-major, given
// L [n, n] from Cholesky. It returns [ErrShape] if l or b has another size,
// and an error if a diagonal entry of l is not positive and finite. It takes
// 2n²·nrhs operations; the result is bit-equal for any number of threads.
func (b *BLAS) CholeskySolve(n, nrhs int, l, rhs []float64) error {
	if err := checkSquare("L", n, l); err != nil {
		return err
	}
	if nrhs < 0 || nrhs > math.MaxInt32 || len(rhs) != n*nrhs {
		return fmt.Errorf("%w: B has %d entries, want n·nrhs for n = %d, nrhs = %d", ErrShape, len(rhs), n, nrhs)
	}
	for i := range n {
		if d := l[i*n+i]; !(d > 0) || math.IsInf(d, 1) {
			return fmt.Errorf("native: diagonal entry %d of a Cholesky factor is %g, want a positive number", i, d)
		}
	}
	if n == 0 || nrhs == 0 {
		return nil
	}
	const width = 64
	cols := cut(nrhs, (nrhs+width-1)/width)
	b.parallel(len(cols), func(task int) {
		j, m := cols[task][0], cols[task][1]
		b.lapack.trsm(true, false, n, m, l, n, rhs[j:], nrhs)
		b.lapack.trsm(true, true, n, m, l, n, rhs[j:], nrhs)
	})
	return nil
}
