package predict

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/spectral"
)

// Rows sets dst [b, m] to the kernel of the examples from, from+1, …, from+b−1 with
// the m centres: computed, or read from a file.
type Rows func(ctx context.Context, dst Matrix, from int) error

// KernelRows returns the rows of the kernel of x [n, d] with centres [m, d].
func KernelRows(k Kernel, x, centres Matrix) Rows {
	return func(ctx context.Context, dst Matrix, from int) error {
		part := Matrix{dst.Rows, x.Cols, x.Data[from*x.Cols : (from+dst.Rows)*x.Cols]}
		return k(ctx, dst, part, centres)
	}
}

// Centres returns m different indices below n, drawn with the seed. It returns an
// error if m is not in 1..n.
func Centres(n, m int, seed uint64) ([]int, error) {
	if m < 1 || m > n {
		return nil, fmt.Errorf("predict: %d centres of %d examples; want 1 to %d", m, n, n)
	}
	return rand.New(rand.NewPCG(seed, 0)).Perm(n)[:m], nil
}

// FalkonOptions configures [NewFalkon].
type FalkonOptions struct {
	// Ridge r > 0, as in [Ridge]: not divided by the number of examples.
	Ridge float64
	// Block is how many rows of the kernel are made at a time; 0 means 1024.
	Block int
	// Memory is how many bytes of rows may be kept from one iteration to the next;
	// 0 means none: every iteration makes them anew.
	Memory int64
	// Tol is the largest residual of the preconditioned system relative to its
	// right-hand side, and about how far δ, see [NewFalkon], may move predictions,
	// relatively; 0 means 1e-6: far below what changes a class, and two digits above
	// where rounding stops residuals if K_mm is singular to it. Then L rests on δ
	// alone and multiplies rounding by 1/√δ; the less Tol, the more.
	Tol float64
	// MaxIterations bounds iterations; 0 means 200.
	MaxIterations int
	// Progress, if not nil, is called after each iteration.
	Progress func(spectral.Progress)
}

// A Falkon is kernel ridge regression with functions f(x) = K(x, C)·Weights of m
// centres C instead of all n examples.
type Falkon struct {
	// Weights [m, O].
	Weights Matrix
	// Iterations counts passes over the rows; one more makes the right-hand side.
	Iterations int
	// Residuals are those of the preconditioned system, relative, for each output.
	Residuals []float64
	// Jitter is δ, in units of the kernel, see [NewFalkon]. If it is above Tol·r·m/n,
	// the kernel of centres had no Cholesky factor with less, and predictions may have
	// moved by more than Tol.
	Jitter float64

	block int
	blas  *native.BLAS
}

// NewFalkon minimizes ‖K_nm·w − y‖² + r·wᵀ(K_mm + δ)w over w [m, O], with the kernel
// rows [n, m] of examples with centres and centres [m, m] of these with themselves,
// for targets y [n, O], by conjugate gradients on BᵀHB with
//
//	H = K_nmᵀK_nm + r·LLᵀ,  B = L⁻ᵀR⁻ᵀ,  LLᵀ = K_mm + δ,  RRᵀ = (n/m)·LᵀL + r,
//
// where δ = Tol·r·m/n, which [Falkon].Jitter reports, gives K_mm a Cholesky factor
// and moves predictions by less than Tol; it is raised tenfold until there is one.
// BᵀHB is near the identity if centres are drawn from the examples, and are enough
// for the ridge: some ten or twenty iterations of O(n·m·(O + d)), after O(m³). With
// a ridge below what m centres resolve iterations grow, up to m or so. It holds 3m²
// numbers, a block of rows, and what Memory allows.
//
// It returns an error if shapes disagree or the ridge is not positive. If
// MaxIterations did not suffice it returns the machine so far and
// [spectral.ErrNotConverged].
//
// Source: Rudi, Carratino, Rosasco, "FALKON: an optimal large scale kernel method"
// (NeurIPS 2017), algorithm 1.
func NewFalkon(ctx context.Context, blas *native.BLAS, rows Rows, centres, y Matrix, opts FalkonOptions) (*Falkon, error) {
	n, m := y.Rows, centres.Rows
	if err := opts.check(); err != nil {
		return nil, err
	}
	if n < 1 || y.Cols < 1 || m < 1 {
		return nil, fmt.Errorf("predict: Falkon: targets are [%d, %d], centres %d; want examples, outputs and centres", n, y.Cols, m)
	}
	if err := y.check("y", n, y.Cols); err != nil {
		return nil, err
	}
	if err := centres.checkSymmetric("the kernel of centres", m); err != nil {
		return nil, err
	}
	f := &falkon{blas: blas, rows: rows, n: n, m: m, ridge: opts.Ridge, block: opts.Block}
	f.kept = make([]Matrix, (n+f.block-1)/f.block)
	f.keep = int(min(opts.Memory/(8*int64(f.block)*int64(m)), int64(len(f.kept))))
	jitter, err := f.precondition(centres, opts.Tol)
	if err != nil {
		return nil, err
	}
	rhs, err := f.rightHandSide(ctx, y)
	if err != nil {
		return nil, err
	}
	solution, failed := spectral.Solve(ctx, f, 0, rhs.Data, y.Cols, spectral.SolveOptions{Tol: opts.Tol, MaxIterations: opts.MaxIterations, Progress: opts.Progress})
	if failed != nil && !errors.Is(failed, spectral.ErrNotConverged) {
		return nil, failed
	}
	w := Matrix{y.Cols, m, solution.X}
	f.right(f.r, false, w)
	f.right(f.l, false, w)
	return &Falkon{
		Weights: transpose(w), Iterations: solution.Iterations, Residuals: solution.Residuals,
		Jitter: jitter, block: f.block, blas: blas,
	}, failed
}

func (o *FalkonOptions) check() error {
	if !(o.Ridge > 0) || math.IsInf(o.Ridge, 1) {
		return fmt.Errorf("predict: Falkon: ridge %g; want a finite number above 0", o.Ridge)
	}
	if o.Block < 0 || o.Memory < 0 || !(o.Tol >= 0) || o.MaxIterations < 0 {
		return fmt.Errorf("predict: Falkon: Block %d, Memory %d, Tol %g, MaxIterations %d; want none negative", o.Block, o.Memory, o.Tol, o.MaxIterations)
	}
	if o.Block == 0 {
		o.Block = 1024
	}
	if o.Tol == 0 {
		o.Tol = 1e-6
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 200
	}
	return nil
}

// Predict returns f [n, O] at n examples from the rows of their kernel with the
// centres.
func (f *Falkon) Predict(ctx context.Context, n int, rows Rows) (Matrix, error) {
	out := NewMatrix(n, f.Weights.Cols)
	for from := 0; from < n; from += f.block {
		k := NewMatrix(min(f.block, n-from), f.Weights.Rows)
		if err := makeRows(ctx, rows, k, from); err != nil {
			return Matrix{}, err
		}
		part := Matrix{k.Rows, out.Cols, out.Data[from*out.Cols : (from+k.Rows)*out.Cols]}
		if err := addProduct(f.blas, part, 1, plain(k), plain(f.Weights), 0); err != nil {
			return Matrix{}, err
		}
	}
	return out, nil
}

func makeRows(ctx context.Context, rows Rows, dst Matrix, from int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := rows(ctx, dst, from); err != nil {
		return err
	}
	return dst.check(fmt.Sprintf("the kernel of examples %d to %d with centres", from, from+dst.Rows-1), dst.Rows, dst.Cols)
}

// falkon is BᵀHB as an operator. Vectors are rows [k, m].
type falkon struct {
	blas  *native.BLAS
	rows  Rows
	n, m  int
	ridge float64
	block int
	l, r  Matrix   // [m, m], lower triangular
	kept  []Matrix // blocks of rows, the first of them made once
	keep  int
}

// precondition factors K_mm, with something on its diagonal, and the approximation
// of L⁻¹HL⁻ᵀ.
//
// A diagonal δ adds r·δ‖w‖² to the objective. Along an eigenvalue λ of K_mm a
// prediction is shrunk by (n/m)λ/((n/m)λ + r), so δ matters most at λ = r·m/n, where
// it changes it by δ/(4λ) of itself: tol·r·m/n is free. L⁻¹ amplifies rounding by
// 1/√δ, twice in each product.
func (f *falkon) precondition(centres Matrix, tol float64) (jitter float64, err error) {
	var l []float64
	jitter = max(0x1p-52*float64(f.m)*MeanEigenvalue(centres), tol*f.ridge*float64(f.m)/float64(f.n))
	for ; ; jitter *= 10 {
		l, err = f.blas.Cholesky(f.m, centres.shifted(jitter).Data)
		var not *native.NotPositiveDefiniteError
		switch {
		case err == nil:
		case errors.As(err, &not) && jitter < 1e-6*MeanEigenvalue(centres):
			continue
		default:
			return 0, singular(err, jitter)
		}
		break
	}
	f.l = Matrix{f.m, f.m, l}
	inner := NewMatrix(f.m, f.m)
	if err := addProduct(f.blas, inner, float64(f.n)/float64(f.m), transposed(f.l), plain(f.l), 0); err != nil {
		return 0, err
	}
	r, err := f.blas.Cholesky(f.m, inner.shifted(f.ridge).Data)
	f.r = Matrix{f.m, f.m, r}
	return jitter, err
}

// right multiplies the rows of v by the inverse of a lower triangle, or of its
// transpose.
func (f *falkon) right(lower Matrix, trans bool, v Matrix) {
	t := blas.NoTrans
	if trans {
		t = blas.Trans
	}
	blas64.Trsm(blas.Right, t, 1,
		blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: f.m, Stride: f.m, Data: lower.Data},
		blas64.General{Rows: v.Rows, Cols: v.Cols, Stride: v.Cols, Data: v.Data})
}

// rightHandSide returns (Bᵀ·K_nmᵀ·y)ᵀ, [O, m].
func (f *falkon) rightHandSide(ctx context.Context, y Matrix) (Matrix, error) {
	out := NewMatrix(y.Cols, f.m)
	err := f.each(ctx, func(k Matrix, from int) error {
		part := Matrix{k.Rows, y.Cols, y.Data[from*y.Cols : (from+k.Rows)*y.Cols]}
		return addProduct(f.blas, out, 1, transposed(part), plain(k), 1)
	})
	f.right(f.l, true, out)
	f.right(f.r, true, out)
	return out, err
}

// each calls use for each block of rows.
func (f *falkon) each(ctx context.Context, use func(k Matrix, from int) error) error {
	var room Matrix
	for b := range f.kept {
		from := b * f.block
		k := f.kept[b]
		if k.Data == nil {
			if k = room; k.Data == nil || b < f.keep || from+f.block > f.n {
				k = NewMatrix(min(f.block, f.n-from), f.m)
			}
			if err := makeRows(ctx, f.rows, k, from); err != nil {
				return err
			}
			if b < f.keep {
				f.kept[b] = k
			} else {
				room = k
			}
		}
		if err := use(k, from); err != nil {
			return err
		}
	}
	return nil
}

// Dim returns m.
func (f *falkon) Dim() int { return f.m }

// MulVec sets dst to BᵀHB·v.
func (f *falkon) MulVec(ctx context.Context, dst, v []float64) error { return f.MulMat(ctx, dst, v, 1) }

// MulMat sets dst [k, m] to BᵀHB·v for each of the k vectors of v: with
// u = R⁻ᵀv it is R⁻¹(L⁻¹K_nmᵀK_nm·L⁻ᵀ + r)u, as Lᵀ-scaled K_mm is the identity.
func (f *falkon) MulMat(ctx context.Context, dst, v []float64, k int) error {
	u, w, out := NewMatrix(k, f.m), NewMatrix(k, f.m), Matrix{k, f.m, dst}
	copy(u.Data, v)
	f.right(f.r, false, u)
	copy(w.Data, u.Data)
	f.right(f.l, false, w)
	clear(dst)
	err := f.each(ctx, func(rows Matrix, _ int) error {
		values := NewMatrix(k, rows.Rows)
		if err := addProduct(f.blas, values, 1, plain(w), transposed(rows), 0); err != nil {
			return err
		}
		return addProduct(f.blas, out, 1, plain(values), plain(rows), 1)
	})
	if err != nil {
		return err
	}
	f.right(f.l, true, out)
	for i, x := range u.Data {
		dst[i] += f.ridge * x
	}
	f.right(f.r, true, out)
	return nil
}
