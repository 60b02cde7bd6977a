package predict

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/native"
)

// A GP is a Gaussian process conditioned on training examples,
//
//	y = f(X) + noise,  f ~ GP(0, K),  noise ~ N(0, σ²),
//
// independently for each output. With K the NNGP it is the infinitely wide network
// under Bayes' rule, with K = Θ the NTKGP. For kernels of all outputs, [N·O, N·O],
// reshape targets to [N·O, 1]. Its fields are not to be changed.
//
// Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006),
// sections 2.2 and 5.4.2.
type GP struct {
	// N and O count training examples and outputs.
	N, O int
	// Noise is σ².
	Noise float64
	// Weights [N, O] are (K + σ²)⁻¹y: the mean at x is K(x, X)·Weights.
	Weights Matrix

	blas *native.BLAS
	y    Matrix
	l    []float64 // [N, N], Cholesky factor of K + σ²
}

// NewGP factors k [N, N] + σ²·I for targets y [N, O].
//
// It returns an error if shapes disagree, k is not symmetric, an entry is not finite
// or the noise is negative, and [*native.NotPositiveDefiniteError] if k + σ² is
// singular to rounding. It takes N³/3 operations.
func NewGP(ctx context.Context, blas *native.BLAS, k, y Matrix, noise float64) (*GP, error) {
	n, o := y.Rows, y.Cols
	if n < 1 || o < 1 {
		return nil, fmt.Errorf("predict: targets are [%d, %d]; want examples and outputs", n, o)
	}
	if err := y.check("y", n, o); err != nil {
		return nil, err
	}
	if err := k.checkSymmetric("the kernel", n); err != nil {
		return nil, err
	}
	if !(noise >= 0) || math.IsInf(noise, 1) {
		return nil, fmt.Errorf("predict: noise variance %g; want a finite number, 0 or more", noise)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l, err := blas.Cholesky(n, k.shifted(noise).Data)
	if err != nil {
		return nil, singular(err, noise)
	}
	g := &GP{N: n, O: o, Noise: noise, Weights: copyOf(y), blas: blas, y: copyOf(y), l: l}
	if err := blas.CholeskySolve(n, o, l, g.Weights.Data); err != nil {
		return nil, err
	}
	return g, nil
}

// singular says what to do about a kernel without a Cholesky factor.
func singular(err error, ridge float64) error {
	var not *native.NotPositiveDefiniteError
	if errors.As(err, &not) {
		return fmt.Errorf("predict: the kernel with %g on its diagonal is singular, or no kernel; raise the noise or ridge: %w", ridge, err)
	}
	return err
}

func copyOf(m Matrix) Matrix {
	out := NewMatrix(m.Rows, m.Cols)
	copy(out.Data, m.Data)
	return out
}

// Mean returns the posterior mean [M, O] of f at other examples, from the kernel of
// them with the training examples, cross [M, N].
func (g *GP) Mean(cross Matrix) (Matrix, error) {
	if err := cross.check("the kernel of test with training examples", cross.Rows, g.N); err != nil {
		return Matrix{}, err
	}
	return product(g.blas, plain(cross), plain(g.Weights))
}

// Covariance returns the posterior covariance [M, M] of f, that of every output, at
// other examples with the kernels cross [M, N] with the training examples and
// test [M, M] with themselves:
//
//	K(x, x') − K(x, X)(K + σ²)⁻¹K(X, x').
//
// That of noisy targets has σ² more on its diagonal.
func (g *GP) Covariance(cross, test Matrix) (Matrix, error) {
	m := cross.Rows
	if err := test.checkSymmetric("the kernel of test examples", m); err != nil {
		return Matrix{}, err
	}
	solved, err := g.solve(cross)
	if err != nil {
		return Matrix{}, err
	}
	out := copyOf(test)
	if err := addProduct(g.blas, out, -1, plain(cross), plain(solved), 1); err != nil {
		return Matrix{}, err
	}
	symmetrize(out)
	return out, nil
}

// Variance returns the diagonal [M] of the posterior covariance, from that of the
// kernel of test examples. Rounding does not make it negative.
func (g *GP) Variance(cross Matrix, test []float64) ([]float64, error) {
	m := cross.Rows
	if err := (Matrix{1, len(test), test}).check("the diagonal of the kernel of test examples", 1, m); err != nil {
		return nil, err
	}
	solved, err := g.solve(cross)
	if err != nil {
		return nil, err
	}
	out := make([]float64, m)
	copy(out, test)
	for i := range g.N {
		for j, v := range solved.Row(i) {
			out[j] -= cross.Data[j*g.N+i] * v
		}
	}
	for j := range out {
		out[j] = max(out[j], 0)
	}
	return out, nil
}

// solve returns (K + σ²)⁻¹·crossᵀ, [N, M].
func (g *GP) solve(cross Matrix) (Matrix, error) {
	if err := cross.check("the kernel of test with training examples", cross.Rows, g.N); err != nil {
		return Matrix{}, err
	}
	out := transpose(cross)
	return out, g.blas.CholeskySolve(g.N, cross.Rows, g.l, out.Data)
}

func transpose(m Matrix) Matrix {
	out := NewMatrix(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			out.Data[j*m.Rows+i] = v
		}
	}
	return out
}

// symmetrize makes a symmetric matrix exactly so.
func symmetrize(m Matrix) {
	for i := range m.Rows {
		for j := range i {
			a := (m.Data[i*m.Cols+j] + m.Data[j*m.Cols+i]) / 2
			m.Data[i*m.Cols+j], m.Data[j*m.Cols+i] = a, a
		}
	}
}

// LogMarginalLikelihood returns log p(y | X), summed over outputs,
//
//	−½ Σ_o y_oᵀ(K + σ²)⁻¹y_o − O·(½ log|K + σ²| + N/2·log 2π).
//
// [Evidence] has it for many scales and noises.
func (g *GP) LogMarginalLikelihood() float64 {
	half := 0.0
	for i := range g.N {
		half += math.Log(g.l[i*g.N+i])
	}
	return -dot(g.y.Data, g.Weights.Data)/2 - float64(g.O)*(half+float64(g.N)/2*math.Log(2*math.Pi))
}

// A LeaveOneOut is what the process says of each training example when it is
// conditioned on the others.
type LeaveOneOut struct {
	// Mean [N, O] and Variance [N] are of the noisy target, every output's.
	Mean     Matrix
	Variance []float64
	// LogDensity is Σ log p(y_i | the others), over outputs too.
	LogDensity float64
}

// LeaveOneOut predicts each training example from the others without factoring N
// matrices,
//
//	μ_i = y_i − [(K+σ²)⁻¹y]_i/c_i,  σ_i² = 1/c_i,  c_i = [(K+σ²)⁻¹]_ii.
//
// It takes 2N³ operations and N² numbers. For kernels of all outputs one row left
// out is one output of one example.
//
// Source: Rasmussen and Williams (2006), equations 5.10-5.12.
func (g *GP) LeaveOneOut() (*LeaveOneOut, error) {
	inverse := NewMatrix(g.N, g.N).shifted(1)
	if err := g.blas.CholeskySolve(g.N, g.N, g.l, inverse.Data); err != nil {
		return nil, err
	}
	out := &LeaveOneOut{Mean: NewMatrix(g.N, g.O), Variance: make([]float64, g.N)}
	for i := range g.N {
		c := inverse.Data[i*g.N+i]
		out.Variance[i] = 1 / c
		for o, w := range g.Weights.Row(i) {
			out.Mean.Row(i)[o] = g.y.Row(i)[o] - w/c
			out.LogDensity += -w*w/(2*c) - math.Log(2*math.Pi/c)/2
		}
	}
	return out, nil
}
