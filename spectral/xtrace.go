package spectral

import (
	"context"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// XTrace estimates tr A by the exchangeable estimator: half of the products are
// a sketch Y = A·Ω of k random vectors, the other half A·Q for its range Q. Each
// ω_i serves as the probe of what the range of the others' products leaves,
//
//	t_i = tr(Q_iᵀ·A·Q_i) + c_i·μ_iᵀ·A·μ_i,   μ_i = (I − Q_i·Q_iᵀ)·ω_i,
//
// where c_i = (n − k + 1)/‖μ_i‖² makes the probe's length exact. The estimate is
// the mean of the t_i, and Error their standard deviation over √k. The t_i are
// not independent, so Error is a guide: some 0.8 of the truth where eigenvalues
// do not decay. For the same products the estimate is
// usually better than that of [HutchPP].
//
// It needs 4 products or more. If Y has lower rank than k, then A has that rank,
// and the estimate is exact with error 0. It returns [ErrNotFinite] if a product
// is NaN or infinite. It holds 3·Products/2·n numbers.
//
// Source: Epperly, Tropp, Webber, SIAM J. Matrix Anal. Appl. 45 (2024) 1,
// arXiv:2301.07825v2, sections 2 and 3.
func XTrace(ctx context.Context, op Operator, opts TraceOptions) (Estimate, error) {
	a, m, err := checkTrace(op, opts, "XTrace", 4)
	if err != nil {
		return Estimate{}, err
	}
	if m >= a.n {
		return opts.exact(ctx, a)
	}
	k := m / 2
	omega, y, err := opts.sketch(ctx, a, k, 2*k)
	if err != nil {
		return Estimate{}, err
	}
	kept, _, r := orthonormalize(zeros(0, a.n), y, negligible(y))
	q := rows(y.Data, kept, a.n)
	aq := zeros(kept, a.n)
	if err := opts.mulAll(ctx, a, aq, q, 2*k); err != nil {
		return Estimate{}, err
	}
	known := blas64.Dot(vector(q.Data), vector(aq.Data))
	if kept < k {
		return Estimate{Value: known, Products: a.count}, nil
	}
	h, w := zeros(k, k), zeros(k, k)
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, q, aq, 0, h)
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, q, omega, 0, w)
	samples := make([]float64, k)
	for i := range k {
		samples[i] = known + leaveOut(i, a.n, h, w, r)
	}
	mean, stderr := meanAndError(samples)
	return Estimate{mean, stderr, a.count}, nil
}

// leaveOut returns t_i − tr(QᵀAQ), from H = QᵀAQ, W = QᵀΩ and the triangular R
// of Y = Q·R. Without y_i the range loses the direction Q·s, where s is the unit
// vector orthogonal to the other columns of R, that is R⁻ᵀ·e_i but for its
// length. With u = (I − ssᵀ)·Qᵀω_i, μ_i = ω_i − Q·u and
//
//	μ_iᵀ·A·μ_i = ω_iᵀy_i − 2·uᵀr_i + uᵀ·H·u,   ω_iᵀy_i = (Qᵀω_i)ᵀr_i.
func leaveOut(i, n int, h, w, r blas64.General) float64 {
	k := h.Rows
	s := make([]float64, k)
	s[i] = 1
	blas64.Trsv(blas.Trans, blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: k, Stride: r.Stride, Data: r.Data}, vector(s))
	normalize(rows(s, 1, k))
	wi := blas64.Vector{N: k, Inc: w.Stride, Data: w.Data[i:]}
	ri := blas64.Vector{N: k, Inc: r.Stride, Data: r.Data[i:]}
	u := make([]float64, k)
	blas64.Copy(wi, vector(u))
	blas64.Axpy(-blas64.Dot(vector(s), wi), vector(s), vector(u))
	form := func(x []float64) float64 {
		hx := make([]float64, k)
		blas64.Gemv(blas.NoTrans, 1, h, vector(x), 0, vector(hx))
		return blas64.Dot(vector(x), vector(hx))
	}
	left := blas64.Dot(wi, ri) - 2*blas64.Dot(vector(u), ri) + form(u)
	scale := float64(n-k+1) / (float64(n) - blas64.Dot(vector(u), vector(u)))
	return scale*left - form(s)
}
