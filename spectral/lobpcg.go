package spectral

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// LOBPCGOptions configures [LOBPCG].
type LOBPCGOptions struct {
	// Smallest asks for the smallest eigenvalues instead of the largest. Where
	// they crowd next to zero, as those of kernels do, they may not converge.
	Smallest bool
	// Tol is the largest residual relative to the eigenvalue; 0 means 1e-8.
	Tol float64
	// Noise is the error of one product relative to ‖A‖: residuals below it
	// count as converged. 0 means 8·√n·2⁻⁵², float64; say 1e-6 for float32.
	Noise float64
	// Guard is how many vectors are iterated beyond k, which speeds up the last
	// of the k; 0 means 2 + k/4. The sum is lowered to n.
	Guard int
	// Preconditioner, if not nil, is positive definite and approximates the
	// inverse of A − σI near the eigenvalues sought, up to sign and scale.
	Preconditioner Operator
	// Start [k, n], if not nil, are vectors to begin with, such as those of a
	// nearby operator. They need not be orthonormal.
	Start []float64
	// MaxIterations bounds iterations; 0 means 1000.
	MaxIterations int
	// Seed chooses the random vectors.
	Seed uint64
	// Progress, if not nil, is called after each iteration.
	Progress func(Progress)
}

// LOBPCG returns the k largest eigenvalues of op, repeated ones as often as they
// are repeated, with eigenvectors and true residuals. It multiplies one block an
// iteration; a preconditioner or a good Start is where it beats [Lanczos].
//
// It is the locally optimal block conjugate gradient method: Rayleigh–Ritz over
// the current vectors X, the preconditioned residuals W and the last directions
// P. The basis is orthonormalized in full, dependent directions are dropped, P
// comes from an orthonormal completion of the Ritz vectors' coefficients, and
// converged vectors stay in X without giving new directions (soft locking).
//
// If something did not converge within MaxIterations, it returns the pairs so
// far and [ErrNotConverged]. It returns [ErrNotFinite] if a product is NaN or
// infinite. It holds 7·(k + Guard)·n numbers, 8 with a preconditioner.
//
// Source: Knyazev, SIAM J. Sci. Comput. 23 (2001) 517; Duersch, Shao, Yang, Gu,
// SIAM J. Sci. Comput. 40 (2018) C655 (choice of the basis).
func LOBPCG(ctx context.Context, op Operator, k int, opts LOBPCGOptions) (*Pairs, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, err
	}
	if err := checkCount("LOBPCG", k, a.n); err != nil {
		return nil, err
	}
	if opts.Tol == 0 {
		opts.Tol = 1e-8
	}
	acc, err := newAccuracy("LOBPCG", opts.Tol, opts.Noise, a.n)
	if err != nil {
		return nil, err
	}
	if opts.Guard < 0 || opts.MaxIterations < 0 {
		return nil, fmt.Errorf("spectral: LOBPCG: Guard %d and MaxIterations %d must not be negative", opts.Guard, opts.MaxIterations)
	}
	if opts.Start != nil && len(opts.Start) != k*a.n {
		return nil, fmt.Errorf("spectral: LOBPCG: Start has %d numbers; want %d vectors of %d", len(opts.Start), k, a.n)
	}
	if opts.Smallest {
		a.sign = -1
	}
	l := &lobpcg{a: a, acc: acc, opts: opts, n: a.n, k: k}
	if l.t, err = newPreconditioner(opts.Preconditioner, "LOBPCG", a.n); err != nil {
		return nil, err
	}
	if err := l.run(ctx); err != nil {
		return nil, err
	}
	pairs := &Pairs{
		Values: slices.Clone(l.theta[:k]), Vectors: slices.Clone(l.s[:k*a.n]), // and lets go of the basis
		Iterations: l.iterations,
	}
	if _, err := pairs.finish(ctx, a, acc, l.norm); err != nil {
		return nil, err
	}
	return pairs, pairs.verdict("LOBPCG", "allow more MaxIterations, more Guard or a larger Tol, precondition, or state the operator's Noise")
}

// lobpcg holds the basis S = [X, P, W] in rows, x, p and w of them, and A·S.
type lobpcg struct {
	a, t *product // t is nil without a preconditioner
	acc  accuracy
	opts LOBPCGOptions
	n, k int

	s, as   []float64 // [3·x, n] each
	x, p, w int
	theta   []float64 // of X
	norm    float64
	draws   int

	iterations int
}

func (l *lobpcg) start(ctx context.Context) error {
	guard := l.opts.Guard
	if guard == 0 {
		guard = 2 + l.k/4
	}
	l.x = min(l.k+guard, l.n)
	l.s, l.as = make([]float64, 3*l.x*l.n), make([]float64, 3*l.x*l.n)
	if l.opts.Start != nil {
		if err := checkVectors("LOBPCG", "Start", l.opts.Start, l.n); err != nil {
			return err
		}
		copy(l.s, l.opts.Start)
	}
	return l.refresh(ctx)
}

// refresh computes A·X anew, makes X Ritz vectors and forgets P. Random vectors
// take the place of rows of X that are zero or dependent.
func (l *lobpcg) refresh(ctx context.Context) error {
	x := rows(l.s, l.x, l.n)
	normalize(x)
	kept, _, _ := orthonormalize(zeros(0, l.n), x, dependent)
	for ; kept < l.x; kept++ {
		randomRow(rows(l.s, kept, l.n), row(x, kept), l.opts.Seed, startStream, &l.draws)
	}
	if err := l.a.mul(ctx, rows(l.as, l.x, l.n), x); err != nil {
		return err
	}
	l.p, l.w = 0, 0
	return l.ritz(nil)
}

func (l *lobpcg) run(ctx context.Context) error {
	if err := l.start(ctx); err != nil {
		return err
	}
	most := l.opts.MaxIterations
	if most == 0 {
		most = 1000
	}
	fresh := true // A·X is a product, not a combination of products
	for l.iterations = 0; l.iterations < most; l.iterations++ {
		r, active := l.residuals(fresh)
		if l.opts.Progress != nil {
			l.report(r)
		}
		if len(active) == 0 || active[0] >= l.k {
			if fresh || l.x == l.n {
				return nil
			}
			if err := l.refresh(ctx); err != nil {
				return err
			}
			fresh = true
			continue
		}
		if l.x == l.n {
			return nil // Rayleigh–Ritz over the whole space has no more to give
		}
		if err := l.directions(ctx, r, active); err != nil {
			return err
		}
		if err := l.ritz(active); err != nil {
			return err
		}
		fresh = false
	}
	return nil
}

// residuals returns A·X − X·θ, and which rows of it have not converged. A fresh
// product errs by the noise, and is judged as [Pairs.finish] does.
func (l *lobpcg) residuals(fresh bool) (blas64.General, []int) {
	r := zeros(l.x, l.n)
	copy(r.Data, l.as[:l.x*l.n])
	var active []int
	for i := range l.x {
		blas64.Axpy(-l.theta[i], vector(l.s[i*l.n:][:l.n]), vector(row(r, i)))
		limit := l.acc.limit(l.theta[i], l.norm)
		if fresh {
			limit += l.acc.noise * l.norm
		}
		if !(blas64.Nrm2(vector(row(r, i))) <= limit) {
			active = append(active, i)
		}
	}
	return r, active
}

func (l *lobpcg) report(r blas64.General) {
	p := Progress{Total: l.k, Products: l.a.count}
	for i := range l.k {
		if norm := blas64.Nrm2(vector(row(r, i))); norm <= l.acc.limit(l.theta[i], l.norm) {
			p.Done++
		} else {
			p.Residual = max(p.Residual, norm/l.norm)
		}
	}
	l.opts.Progress(p)
}

// directions appends to S what the active residuals add, and its product.
func (l *lobpcg) directions(ctx context.Context, r blas64.General, active []int) error {
	at := l.x + l.p
	count := min(len(active), l.n-at)
	w := rows(l.s[at*l.n:], count, l.n)
	for i, j := range active[:count] {
		copy(row(w, i), row(r, j))
	}
	if l.t != nil {
		z := zeros(count, l.n)
		if err := l.t.mul(ctx, z, w); err != nil {
			return err
		}
		copy(w.Data, z.Data)
	}
	normalize(w)
	l.w, _, _ = orthonormalize(rows(l.s, at, l.n), w, dependent)
	if l.w == 0 && at < l.n { // the residuals say nothing new, which noise may do
		randomRow(rows(l.s, at, l.n), l.s[at*l.n:][:l.n], l.opts.Seed, fillStream, &l.draws)
		l.w = 1
	}
	return l.a.mul(ctx, rows(l.as[at*l.n:], l.w, l.n), rows(l.s[at*l.n:], l.w, l.n))
}

// ritz replaces X by the leading Ritz vectors over S, and P by the parts of
// the active ones that lie outside the old X, orthonormal to the new one. These
// parts are taken from the coefficients, where X, P and W are unit vectors, so
// S stays orthonormal and A·S needs no product.
func (l *lobpcg) ritz(active []int) error {
	d := l.x + l.p + l.w
	s, as := rows(l.s, d, l.n), rows(l.as, d, l.n)
	h := zeros(d, d)
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, s, as, 0, h)
	theta, u, err := eigenSym(h)
	if err != nil {
		return err
	}
	l.theta = theta[:l.x]
	l.norm = max(l.norm, math.Abs(theta[0]), math.Abs(theta[d-1]))

	cx := zeros(l.x, d) // coefficients, one vector a row
	for i := range l.x {
		for j := range d {
			cx.Data[i*d+j] = u.Data[j*d+i]
		}
	}
	count := min(len(active), d-l.x)
	cp := zeros(count, d)
	for i, j := range active[:count] {
		copy(row(cp, i)[l.x:], row(cx, j)[l.x:])
	}
	normalize(cp)
	l.p, _, _ = orthonormalize(cx, cp, 1e-6)
	l.w = 0

	c := zeros(d, l.x+l.p)
	for j := range d {
		for i := range l.x {
			c.Data[j*c.Stride+i] = cx.Data[i*d+j]
		}
		for i := range l.p {
			c.Data[j*c.Stride+l.x+i] = cp.Data[i*d+j]
		}
	}
	combine(s, c)
	combine(as, c)
	return nil
}
