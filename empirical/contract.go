package empirical

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
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
	// The entries are valid until the next call. If each is not nil, it gets
	// the terms one after the other, and the entries are their sum.
	tile(b1, b2 *block, each func(term int, entries []float64) error) (entries, traces []float64, err error)
	// pairs returns the entries of Θ for the n-th example of b1 and the n-th of
	// b2, row-major [rows, …], and the shares as tile does. All are computed.
	pairs(b1, b2 *block, each func(term int, entries []float64) error) (entries, traces []float64, err error)
	// times returns how long the weights' terms have taken, over all calls; nil if
	// they are computed together.
	times() []time.Duration
	// done ends the contractor's use.
	done()
}

// A contraction adds up the terms of all weights on the host: each in the
// network's dtype F, their sum in float64.
type contraction[F float32 | float64] struct {
	blas    *native.BLAS
	outputs Outputs
	o       int
	size    int // examples that a block's arrays have room for
	weights []*weight
	ways    []Way
	terms   []Term
	took    []time.Duration // by weight

	workspace[F]
	helpers []*contraction[F] // of pairs, one for each thread
}

// A workspace is the memory that a contraction computes in.
type workspace[F float32 | float64] struct {
	sum  []float64 // of a tile
	term []float64 // of the sum
	buf  [2][]F    // Gram matrices
}

func newContractor(f *Network, blas *native.BLAS, size int, p *Plan) (contractor, error) {
	switch {
	case f.staysOnDevice(p.ways):
		return newDeviceContraction(f, size, p)
	case f.dtype == dtypes.Float32:
		return newContraction[float32](blas, size, p), nil
	}
	return newContraction[float64](blas, size, p), nil
}

func newContraction[F float32 | float64](blas *native.BLAS, size int, p *Plan) *contraction[F] {
	c := &contraction[F]{
		blas: blas, outputs: p.Outputs, o: p.O, size: size, weights: p.sel.weights, ways: p.ways, terms: p.terms,
		took: make([]time.Duration, len(p.sel.weights)),
	}
	if w, ok := workspaces.Get().(*workspace[F]); ok {
		c.workspace = *w
	}
	return c
}

// done gives the memory back; what tile returned is no longer valid.
func (c *contraction[F]) done() {
	w := c.workspace
	workspaces.Put(&w)
	c.workspace = workspace[F]{}
	for _, h := range c.helpers {
		h.done()
	}
	c.helpers = nil
}

// tile adds up the terms. Of a symmetric tile, entries below the diagonal of
// examples, and of outputs of one example, are not looked at.
func (c *contraction[F]) tile(b1, b2 *block, each func(int, []float64) error) ([]float64, []float64, error) {
	s := c.newSum(b1, b2)
	traces := make([]float64, len(c.weights))
	err := c.split(s.values, each, func(values []float64, weights []int) error {
		part := *s
		part.values = values
		return c.add(&part, b1, b2, weights, traces)
	})
	return s.values, traces, err
}

// times implements contractor. Threads that share pairs work side by side.
func (c *contraction[F]) times() []time.Duration {
	took := slices.Clone(c.took)
	for _, h := range c.helpers {
		for i, d := range h.took {
			took[i] += d / time.Duration(len(c.helpers))
		}
	}
	return took
}

// split fills total, which is zero, by add: all weights at once, or the terms
// one after the other, which each gets.
func (c *contraction[F]) split(total []float64, each func(int, []float64) error, add func(values []float64, weights []int) error) error {
	if each == nil {
		return add(total, span(0, len(c.weights)))
	}
	for i, t := range c.terms {
		values := grow(&c.term, len(total))
		clear(values)
		if err := add(values, t.members); err != nil {
			return err
		}
		if err := each(i, values); err != nil {
			return err
		}
		for k, x := range values {
			total[k] += x
		}
	}
	return nil
}

// add adds the terms of some weights to s, and their shares to traces.
func (c *contraction[F]) add(s *sum, b1, b2 *block, weights []int, traces []float64) (err error) {
	for _, i := range weights {
		w, t0 := c.weights[i], time.Now()
		s.scale, s.trace = w.eta, 0
		if c.outputs == Mean {
			s.scale /= float64(c.o)
		}
		switch c.ways[i] {
		case Factor:
			err = c.factor(s, w, b1.parts[i], b2.parts[i])
		case Sequential:
			err = c.sequential(s, w, b1.parts[i], b2.parts[i])
		case Separable:
			err = c.separable(s, w, b1.parts[i], b2.parts[i])
		default:
			err = c.materialized(s, w, b1.parts[i][0].ptr, b2.parts[i][0].ptr)
		}
		if err != nil {
			return err
		}
		if s.symmetric {
			traces[i] += w.eta * s.trace
		}
		c.took[i] += time.Since(t0)
	}
	return nil
}

// materialized adds the Gram matrix of two Jacobians [size·O, P].
func (c *contraction[F]) materialized(s *sum, w *weight, j1, j2 unsafe.Pointer) error {
	p, ld := w.size(), w.size()
	j1, j2 = offset[F](j1, s.first*c.o*p), offset[F](j2, s.first*c.o*p)
	switch c.outputs {
	case Full:
	case Diagonal: // the rows of one output are O apart
		ld *= c.o
	default: // a sum over outputs is a longer contraction
		p *= c.o
		ld = p
	}
	m, n := s.r1*s.per, s.r2*s.per
	for g := range s.groups {
		f := c.scratch(0, m*n)
		if err := c.gram(s.symmetric, m, n, p, ld, offset[F](j1, g*p), offset[F](j2, g*p), f); err != nil {
			return err
		}
		err := parallel(c.blas, m, func(_, i int) error {
			from, row := s.from(i), s.line(g, i, 0)
			for col := from / s.per; col < s.r2; col++ {
				lo := max(0, from-col*s.per)
				dst := row.at(col)[lo:]
				for p, x := range f[i*n+col*s.per+lo : i*n+(col+1)*s.per] {
					dst[p] += s.scale * float64(x)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if s.symmetric {
			for i := range m {
				s.trace += float64(f[i*n+i])
			}
		}
	}
	return nil
}

// gram writes A Bᵀ for row-major A [m, k] and B [n, k] with ld entries between
// rows; of A Aᵀ (same) the upper triangle.
func (c *contraction[F]) gram(same bool, m, n, k, ld int, a, b unsafe.Pointer, dst []F) error {
	if same {
		return syrk(c.blas, m, k, a, ld, dst)
	}
	return gemmNT(c.blas, m, n, k, a, ld, b, ld, dst, n)
}

// scratch returns the i-th buffer with n entries, and anything in them.
func (c *contraction[F]) scratch(i, n int) []F { return grow(&c.buf[i], n) }

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
