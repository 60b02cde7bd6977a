package predict

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/native"
)

// DynamicsOptions configures [NewDynamics].
type DynamicsOptions struct {
	// Kernel says which kernel the matrices are; zero means PerOutput.
	Kernel Reduction
	// Size is what the loss ‖f − y‖²/(2·Size) divides by: 1 for the sum over
	// examples and outputs, N·O for the mean; 0 means N·O.
	Size float64
	// Ridge r ≥ 0 penalizes the way from the initial weights by r‖θ−θ_0‖²/(2·Size).
	Ridge float64
	// RelativeRidge makes Ridge a multiple of the mean eigenvalue tr(Θ)/D.
	RelativeRidge bool
	// Interpolate applies the ridge to test examples only, and moves train outputs
	// by 1 − e^{−(Θ+r)τ} as if there were none, so that they reach y: the
	// convention of neural-tangents. Without a ridge it changes nothing.
	Interpolate bool
	// Error is what errors of the kernel's entries may move an eigenvalue by; 0 if
	// unknown. Eigenvalues within it of zero are taken for zero.
	Error float64
}

// Dynamics is the training of a network whose kernel stays what it is, by gradient
// descent on
//
//	L = ‖f − y‖²/(2·size),
//
// in closed form: at "time" p, see [Filter],
//
//	f(x) = f_0(x) − Θ(x, X)(Θ + r)⁻¹(1 − p(Θ + r))(f_0(X) − y)
//
// on training and other examples alike. Its fields are not to be changed.
//
// Source: Lee et al., "Wide neural networks of any depth evolve as linear models
// under gradient descent" (NeurIPS 2019), section 2.2.
type Dynamics struct {
	// Modes are the eigenpairs of Θ on the D = N or N·O training rows.
	Modes *Modes
	// N and O count training examples and outputs.
	N, O int
	// Size is what the loss divides by.
	Size float64
	// Ridge is r, absolute.
	Ridge float64
	// Report says what rounding and a singular kernel did.
	Report Report

	blas  *native.BLAS
	opts  DynamicsOptions
	f0    Matrix    // [D, C], C = O for a kernel of one output, 1 for a full one
	u0    Matrix    // [D, C], Vᵀ(f_0 − y)
	uy    Matrix    // [D, C], Vᵀy
	value []float64 // [D], λ_j, 0 within rounding and below
	pull  []float64 // [D], value + r
	null  []bool    // [D], λ_j + r is zero within its error
}

// NewDynamics decomposes theta, the kernel of the training examples with
// themselves, of a network with outputs f0 [N, O] before training and targets
// y [N, O]. A zero f0 means outputs that start at 0.
//
// It returns an error if shapes disagree, theta is not symmetric, an entry is not
// finite, or an option is negative. It takes O(D³) time and holds 3D² numbers.
func NewDynamics(ctx context.Context, blas *native.BLAS, theta, f0, y Matrix, opts DynamicsOptions) (*Dynamics, error) {
	n, o := y.Rows, y.Cols
	if n < 1 || o < 1 {
		return nil, fmt.Errorf("predict: targets are [%d, %d]; want examples and outputs", n, o)
	}
	if err := y.check("y", n, o); err != nil {
		return nil, err
	}
	f0 = f0.orZero(n, o)
	if err := f0.check("f0", n, o); err != nil {
		return nil, err
	}
	for _, v := range []float64{opts.Size, opts.Ridge, opts.Error} {
		if !(v >= 0) || math.IsInf(v, 1) {
			return nil, fmt.Errorf("predict: Size %g, Ridge %g and Error %g must be finite numbers, 0 or more", opts.Size, opts.Ridge, opts.Error)
		}
	}
	d := &Dynamics{N: n, O: o, Size: opts.Size, Ridge: opts.Ridge, blas: blas, opts: opts}
	if d.Size == 0 {
		d.Size = float64(n * o)
	}
	theta, err := opts.Kernel.perOutput("theta", theta, n, n, o)
	if err != nil {
		return nil, err
	}
	if d.Modes, err = NewModes(ctx, blas, theta); err != nil {
		return nil, err
	}
	d.Modes.Error = opts.Error
	if opts.RelativeRidge {
		d.Ridge *= MeanEigenvalue(theta)
		if d.Ridge < 0 {
			return nil, fmt.Errorf("predict: the kernel's mean eigenvalue is %g; a relative ridge needs one above 0", MeanEigenvalue(theta))
		}
	}

	dim := theta.Rows
	d.f0 = f0.reshape(dim, n*o/dim)
	diff := NewMatrix(dim, n*o/dim)
	for i, v := range d.f0.Data {
		diff.Data[i] = v - y.Data[i]
	}
	if d.u0, err = d.Modes.project(blas, diff); err != nil {
		return nil, err
	}
	if d.uy, err = d.Modes.project(blas, y.reshape(dim, n*o/dim)); err != nil {
		return nil, err
	}
	d.pull, d.value, d.null = make([]float64, dim), make([]float64, dim), make([]bool, dim)
	for j, l := range d.Modes.Values {
		if l > d.Modes.Rounding {
			d.value[j] = l
		}
		d.pull[j] = d.value[j] + d.Ridge
		d.null[j] = l+d.Ridge <= d.Modes.Uncertainty()
	}
	d.report()
	return d, nil
}

// MeanEigenvalue returns tr(K)/D, what a relative ridge is a multiple of.
func MeanEigenvalue(k Matrix) float64 {
	s := 0.0
	for i := range k.Rows {
		s += k.Data[i*k.Cols+i]
	}
	return s / float64(k.Rows)
}

// moved returns the share of the initial error that train outputs have gone along
// mode j.
func (d *Dynamics) moved(f Filter, j int) float64 {
	if d.Ridge == 0 || d.opts.Interpolate {
		return 1 - f.Left[j]
	}
	return d.value[j] * f.Dual[j]
}

// left returns 1 − moved, without cancellation where it can be had.
func (d *Dynamics) left(f Filter, j int) float64 {
	if d.Ridge == 0 || d.opts.Interpolate {
		return f.Left[j]
	}
	return (d.Ridge + d.value[j]*f.Left[j]) / d.pull[j]
}

// Train returns the outputs on the training examples, [N, O] for each filter.
func (d *Dynamics) Train(filters ...Filter) ([]Matrix, error) {
	return d.expand(d.Modes.Vectors, d.f0, filters, d.moved)
}

// Weights returns the dual weights w [N, O] for each filter, by which other outputs
// are f_0(x) + Θ(x, X)·w for a kernel of one output.
func (d *Dynamics) Weights(filters ...Filter) ([]Matrix, error) {
	return d.expand(d.Modes.Vectors, NewMatrix(d.f0.Rows, d.f0.Cols), filters, func(f Filter, j int) float64 { return f.Dual[j] })
}

// Test returns the outputs on M other examples, [M, O] for each filter, from
// theta = Θ(x, X), the same reduction as that of the training examples and
// [M, N] or [M·O, N·O], and f0 [M, O], zero meaning 0.
func (d *Dynamics) Test(ctx context.Context, theta, f0 Matrix, filters ...Filter) ([]Matrix, error) {
	m := theta.Rows
	if d.opts.Kernel == Full {
		m /= d.O
	}
	theta, err := d.opts.Kernel.perOutput("the kernel of test with training examples", theta, m, d.N, d.O)
	if err != nil {
		return nil, err
	}
	f0 = f0.orZero(m, d.O)
	if err := f0.check("f0 of test examples", m, d.O); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	weights, err := d.Weights(filters...)
	if err != nil {
		return nil, err
	}
	out := make([]Matrix, len(weights))
	for i, w := range weights {
		out[i] = NewMatrix(theta.Rows, d.f0.Cols)
		copy(out[i].Data, f0.Data)
		if err := addProduct(d.blas, out[i], 1, plain(theta), plain(w.reshape(d.f0.Rows, d.f0.Cols)), 1); err != nil {
			return nil, err
		}
		out[i] = out[i].reshape(m, d.O)
	}
	return out, nil
}

// expand returns start − V·diag(share)·Vᵀ(f_0 − y), as [N, O], for each filter.
func (d *Dynamics) expand(v, start Matrix, filters []Filter, share func(Filter, int) float64) ([]Matrix, error) {
	dim, c := d.u0.Rows, d.u0.Cols
	all := NewMatrix(dim, c*len(filters))
	for i, f := range filters {
		if len(f.Left) != dim || len(f.Dual) != dim {
			return nil, fmt.Errorf("predict: filter %d is for %d modes; this kernel has %d", i, len(f.Left), dim)
		}
		for j := range dim {
			s := share(f, j)
			for k, u := range d.u0.Row(j) {
				all.Data[(j*len(filters)+i)*c+k] = s * u
			}
		}
	}
	moved, err := product(d.blas, plain(v), plain(all))
	if err != nil {
		return nil, err
	}
	out := make([]Matrix, len(filters))
	for i := range filters {
		out[i] = NewMatrix(d.N, d.O)
		for j := range dim {
			for k := range c {
				out[i].Data[j*c+k] = start.Data[j*c+k] - moved.Data[(j*len(filters)+i)*c+k]
			}
		}
	}
	return out, nil
}
