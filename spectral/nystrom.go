package spectral

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// NystromOptions configures [Nystrom].
type NystromOptions struct {
	// Batch is how many vectors are multiplied at a time; 0 means 1, or 16 for a
	// BlockOperator. It does not change the result but for rounding.
	Batch int
	// Seed chooses the random vectors.
	Seed uint64
	// Progress, if not nil, is called after each batch.
	Progress func(Progress)
}

// A LowRank is a positive semidefinite U·diag(λ)·Uᵀ.
type LowRank struct {
	// Dim is n.
	Dim int
	// Values are the λ ≥ 0, in descending order.
	Values []float64
	// Vectors [len(Values), n] are the orthonormal columns of U, one after another.
	Vectors []float64
	// Products counts products with the operator.
	Products int

	tail float64 // what A may have beside U: the last of Values, 0 if they are all of A
}

// Nystrom approximates the positive semidefinite op by its randomized Nyström
// approximation of the given rank,
//
//	Â = AΩ·(ΩᵀAΩ)⁺·(AΩ)ᵀ,  Ω a random orthonormal [n, rank],
//
// which is never larger than A. For numerical stability it is computed for
// A + νI, and ν taken off its eigenvalues. ν is √n·2⁻⁵²·‖AΩ‖, and a hundred times
// more, once or again, if the error of products, as in float32, asks for it. Rank
// products are made. Values holds fewer than rank where the rest is below ν, as
// it is if A has lower rank.
//
// It returns [ErrIndefinite] if ΩᵀAΩ is not positive semidefinite to 1e-5·‖AΩ‖,
// and [ErrNotFinite] if a product is NaN or infinite. It holds 2·rank·n numbers.
//
// Source: Frangella, Tropp, Udell, SIAM J. Matrix Anal. Appl. 44 (2023) 718,
// section 2, the stabilized algorithm.
func Nystrom(ctx context.Context, op Operator, rank int, opts NystromOptions) (*LowRank, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, err
	}
	n := a.n
	if rank < 1 || rank > n || opts.Batch < 0 {
		return nil, fmt.Errorf("spectral: Nyström: rank %d and Batch %d for an operator of dimension %d; want rank 1 to %d and no negative Batch",
			rank, opts.Batch, n, n)
	}
	omega, y := zeros(rank, n), zeros(rank, n)
	for i := range rank {
		gaussian(row(omega, i), opts.Seed, sketchStream, i)
	}
	if kept, _, _ := orthonormalize(zeros(0, n), omega, 0); kept < rank {
		return nil, fmt.Errorf("spectral: Nyström: seed %d drew dependent vectors; take another", opts.Seed)
	}
	sketch := TraceOptions{Batch: opts.Batch, Progress: opts.Progress}
	if err := sketch.mulAll(ctx, a, y, omega, rank); err != nil {
		return nil, err
	}
	out := &LowRank{Dim: n, Products: a.count}
	size := blas64.Nrm2(vector(y.Data))
	if size == 0 {
		return out, nil
	}
	b, nu, err := shiftedFactor(omega, y, size)
	if err != nil {
		return nil, err
	}
	// b = L⁻¹·Y_ν, so bᵀb = Â_ν: from b = (R with rows as columns)ᵀ·Q, the
	// eigenvectors are Qᵀ times the left singular vectors of R.
	kept, _, r := orthonormalize(zeros(0, n), b, 0)
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(kept, rank, r.Data[:kept*rank]), mat.SVDThin) {
		return nil, fmt.Errorf("spectral: Nyström: LAPACK found no singular values of a %d × %d matrix", kept, rank)
	}
	var left mat.Dense
	svd.UTo(&left)
	for _, s := range svd.Values(nil) {
		// What is left of zero eigenvalues is rounding of ν.
		if v := s*s - nu; v > nu {
			out.Values = append(out.Values, v)
		}
	}
	k := len(out.Values)
	c := zeros(kept, k)
	for i := range kept {
		for j := range k {
			c.Data[i*k+j] = left.At(i, j)
		}
	}
	combine(rows(b.Data, kept, n), c)
	out.Vectors = b.Data[:k*n]
	if k == rank {
		out.tail = out.Values[k-1]
	}
	return out, nil
}

// shiftedFactor returns L⁻¹·Y_ν with Y_ν = Y + νΩ and L·Lᵀ = Ω·Y_νᵀ, vectors in
// rows, and ν. size is ‖Y‖. ν grows as long as errors of the products make L fail.
func shiftedFactor(omega, y blas64.General, size float64) (blas64.General, float64, error) {
	k := y.Rows
	for nu := math.Sqrt(float64(y.Cols)) * 0x1p-52 * size; nu <= 1e-5*size; nu *= 100 {
		b := zeros(k, y.Cols)
		copy(b.Data, y.Data)
		blas64.Axpy(nu, vector(omega.Data), vector(b.Data))
		core := zeros(k, k)
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, omega, b, 0, core)
		var chol mat.Cholesky
		if factorize(&chol, core) {
			var u mat.TriDense
			chol.UTo(&u)
			blas64.Trsm(blas.Left, blas.Trans, 1, u.RawTriangular(), b)
			return b, nu, nil
		}
	}
	return blas64.General{}, 0, fmt.Errorf("spectral: Nyström: the operator is %w, to 1e-5 of its size", ErrIndefinite)
}

// Preconditioner returns a positive definite approximation of (A + ρI)⁻¹, times
// λ_l + ρ, from the approximation of A, where λ_l is the smallest of Values, or
// 0 if the rank asked for was not reached:
//
//	M = (λ_l + ρ)·U·(Λ + ρI)⁻¹·Uᵀ + (I − U·Uᵀ).
//
// With a rank of 2·⌈1.5·d⌉ + 1 for d = tr(A·(A+ρI)⁻¹), the condition number of
// M^½(A+ρI)M^½ is below 28 in expectation. ρ must be positive.
//
// Source: Frangella, Tropp, Udell, SIAM J. Matrix Anal. Appl. 44 (2023) 718,
// section 5, theorem 5.1.
func (l *LowRank) Preconditioner(rho float64) (BlockOperator, error) {
	if !(rho > 0) || math.IsInf(rho, 1) {
		return nil, fmt.Errorf("spectral: Nyström preconditioner: ρ is %g; want a finite number above 0", rho)
	}
	k := len(l.Values)
	if l.Dim < 1 || len(l.Vectors) != k*l.Dim {
		return nil, fmt.Errorf("spectral: Nyström preconditioner: %d numbers are not %d vectors of length %d", len(l.Vectors), k, l.Dim)
	}
	p := &nystromInverse{u: rows(l.Vectors, k, l.Dim), d: make([]float64, k)}
	for i, v := range l.Values {
		p.d[i] = (l.tail - v) / (v + rho) // (λ_l+ρ)/(λ_i+ρ) − 1
	}
	return p, nil
}

// nystromInverse is I + U·diag(d)·Uᵀ.
type nystromInverse struct {
	u blas64.General // [k, n]
	d []float64
}

func (p *nystromInverse) Dim() int { return p.u.Cols }

func (p *nystromInverse) MulVec(ctx context.Context, dst, v []float64) error {
	return p.MulMat(ctx, dst, v, 1)
}

func (p *nystromInverse) MulMat(_ context.Context, dst, v []float64, k int) error {
	if err := checkLengths(p.u.Cols, dst, v, k); err != nil {
		return err
	}
	copy(dst, v)
	if p.u.Rows == 0 {
		return nil
	}
	c := zeros(p.u.Rows, k)
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, p.u, rows(v, k, p.u.Cols), 0, c)
	for i, d := range p.d {
		blas64.Scal(d, vector(row(c, i)))
	}
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, c, p.u, 1, rows(dst, k, p.u.Cols))
	return nil
}
