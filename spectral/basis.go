package spectral

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// dependent is how short a unit vector's remainder may get before the vector
// counts as dependent on the others.
const dependent = 1e-10

// orthonormalize makes the rows of w orthonormal, to each other and to those of
// v, in place. Rows whose remainder is not longer than drop are left out; the
// kept ones come first. With q the kept rows,
//
//	w_j = Σ_i c[i, j]·v_i + Σ_l r[l, j]·q_l + (what was dropped).
//
// It projects until a projection no longer shortens a row much, which makes
// rows orthogonal to rounding.
//
// Source: Daniel, Gragg, Kaufman, Stewart, Math. Comp. 30 (1976) 772, section 4.
func orthonormalize(v, w blas64.General, drop float64) (kept int, c, r blas64.General) {
	b := w.Rows
	c, r = zeros(v.Rows, max(b, 1)), zeros(b, max(b, 1))
	project(v, w, c)
	before := make([]float64, b)
	for j := range b {
		before[j] = blas64.Nrm2(vector(row(w, j)))
	}
	project(v, w, c)
	for j := range b {
		x := row(w, j)
		subtract(w, kept, x, r, j)
		after := blas64.Nrm2(vector(x))
		// Remainders of remainders at the level of rounding may never settle, so
		// the number of passes is bounded; what is shorter than drop leaves first.
		for pass := 0; after <= 0.7*before[j] && after > drop && pass < 6; pass++ {
			before[j] = after
			subtract(v, v.Rows, x, c, j)
			subtract(w, kept, x, r, j)
			after = blas64.Nrm2(vector(x))
		}
		if !(after > drop) {
			continue
		}
		blas64.Scal(1/after, vector(x))
		copy(row(w, kept), x)
		r.Data[kept*r.Stride+j] = after
		kept++
	}
	return kept, c, r
}

// normalize scales the rows of x to length 1, but for those that are zero.
func normalize(x blas64.General) {
	for i := range x.Rows {
		if r := blas64.Nrm2(vector(row(x, i))); r > 0 {
			blas64.Scal(1/r, vector(row(x, i)))
		}
	}
}

// project subtracts from the rows of w their components along v's, and adds
// these to c.
func project(v, w, c blas64.General) {
	if v.Rows == 0 || w.Rows == 0 {
		return
	}
	d := zeros(v.Rows, w.Rows)
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, v, w, 0, d)
	blas64.Gemm(blas.Trans, blas.NoTrans, -1, d, v, 1, w)
	blas64.Axpy(1, vector(d.Data), vector(c.Data))
}

// subtract takes from x its components along the first k rows of q and adds
// these to column j of c.
func subtract(q blas64.General, k int, x []float64, c blas64.General, j int) {
	for i := range k {
		d := blas64.Dot(vector(row(q, i)), vector(x))
		blas64.Axpy(-d, vector(row(q, i)), vector(x))
		c.Data[i*c.Stride+j] += d
	}
}

// combine replaces the first rows of v by those of cᵀ·v, in place, some columns
// at a time. c [rows of v, number of new rows] has no more columns than rows.
func combine(v, c blas64.General) {
	const chunk = 512
	buffer := make([]float64, v.Rows*chunk)
	for at := 0; at < v.Cols; at += chunk {
		wide := min(chunk, v.Cols-at)
		from := blas64.General{Rows: v.Rows, Cols: wide, Stride: wide, Data: buffer}
		for i := range v.Rows {
			copy(row(from, i), row(v, i)[at:at+wide])
		}
		to := blas64.General{Rows: c.Cols, Cols: wide, Stride: v.Stride, Data: v.Data[at:]}
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, c, from, 0, to)
	}
}

// randomRow sets x to a random unit vector orthogonal to the rows of v, of
// which there must be fewer than n. next counts draws.
func randomRow(v blas64.General, x []float64, seed uint64, s stream, next *int) {
	for {
		gaussian(x, seed, s, *next)
		*next++
		w := rows(x, 1, len(x))
		// A remainder that short is mostly rounding; n draws in a row do not fail.
		if kept, _, _ := orthonormalize(v, w, 1e-6); kept == 1 {
			return
		}
	}
}
