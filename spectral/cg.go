package spectral

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// cg is a run of [Solve].
type cg struct {
	a, m    *product // m is nil without a preconditioner
	rho     float64
	opts    SolveOptions
	n, k    int
	b, x, r blas64.General // [k, n]; r is b − (A+ρI)·x
	norms   []float64      // of b

	history    [][]float64
	iterations int
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
