package empirical

import (
	"unsafe"

	"github.com/gontk/ntk/internal/native"
)

// gramBytes bounds the Gram matrices of factors that are held at once, 64 MiB:
// beyond the caches, larger ones gain nothing.
const gramBytes = 64 << 20

// factor adds, for the factors a [B, size, T, J] and δ of a product,
//
//	Θ[n, o, m, p] = Σ_b Σ_ts (a_t·a'_s)(δ_ot·δ'_ps),
//
// the Gram matrices of both for a few rows of examples at a time. δ is
// [B, size, O, T, I]; [B, size, T, O·I] where outputs are summed over;
// [B, O, size, T, I] for Diagonal.
func (c *contraction[F]) factor(s *sum, w *weight, p1, p2 []array) error {
	d, per := w.dims, s.per
	T, k := d.T, d.I
	if c.outputs != Full && c.outputs != Diagonal {
		k = c.o * d.I
	}
	var f F
	perRow := (T + per*T*per) * s.r2 * T * int(unsafe.Sizeof(f))
	chunk := min(s.r1, max(1, gramBytes/max(1, perRow)))
	if s.symmetric && chunk < s.r1 { // eight steps compute 9/16 of the square
		chunk = min(chunk, (s.r1+7)/8)
	}
	for b := range d.B {
		for n0 := 0; n0 < s.r1; n0 += chunk {
			rows := min(chunk, s.r1-n0)
			m0 := 0
			if s.symmetric {
				m0 = n0 // columns before the first row are below the diagonal
			}
			whole := s.symmetric && rows == s.r1
			at := func(n, per, k int) int { return n * per * T * k }
			cols := s.r2 - m0
			ga := c.scratch(0, rows*T*cols*T)
			j := w.width()
			x1, x2 := offset[F](p1[0].ptr, at(b*c.size+s.first+n0, 1, j)), offset[F](p2[0].ptr, at(b*c.size+s.first+m0, 1, j))
			if err := c.gramOfA(w, whole, rows*T, cols*T, x1, x2, ga); err != nil {
				return err
			}
			if whole {
				mirror(ga, T, cols*T)
			}
			for g := range s.groups {
				m, n := rows*per*T, cols*per*T
				gd := c.scratch(1, m*n)
				x := (b*s.groups+g)*c.size + s.first
				d1, d2 := offset[F](p1[1].ptr, at(x+n0, per, k)), offset[F](p2[1].ptr, at(x+m0, per, k))
				if err := c.gram(whole, m, n, k, k, d1, d2, gd); err != nil {
					return err
				}
				if whole {
					mirror(gd, T, n)
				}
				h := hadamard[F]{a: ga, d: gd, T: T, per: per, cols: cols, scale: s.scale}
				traces, err := h.add(c.blas, s, g, n0, m0, rows)
				if err != nil {
					return err
				}
				for _, x := range traces {
					s.trace += x
				}
			}
		}
	}
	return nil
}

// mirror copies the upper triangles of the T × T blocks on the diagonal of a
// square matrix to the lower ones.
func mirror[F float32 | float64](g []F, T, n int) {
	for i := range n {
		for j := i - i%T; j < i; j++ {
			g[i*n+j] = g[j*n+i]
		}
	}
}

// A hadamard sums products of two Gram matrices over pairs of positions.
type hadamard[F float32 | float64] struct {
	a, d   []F // [rows·T, cols·T] and [rows·per·T, cols·per·T]
	T, per int
	cols   int
	scale  float64
}

// add adds, scaled, rows examples from n0 on, columns from example m0 on. It
// returns the terms on the diagonal of a symmetric tile.
func (h hadamard[F]) add(blas *native.BLAS, s *sum, group, n0, m0, rows int) (diagonal []float64, err error) {
	diagonal = make([]float64, rows*h.per)
	if h.T == 1 {
		err = parallel(blas, rows, func(_, n int) error {
			h.example(s, group, n0, m0, n, diagonal[n*h.per:][:h.per])
			return nil
		})
		return diagonal, err
	}
	err = parallel(blas, rows*h.per, func(_, i int) error {
		row := n0*h.per + i
		diagonal[i] = h.row(s.line(group, row, m0), i, max(0, s.from(row)-m0*h.per))
		return nil
	})
	return diagonal, err
}

// example adds the rows of one example where T = 1. It goes along the sum's
// memory: all rows before the next column.
func (h hadamard[F]) example(s *sum, group, n0, m0, n int, diagonal []float64) {
	first := 0
	if s.symmetric {
		first = n0 + n - m0
	}
	a, ldd := h.a[n*h.cols:][:h.cols], h.cols*h.per
	for m := first; m < h.cols; m++ {
		x := h.scale * float64(a[m])
		l := s.line(group, (n0+n)*h.per, m0+m)
		for o := range h.per {
			sums := l.values[o*h.per:][:h.per]
			for p, y := range h.d[(n*h.per+o)*ldd+m*h.per:][:h.per] {
				sums[p] += x * float64(y)
			}
		}
	}
	if s.symmetric {
		for o := range diagonal {
			diagonal[o] = float64(a[first]) * float64(h.d[(n*h.per+o)*ldd+first*h.per+o])
		}
	}
}

// row adds row i = (n, o) of the result, cols·per entries, from entry from on.
// It returns that entry's term, unscaled.
func (h hadamard[F]) row(dst line, i, from int) (first float64) {
	T, per := h.T, h.per
	lda, ldd := h.cols*T, h.cols*per*T
	n := i / per
	for t := range T {
		a, d := h.a[(n*T+t)*lda:][:lda], h.d[(i*T+t)*ldd:][:ldd]
		first += float64(dot(a[from/per*T:][:T], d[from*T:][:T]))
		for m := from / per; m < h.cols; m++ {
			x, sums := a[m*T:][:T], dst.at(m)
			for p := max(0, from-m*per); p < per; p++ {
				sums[p] += h.scale * float64(dot(x, d[(m*per+p)*T:][:T]))
			}
		}
	}
	return first
}

// dot returns Σ x·y in four partial sums, which compilers overlap.
func dot[F float32 | float64](x, y []F) F {
	var s0, s1, s2, s3 F
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
		s2 += x[i+2] * y[i+2]
		s3 += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// sequential adds, for a [B, size, T, J] and δ [B, size, O, T, I],
//
//	X[p, t, i] = Σ_s (a_t·a'_s) δ'[p, s, i],   Θ[n, o, m, p] = Σ_ti δ[o, t, i] X[p, t, i],
//
// pair by pair: it never holds a Gram matrix of δ.
func (c *contraction[F]) sequential(s *sum, w *weight, p1, p2 []array) error {
	d, r1, r2 := w.dims, s.r1, s.r2
	T, ti := d.T, d.T*d.I
	workers := max(1, c.blas.Threads())
	x, out := make([][]F, workers), make([][]F, workers)
	for k := range workers {
		x[k], out[k] = make([]F, c.o*ti), make([]F, c.o*c.o)
	}
	for b := range d.B {
		for n := range r1 {
			m0 := 0
			if s.symmetric {
				m0 = n
			}
			cols := r2 - m0
			at := func(n int) int { return (b*c.size + s.first + n) * T * w.width() }
			ga := c.scratch(0, T*cols*T)
			if err := c.gramOfA(w, false, T, cols*T, offset[F](p1[0].ptr, at(n)), offset[F](p2[0].ptr, at(m0)), ga); err != nil {
				return err
			}
			dn := unsafe.Slice((*F)(offset[F](p1[1].ptr, (b*c.size+s.first+n)*c.o*ti)), c.o*ti)
			err := parallel(c.blas, cols, func(k, j int) error {
				m := m0 + j
				dm := offset[F](p2[1].ptr, (b*c.size+s.first+m)*c.o*ti)
				for p := range c.o {
					if err := gemmNN(c.blas, T, d.I, T, unsafe.Pointer(&ga[j*T]), cols*T, offset[F](dm, p*ti), d.I, x[k][p*ti:][:ti], d.I); err != nil {
						return err
					}
				}
				trace, err := c.pair(s, n, m, dn, x[k], out[k], ti)
				if s.symmetric && m == n {
					s.trace += trace // one task an n
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pair adds Σ_ti δ[o]·X[p] of one pair of examples to its entries, and returns
// what it added where o = p, unscaled.
func (c *contraction[F]) pair(s *sum, n, m int, d, x, out []F, ti int) (trace float64, err error) {
	if c.outputs == Full {
		if err := gemmNT(c.blas, c.o, c.o, ti, unsafe.Pointer(&d[0]), ti, unsafe.Pointer(&x[0]), ti, out, c.o); err != nil {
			return 0, err
		}
		for o := range c.o {
			trace += float64(out[o*c.o+o])
			row := s.line(0, n*c.o+o, m).at(0)
			for p := range c.o {
				row[p] += s.scale * float64(out[o*c.o+p])
			}
		}
		return trace, nil
	}
	for o := range c.o {
		y := float64(dot(d[o*ti:][:ti], x[o*ti:][:ti]))
		trace += y
		group := 0
		if c.outputs == Diagonal {
			group = o
		}
		s.line(group, n, m).at(0)[0] += s.scale * y
	}
	return trace, nil
}
