package predict

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/native"
)

// An Evidence is the log marginal likelihood of targets under a Gaussian process
// with the kernel s·K and noise σ², as a function of s and σ²: one decomposition of
// K, then O(N) for each pair.
type Evidence struct {
	values []float64 // eigenvalues of K, not below 0
	energy []float64 // Σ_o (vᵀy_o)² for each
	o      int
}

// NewEvidence decomposes k [N, N] for targets y [N, O]. Errors are those of
// [NewModes], and an error if y has another shape.
func NewEvidence(ctx context.Context, blas *native.BLAS, k, y Matrix) (*Evidence, error) {
	if err := y.check("y", k.Rows, y.Cols); err != nil {
		return nil, err
	}
	if y.Cols < 1 {
		return nil, fmt.Errorf("predict: targets are [%d, %d]; want at least one output", y.Rows, y.Cols)
	}
	m, err := NewModes(ctx, blas, k)
	if err != nil {
		return nil, err
	}
	along, err := m.project(blas, y)
	if err != nil {
		return nil, err
	}
	e := &Evidence{values: m.Values, energy: make([]float64, len(m.Values)), o: y.Cols}
	for j := range e.energy {
		e.values[j] = max(e.values[j], 0)
		e.energy[j] = dot(along.Row(j), along.Row(j))
	}
	return e, nil
}

// At returns log p(y | X, s, σ²), summed over outputs, and its derivatives by log s
// and log σ²:
//
//	−½ Σ_j [w_j²/d_j + O·log(2πd_j)],  d_j = sλ_j + σ²,  w_j = v_jᵀy.
//
// It returns an error if s is negative, or s·λ_min + σ² is not positive.
func (e *Evidence) At(scale, noise float64) (value, byLogScale, byLogNoise float64, err error) {
	if !(scale >= 0 && noise >= 0) || math.IsInf(scale+noise, 1) {
		return 0, 0, 0, fmt.Errorf("predict: scale %g and noise variance %g; want finite numbers, 0 or more", scale, noise)
	}
	for j, l := range e.values {
		d := scale*l + noise
		if !(d > 0) {
			return 0, 0, 0, fmt.Errorf("predict: eigenvalue %d, %g, times %g plus the noise %g is not positive; raise the noise", j, l, scale, noise)
		}
		value -= (e.energy[j]/d + float64(e.o)*math.Log(2*math.Pi*d)) / 2
		slope := (e.energy[j]/d - float64(e.o)) / (2 * d)
		byLogScale += slope * scale * l
		byLogNoise += slope * noise
	}
	return value, byLogScale, byLogNoise, nil
}

// Maximize returns the scale and noise of the largest evidence with a ratio σ²/s
// between lowest and highest, both positive. For each ratio ρ the best scale is
// s = Σ_j w_j²/(λ_j + ρ)/(N·O), so one number is left to search for: on a grid of
// quarters of a decade, as there may be several maxima, then by golden sections
// to a relative 1e-8. It returns an error for bad bounds, and if y is zero.
func (e *Evidence) Maximize(lowest, highest float64) (scale, noise float64, err error) {
	if !(lowest > 0 && highest >= lowest) || math.IsInf(highest, 1) {
		return 0, 0, fmt.Errorf("predict: ratios from %g to %g; want finite, positive numbers in order", lowest, highest)
	}
	best := func(ratio float64) float64 {
		s := 0.0
		for j, l := range e.values {
			s += e.energy[j] / (l + ratio)
		}
		return s / float64(len(e.values)*e.o)
	}
	if best(1) == 0 {
		return 0, 0, fmt.Errorf("predict: targets are all zero: the evidence grows as the scale shrinks")
	}
	profile := func(x float64) float64 {
		s := best(math.Exp(x))
		v, _, _, err := e.At(s, s*math.Exp(x))
		if err != nil {
			return math.Inf(-1)
		}
		return v
	}
	from, to := math.Log(lowest), math.Log(highest)
	steps := 1 + int(math.Ceil((to-from)/(math.Ln10/4)))
	at := func(i int) float64 { return from + (to-from)*float64(i)/float64(steps) }
	top := 0
	for i := range steps + 1 {
		if profile(at(i)) > profile(at(top)) {
			top = i
		}
	}
	x := golden(profile, at(max(top-1, 0)), at(min(top+1, steps)))
	for _, edge := range []float64{from, to} {
		if profile(edge) > profile(x) {
			x = edge
		}
	}
	scale = best(math.Exp(x))
	return scale, scale * math.Exp(x), nil
}

// golden returns where f, with one maximum between a and b, is largest.
func golden(f func(float64) float64, a, b float64) float64 {
	g := (math.Sqrt(5) - 1) / 2
	c, d := b-g*(b-a), a+g*(b-a)
	fc, fd := f(c), f(d)
	for b-a > 1e-8 {
		if fc >= fd {
			b, d, fd = d, c, fc
			c = b - g*(b-a)
			fc = f(c)
		} else {
			a, c, fc = c, d, fd
			d = a + g*(b-a)
			fd = f(d)
		}
	}
	return (a + b) / 2
}
