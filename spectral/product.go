package spectral

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas/blas64"
)

// Progress says how far a computation is.
type Progress struct {
	// Done of Total things are finished: eigenpairs and right-hand sides that
	// converged, probes that were averaged.
	Done, Total int
	// Products counts products with the operator.
	Products int
	// Residual is the largest residual norm of what has not converged, relative
	// to ‖A‖ or to the right-hand side; 0 where there is none.
	Residual float64
}

// A product applies an operator, counts and checks. Every call of a caller's
// code goes through one.
type product struct {
	op    Operator
	block BlockOperator // nil if op has no MulMat
	n     int
	name  string  // what errors call op
	sign  float64 // −1 to look at −A, whose leading eigenvalues are A's smallest
	count int
}

func newProduct(op Operator, name string) (*product, error) {
	if op == nil {
		return nil, fmt.Errorf("spectral: the %s is nil", name)
	}
	p := &product{op: op, n: op.Dim(), name: name, sign: 1}
	if p.n < 1 {
		return nil, fmt.Errorf("spectral: the %s has dimension %d; want 1 or more", name, p.n)
	}
	p.block, _ = op.(BlockOperator)
	return p, nil
}

// newPreconditioner returns nil for none. It must have the operator's dimension n.
func newPreconditioner(op Operator, who string, n int) (*product, error) {
	if op == nil {
		return nil, nil
	}
	p, err := newProduct(op, "preconditioner")
	if err != nil {
		return nil, err
	}
	if p.n != n {
		return nil, fmt.Errorf("spectral: %s: the preconditioner has dimension %d, the operator %d", who, p.n, n)
	}
	return p, nil
}

// mul sets the rows of dst to ±A times the rows of v.
func (p *product) mul(ctx context.Context, dst, v blas64.General) error {
	k := v.Rows
	if k == 0 {
		return nil
	}
	if p.block != nil {
		if err := p.checked(ctx, func() error { return p.block.MulMat(ctx, dst.Data, v.Data, k) }, dst.Data); err != nil {
			return err
		}
		p.count += k
	} else {
		for i := range k {
			d := row(dst, i)
			if err := p.checked(ctx, func() error { return p.op.MulVec(ctx, d, row(v, i)) }, d); err != nil {
				return err
			}
			p.count++
		}
	}
	if p.sign < 0 {
		blas64.Scal(-1, vector(dst.Data))
	}
	return nil
}

func (p *product) checked(ctx context.Context, apply func() error, dst []float64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := apply(); err != nil {
		return fmt.Errorf("spectral: product %d of the %s: %w", p.count+1, p.name, err)
	}
	if i := firstNotFinite(dst); i >= 0 {
		return fmt.Errorf("spectral: %w: product %d of the %s has %g at entry %d",
			ErrNotFinite, p.count+1+i/p.n, p.name, dst[i], i%p.n)
	}
	return nil
}

// width returns how many vectors to multiply at once: what the caller asked
// for, or else one, or wide where a pass over the data serves many.
func (p *product) width(asked, wide int) int {
	if asked > 0 {
		return asked
	}
	if p.block != nil {
		return wide
	}
	return 1
}
