package spectral

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
)

// lanczos is a decomposition A·V = V·H + F·G of the rows v_0 … v_{p−1} of V and
// the frontier F of f rows after them, all orthonormal, in columns. During the
// search for copies the first k rows are set aside: then it is one of B, and H
// has V's products with them, too.
type lanczos struct {
	a    *product
	acc  accuracy
	opts LanczosOptions

	n, k, b, m int
	most       int       // products
	v          []float64 // [m+b, n]
	p, f       int
	h          blas64.General // [m+b, m+b], its first p rows and columns
	g          blas64.General // [f, p]
	norm       float64        // the largest ‖A·q‖ of a unit vector q seen

	theta []float64      // Ritz values of H without the rows set aside
	s     blas64.General // and vectors, in columns

	draws int // random vectors drawn
	steps int
	low   float64 // the smallest Ritz value seen

	search search
}

func newLanczos(a *product, k int, acc accuracy, opts LanczosOptions) *lanczos {
	b := min(a.width(opts.Block, 4), a.n)
	m := opts.Basis
	if m == 0 {
		m = 2*k + 16 + 4*b
	}
	m = min(max(m, k+3*b), a.n)
	l := &lanczos{
		a: a, acc: acc, opts: opts, n: a.n, k: k, b: b, m: m, most: opts.MaxProducts,
		v: make([]float64, (m+b)*a.n), h: zeros(m+b, m+b), low: math.Inf(1),
	}
	if l.most == 0 {
		l.most = 10*l.n + 1000
	}
	l.fill(startStream)
	return l
}

func (l *lanczos) basis(k int) blas64.General { return rows(l.v, k, l.n) }

func (l *lanczos) spent() bool { return l.a.count+l.b > l.most }

// solve runs until residuals computed anew are small or cease to fall: what the
// decomposition neglects, such as the residuals of pairs that were set aside,
// does not show before.
func (l *lanczos) solve(ctx context.Context) (*Pairs, error) {
	last := math.Inf(1)
	for {
		if err := l.run(ctx); err != nil {
			return nil, err
		}
		pairs := &Pairs{Values: l.leading(), Vectors: l.v[:l.k*l.n], Checked: l.search.clean, Iterations: l.steps}
		r, err := pairs.finish(ctx, l.a, l.acc, l.norm)
		if err != nil {
			return nil, err
		}
		worst := pairs.worst()
		if worst == 0 || worst > last/2 || l.spent() || l.k == l.n {
			return pairs, nil
		}
		last = worst
		l.resume(pairs, r)
	}
}

// run steps until the leading k pairs converged and no copy was missed, or the
// products are used up.
func (l *lanczos) run(ctx context.Context) error {
	looked := 0
	for {
		if err := l.step(ctx); err != nil {
			return err
		}
		full := l.p+l.f > l.m || l.f == 0
		// A dense eigenproblem takes time too: look at every tenth vector.
		if l.p < l.k || !full && !l.spent() && l.p-looked < max(l.b, l.p/10) {
			continue
		}
		looked = l.p
		if err := l.look(); err != nil {
			return err
		}
		if done, err := l.done(); done || err != nil {
			return err
		}
		if l.spent() {
			return nil
		}
		if l.p+l.f > l.m {
			l.shrink(l.k + (l.m-l.k)/3)
			l.search.restarted = true
		}
		looked = min(looked, l.p)
	}
}

// step multiplies the frontier, makes it part of the basis, and what is new in
// the product the next frontier.
func (l *lanczos) step(ctx context.Context) error {
	at, f := l.p, l.f
	w := zeros(f, l.n)
	if err := l.a.mul(ctx, w, rows(l.v[at*l.n:], f, l.n)); err != nil {
		return err
	}
	for j := range f {
		l.norm = max(l.norm, blas64.Nrm2(vector(row(w, j))))
	}
	kept, c, r := orthonormalize(l.basis(at+f), w, l.acc.noise*l.norm)
	for j := range f {
		for i := range at + f {
			l.h.Data[i*l.h.Stride+at+j] = c.Data[i*c.Stride+j]
			l.h.Data[(at+j)*l.h.Stride+i] = c.Data[i*c.Stride+j]
		}
	}
	l.p += f
	kept = min(kept, l.n-l.p)
	copy(l.v[l.p*l.n:], w.Data[:kept*l.n])
	l.f = kept
	l.fill(fillStream)
	l.g = zeros(l.f, l.p)
	for i := range kept {
		copy(row(l.g, i)[at:], row(r, i))
	}
	l.steps++
	l.search.steps++
	return nil
}

// fill brings the frontier to b rows with random vectors, which nothing in the
// basis is coupled to.
func (l *lanczos) fill(s stream) {
	for l.f < min(l.b, l.n-l.p) {
		used := l.p + l.f
		randomRow(l.basis(used), l.v[used*l.n:][:l.n], l.opts.Seed, s, &l.draws)
		l.f++
	}
}

// look computes the Ritz pairs.
func (l *lanczos) look() (err error) {
	at := l.search.aside
	h := blas64.General{Rows: l.p - at, Cols: l.p - at, Stride: l.h.Stride, Data: l.h.Data[at*l.h.Stride+at:]}
	if l.theta, l.s, err = eigenSym(h); err != nil {
		return err
	}
	l.low = min(l.low, l.theta[len(l.theta)-1])
	return nil
}

// residual estimates the residual norm of Ritz pair i, ‖G·s_i‖.
func (l *lanczos) residual(i int) float64 {
	sum := 0.0
	for j := range l.f {
		s := blas64.Vector{N: l.s.Rows, Inc: l.s.Stride, Data: l.s.Data[i:]}
		d := blas64.Dot(vector(row(l.g, j)[l.search.aside:]), s)
		sum = math.Hypot(sum, d)
	}
	return sum
}

// done says whether to stop; it begins the search for copies when all pairs
// have converged, and ends it.
func (l *lanczos) done() (bool, error) {
	converged, worst := l.k, 0.0
	if l.search.aside == 0 {
		for i := range l.k {
			if r := l.residual(i); r > l.acc.limit(l.theta[i], l.norm) {
				converged--
				worst = max(worst, r/l.norm)
			}
		}
	}
	if l.opts.Progress != nil {
		l.opts.Progress(Progress{Done: converged, Total: l.k, Products: l.a.count, Residual: worst})
	}
	switch {
	case l.p == l.n: // Ritz pairs of the whole space are eigenpairs, all of them
		l.search.aside, l.search.clean = 0, true
		return true, l.look()
	case l.search.aside > 0:
		return l.searched()
	case converged < l.k:
		return false, nil
	case l.opts.Simple || l.search.clean:
		return true, nil
	}
	l.beginSearch()
	return false, nil
}

// leading makes the first k rows the leading Ritz vectors and returns their values.
func (l *lanczos) leading() []float64 {
	if l.search.aside > 0 {
		l.search.aside = 0
		return slices.Clone(l.search.values)
	}
	combine(l.basis(l.p), columns(l.s, l.k))
	return slices.Clone(l.theta[:l.k])
}
