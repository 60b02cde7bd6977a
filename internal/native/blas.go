package native

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// BLAS multiplies and factors dense matrices, in OpenBLAS or in pure Go.
//
// Matrices are row-major: entry (i, j) of a matrix with leading dimension ld
// is at index i·ld + j. Products take raw pointers, so that they work on the
// buffers of XLA's CPU client without a copy; the caller keeps that memory
// alive, and output does not overlap input.
//
// Work is split over goroutines by the sizes alone, so results are bit-equal
// for any number of threads. The two implementations differ in rounding.
//
// A BLAS may be used by several goroutines at once.
type BLAS struct {
	name    string // "OpenBLAS" or "gonum"
	path    string // file of the library; empty for gonum
	config  string // how the library describes itself
	core    string // the processor that the library chose kernels for
	single  kernels[float32]
	double  kernels[float64]
	lapack  factorizations
	threads atomic.Int64

	// factor is how many threads of its own the library may use in Eigh.
	factor atomic.Int64
	// library is held for writing while the library uses several threads:
	// their number is one variable for the whole library.
	library *sync.RWMutex
	// limit sets the number of the library's own threads; nil if it has none.
	limit func(threads int)

	scratch32, scratch64 sync.Pool
}

// real32or64 are the element types of products.
type real32or64 interface{ float32 | float64 }

// kernels are the products of an implementation, on one thread. Arguments are
// valid, and sizes are positive except for k.
type kernels[T real32or64] struct {
	// gemm computes C = alpha·op(A)·op(B) + beta·C, C m×n, inner length k.
	gemm func(transA, transB bool, m, n, k int, alpha T, a unsafe.Pointer, lda int, b unsafe.Pointer, ldb int, beta T, c unsafe.Pointer, ldc int)
	// syrk computes one triangle of C = alpha·A·Aᵀ + beta·C, A n×k.
	syrk func(upper bool, n, k int, alpha T, a unsafe.Pointer, lda int, beta T, c unsafe.Pointer, ldc int)
}

// factorizations and triangular solves of an implementation, in float64.
// Arguments are valid, and sizes are positive.
type factorizations struct {
	// eigh replaces the n×n matrix a, of which it reads the upper triangle, by
	// eigenvectors in columns, if vectors, and fills w in ascending order.
	eigh func(n int, a, w []float64, vectors bool) error
	// potrf replaces the lower triangle of a by its Cholesky factor. It
	// returns the index of the first pivot that is not positive, or -1.
	potrf func(n int, a []float64, lda int) int
	// trsm solves for X in place of B, with L lower triangular:
	// L·X = B or Lᵀ·X = B if left, X·Lᵀ = B if not. B is m×n.
	trsm func(left, trans bool, m, n int, l []float64, ldl int, b []float64, ldb int)
}

func newBLAS(name string) *BLAS {
	b := &BLAS{name: name, library: new(sync.RWMutex)}
	b.threads.Store(int64(runtime.GOMAXPROCS(0)))
	b.factor.Store(1)
	return b
}

// DefaultBLAS opens OpenBLAS if it is found as [FindOpenBLAS] says, path being
// the option, and returns [Gonum] after one warning if it is not installed. It
// fails if a file that is named, or the one in the cache, cannot be used.
func DefaultBLAS(path string, warn func(string)) (*BLAS, error) {
	found, err := FindOpenBLAS(SearchOptions{Path: path})
	if errors.Is(err, ErrNotFound) {
		if warn != nil {
			warn(fmt.Sprintf("dense algebra in pure Go, several times slower: %v", err))
		}
		return Gonum(), nil
	}
	if err != nil {
		return nil, err
	}
	return OpenBLAS(found.Path)
}

// Name returns "OpenBLAS" or "gonum".
func (b *BLAS) Name() string { return b.name }

// Path returns the file of the library, empty for gonum.
func (b *BLAS) Path() string { return b.path }

// Config returns how the library describes its version and build.
func (b *BLAS) Config() string { return b.config }

// Core returns the processor that the library chose its kernels for, empty if
// it does not say.
func (b *BLAS) Core() string { return b.core }

// String describes the implementation in one line.
func (b *BLAS) String() string {
	if b.path == "" {
		return b.name + ": " + b.config
	}
	return fmt.Sprintf("%s, kernels for %s, %s", b.config, b.core, b.path)
}

// SetThreads sets how many goroutines one product, Cholesky or solve may use,
// each on one thread of the library; less than 1 means runtime.GOMAXPROCS(0),
// the default. It does not change results.
func (b *BLAS) SetThreads(n int) {
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	b.threads.Store(int64(n))
}

// Threads returns how many goroutines one call may use.
func (b *BLAS) Threads() int { return int(b.threads.Load()) }

// SetFactorThreads sets how many threads of its own the library may use in
// Eigh; less than 1 means 1, the default. More threads change rounding, keep
// other calls waiting, and spin: on a machine with other work they are slower
// than one. Gonum ignores it.
func (b *BLAS) SetFactorThreads(n int) { b.factor.Store(int64(max(n, 1))) }

// FactorThreads returns how many threads the library may use in Eigh.
func (b *BLAS) FactorThreads() int { return int(b.factor.Load()) }

// parallel calls task(0) … task(n-1) on up to Threads goroutines.
func (b *BLAS) parallel(n int, task func(i int)) {
	b.library.RLock()
	defer b.library.RUnlock()
	workers := min(n, b.Threads())
	if workers <= 1 {
		for i := range n {
			task(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				task(i)
			}
		})
	}
	wg.Wait()
}

// ErrShape says that sizes do not fit each other or the library.
var ErrShape = errors.New("native: bad matrix size")

// operand is a matrix argument as it is stored.
type operand struct {
	name       string
	ptr        unsafe.Pointer
	rows, cols int
	ld         int
	unread     bool // its pointer may be nil
}

// check returns [ErrShape] unless sizes are not negative, fit 32 bits, which is
// what the library counts in, and rows do not overlap.
func (o operand) check() error {
	switch {
	case o.rows < 0 || o.cols < 0 || o.rows > math.MaxInt32 || o.cols > math.MaxInt32:
		return fmt.Errorf("%w: %s is %d×%d, want 0 to %d", ErrShape, o.name, o.rows, o.cols, math.MaxInt32)
	case o.ld < max(o.cols, 1) || o.ld > math.MaxInt32:
		return fmt.Errorf("%w: %s has %d columns and leading dimension %d, want %d to %d", ErrShape, o.name, o.cols, o.ld, max(o.cols, 1), math.MaxInt32)
	case o.ptr == nil && !o.unread && o.rows > 0 && o.cols > 0:
		return fmt.Errorf("%w: %s is %d×%d, but its pointer is nil", ErrShape, o.name, o.rows, o.cols)
	}
	return nil
}

func checkAll(operands ...operand) error {
	for _, o := range operands {
		if err := o.check(); err != nil {
			return err
		}
	}
	return nil
}
