package spectral

import (
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// resume goes on from pairs of which some did not converge, with up to b of
// their residuals r as frontier, and forgets the rest of the basis.
func (l *lanczos) resume(pairs *Pairs, r blas64.General) {
	l.p, l.f = l.k, 0
	w := zeros(l.b, l.n)
	from := make([]int, 0, l.b)
	for i := 0; i < l.k && len(from) < l.b; i++ {
		if !pairs.Converged[i] {
			copy(row(w, len(from)), row(r, i))
			from = append(from, i)
		}
	}
	w = rows(w.Data, len(from), l.n)
	kept, _, g := orthonormalize(l.basis(l.k), w, l.acc.noise*l.norm)
	kept = min(kept, l.n-l.k)
	copy(l.v[l.k*l.n:], w.Data[:kept*l.n])
	l.f = kept
	l.fill(fillStream)
	l.g = zeros(l.f, l.k)
	for i := range kept {
		for j, at := range from {
			l.g.Data[i*l.g.Stride+at] = g.Data[i*g.Stride+j]
		}
	}
	for i := range l.k {
		clear(row(l.h, i)[:l.k])
		l.h.Data[i*l.h.Stride+i] = pairs.Values[i] * l.a.sign
	}
}

// shrink keeps what is set aside, then Ritz vectors, q rows in all, and the
// frontier.
func (l *lanczos) shrink(q int) {
	at := l.search.aside
	q = min(q, l.p)
	s := columns(l.s, q-at)
	combine(rows(l.v[at*l.n:], l.p-at, l.n), s)
	copy(l.v[q*l.n:], l.v[l.p*l.n:][:l.f*l.n])
	for i := range at { // products of the rows set aside with the others
		x := slices.Clone(row(l.h, i)[at:l.p])
		y := row(l.h, i)[at:q]
		blas64.Gemv(blas.Trans, 1, s, vector(x), 0, vector(y))
		for j, z := range y {
			l.h.Data[(at+j)*l.h.Stride+i] = z
		}
	}
	for i := at; i < q; i++ {
		clear(row(l.h, i)[at:q])
		l.h.Data[i*l.h.Stride+i] = l.theta[i-at]
	}
	g := zeros(l.f, q)
	for i := range l.f {
		blas64.Gemv(blas.Trans, 1, s, vector(row(l.g, i)[at:]), 0, vector(row(g, i)[at:]))
	}
	l.p, l.g = q, g
}
