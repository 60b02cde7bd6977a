package empirical

import (
	"unsafe"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/internal/native"
)

// A contraction adds the terms of all weights to one tile of Θ: Gram matrices
// of Jacobians on the host, in the network's dtype, summed over weights in float64.
type contraction struct {
	blas    *native.BLAS
	dtype   dtypes.DType
	outputs Outputs
	o       int
	size    int       // rows of a block's arrays, in examples
	terms   []float64 // scratch: one weight's term
	scratch any       // the same, in dtype
}

// tile returns rows1 × rows2 × tail entries of Θ, row-major [rows1, rows2, …],
// and each weight's share of Σ_n Σ_o Θ(x_n, x_n)[o, o] if b1 is b2.
// With b1 = b2 only entries on and above the diagonal are computed.
func (c *contraction) tile(ws []*weight, b1, b2 *block) ([]float64, []float64, error) {
	r1, r2 := b1.rows, b2.rows
	tail := product(c.outputs.tail(c.o))
	total := make([]float64, r1*r2*tail)
	traces := make([]float64, len(ws))
	for i, w := range ws {
		term, err := c.term(w.size(), b1, b2, i)
		if err != nil {
			return nil, nil, err
		}
		for k, x := range term {
			total[k] += w.eta * x
		}
		if b1 == b2 {
			traces[i] = w.eta * c.trace(term, r1)
		}
	}
	return c.arrange(total, r1, r2), traces, nil
}

// trace sums the diagonal of a term over examples and outputs.
func (c *contraction) trace(term []float64, n int) float64 {
	s := 0.0
	switch c.outputs {
	case Full: // [n·O, n·O]
		for i := range n * c.o {
			s += term[i*n*c.o+i]
		}
	case Diagonal: // [O, n, n]
		for o := range c.o {
			for i := range n {
				s += term[(o*n+i)*n+i]
			}
		}
	default:
		for i := range n {
			s += term[i*n+i]
		}
		if c.outputs == Mean {
			s *= float64(c.o)
		}
	}
	return s
}

// term returns weight i's term: [r1·O, r2·O] for Full, [O, r1, r2] for
// Diagonal, [r1, r2] otherwise.
func (c *contraction) term(p int, b1, b2 *block, i int) ([]float64, error) {
	j1, j2 := b1.js[i].ptr, b2.js[i].ptr
	r1, r2 := b1.rows, b2.rows
	same := b1 == b2
	switch c.outputs {
	case Full:
		return c.gram(same, r1*c.o, r2*c.o, p, p, 1, j1, j2)
	case Diagonal:
		var all []float64
		for o := range c.o {
			t, err := c.gram(same, r1, r2, p, c.o*p, 1, c.shift(j1, o*p), c.shift(j2, o*p))
			if err != nil {
				return nil, err
			}
			all = append(all, t...)
		}
		return all, nil
	case Trace:
		return c.gram(same, r1, r2, c.o*p, c.o*p, 1, j1, j2)
	default: // Mean
		return c.gram(same, r1, r2, c.o*p, c.o*p, 1/float64(c.o), j1, j2)
	}
}

func (c *contraction) shift(p unsafe.Pointer, entries int) unsafe.Pointer {
	return unsafe.Add(p, entries*c.dtype.Size())
}

// gram returns alpha · A Bᵀ for row-major A [m, k] and B [n, k] with ld entries
// between rows; of A Aᵀ (same) the upper triangle. The result is overwritten
// by the next call.
func (c *contraction) gram(same bool, m, n, k, ld int, alpha float64, a, b unsafe.Pointer) ([]float64, error) {
	if cap(c.terms) < m*n {
		c.terms = make([]float64, m*n)
		if c.dtype == dtypes.Float32 {
			c.scratch = make([]float32, m*n)
		}
	}
	out := c.terms[:m*n]
	if c.dtype == dtypes.Float64 {
		dst := unsafe.Pointer(unsafe.SliceData(out))
		if same {
			return out, c.blas.Syrk64(m, k, alpha, a, ld, 0, dst, n)
		}
		return out, c.blas.Gemm64NT(m, n, k, alpha, a, ld, b, ld, 0, dst, n)
	}
	f := c.scratch.([]float32)[:m*n]
	dst := unsafe.Pointer(unsafe.SliceData(f))
	var err error
	if same {
		err = c.blas.Syrk32(m, k, float32(alpha), a, ld, 0, dst, n)
	} else {
		err = c.blas.Gemm32NT(m, n, k, float32(alpha), a, ld, b, ld, 0, dst, n)
	}
	for i, x := range f {
		out[i] = float64(x)
	}
	return out, err
}

// arrange turns the order of terms into that of a tile.
func (c *contraction) arrange(t []float64, r1, r2 int) []float64 {
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
