package spectral

import (
	"context"
	"fmt"
	"math"
)

// SolveOptions configures [Solve].
type SolveOptions struct {
	// Tol is the largest ‖B − (A+ρI)·X‖ of a right-hand side relative to its
	// ‖B‖; 0 means 1e-10. Products that err by ε·‖A‖, some 1e-6 in float32, allow
	// no less than ε·‖A‖·‖X‖/‖B‖.
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
	if err := checkVectors("solve", "b", b, c.n); err != nil {
		return err
	}
	if err := checkVectors("solve", "Start", c.opts.Start, c.n); err != nil {
		return err
	}
	if c.opts.Tol == 0 {
		c.opts.Tol = 1e-10
	}
	if c.opts.MaxIterations == 0 {
		c.opts.MaxIterations = 2*c.n + 100
	}
	c.m, err = newPreconditioner(c.opts.Preconditioner, "solve", c.n)
	return err
}
