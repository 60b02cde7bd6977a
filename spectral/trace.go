package spectral

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas64"
)

// TraceOptions configures [Hutchinson], [HutchPP] and [XTrace].
type TraceOptions struct {
	// Products is how many products with the operator to spend; 0 means 60. A
	// method may need a few less. With n or more, the trace is the sum of n
	// products with unit vectors: exact, with error 0.
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

// forms returns zᵀAz for count probes z, which draw writes to the rows of a
// matrix, the first of them number at.
func (o TraceOptions) forms(ctx context.Context, a *product, count, total int, draw func(z blas64.General, at int)) ([]float64, error) {
	samples := make([]float64, 0, count)
	batch := a.width(o.Batch, 16)
	for at := 0; at < count; at += batch {
		z := zeros(min(batch, count-at), a.n)
		draw(z, at)
		az := zeros(z.Rows, a.n)
		if err := o.mulAll(ctx, a, az, z, total); err != nil {
			return nil, err
		}
		for i := range z.Rows {
			samples = append(samples, blas64.Dot(vector(row(z, i)), vector(row(az, i))))
		}
	}
	return samples, nil
}

// exact sums the diagonal of A, one product for each entry.
func (o TraceOptions) exact(ctx context.Context, a *product) (Estimate, error) {
	diagonal, err := o.forms(ctx, a, a.n, a.n, func(z blas64.General, at int) {
		for i := range z.Rows {
			row(z, i)[at+i] = 1
		}
	})
	sum := 0.0
	for _, x := range diagonal {
		sum += x
	}
	return Estimate{Value: sum, Products: a.count}, err
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
// exact, with error 0, for diagonal matrices. The converse does not hold: a few
// probes of few entries may agree by chance.
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
	if m >= a.n {
		return opts.exact(ctx, a)
	}
	samples, err := opts.forms(ctx, a, m, m, func(z blas64.General, at int) {
		for i := range z.Rows {
			rademacher(row(z, i), opts.Seed, probeStream, at+i)
		}
	})
	if err != nil {
		return Estimate{}, err
	}
	mean, stderr := meanAndError(samples)
	return Estimate{mean, stderr, a.count}, nil
}

// HutchPP estimates tr A by Hutch++: a third of the products finds the range Q
// of a sketch, a third the trace on it, and random probes estimate the rest,
//
//	tr A = tr(QᵀAQ) + tr((I − QQᵀ)·A·(I − QQᵀ)).
//
// Probes are uniform on the sphere of their space, the complement of Q, as those
// of [XTrace] are: signs would lose length there by chance. For positive
// semidefinite A the error falls as 1/Products, and where the eigenvalues decay,
// faster. Error is that of the probes: of few, it is a guess itself, known to
// 1/√(2·Products/3) of it.
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
	if m >= a.n {
		return opts.exact(ctx, a)
	}
	third := m / 3
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
	rest := math.Sqrt(float64(a.n - kept)) // the length of a probe
	samples, err := opts.forms(ctx, a, m-2*third, m, func(z blas64.General, at int) {
		for i := range z.Rows {
			gaussian(row(z, i), opts.Seed, probeStream, at+i)
		}
		for range 2 {
			project(q, z, zeros(q.Rows, z.Rows))
		}
		normalize(z)
		blas64.Scal(rest, vector(z.Data))
	})
	if err != nil {
		return Estimate{}, err
	}
	mean, stderr := meanAndError(samples)
	return Estimate{known + mean, stderr, a.count}, nil
}

// negligible is a length that rounding alone may leave of the rows of y.
func negligible(y blas64.General) float64 {
	top := 0.0
	for i := range y.Rows {
		top = max(top, blas64.Nrm2(vector(row(y, i))))
	}
	return 1e-13 * top
}
