package dual

import (
	"math"
	"slices"
)

// A Shaped activation is γ·(φ(αx + β) + δ) with numbers that make a deep plain
// chain of it trainable, and what its local maps are at q = 1.
type Shaped struct {
	*Activation
	// Base is φ: what was asked for, or a leaky ReLU whose negative slope,
	// Params[0], was chosen too.
	Base                      *Activation
	Alpha, Beta, Gamma, Delta float64
	Maps                      LocalMaps
}

// LocalMaps are values of Q(q) = E[φ(√q x)²] and C(c) = E[φ(u)φ(v)]/Q(1) at
// q = 1, for layers of weight variance 1 without bias.
type LocalMaps struct {
	// Q is Q(1), QSlope is Q'(1): NaN if φ jumps away from 0.
	Q, QSlope float64
	// C0 is C(0), CSlope is C'(1), CCurvature is C″(1): +Inf if φ has kinks.
	C0, CSlope, CCurvature float64
}

// Local returns the local maps of f.
func (f *Activation) Local() (LocalMaps, error) {
	m, err := f.Moments(1)
	if err != nil {
		return LocalMaps{}, err
	}
	l := LocalMaps{
		Q: m.Square, QSlope: m.Growth,
		C0: m.Mean * m.Mean / m.Square, CSlope: m.SlopeSquare / m.Square,
		CCurvature: math.Inf(1),
	}
	if !f.kinked() {
		s, err := f.shifted(1, 0)
		if err != nil {
			return LocalMaps{}, err
		}
		l.CCurvature = s.bendSquare / m.Square
	}
	return l, nil
}

// kinked reports whether φ or φ' jumps.
func (f *Activation) kinked() bool {
	return f.jumps() || slices.ContainsFunc(f.Kinks, func(k Kink) bool { return k.jump(1) != 0 })
}

// shaped finishes the transform of f.
func (f *Activation) shaped(alpha, beta, gamma, delta float64) (*Shaped, error) {
	g, err := f.Affine(alpha, beta, gamma, delta)
	if err != nil {
		return nil, err
	}
	maps, err := g.Local()
	return &Shaped{g, f, alpha, beta, gamma, delta, maps}, err
}

// shifted holds expectations of ψ(x) = φ(αx+β) and dψ/dx at x ~ N(0, 1).
type shifted struct {
	mean, variance float64
	slopeSquare    float64 // E[ψ'²]
	bendSquare     float64 // E[ψ″²], wrong if ψ' jumps
	growth, tilt   float64 // E[ψψ'x], E[ψ'x]
}

func (f *Activation) shifted(alpha, beta float64) (shifted, error) {
	g, err := f.Affine(alpha, beta, 1, 0)
	if err != nil {
		return shifted{}, err
	}
	m, err := g.mesh(1, fewOrders)
	if err != nil {
		return shifted{}, err
	}
	y, d := m.values[0], m.values[1]
	bend := m.slope(d)
	s := shifted{mean: m.mean(y), slopeSquare: m.dot(d, d), bendSquare: m.dot(bend, bend)}
	for i, w := range m.weight {
		s.variance += w * (y[i] - s.mean) * (y[i] - s.mean)
		s.growth += w * y[i] * d[i] * m.x[i]
		s.tilt += w * d[i] * m.x[i]
	}
	return s, nil
}
