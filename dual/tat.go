package dual

import (
	"fmt"
	"math"
)

// TAT returns a smooth f shaped for a plain chain of depth layers ("tailored
// activation transformation"), by four conditions on the local maps,
//
//	Q(1) = 1,  Q'(1) = 1,  C'(1) = 1,  C″(1) = τ/depth,
//
// so that the whole chain has C_f'(1) = 1 and C_f″(1) = τ. A zero tau means 0.3.
//
// It returns an error if f has kinks, where C″ is infinite (use [TReLU]), if
// τ < 0, or if no α, β are found.
//
// Source: Zhang, Botev and Martens, "Deep learning without shortcuts: shaping
// the kernel with tailored rectifiers", arXiv 2203.08120, section 4.
func TAT(f *Activation, depth int, tau float64) (*Shaped, error) {
	if tau == 0 {
		tau = 0.3
	}
	if depth < 1 || !(tau > 0) {
		return nil, fmt.Errorf("dual: TAT of %s for depth %d and curvature τ = %g: expected a depth ≥ 1 and τ > 0", f.Name, depth, tau)
	}
	if f.kinked() {
		return nil, fmt.Errorf("dual: TAT of %s: its slope jumps, so that C″(1) is infinite; use TReLU", f.Name)
	}
	want := tau / float64(depth)
	// Given α and β, γ makes C'(1)Q(1) = 1 and δ makes Q(1) = 1; there are two
	// such δ, on each side of −E[φ].
	outer := func(side float64, x [2]float64) (gamma, delta float64, m shifted, ok bool) {
		m, err := f.shifted(math.Exp(x[0]), x[1])
		gamma = 1 / math.Sqrt(m.slopeSquare)
		// E[ψ'²] ≥ Var ψ (Poincaré).
		delta = side*math.Sqrt(max(0, m.slopeSquare-m.variance)) - m.mean
		return gamma, delta, m, err == nil && m.slopeSquare > 0
	}
	for start := range starts {
		var best *Shaped
		for _, side := range []float64{1, -1} {
			x, ok := solve(func(x [2]float64) ([2]float64, bool) {
				gamma, delta, m, ok := outer(side, x)
				return [2]float64{
					(gamma*gamma*(m.growth+delta*m.tilt) - 1) / want,
					gamma*gamma*m.bendSquare/want - 1,
				}, ok
			}, start, 1e-12/want)
			if !ok {
				continue
			}
			gamma, delta, _, _ := outer(side, x)
			s, err := f.shaped(math.Exp(x[0]), x[1], gamma, delta)
			if err != nil {
				return nil, err
			}
			// Sigmoids have two solutions; a large γ is the one in their tails.
			if best == nil || s.Gamma < best.Gamma {
				best = s
			}
		}
		if best != nil {
			return best, nil
		}
	}
	return nil, fmt.Errorf("dual: TAT of %s for C″(1) = %.6g: no scale and shift found; choose another τ or depth", f.Name, want)
}

// TReLU returns the leaky ReLU √(2/(1+a²))·(max(x, 0) + a·min(x, 0)) whose
// plain chain of depth layers takes orthogonal inputs to the correlation
//
//	C_f(0) = η,
//
// which falls from that of ReLU at a = 0 to 0 at a = 1. A zero eta means 0.9.
//
// It returns an error unless 0 < η < that of ReLU, which a shallow chain does
// not bring far.
//
// Source: Zhang, Botev and Martens, arXiv 2203.08120, section 3.
func TReLU(depth int, eta float64) (*Shaped, error) {
	if eta == 0 {
		eta = 0.9
	}
	if depth < 1 || !(eta > 0 && eta < 1) {
		return nil, fmt.Errorf("dual: TReLU for depth %d and correlation η = %g: expected a depth ≥ 1 and η between 0 and 1", depth, eta)
	}
	away := func(a float64) (float64, error) {
		f := abrelu{a, 1}
		p := Angle(1, 1, math.Pi/2)
		for range depth {
			p.minus, p.plus = f.step(p)
		}
		return p.minus - (1 - eta), nil
	}
	if d, _ := away(0); d > 0 {
		return nil, fmt.Errorf("dual: TReLU for correlation η = %g: at depth %d ReLU itself reaches %.4g; choose a smaller η", eta, depth, eta-d)
	}
	a, err := bisect(0, 1, away)
	if err != nil {
		return nil, err
	}
	gamma := math.Sqrt(2 / (1 + a*a))
	return LeakyReLU(a).shaped(1, 0, gamma, 0)
}
