package empirical

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/internal/native"
)

// A contractor turns two blocks into a tile of Θ.
type contractor interface {
	// tile returns the entries of Θ for the examples of b1 and b2, row-major
	// [rows1, rows2, …], and, if b1 is b2, each weight's share of
	// Σ_n Σ_o Θ(x_n, x_n)[o, o]. With b1 = b2 only entries on and above the
	// diagonal are computed.
	tile(b1, b2 *block) (entries, traces []float64, err error)
}

// A contraction adds up the terms of all weights on the host, in the network's
// dtype F, and over weights in float64.
type contraction[F float32 | float64] struct {
	blas    *native.BLAS
	outputs Outputs
	o       int
	size    int // examples that a block's arrays have room for
	weights []*weight
	ways    []Way

	sum []float64 // one weight's term
	buf [2][]F    // Gram matrices
}

func newContractor(dt dtypes.DType, blas *native.BLAS, outputs Outputs, o, size int, ws []*weight, ways []Way) contractor {
	if dt == dtypes.Float32 {
		return &contraction[float32]{blas: blas, outputs: outputs, o: o, size: size, weights: ws, ways: ways}
	}
	return &contraction[float64]{blas: blas, outputs: outputs, o: o, size: size, weights: ws, ways: ways}
}

// A term is one weight's part of a tile: [r1·O, r2·O] for Full, [O, r1, r2] for
// Diagonal, [r1, r2] otherwise. Of a symmetric tile, entries below the
// diagonal of examples are not looked at.
func (c *contraction[F]) tile(b1, b2 *block) ([]float64, []float64, error) {
	r1, r2 := b1.rows, b2.rows
	total := make([]float64, r1*r2*product(c.outputs.tail(c.o)))
	traces := make([]float64, len(c.weights))
	if cap(c.sum) < len(total) {
		c.sum = make([]float64, len(total))
	}
	for i, w := range c.weights {
		term := c.sum[:len(total)]
		clear(term)
		var err error
		switch c.ways[i] {
		case Factor:
			err = c.factor(term, w, b1, b2, b1.parts[i], b2.parts[i])
		case Sequential:
			err = c.sequential(term, w, b1, b2, b1.parts[i], b2.parts[i])
		default:
			err = c.materialized(term, w, b1, b2, b1.parts[i][0].ptr, b2.parts[i][0].ptr)
		}
		if err != nil {
			return nil, nil, err
		}
		scale := w.eta
		if c.outputs == Mean {
			scale /= float64(c.o)
		}
		for k, x := range term {
			total[k] += scale * x
		}
		if b1 == b2 {
			traces[i] = w.eta * c.trace(term, r1)
		}
	}
	return c.arrange(total, r1, r2), traces, nil
}

// trace sums the diagonal of a term over examples and outputs.
func (c *contraction[F]) trace(term []float64, n int) float64 {
	s := 0.0
	switch c.outputs {
	case Full:
		for i := range n * c.o {
			s += term[i*n*c.o+i]
		}
	case Diagonal:
		for o := range c.o {
			for i := range n {
				s += term[(o*n+i)*n+i]
			}
		}
	default:
		for i := range n {
			s += term[i*n+i]
		}
	}
	return s
}

// arrange turns the order of terms into that of a tile.
func (c *contraction[F]) arrange(t []float64, r1, r2 int) []float64 {
	o := c.o
	switch c.outputs {
	case Full: // [r1, O, r2, O] → [r1, r2, O, O]
		out := make([]float64, len(t))
		for n := range r1 {
			for p := range o {
				for m := range r2 {
					copy(out[((n*r2+m)*o+p)*o:][:o], t[((n*o+p)*r2+m)*o:][:o])
				}
			}
		}
		return out
	case Diagonal: // [O, r1, r2] → [r1, r2, O]
		out := make([]float64, len(t))
		for p := range o {
			for k := range r1 * r2 {
				out[k*o+p] = t[p*r1*r2+k]
			}
		}
		return out
	}
	return t
}

// materialized adds the Gram matrix of two Jacobians [size·O, P].
func (c *contraction[F]) materialized(term []float64, w *weight, b1, b2 *block, j1, j2 unsafe.Pointer) error {
	p, same := w.size(), b1 == b2
	r1, r2 := b1.rows, b2.rows
	switch c.outputs {
	case Full:
		return c.gram(term, same, r1*c.o, r2*c.o, p, p, j1, j2)
	case Diagonal:
		for o := range c.o {
			if err := c.gram(term[o*r1*r2:][:r1*r2], same, r1, r2, p, c.o*p, offset[F](j1, o*p), offset[F](j2, o*p)); err != nil {
				return err
			}
		}
		return nil
	default: // a sum over outputs is a longer contraction
		return c.gram(term, same, r1, r2, c.o*p, c.o*p, j1, j2)
	}
}

// gram writes A Bᵀ for row-major A [m, k] and B [n, k] with ld entries between
// rows; of A Aᵀ (same) the upper triangle.
func (c *contraction[F]) gram(dst []float64, same bool, m, n, k, ld int, a, b unsafe.Pointer) error {
	f := c.scratch(0, m*n)
	var err error
	if same {
		err = syrk(c.blas, m, k, a, ld, f)
	} else {
		err = gemmNT(c.blas, m, n, k, a, ld, b, ld, f, n)
	}
	for i, x := range f {
		dst[i] = float64(x)
	}
	return err
}

// scratch returns the i-th buffer with n entries.
func (c *contraction[F]) scratch(i, n int) []F {
	if cap(c.buf[i]) < n {
		c.buf[i] = make([]F, n)
	}
	return c.buf[i][:n]
}

// offset returns the address of entry n.
func offset[F float32 | float64](p unsafe.Pointer, n int) unsafe.Pointer {
	var f F
	return unsafe.Add(p, n*int(unsafe.Sizeof(f)))
}

// gemmNT writes A Bᵀ into c, whose rows are ldc entries apart.
func gemmNT[F float32 | float64](blas *native.BLAS, m, n, k int, a unsafe.Pointer, lda int, b unsafe.Pointer, ldb int, c []F, ldc int) error {
	dst := unsafe.Pointer(unsafe.SliceData(c))
	if _, ok := any(c).([]float32); ok {
		return blas.Gemm32NT(m, n, k, 1, a, lda, b, ldb, 0, dst, ldc)
	}
	return blas.Gemm64NT(m, n, k, 1, a, lda, b, ldb, 0, dst, ldc)
}

// gemmNN writes A B into c.
func gemmNN[F float32 | float64](blas *native.BLAS, m, n, k int, a unsafe.Pointer, lda int, b unsafe.Pointer, ldb int, c []F, ldc int) error {
	dst := unsafe.Pointer(unsafe.SliceData(c))
	if _, ok := any(c).([]float32); ok {
		return blas.Gemm32(false, false, m, n, k, 1, a, lda, b, ldb, 0, dst, ldc)
	}
	return blas.Gemm64(false, false, m, n, k, 1, a, lda, b, ldb, 0, dst, ldc)
}

// syrk writes the upper triangle of A Aᵀ, n × n, into c.
func syrk[F float32 | float64](blas *native.BLAS, n, k int, a unsafe.Pointer, lda int, c []F) error {
	dst := unsafe.Pointer(unsafe.SliceData(c))
	if _, ok := any(c).([]float32); ok {
		return blas.Syrk32(n, k, 1, a, lda, 0, dst, n)
	}
	return blas.Syrk64(n, k, 1, a, lda, 0, dst, n)
}

// parallel calls task(worker, i) for i below n on the threads of blas, and
// returns the first error.
func parallel(blas *native.BLAS, n int, task func(worker, i int) error) error {
	workers := min(blas.Threads(), n)
	if workers <= 1 {
		for i := range n {
			if err := task(0, i); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[k] == nil; i = int(next.Add(1)) - 1 {
				errs[k] = task(k, i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
