package predict

import "fmt"

// A Prior holds the NNGP kernel of the functions that training starts from.
type Prior struct {
	Train Matrix // [D, D], of training examples
	Cross Matrix // [M, D], of test with training examples
	Test  Matrix // [M, M], of test examples
}

// Ensemble returns the mean [M, O] and the covariance [M, M] over initializations of
// infinitely wide networks trained to the time of a filter, at M test examples with
// the kernel theta = Θ(x, X) [M, N]. They start at random functions f_0 ~ GP(0, K):
// d must have been made with an f_0 of zero. With A = Θ(x, X)(Θ+r)⁻¹(1 − p(Θ+r)),
//
//	mean = A·y,  covariance = K_xx + A·K·Aᵀ − A·K_Xx − K_xX·Aᵀ,
//
// the latter that of every output. For kernels of all outputs rows are outputs of
// examples. At p = 1 it is the prior; at t = ∞ with Θ = K, the posterior of the NNGP
// without noise, and with K + r in place of prior.Train, that with noise r. With
// another Θ it is no posterior of anything.
//
// It returns an error if shapes disagree, a kernel of examples with themselves is
// not symmetric, or d starts elsewhere.
//
// Source: Lee et al. (NeurIPS 2019), corollary 1.
func (d *Dynamics) Ensemble(theta Matrix, prior Prior, f Filter) (mean, covariance Matrix, err error) {
	if maxAbs(d.f0.Data) > 0 {
		return mean, covariance, fmt.Errorf("predict: an ensemble starts at random functions of mean zero; make the dynamics with a zero f0")
	}
	dim, m := d.u0.Rows, theta.Rows
	examples := m
	if d.opts.Kernel == Full {
		examples = m / d.O
	}
	if theta, err = d.opts.Kernel.perOutput("the kernel of test with training examples", theta, examples, d.N, d.O); err != nil {
		return mean, covariance, err
	}
	if err = prior.check(dim, m); err != nil {
		return mean, covariance, err
	}
	if len(f.Left) != dim || len(f.Dual) != dim {
		return mean, covariance, fmt.Errorf("predict: a filter is for %d modes; this kernel has %d", len(f.Left), dim)
	}

	// A = Θ(x, X)·V·g(Λ)·Vᵀ.
	p := products{blas: d.blas}
	av := p.of(plain(theta), plain(d.Modes.Vectors))
	for i := range av.Rows {
		for j := range av.Row(i) {
			av.Row(i)[j] *= f.Dual[j]
		}
	}
	mean = p.of(plain(av), plain(d.uy))
	a := p.of(plain(av), transposed(d.Modes.Vectors))
	// A·K·Aᵀ − A·K_Xx − K_xX·Aᵀ = B + Bᵀ with B = A(½K·Aᵀ − K_Xx).
	half := p.of(plain(prior.Train), transposed(a))
	for i := range half.Rows {
		for j := range half.Cols {
			half.Row(i)[j] = half.Row(i)[j]/2 - prior.Cross.Row(j)[i]
		}
	}
	b := p.of(plain(a), plain(half))
	if p.err != nil {
		return Matrix{}, Matrix{}, p.err
	}
	covariance = copyOf(prior.Test)
	for i := range m {
		for j := range m {
			covariance.Row(i)[j] += b.Row(i)[j] + b.Row(j)[i]
		}
	}
	symmetrize(covariance)
	return mean.reshape(examples, d.O), covariance, nil
}

func (p Prior) check(n, m int) error {
	if err := p.Train.checkSymmetric("the prior's kernel of training examples", n); err != nil {
		return err
	}
	if err := p.Cross.check("the prior's kernel of test with training examples", m, n); err != nil {
		return err
	}
	return p.Test.checkSymmetric("the prior's kernel of test examples", m)
}
