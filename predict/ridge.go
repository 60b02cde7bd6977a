package predict

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/native"
)

// Ridge returns the dual weights w [N, O] of kernel ridge regression,
//
//	(K + r)·w = y,  f(x) = K(x, X)·w,
//
// which minimize ‖f(X) − y‖² + r‖f‖² in the kernel's norm. It is the mean of a [GP]
// with noise r, and has its errors and cost.
func Ridge(ctx context.Context, blas *native.BLAS, k, y Matrix, r float64) (Matrix, error) {
	g, err := NewGP(ctx, blas, k, y, r)
	if err != nil {
		return Matrix{}, err
	}
	return g.Weights, nil
}

// A RidgePath is kernel ridge regression for every ridge: one decomposition of K,
// then O(N²·O) for each.
type RidgePath struct {
	modes *Modes
	along Matrix // [N, O], Vᵀy
	y     Matrix
	blas  *native.BLAS
}

// NewRidgePath decomposes k [N, N] for targets y [N, O]. Errors are those of
// [NewModes], and an error if y has another shape.
func NewRidgePath(ctx context.Context, blas *native.BLAS, k, y Matrix) (*RidgePath, error) {
	if err := y.check("y", k.Rows, y.Cols); err != nil {
		return nil, err
	}
	m, err := NewModes(ctx, blas, k)
	if err != nil {
		return nil, err
	}
	p := &RidgePath{modes: m, y: copyOf(y), blas: blas}
	p.along, err = m.project(blas, y)
	return p, err
}

// Weights returns the dual weights [N, O] for ridge r. It returns an error if r is
// negative, or λ_min + r is not above rounding.
func (p *RidgePath) Weights(r float64) (Matrix, error) {
	if err := p.check(r); err != nil {
		return Matrix{}, err
	}
	scaled := copyOf(p.along)
	for j, l := range p.modes.Values {
		for o := range scaled.Cols {
			scaled.Row(j)[o] /= max(l, 0) + r
		}
	}
	return product(p.blas, plain(p.modes.Vectors), plain(scaled))
}

// LeaveOneOut returns the predictions [N, O] for ridge r of each training example
// from the others, y_i − w_i/[(K+r)⁻¹]_ii. Errors are those of Weights.
func (p *RidgePath) LeaveOneOut(r float64) (Matrix, error) {
	out, err := p.Weights(r)
	if err != nil {
		return Matrix{}, err
	}
	for i := range out.Rows {
		c := 0.0
		for j, v := range p.modes.Vectors.Row(i) {
			c += v * v / (max(p.modes.Values[j], 0) + r)
		}
		for o, w := range out.Row(i) {
			out.Row(i)[o] = p.y.Row(i)[o] - w/c
		}
	}
	return out, nil
}

func (p *RidgePath) check(r float64) error {
	if !(r >= 0) || math.IsInf(r, 1) {
		return fmt.Errorf("predict: ridge %g; want a finite number, 0 or more", r)
	}
	if low := max(p.modes.Min(), 0) + r; low <= p.modes.Uncertainty() {
		return fmt.Errorf("predict: the smallest eigenvalue plus the ridge is %g, rounding %g; raise the ridge", low, p.modes.Uncertainty())
	}
	return nil
}
