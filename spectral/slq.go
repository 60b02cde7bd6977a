package spectral

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas64"
)

// QuadratureOptions configures [LanczosQuadrature].
type QuadratureOptions struct {
	// Probes is how many random vectors are averaged, 2 or more; 0 means 10. With
	// n or more, the n unit vectors take their place, and leave nothing to chance.
	Probes int
	// Steps is how many nodes each quadrature has; 0 means 60. It is lowered to n.
	Steps int
	// Batch is how many probes are multiplied at a time; 0 means 1, or up to 4
	// for a BlockOperator. It does not change the result but for rounding.
	Batch int
	// Noise is the error of one product relative to ‖A‖: a Krylov space whose
	// next direction is shorter counts as invariant. 0 means 8·√n·2⁻⁵², float64.
	Noise float64
	// Seed chooses the probes.
	Seed uint64
	// Progress, if not nil, is called after each batch.
	Progress func(Progress)
}

// LanczosQuadrature returns Gauss quadratures of the spectral density of op, by
// stochastic Lanczos quadrature: for probes z with entries ±1,
//
//	tr f(A) = E zᵀ·f(A)·z,   zᵀ·f(A)·z ≈ n·Σ_j w_j·f(θ_j),
//
// with the eigenvalues θ_j of the tridiagonal matrix of Steps Lanczos steps from
// z and the squared first entries w_j of its eigenvectors. Each quadrature is
// exact for polynomials of degree below 2·Steps.
//
// The standard errors that [Quadrature] gives cover the choice of probes, which
// shrinks as 1/√Probes, and not the quadrature's own error. A handful of probes
// of a handful of entries may agree by chance: for a small n, take n probes.
//
// It returns [ErrNotFinite] if a product is NaN or infinite. It orthogonalizes
// in full and so holds Batch·(Steps + 3)·n numbers.
//
// Source: Ubaru, Chen, Saad, SIAM J. Matrix Anal. Appl. 38 (2017) 1075.
func LanczosQuadrature(ctx context.Context, op Operator, opts QuadratureOptions) (*Quadrature, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, err
	}
	if opts.Probes < 0 || opts.Probes == 1 || opts.Steps < 0 || opts.Batch < 0 {
		return nil, fmt.Errorf("spectral: quadrature: Probes %d, Steps %d, Batch %d: want at least 2 probes and nothing negative, or 0 for the default",
			opts.Probes, opts.Steps, opts.Batch)
	}
	acc, err := newAccuracy("quadrature", 0, opts.Noise, a.n)
	if err != nil {
		return nil, err
	}
	probes, steps := opts.Probes, opts.Steps
	if probes == 0 {
		probes = 10
	}
	if steps == 0 {
		steps = 60
	}
	steps = min(steps, a.n)
	whole := probes >= a.n
	probes = min(probes, a.n)
	batch := min(a.width(opts.Batch, 4), probes)
	q := &Quadrature{Dim: a.n, Whole: whole, Nodes: make([][]float64, probes), Weights: make([][]float64, probes)}
	for at := 0; at < probes; at += batch {
		walks := make([]*walk, min(batch, probes-at))
		for i := range walks {
			walks[i] = &walk{v: zeros(steps+1, a.n)}
			if start := row(walks[i].v, 0); whole {
				start[at+i] = 1
			} else {
				rademacher(start, opts.Seed, probeStream, at+i)
				blas64.Scal(1/math.Sqrt(float64(a.n)), vector(start))
			}
		}
		for range steps {
			if err := stepAll(ctx, a, walks, acc.noise); err != nil {
				return nil, err
			}
		}
		for i, w := range walks {
			if q.Nodes[at+i], q.Weights[at+i], err = w.quadrature(); err != nil {
				return nil, err
			}
		}
		if opts.Progress != nil {
			opts.Progress(Progress{Done: at + len(walks), Total: probes, Products: a.count})
		}
	}
	q.Products = a.count
	return q, nil
}

// A walk is Lanczos from one unit vector, the first row of v.
type walk struct {
	v           blas64.General // [steps+1, n], the first len(alpha)+1 rows set
	alpha, beta []float64
	norm        float64
	ended       bool // the Krylov space is invariant
}

// stepAll takes one step of each walk that has not ended, in one product.
func stepAll(ctx context.Context, a *product, walks []*walk, noise float64) error {
	var going []*walk
	for _, w := range walks {
		if !w.ended {
			going = append(going, w)
		}
	}
	in, out := zeros(len(going), a.n), zeros(len(going), a.n)
	for i, w := range going {
		copy(row(in, i), row(w.v, len(w.alpha)))
	}
	if err := a.mul(ctx, out, in); err != nil {
		return err
	}
	for i, w := range going {
		w.step(row(out, i), noise)
	}
	return nil
}

// step adds the product of the last vector to the tridiagonal matrix.
func (w *walk) step(product []float64, noise float64) {
	j, n := len(w.alpha), w.v.Cols
	x := rows(product, 1, n)
	w.norm = max(w.norm, blas64.Nrm2(vector(product)))
	kept, c, r := orthonormalize(rows(w.v.Data, j+1, n), x, noise*w.norm)
	w.alpha = append(w.alpha, c.Data[j])
	if kept == 0 {
		w.ended = true
		return
	}
	w.beta = append(w.beta, r.Data[0])
	copy(row(w.v, j+1), product)
}

// quadrature returns the nodes and the weights, which sum to 1.
func (w *walk) quadrature() (nodes, weights []float64, err error) {
	m := len(w.alpha)
	t := zeros(m, m)
	for i := range m {
		t.Data[i*m+i] = w.alpha[i]
		if i+1 < m {
			t.Data[i*m+i+1], t.Data[(i+1)*m+i] = w.beta[i], w.beta[i]
		}
	}
	nodes, u, err := eigenSym(t)
	if err != nil {
		return nil, nil, err
	}
	weights = make([]float64, m)
	for j := range m {
		weights[j] = u.Data[j] * u.Data[j]
	}
	return nodes, weights, nil
}
