package spectral

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas64"
)

// Pairs are eigenpairs of a symmetric operator.
type Pairs struct {
	// Values are the eigenvalues, in descending order; ascending if the
	// smallest were asked for.
	Values []float64
	// Vectors [k, n] are orthonormal eigenvectors, one after another.
	Vectors []float64
	// Residuals are ‖A·v − λ·v‖, from products made after the last step. An
	// eigenvalue of A lies within the residual of each value.
	Residuals []float64
	// Converged says which residuals are as small as asked for.
	Converged []bool
	// Checked says that the search for missed copies of repeated eigenvalues
	// was made and ended. Only Lanczos needs and makes one.
	Checked bool
	// Iterations counts steps, each of which multiplies one block.
	Iterations int
	// Products counts products with the operator.
	Products int
}

// An accuracy says which residuals are small enough.
type accuracy struct {
	tol   float64 // relative to the eigenvalue
	noise float64 // of a product, relative to ‖A‖
}

func newAccuracy(who string, tol, noise float64, n int) (accuracy, error) {
	if !(tol >= 0 && tol < 1) || !(noise >= 0 && noise < 1) {
		return accuracy{}, fmt.Errorf("spectral: %s: Tol %g and Noise %g must be at least 0 and below 1", who, tol, noise)
	}
	if tol == 0 {
		tol = 1e-10
	}
	if noise == 0 {
		// Sums of n terms round to about √n·ε.
		noise = 8 * math.Sqrt(float64(n)) * 0x1p-52
	}
	return accuracy{tol, noise}, nil
}

// limit is the largest residual of a converged pair, where norm is ‖A‖.
func (a accuracy) limit(theta, norm float64) float64 {
	return max(a.tol*math.Abs(theta), a.noise*norm)
}

func checkCount(who string, k, n int) error {
	if k < 1 || k > n {
		return fmt.Errorf("spectral: %s: %d eigenpairs of an operator of dimension %d; choose 1 to %d", who, k, n, n)
	}
	return nil
}

// finish multiplies the vectors once more, sets Residuals and Converged, and
// returns the residual vectors.
func (p *Pairs) finish(ctx context.Context, a *product, acc accuracy, norm float64) (blas64.General, error) {
	k := len(p.Values)
	v, w := rows(p.Vectors, k, a.n), zeros(k, a.n)
	if err := a.mul(ctx, w, v); err != nil {
		return w, err
	}
	p.Residuals, p.Converged = make([]float64, k), make([]bool, k)
	for i, theta := range p.Values {
		norm = max(norm, blas64.Nrm2(vector(row(w, i))))
		blas64.Axpy(-theta, vector(row(v, i)), vector(row(w, i)))
		p.Residuals[i] = blas64.Nrm2(vector(row(w, i)))
	}
	for i, theta := range p.Values {
		// The product itself errs by the noise, even where the limit is larger.
		p.Converged[i] = p.Residuals[i] <= acc.limit(theta, norm)+acc.noise*norm
	}
	if a.sign < 0 {
		for i := range p.Values {
			p.Values[i] = -p.Values[i]
		}
	}
	p.Products = a.count
	return w, nil
}

// converged counts the pairs that are.
func (p *Pairs) converged() int {
	n := 0
	for _, c := range p.Converged {
		if c {
			n++
		}
	}
	return n
}

// worst is the largest residual of a pair that did not converge.
func (p *Pairs) worst() float64 {
	worst := 0.0
	for i, r := range p.Residuals {
		if !p.Converged[i] {
			worst = max(worst, r)
		}
	}
	return worst
}

// verdict returns nil if everything converged, and otherwise says how far it came.
func (p *Pairs) verdict(who, remedy string) error {
	done, k := p.converged(), len(p.Values)
	if done == k {
		return nil
	}
	return fmt.Errorf("spectral: %s: %w: %d of %d pairs after %d products, largest residual %.2g; %s",
		who, ErrNotConverged, done, k, p.Products, p.worst(), remedy)
}
