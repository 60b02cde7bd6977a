package empirical

import (
	"unsafe"
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
func (c *contraction[F]) factor(term []float64, w *weight, b1, b2 *block, p1, p2 []array) error {
	d, r1, r2 := w.dims, b1.rows, b2.rows
	T := d.T
	// Each group of rows of δ's Gram matrix: what it has beside examples and positions.
	groups, rowsPer, k := 1, 1, d.I // Diagonal: O Gram matrices
	switch {
	case c.outputs == Diagonal:
		groups = c.o
	case c.outputs == Full:
		rowsPer = c.o
	default:
		k = c.o * d.I
	}
	var f F
	perRow := (T + rowsPer*T*rowsPer) * r2 * T * int(unsafe.Sizeof(f))
	chunk := min(r1, max(1, gramBytes/max(1, perRow)))
	if b1 == b2 { // eight steps compute 9/16 of the square, one all of it
		chunk = min(chunk, (r1+7)/8)
	}
	for b := range d.B {
		for n0 := 0; n0 < r1; n0 += chunk {
			rows := min(chunk, r1-n0)
			m0 := 0
			if b1 == b2 {
				m0 = n0 // columns before the first row are below the diagonal
			}
			cols := r2 - m0
			at := func(n int) int { return (b*c.size + n) * T * d.J }
			ga := c.scratch(0, rows*T*cols*T)
			if err := gemmNT(c.blas, rows*T, cols*T, d.J, offset[F](p1[0].ptr, at(n0)), d.J, offset[F](p2[0].ptr, at(m0)), d.J, ga, cols*T); err != nil {
				return err
			}
			for g := range groups {
				at := func(n int) int { return ((b*groups+g)*c.size + n) * rowsPer * T * k }
				ld := cols * rowsPer * T
				gd := c.scratch(1, rows*rowsPer*T*ld)
				if err := gemmNT(c.blas, rows*rowsPer*T, ld, k, offset[F](p1[1].ptr, at(n0)), k, offset[F](p2[1].ptr, at(m0)), k, gd, ld); err != nil {
					return err
				}
				h := hadamard[F]{ga, gd, T, rowsPer, cols}
				out := term[g*r1*r2*rowsPer*rowsPer:]
				err := parallel(c.blas, rows*rowsPer, func(_, i int) error {
					h.row(out[(n0*rowsPer+i)*r2*rowsPer+m0*rowsPer:], i)
					return nil
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A hadamard sums products of two Gram matrices over pairs of positions.
type hadamard[F float32 | float64] struct {
	a, d   []F // [rows·T, cols·T] and [rows·per·T, cols·per·T]
	T, per int
	cols   int
}

// row adds row i = (n, o) of the result, cols·per entries.
func (h hadamard[F]) row(dst []float64, i int) {
	T, per := h.T, h.per
	lda, ldd := h.cols*T, h.cols*per*T
	n := i / per
	if T == 1 {
		a, d := h.a[n*lda:][:lda], h.d[i*ldd:][:ldd]
		for m, x := range a {
			for p := range per {
				dst[m*per+p] += float64(x) * float64(d[m*per+p])
			}
		}
		return
	}
	for t := range T {
		a, d := h.a[(n*T+t)*lda:][:lda], h.d[(i*T+t)*ldd:][:ldd]
		for m := range h.cols {
			x := a[m*T:][:T]
			for p := range per {
				dst[m*per+p] += float64(dot(x, d[(m*per+p)*T:][:T]))
			}
		}
	}
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
func (c *contraction[F]) sequential(term []float64, w *weight, b1, b2 *block, p1, p2 []array) error {
	d, r1, r2 := w.dims, b1.rows, b2.rows
	T, ti := d.T, d.T*d.I
	workers := max(1, c.blas.Threads())
	x, out := make([][]F, workers), make([][]F, workers)
	for k := range workers {
		x[k], out[k] = make([]F, c.o*ti), make([]F, c.o*c.o)
	}
	for b := range d.B {
		for n := range r1 {
			m0 := 0
			if b1 == b2 {
				m0 = n
			}
			cols := r2 - m0
			at := func(n int) int { return (b*c.size + n) * T * d.J }
			ga := c.scratch(0, T*cols*T)
			if err := gemmNT(c.blas, T, cols*T, d.J, offset[F](p1[0].ptr, at(n)), d.J, offset[F](p2[0].ptr, at(m0)), d.J, ga, cols*T); err != nil {
				return err
			}
			dn := unsafe.Slice((*F)(offset[F](p1[1].ptr, (b*c.size+n)*c.o*ti)), c.o*ti)
			err := parallel(c.blas, cols, func(k, j int) error {
				m := m0 + j
				dm := offset[F](p2[1].ptr, (b*c.size+m)*c.o*ti)
				for p := range c.o {
					if err := gemmNN(c.blas, T, d.I, T, unsafe.Pointer(&ga[j*T]), cols*T, offset[F](dm, p*ti), d.I, x[k][p*ti:][:ti], d.I); err != nil {
						return err
					}
				}
				return c.pair(term, n, m, r1, r2, dn, x[k], out[k], ti)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pair adds Σ_ti δ[o]·X[p] of one pair of examples to its entries.
func (c *contraction[F]) pair(term []float64, n, m, r1, r2 int, d, x, out []F, ti int) error {
	switch c.outputs {
	case Full:
		if err := gemmNT(c.blas, c.o, c.o, ti, unsafe.Pointer(&d[0]), ti, unsafe.Pointer(&x[0]), ti, out, c.o); err != nil {
			return err
		}
		for o := range c.o {
			row := term[(n*c.o+o)*r2*c.o+m*c.o:]
			for p := range c.o {
				row[p] += float64(out[o*c.o+p])
			}
		}
	case Diagonal:
		for o := range c.o {
			term[(o*r1+n)*r2+m] += float64(dot(d[o*ti:][:ti], x[o*ti:][:ti]))
		}
	default:
		for o := range c.o {
			term[n*r2+m] += float64(dot(d[o*ti:][:ti], x[o*ti:][:ti]))
		}
	}
	return nil
}
