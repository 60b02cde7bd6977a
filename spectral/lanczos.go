package spectral

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// LanczosOptions configures [Lanczos].
type LanczosOptions struct {
	// Smallest asks for the smallest eigenvalues instead of the largest. Where
	// they crowd next to zero, as those of kernels do, they may not converge.
	Smallest bool
	// Tol is the largest residual relative to the eigenvalue; 0 means 1e-10.
	Tol float64
	// Noise is the error of one product relative to ‖A‖: residuals below it
	// count as converged. 0 means 8·√n·2⁻⁵², float64; say 1e-6 for float32.
	Noise float64
	// Block is how many vectors are multiplied at a time; 0 means 1, and up to
	// 4 for a BlockOperator.
	Block int
	// Basis is how many vectors are kept; 0 means 2k + 16 + 4·Block. It is
	// raised to k + 3·Block and lowered to n.
	Basis int
	// MaxProducts bounds products; 0 means 10·n + 1000. A step is not cut short,
	// k products are made in any case, and k more check the result.
	MaxProducts int
	// Simple trusts that the eigenvalues asked for are distinct, and saves the
	// search for copies.
	Simple bool
	// Seed chooses the random vectors.
	Seed uint64
	// Progress, if not nil, is called whenever convergence was looked at.
	Progress func(Progress)
}

// Lanczos returns the k largest eigenvalues of op, repeated ones as often as
// they are repeated, with eigenvectors and true residuals.
//
// It is a block Lanczos method with full orthogonalization and thick restarts.
// A Krylov space has one copy of a repeated eigenvalue for each start vector.
// So when k pairs have converged, they are set aside, V, and a Krylov space of
//
//	B = (I − VVᵀ)·A·(I − VVᵀ)
//
// grows from fresh random vectors, until B has an eigenvalue that is more than
// 2·Tol above λ_k, or having missed one has probability below 1e-9 by the bound of Kuczyński and
// Woźniakowski,
//
//	P ≤ 1.648·√n·exp(−√ε·(2s−1)),
//
// for s steps after which the largest Ritz value of B is below λ_k by the
// fraction ε of the spectrum's extent, as the Ritz values have it; or until that
// Ritz pair has converged, to 1e-9 of its distance from λ_k or to the noise.
// Invariant subspaces are left by fresh random vectors, so operators of low
// rank, zero among them, are no exception. Pairs whose true residuals turn out
// too large are improved from there.
//
// If something did not converge within MaxProducts, it returns the pairs so far
// and [ErrNotConverged]. It returns [ErrNotFinite] if a product is NaN or
// infinite. It holds (Basis + 2·Block + k)·n numbers.
//
// Source: Wu, Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602 (thick restarts);
// Kuczyński, Woźniakowski, SIAM J. Matrix Anal. Appl. 13 (1992) 1094.
func Lanczos(ctx context.Context, op Operator, k int, opts LanczosOptions) (*Pairs, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, err
	}
	if err := checkCount("Lanczos", k, a.n); err != nil {
		return nil, err
	}
	acc, err := newAccuracy("Lanczos", opts.Tol, opts.Noise, a.n)
	if err != nil {
		return nil, err
	}
	if opts.Block < 0 || opts.Basis < 0 || opts.MaxProducts < 0 {
		return nil, fmt.Errorf("spectral: Lanczos: Block %d, Basis %d and MaxProducts %d must not be negative",
			opts.Block, opts.Basis, opts.MaxProducts)
	}
	if opts.Smallest {
		a.sign = -1
	}
	l := newLanczos(a, k, acc, opts)
	pairs, err := l.solve(ctx)
	if err != nil {
		return nil, err
	}
	pairs.Vectors = slices.Clone(pairs.Vectors) // and let go of the basis
	const remedy = "allow more MaxProducts, a larger Basis or Tol, or state the operator's Noise"
	if err := pairs.verdict("Lanczos", remedy); err != nil {
		return pairs, err
	}
	if !opts.Simple && !pairs.Checked {
		return pairs, fmt.Errorf("spectral: Lanczos: %w: the pairs did, after %d products, but not the search for copies of repeated eigenvalues; allow more MaxProducts, or set Simple",
			ErrNotConverged, pairs.Products)
	}
	return pairs, nil
}

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
