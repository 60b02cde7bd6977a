package train

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/predict"
)

// Particles are a network of one hidden layer seen as a measure: m units (a_i, w_i) of
// mass 1/m,
//
//	f(x) = g/m · Σ_i a_i φ(g·w_i·x/√d),
//
// which gradient descent on ½Σ(f − y)²/size moves by
//
//	a_i ← a_i − η·g·Σ_k r_k φ(z_ik)/size,
//	w_i ← w_i − η·g²·Σ_k r_k a_i φ'(z_ik) x_k/(√d·size),  r = f(X) − y,
//
// each unit in the field of all: that is the mean-field parameterization of package
// models, in which rates are η·m. As m grows the measure tends to that of the equation
// of McKean and Vlasov, and a network of m random units is 1/√m from it. With the points
// of [GaussianParticles] the limit itself is computed.
//
// Its steps are plain loops in float64, O(m·N·d), and share nothing with a [Trainer].
//
// Source: Mei, Montanari, Nguyen, arXiv 1804.06561, eq. (3) and theorem 3.
type Particles struct {
	A []float64      // [m]
	W predict.Matrix // [m, d]
	// Gain is g.
	Gain float64
	// Phi is φ, Slope is φ'.
	Phi, Slope func(float64) float64
}

// GaussianParticles returns m points that fill the normal distribution of (a, w), w in d
// dimensions, evenly: those of Halton's sequence, coordinate by coordinate through the
// quantile of N(0, 1). Means of smooth functions err by about 1/m instead of 1/√m.
//
// It returns an error unless m is positive and d between 1 and 9.
//
// Source: Halton, Numer. Math. 2, 84 (1960).
func GaussianParticles(m, d int, gain float64, phi, slope func(float64) float64) (*Particles, error) {
	if m < 1 || d < 1 || d >= len(haltonBases) {
		return nil, fmt.Errorf("train: %d particles in %d dimensions; want at least 1, in 1 to %d", m, d, len(haltonBases)-1)
	}
	p := &Particles{A: make([]float64, m), W: predict.NewMatrix(m, d), Gain: gain, Phi: phi, Slope: slope}
	for i := range m {
		p.A[i] = quantile(halton(i+1, haltonBases[0]))
		for j := range d {
			p.W.Row(i)[j] = quantile(halton(i+1, haltonBases[1+j]))
		}
	}
	return p, nil
}

// haltonBases are primes: a coordinate each. Beyond, points of many dimensions line up.
var haltonBases = []int{2, 3, 5, 7, 11, 13, 17, 19, 23, 29}

// halton mirrors the digits of i in a base at the point.
func halton(i, base int) float64 {
	x, unit := 0.0, 1/float64(base)
	for ; i > 0; i /= base {
		x += float64(i%base) * unit
		unit /= float64(base)
	}
	return x
}

// quantile is that of N(0, 1).
func quantile(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// Outputs returns f(x) of examples [N, d].
func (p *Particles) Outputs(x predict.Matrix) ([]float64, error) {
	if x.Cols != p.W.Cols {
		return nil, fmt.Errorf("train: examples have %d features, particles %d", x.Cols, p.W.Cols)
	}
	f := make([]float64, x.Rows)
	for i, a := range p.A {
		for k := range f {
			f[k] += a * p.Phi(p.preactivation(i, x.Row(k)))
		}
	}
	for k := range f {
		f[k] *= p.Gain / float64(len(p.A))
	}
	return f, nil
}

// preactivation is z of unit i.
func (p *Particles) preactivation(i int, x []float64) float64 {
	z := 0.0
	for j, w := range p.W.Row(i) {
		z += w * x[j]
	}
	return z * p.Gain / math.Sqrt(float64(len(x)))
}

// Descend takes steps of gradient descent with the rate η on ½Σ(f − y)²/size, for
// examples x [N, d] and targets y [N].
//
// It returns an error for shapes that do not fit, one that wraps ErrDiverged if outputs
// are not finite, and the cause of ctx, before a step, if ctx has ended.
func (p *Particles) Descend(ctx context.Context, x predict.Matrix, y []float64, rate, size float64, steps int) error {
	if len(y) != x.Rows {
		return fmt.Errorf("train: %d targets of %d examples", len(y), x.Rows)
	}
	da, dw := make([]float64, len(y)), make([]float64, x.Cols)
	scale := rate * p.Gain / size
	inner := p.Gain / math.Sqrt(float64(x.Cols))
	for range steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r, err := p.Outputs(x)
		if err != nil {
			return err
		}
		for k := range r {
			r[k] -= y[k]
			if math.IsNaN(r[k]) || math.IsInf(r[k], 0) {
				return fmt.Errorf("%w: outputs of particles are not finite; take a smaller rate", ErrDiverged)
			}
		}
		for i, a := range p.A {
			clear(dw)
			change := 0.0
			for k, residual := range r {
				z := p.preactivation(i, x.Row(k))
				change += residual * p.Phi(z)
				da[k] = residual * a * p.Slope(z)
			}
			for k, g := range da {
				for j, v := range x.Row(k) {
					dw[j] += g * v
				}
			}
			p.A[i] -= scale * change
			w := p.W.Row(i)
			for j, g := range dw {
				w[j] -= scale * inner * g
			}
		}
	}
	return nil
}
