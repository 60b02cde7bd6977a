package spectral

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// SolveOptions configures [Solve].
type SolveOptions struct {
	// Tol is the largest ‖B − (A+ρI)·X‖ of a right-hand side relative to its
	// ‖B‖; 0 means 1e-10.
	Tol float64
	// MaxIterations bounds iterations; 0 means 2·n + 100.
	MaxIterations int
	// Preconditioner, if not nil, is positive definite and approximates the
	// inverse of A + ρI up to scale.
	Preconditioner Operator
	// Start [k, n], if not nil, is where X begins; nil means 0.
	Start []float64
	// Progress, if not nil, is called after each iteration.
	Progress func(Progress)
}

// A Solution of (A + ρI)·X = B.
type Solution struct {
	// X [k, n] are the solutions, one after another.
	X []float64
	// Residuals are ‖B − (A+ρI)·X‖ / ‖B‖ for each right-hand side, from products
	// made at the end; where B is 0, X is 0 and so is the residual.
	Residuals []float64
	// Converged says which residuals are as small as asked for.
	Converged []bool
	// History [iterations+1][k] are the residuals as the recurrence had them.
	History [][]float64
	// Iterations counts steps, each of which multiplies one block.
	Iterations int
	// Products counts products with the operator.
	Products int
}

// Solve solves (A + ρI)·X = B for k right-hand sides b [k, n], one after
// another, by preconditioned conjugate gradients; for k > 1 by a block method
// that shares all search directions, which saves iterations where right-hand
// sides excite the same large eigenvalues.
//
// In each step, for the orthonormal directions P and Q = (A+ρI)·P,
//
//	α = (PᵀQ)⁻¹·PᵀR,  X += P·α,  R −= Q·α,  Z = M·R,
//	β = −(PᵀQ)⁻¹·QᵀZ,  P ← orthonormal basis of Z + P·β,
//
// where dependent directions are dropped, and converged right-hand sides give
// none. When the recurrence claims to be done, residuals are computed anew, and
// the method starts again from them if they disagree.
//
// If something did not converge within MaxIterations, or rounding stops it, it
// returns the solution so far and [ErrNotConverged]. It returns [ErrIndefinite]
// if A + ρI or the preconditioner turns out not to be positive definite, and
// [ErrNotFinite] if a product is NaN or infinite. It holds 6·k·n numbers.
//
// Source: Hestenes, Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409; O'Leary,
// Linear Algebra Appl. 29 (1980) 293; Ji, Li, BIT Numer. Math. 57 (2017) 379
// (dropping directions).
func Solve(ctx context.Context, op Operator, rho float64, b []float64, k int, opts SolveOptions) (*Solution, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, err
	}
	c := &cg{a: a, rho: rho, opts: opts, n: a.n, k: k}
	if err := c.check(b); err != nil {
		return nil, err
	}
	c.b, c.x, c.r = rows(b, k, c.n), zeros(k, c.n), zeros(k, c.n)
	why, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	s := &Solution{
		X: c.x.Data, Residuals: c.relative(), Converged: make([]bool, k),
		History: c.history, Iterations: c.iterations, Products: a.count,
	}
	done, worst := 0, 0.0
	for j, r := range s.Residuals {
		worst = max(worst, r)
		if s.Converged[j] = r <= c.opts.Tol; s.Converged[j] {
			done++
		}
	}
	if done < k {
		return s, fmt.Errorf("spectral: solve: %w: %d of %d right-hand sides after %d iterations, largest relative residual %.2g; %s",
			ErrNotConverged, done, k, s.Iterations, worst, why)
	}
	return s, nil
}

type cg struct {
	a, m    *product // m is nil without a preconditioner
	rho     float64
	opts    SolveOptions
	n, k    int
	b, x, r blas64.General // [k, n]
	norms   []float64      // of b

	history    [][]float64
	iterations int
}

func (c *cg) check(b []float64) (err error) {
	switch o := c.opts; {
	case c.k < 1 || len(b) != c.k*c.n:
		return fmt.Errorf("spectral: solve: b has %d numbers; want %d right-hand sides of %d, at least one", len(b), c.k, c.n)
	case o.Start != nil && len(o.Start) != len(b):
		return fmt.Errorf("spectral: solve: Start has %d numbers, b has %d", len(o.Start), len(b))
	case !(c.rho >= 0) || math.IsInf(c.rho, 1):
		return fmt.Errorf("spectral: solve: ρ is %g; want a finite number, 0 or more", c.rho)
	case !(o.Tol >= 0 && o.Tol < 1) || o.MaxIterations < 0:
		return fmt.Errorf("spectral: solve: Tol %g must be at least 0 and below 1, MaxIterations %d not negative", o.Tol, o.MaxIterations)
	}
	if i := firstNotFinite(b); i >= 0 {
		return fmt.Errorf("spectral: solve: %w: b has %g at entry %d of vector %d", ErrNotFinite, b[i], i%c.n, i/c.n)
	}
	if s := c.opts.Start; firstNotFinite(s) >= 0 {
		i := firstNotFinite(s)
		return fmt.Errorf("spectral: solve: %w: Start has %g at entry %d of vector %d", ErrNotFinite, s[i], i%c.n, i/c.n)
	}
	if c.opts.Tol == 0 {
		c.opts.Tol = 1e-10
	}
	if c.opts.MaxIterations == 0 {
		c.opts.MaxIterations = 2*c.n + 100
	}
	if p := c.opts.Preconditioner; p != nil {
		if c.m, err = newProduct(p, "preconditioner"); err != nil {
			return err
		}
		if c.m.n != c.n {
			return fmt.Errorf("spectral: solve: the preconditioner has dimension %d, the operator %d", c.m.n, c.n)
		}
	}
	return nil
}

// run iterates until residuals computed anew are small; if it gives up, it says
// why. R holds such residuals at the end.
func (c *cg) run(ctx context.Context) (why string, err error) {
	for j := range c.k {
		c.norms = append(c.norms, blas64.Nrm2(vector(row(c.b, j))))
	}
	copy(c.r.Data, c.b.Data)
	if c.opts.Start != nil {
		copy(c.x.Data, c.opts.Start)
		for j, norm := range c.norms {
			if norm == 0 {
				clear(row(c.x, j))
			}
		}
		if err := c.residuals(ctx); err != nil {
			return "", err
		}
	}
	c.history = append(c.history, c.relative())
	last := math.Inf(1)
	for {
		if err := c.descend(ctx); err != nil {
			return "", err
		}
		if err := c.residuals(ctx); err != nil {
			return "", err
		}
		worst := maxAbs(c.relative())
		switch {
		case worst <= c.opts.Tol:
			return "", nil
		case c.iterations >= c.opts.MaxIterations:
			return "allow more MaxIterations, precondition, or raise ρ", nil
		case worst > last/2:
			// Each start from true residuals gains digits until rounding of
			// products with X is all there is.
			return "rounding allows no less: the system is too ill-conditioned for Tol; raise ρ or Tol", nil
		}
		last = worst
	}
}

// descend runs the recurrence from R until it claims to be done.
func (c *cg) descend(ctx context.Context) error {
	p := zeros(0, c.n)
	var q blas64.General
	var chol mat.Cholesky
	for c.iterations < c.opts.MaxIterations {
		z, err := c.preconditioned(ctx)
		if err != nil || z.Rows == 0 {
			return err
		}
		if p.Rows > 0 {
			beta := zeros(p.Rows, z.Rows)
			blas64.Gemm(blas.NoTrans, blas.Trans, -1, q, z, 0, beta)
			solveIn(&chol, beta)
			blas64.Gemm(blas.Trans, blas.NoTrans, 1, beta, p, 1, z)
		}
		normalize(z)
		kept, _, _ := orthonormalize(zeros(0, c.n), z, dependent)
		if kept == 0 {
			return nil
		}
		p = rows(z.Data, kept, c.n)
		q = zeros(kept, c.n)
		if err := c.mul(ctx, q, p); err != nil {
			return err
		}
		pq, alpha := zeros(kept, kept), zeros(kept, c.k)
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, p, q, 0, pq)
		if !factorize(&chol, pq) {
			return c.indefinite(pq)
		}
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, p, c.r, 0, alpha)
		solveIn(&chol, alpha)
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, alpha, p, 1, c.x)
		blas64.Gemm(blas.Trans, blas.NoTrans, -1, alpha, q, 1, c.r)
		c.iterations++
		c.history = append(c.history, c.relative())
		c.report()
	}
	return nil
}

// preconditioned returns M·r for the residuals r that are too large, scaled to
// length 1, which changes no direction and keeps rᵀMr from underflow.
func (c *cg) preconditioned(ctx context.Context) (blas64.General, error) {
	var large []int
	for j, r := range c.relative() {
		if !(r <= c.opts.Tol) {
			large = append(large, j)
		}
	}
	r := zeros(len(large), c.n)
	for i, j := range large {
		copy(row(r, i), row(c.r, j))
	}
	normalize(r)
	if c.m == nil {
		return r, nil
	}
	z := zeros(r.Rows, c.n)
	if err := c.m.mul(ctx, z, r); err != nil {
		return z, err
	}
	for j := range r.Rows {
		if d := blas64.Dot(vector(row(r, j)), vector(row(z, j))); !(d > 0) {
			return z, fmt.Errorf("spectral: solve: the preconditioner M is %w: a residual r has rᵀMr = %.3g", ErrIndefinite, d)
		}
	}
	return z, nil
}

// mul sets dst to (A + ρI)·v.
func (c *cg) mul(ctx context.Context, dst, v blas64.General) error {
	if err := c.a.mul(ctx, dst, v); err != nil {
		return err
	}
	blas64.Axpy(c.rho, vector(v.Data), vector(dst.Data))
	return nil
}

// residuals sets R to B − (A + ρI)·X.
func (c *cg) residuals(ctx context.Context) error {
	if err := c.mul(ctx, c.r, c.x); err != nil {
		return err
	}
	for i, v := range c.b.Data {
		c.r.Data[i] = v - c.r.Data[i]
	}
	return nil
}

// relative returns ‖r_j‖/‖b_j‖, 0 where b_j is 0.
func (c *cg) relative() []float64 {
	out := make([]float64, c.k)
	for j, norm := range c.norms {
		if norm > 0 {
			out[j] = blas64.Nrm2(vector(row(c.r, j))) / norm
		}
	}
	return out
}

func (c *cg) report() {
	if c.opts.Progress == nil {
		return
	}
	p := Progress{Total: c.k, Products: c.a.count}
	for _, r := range c.history[len(c.history)-1] {
		if r <= c.opts.Tol {
			p.Done++
		} else {
			p.Residual = max(p.Residual, r)
		}
	}
	c.opts.Progress(p)
}

// indefinite says how far from positive definite A + ρI is on directions with
// the Gram matrix pq.
func (c *cg) indefinite(pq blas64.General) error {
	values, _, err := eigenSym(pq)
	if err != nil {
		return err
	}
	return fmt.Errorf("spectral: solve: A + ρI with ρ = %g is %w: a unit vector p has pᵀ(A+ρI)p = %.3g; raise ρ",
		c.rho, ErrIndefinite, values[len(values)-1])
}
