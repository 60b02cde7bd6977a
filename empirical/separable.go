package empirical

import (
	"unsafe"
)

// separable adds, for the factors G [K, size, J] and P [size, O, K] of a
// Jacobian, K counting b and i,
//
//	Θ[n, o, m, p] = Σ_k P[n, o, k] P[m, p, k] H[k, n, m],   H[k] = G[k] G'[k]ᵀ,
//
// H for a few rows of examples at a time.
func (c *contraction[F]) separable(s *sum, w *weight, p1, p2 []array) error {
	K, J := w.dims.B*w.dims.I, w.dims.J
	var f F
	chunk := min(s.r1, max(1, gramBytes/(K*s.r2*int(unsafe.Sizeof(f)))))
	workers := max(1, c.blas.Threads())
	x, out := make([][]F, workers), make([][]F, workers)
	for k := range workers {
		x[k], out[k] = make([]F, c.o*K), make([]F, c.o*c.o)
	}
	block := func(p array, n int) []F { return unsafe.Slice((*F)(offset[F](p.ptr, (s.first+n)*c.o*K)), c.o*K) }
	for n0 := 0; n0 < s.r1; n0 += chunk {
		rows, m0 := min(chunk, s.r1-n0), 0
		if s.symmetric {
			m0 = n0
		}
		cols := s.r2 - m0
		whole := s.symmetric && rows == s.r1
		h := c.scratch(0, K*rows*cols)
		err := parallel(c.blas, K, func(_, k int) error {
			at := func(p array, n int) unsafe.Pointer { return offset[F](p.ptr, (k*c.size+s.first+n)*J) }
			return c.gram(whole, rows, cols, J, J, at(p1[0], n0), at(p2[0], m0), h[k*rows*cols:][:rows*cols])
		})
		if err != nil {
			return err
		}
		traces := make([]float64, rows)
		err = parallel(c.blas, rows, func(worker, i int) error {
			n := n0 + i
			d := block(p1[1], n)
			for m := max(m0, s.from(n)); m < s.r2; m++ {
				y := block(p2[1], m)
				for k := range K {
					g := h[(k*rows+i)*cols+m-m0]
					for o := range c.o {
						x[worker][o*K+k] = y[o*K+k] * g
					}
				}
				trace, err := c.pair(s, n, m, d, x[worker], out[worker], K)
				if err != nil {
					return err
				}
				if s.symmetric && m == n {
					traces[i] = trace
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, t := range traces {
			s.trace += t
		}
	}
	return nil
}
