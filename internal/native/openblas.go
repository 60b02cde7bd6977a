package native

import (
	"fmt"
	"sync"
	"unsafe"
)

// openblasSymbols are what CBLAS's sgemm is called in SciPy's build of
// OpenBLAS, and in the plain one.
var openblasSymbols = []string{"scipy_cblas_sgemm", "cblas_sgemm"}

// Values that CBLAS and LAPACKE take for their enumerations.
const (
	rowMajor    = 101
	columnMajor = 102
	noTrans     = 111
	doTrans     = 112
	upperHalf   = 121
	lowerHalf   = 122
	nonUnit     = 131
	leftSide    = 141
	rightSide   = 142
)

var (
	openblasMu   sync.Mutex
	openblasOpen = map[string]*BLAS{} // by path: the library's threads are shared
)

// OpenBLAS opens the library at path, which may be relative. It sets the
// library to one thread: goroutines are the threads. Opening a path again
// returns the same BLAS.
//
// It fails if the file is missing, is not OpenBLAS with CBLAS and LAPACKE, or
// counts in 64 bits (an "ILP64" build).
func OpenBLAS(path string) (*BLAS, error) {
	resolved, err := resolve(path)
	if err == nil {
		err = checkLibrary(resolved, openblasSymbols...)
	}
	if err != nil {
		return nil, fmt.Errorf("native: opening OpenBLAS %q: %w", path, err)
	}
	openblasMu.Lock()
	defer openblasMu.Unlock()
	if b := openblasOpen[resolved]; b != nil {
		return b, nil
	}
	b, err := loadOpenBLAS(resolved)
	if err != nil {
		return nil, fmt.Errorf("native: opening OpenBLAS %q: %w", path, err)
	}
	openblasOpen[resolved] = b
	return b, nil
}

// cblas are the functions of CBLAS for one element type, as C declares them.
type cblas[T real32or64] struct {
	gemm func(order, transA, transB, m, n, k int32, alpha T, a unsafe.Pointer, lda int32, b unsafe.Pointer, ldb int32, beta T, c unsafe.Pointer, ldc int32)
	syrk func(order, uplo, trans, n, k int32, alpha T, a unsafe.Pointer, lda int32, beta T, c unsafe.Pointer, ldc int32)
}

// kernels adapts the C functions. CBLAS rejects a leading dimension of 0, so k
// of 0 reaches it only with valid ones, which the callers' checks ensure.
func (f *cblas[T]) kernels() kernels[T] {
	trans := func(t bool) int32 {
		if t {
			return doTrans
		}
		return noTrans
	}
	return kernels[T]{
		gemm: func(transA, transB bool, m, n, k int, alpha T, a unsafe.Pointer, lda int, b unsafe.Pointer, ldb int, beta T, c unsafe.Pointer, ldc int) {
			f.gemm(rowMajor, trans(transA), trans(transB), int32(m), int32(n), int32(k), alpha, a, int32(lda), b, int32(ldb), beta, c, int32(ldc))
		},
		syrk: func(upper bool, n, k int, alpha T, a unsafe.Pointer, lda int, beta T, c unsafe.Pointer, ldc int) {
			uplo := int32(lowerHalf)
			if upper {
				uplo = upperHalf
			}
			f.syrk(rowMajor, uplo, noTrans, int32(n), int32(k), alpha, a, int32(lda), beta, c, int32(ldc))
		},
	}
}

// clapack are the functions of CBLAS and LAPACKE for factorizations.
type clapack struct {
	syevd func(layout int32, job, uplo byte, n int32, a unsafe.Pointer, lda int32, w unsafe.Pointer) int32
	potrf func(layout int32, uplo byte, n int32, a unsafe.Pointer, lda int32) int32
	trsm  func(order, side, uplo, trans, diag, m, n int32, alpha float64, a unsafe.Pointer, lda int32, b unsafe.Pointer, ldb int32)
}

func (f *clapack) factorizations() factorizations {
	data := func(x []float64) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }
	return factorizations{
		eigh: func(n int, a, w []float64, vectors bool) error {
			job := byte('N')
			if vectors {
				job = 'V'
			}
			// The upper triangle by rows is the lower one by columns. LAPACKE
			// would copy the matrix to see it by rows.
			if info := f.syevd(columnMajor, job, 'L', int32(n), data(a), int32(n), data(w)); info != 0 {
				return fmt.Errorf("dsyevd returned %d (positive: it did not converge; −1010: out of memory)", info)
			}
			if vectors {
				transpose(n, a)
			}
			return nil
		},
		potrf: func(n int, a []float64, lda int) int {
			// The lower triangle by rows is the upper one by columns.
			info := f.potrf(columnMajor, 'U', int32(n), data(a), int32(lda))
			if info < 0 {
				// LAPACKE refuses NaN, which an overflow may have made, without
				// saying where.
				return plainPotrf(n, a, lda)
			}
			return int(info) - 1
		},
		trsm: func(left, trans bool, m, n int, l []float64, ldl int, b []float64, ldb int) {
			side, op := int32(rightSide), int32(noTrans)
			if left {
				side = leftSide
			}
			if trans {
				op = doTrans
			}
			f.trsm(rowMajor, side, lowerHalf, op, nonUnit, int32(m), int32(n), 1, data(l), int32(ldl), data(b), int32(ldb))
		},
	}
}
