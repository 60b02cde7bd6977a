package native

import (
	"runtime"
	"sync"
	"unsafe"
)

// Syrk32 computes the upper triangle of
//
//	C = alpha·A·Aᵀ + beta·C,  A [n, k], C [n, n],
//
// in float32, and leaves the entries below the diagonal alone. With beta 0 C
// may hold anything before. Sums over k are split into parts and added up in a
// fixed order. It returns [ErrShape] for bad sizes or a nil pointer.
func (b *BLAS) Syrk32(n, k int, alpha float32, a unsafe.Pointer, lda int, beta float32, c unsafe.Pointer, ldc int) error {
	return syrk(b, &b.single, &b.scratch32, n, k, alpha, a, lda, beta, c, ldc)
}

// Syrk64 is [BLAS.Syrk32] in float64.
func (b *BLAS) Syrk64(n, k int, alpha float64, a unsafe.Pointer, lda int, beta float64, c unsafe.Pointer, ldc int) error {
	return syrk(b, &b.double, &b.scratch64, n, k, alpha, a, lda, beta, c, ldc)
}

// Gemm32NT computes C = alpha·A·Bᵀ + beta·C with A [m, k], B [n, k], C [m, n],
// in float32. With beta 0 C may hold anything before. It returns [ErrShape]
// for bad sizes or a nil pointer.
func (b *BLAS) Gemm32NT(m, n, k int, alpha float32, a unsafe.Pointer, lda int, bb unsafe.Pointer, ldb int, beta float32, c unsafe.Pointer, ldc int) error {
	return b.Gemm32(false, true, m, n, k, alpha, a, lda, bb, ldb, beta, c, ldc)
}

// Gemm64NT is [BLAS.Gemm32NT] in float64.
func (b *BLAS) Gemm64NT(m, n, k int, alpha float64, a unsafe.Pointer, lda int, bb unsafe.Pointer, ldb int, beta float64, c unsafe.Pointer, ldc int) error {
	return b.Gemm64(false, true, m, n, k, alpha, a, lda, bb, ldb, beta, c, ldc)
}

// Gemm32 computes C = alpha·op(A)·op(B) + beta·C in float32, op(A) [m, k],
// op(B) [k, n], C [m, n]; op transposes where transA or transB say so. With
// beta 0 C may hold anything before. It returns [ErrShape] for bad sizes or a
// nil pointer.
func (b *BLAS) Gemm32(transA, transB bool, m, n, k int, alpha float32, a unsafe.Pointer, lda int, bb unsafe.Pointer, ldb int, beta float32, c unsafe.Pointer, ldc int) error {
	return gemm(b, &b.single, &b.scratch32, transA, transB, m, n, k, alpha, a, lda, bb, ldb, beta, c, ldc)
}

// Gemm64 is [BLAS.Gemm32] in float64.
func (b *BLAS) Gemm64(transA, transB bool, m, n, k int, alpha float64, a unsafe.Pointer, lda int, bb unsafe.Pointer, ldb int, beta float64, c unsafe.Pointer, ldc int) error {
	return gemm(b, &b.double, &b.scratch64, transA, transB, m, n, k, alpha, a, lda, bb, ldb, beta, c, ldc)
}

func syrk[T real32or64](b *BLAS, kern *kernels[T], pool *sync.Pool, n, k int, alpha T, a unsafe.Pointer, lda int, beta T, c unsafe.Pointer, ldc int) error {
	unread := alpha == 0
	err := checkAll(
		operand{"A", a, n, k, lda, unread},
		operand{"C", c, n, n, ldc, false})
	if err != nil || n == 0 {
		return err
	}
	run(b, pool, partition(n, n, k, true), beta, c, ldc, func(t tile, beta T, c unsafe.Pointer, ldc int) {
		ai := at[T](a, lda, t.i, t.k)
		if t.i == t.j {
			kern.syrk(true, t.m, t.len, alpha, ai, lda, beta, c, ldc)
			return
		}
		kern.gemm(false, true, t.m, t.n, t.len, alpha, ai, lda, at[T](a, lda, t.j, t.k), lda, beta, c, ldc)
	})
	runtime.KeepAlive(a)
	runtime.KeepAlive(c)
	return nil
}

func gemm[T real32or64](b *BLAS, kern *kernels[T], pool *sync.Pool, transA, transB bool, m, n, k int, alpha T, pa unsafe.Pointer, lda int, pb unsafe.Pointer, ldb int, beta T, c unsafe.Pointer, ldc int) error {
	unread := alpha == 0
	storedA := operand{"A", pa, m, k, lda, unread}
	if transA {
		storedA.rows, storedA.cols = k, m
	}
	storedB := operand{"B", pb, k, n, ldb, unread}
	if transB {
		storedB.rows, storedB.cols = n, k
	}
	err := checkAll(storedA, storedB, operand{"C", c, m, n, ldc, false})
	if err != nil || m == 0 || n == 0 {
		return err
	}
	run(b, pool, partition(m, n, k, false), beta, c, ldc, func(t tile, beta T, c unsafe.Pointer, ldc int) {
		ai, bj := at[T](pa, lda, t.i, t.k), at[T](pb, ldb, t.k, t.j)
		if transA {
			ai = at[T](pa, lda, t.k, t.i)
		}
		if transB {
			bj = at[T](pb, ldb, t.j, t.k)
		}
		kern.gemm(transA, transB, t.m, t.n, t.len, alpha, ai, lda, bj, ldb, beta, c, ldc)
	})
	runtime.KeepAlive(pa)
	runtime.KeepAlive(pb)
	runtime.KeepAlive(c)
	return nil
}

// at returns the address of entry (i, j), or nil for a matrix without one.
func at[T real32or64](p unsafe.Pointer, ld, i, j int) unsafe.Pointer {
	if p == nil {
		return nil
	}
	return unsafe.Add(p, (i*ld+j)*int(unsafe.Sizeof(T(0))))
}
