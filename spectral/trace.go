package spectral

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas/blas64"
)

// TraceOptions configures [Hutchinson], [HutchPP] and [XTrace].
type TraceOptions struct {
	// Products is how many products with the operator to spend; 0 means 60. A
	// method may need a few less.
	Products int
	// Batch is how many vectors are multiplied at a time; 0 means 1, or 16 for a
	// BlockOperator. It does not change the result but for rounding.
	Batch int
	// Seed chooses the probes.
	Seed uint64
	// Progress, if not nil, is called after each batch.
	Progress func(Progress)
}

// budget checks the options of an estimator that needs at least so many products.
func (o TraceOptions) budget(who string, least int) (int, error) {
	switch {
	case o.Products == 0:
		return 60, nil
	case o.Products < least:
		return 0, fmt.Errorf("spectral: %s: %d products; want at least %d, or 0 for the default", who, o.Products, least)
	}
	return o.Products, nil
}

// mulAll sets the rows of dst to A times those of v, a batch at a time. total is
// the number of products that the estimator will make.
func (o TraceOptions) mulAll(ctx context.Context, a *product, dst, v blas64.General, total int) error {
	batch := a.width(o.Batch, 16)
	for at := 0; at < v.Rows; at += batch {
		k := min(batch, v.Rows-at)
		from, to := rows(v.Data[at*a.n:], k, a.n), rows(dst.Data[at*a.n:], k, a.n)
		if err := a.mul(ctx, to, from); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(Progress{Done: a.count, Total: total, Products: a.count})
		}
	}
	return nil
}

// forms estimates tr(PAP), where P projects on the orthogonal complement of the
// orthonormal rows of q, by zᵀPAPz for count probes z of entries ±1.
func (o TraceOptions) forms(ctx context.Context, a *product, q blas64.General, count, total int) (mean, stderr float64, err error) {
	samples := make([]float64, 0, count)
	batch := a.width(o.Batch, 16)
	for at := 0; at < count; at += batch {
		z := zeros(min(batch, count-at), a.n)
		for i := range z.Rows {
			rademacher(row(z, i), o.Seed, probeStream, at+i)
		}
		for range 2 {
			project(q, z, zeros(q.Rows, z.Rows))
		}
		az := zeros(z.Rows, a.n)
		if err := o.mulAll(ctx, a, az, z, total); err != nil {
			return 0, 0, err
		}
		for i := range z.Rows {
			samples = append(samples, blas64.Dot(vector(row(z, i)), vector(row(az, i))))
		}
	}
	mean, stderr = meanAndError(samples)
	return mean, stderr, nil
}

// sketch returns count random vectors z of length √n in rows, and y = A·z.
func (o TraceOptions) sketch(ctx context.Context, a *product, count, total int) (z, y blas64.General, err error) {
	z, y = zeros(count, a.n), zeros(count, a.n)
	for i := range count {
		spherical(row(z, i), o.Seed, sketchStream, i)
	}
	return z, y, o.mulAll(ctx, a, y, z, total)
}

func checkTrace(op Operator, opts TraceOptions, who string, least int) (*product, int, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, 0, err
	}
	if opts.Batch < 0 {
		return nil, 0, fmt.Errorf("spectral: %s: Batch %d must not be negative", who, opts.Batch)
	}
	m, err := opts.budget(who, least)
	return a, m, err
}

// Hutchinson estimates tr A by the mean of zᵀ·A·z over probes z with entries ±1,
// one for each product. Its variance is 2·Σ_{i≠j} A_ij² / Products, so it is
// exact, with error 0, for diagonal matrices.
//
// It returns [ErrNotFinite] if a product is NaN or infinite. It holds
// 2·Batch·n numbers.
//
// Source: Hutchinson, Commun. Stat. Simul. Comput. 18 (1989) 1059.
func Hutchinson(ctx context.Context, op Operator, opts TraceOptions) (Estimate, error) {
	a, m, err := checkTrace(op, opts, "Hutchinson", 2)
	if err != nil {
		return Estimate{}, err
	}
	mean, stderr, err := opts.forms(ctx, a, zeros(0, a.n), m, m)
	return Estimate{mean, stderr, a.count}, err
}

// HutchPP estimates tr A by Hutch++: a third of the products finds the range Q
// of a sketch, a third the trace on it, and Hutchinson's probes estimate the
// rest,
//
//	tr A = tr(QᵀAQ) + tr((I − QQᵀ)·A·(I − QQᵀ)).
//
// For positive semidefinite A the error falls as 1/Products, and where the
// eigenvalues decay, faster. Error is that of the probes.
//
// It needs 6 products or more. It returns [ErrNotFinite] if a product is NaN or
// infinite. It holds Products·n numbers.
//
// Source: Meyer, Musco, Musco, Woodruff, Symposium on Simplicity in Algorithms
// (2021) 142, algorithm 1.
func HutchPP(ctx context.Context, op Operator, opts TraceOptions) (Estimate, error) {
	a, m, err := checkTrace(op, opts, "Hutch++", 6)
	if err != nil {
		return Estimate{}, err
	}
	third := min(m/3, a.n)
	_, y, err := opts.sketch(ctx, a, third, m)
	if err != nil {
		return Estimate{}, err
	}
	kept, _, _ := orthonormalize(zeros(0, a.n), y, negligible(y))
	q := rows(y.Data, kept, a.n)
	aq := zeros(kept, a.n)
	if err := opts.mulAll(ctx, a, aq, q, m); err != nil {
		return Estimate{}, err
	}
	known := blas64.Dot(vector(q.Data), vector(aq.Data))
	if kept == a.n {
		return Estimate{Value: known, Products: a.count}, nil
	}
	mean, stderr, err := opts.forms(ctx, a, q, m-2*(m/3), m)
	return Estimate{known + mean, stderr, a.count}, err
}

// negligible is a length that rounding alone may leave of the rows of y.
func negligible(y blas64.General) float64 {
	top := 0.0
	for i := range y.Rows {
		top = max(top, blas64.Nrm2(vector(row(y, i))))
	}
	return 1e-13 * top
}
