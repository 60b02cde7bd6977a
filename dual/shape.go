package dual

import (
	"fmt"
	"math"
)

// A Shaped activation is γ·(φ(αx + β) + δ) with numbers that make a deep plain
// chain of it trainable, and what its local maps are at q = 1.
type Shaped struct {
	*Activation
	Alpha, Beta, Gamma, Delta float64
	Maps                      LocalMaps
}

// LocalMaps are values of Q(q) = E[φ(√q x)²] and C(c) = E[φ(u)φ(v)]/Q(1) at
// q = 1, for layers of weight variance 1 without bias.
type LocalMaps struct {
	// Q is Q(1), QSlope is Q'(1).
	Q, QSlope float64
	// C0 is C(0), CSlope is C'(1), CCurvature is C''(1): +Inf if φ has kinks.
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
	for _, k := range f.Kinks {
		for m, j := range k.Jumps {
			if m < 2 && j != 0 {
				return true
			}
		}
	}
	return false
}

// starts are where the search for α and β begins.
func starts(yield func(alpha, beta float64) bool) {
	for _, alpha := range []float64{1, 0.1, 0.3} {
		for _, beta := range []float64{0.3, -0.3, 1, -1, 0.03, 2, -2} {
			if !yield(alpha, beta) {
				return
			}
		}
	}
}

// DKS returns f shaped for a plain chain of depth layers ("deep kernel
// shaping"), by four conditions on the local maps,
//
//	Q(1) = 1,  Q'(1) = 1,  C(0) = 0,  C'(1) = ζ^{1/depth},
//
// so that the whole chain has C_f(0) = 0 and C_f'(1) = ζ and is not far from the
// identity on [−1, 1]. A zero zeta means 1.5.
//
// For ReLU and its like only β/α counts, thus α = 1 and the negative slope is
// chosen too: the result is a leaky ReLU. It returns an error if ζ ≤ 1 or no α
// and β are found.
//
// Source: Martens et al., "Rapid training of deep neural networks without skip
// connections or normalization layers using Deep Kernel Shaping", arXiv
// 2110.01765, section 10.
func DKS(f *Activation, depth int, zeta float64) (*Shaped, error) {
	if zeta == 0 {
		zeta = 1.5
	}
	if depth < 1 || !(zeta > 1) {
		return nil, fmt.Errorf("dual: DKS of %s for depth %d and slope ζ = %g: expected a depth ≥ 1 and ζ > 1", f.Name, depth, zeta)
	}
	slope := math.Pow(zeta, 1/float64(depth))
	excess := math.Expm1(math.Log(zeta) / float64(depth))
	// Given α and β, δ makes C(0) = 0 and γ makes Q(1) = 1.
	at := func(x [2]float64) (g *Activation, alpha, gamma, delta float64, m shifted, ok bool) {
		g, alpha = f.scaledBy(x[0])
		m, err := g.shifted(alpha, x[1])
		return g, alpha, 1 / math.Sqrt(m.variance), -m.mean, m, err == nil && m.variance > 0
	}
	residual := func(x [2]float64) ([2]float64, bool) {
		_, _, gamma, delta, m, ok := at(x)
		square := gamma * gamma
		return [2]float64{
			(square*(m.growth+delta*m.tilt) - 1) / excess,
			(square*m.slopeSquare - slope) / excess,
		}, ok
	}
	for alpha, beta := range starts {
		x, ok := newton2(residual, [2]float64{math.Log(alpha), beta}, 1e-12/excess)
		if ok && math.Abs(x[0]) < 6 && math.Abs(x[1]) < 10 {
			g, alpha, gamma, delta, _, _ := at(x)
			return g.shaped(alpha, x[1], gamma, delta)
		}
	}
	return nil, fmt.Errorf("dual: DKS of %s for C'(1) = %.6g: no scale and shift found that give Q'(1) = 1; the function may be too close to a line", f.Name, slope)
}

// scaledBy returns f and the scale α = eˣ of its argument. For a leaky ReLU a
// scale changes nothing; its negative slope takes that place: 1 − eˣ times the
// positive one, so that a small eˣ is close to a line for both.
func (f *Activation) scaledBy(x float64) (*Activation, float64) {
	if _, ok := f.form.(abrelu); ok && f.kinked() {
		return LeakyReLU(1 - math.Exp(x)), 1
	}
	return f, math.Exp(x)
}

func (f *Activation) shaped(alpha, beta, gamma, delta float64) (*Shaped, error) {
	g, err := f.Affine(alpha, beta, gamma, delta)
	if err != nil {
		return nil, err
	}
	maps, err := g.Local()
	return &Shaped{g, alpha, beta, gamma, delta, maps}, err
}

// shifted holds expectations of ψ(x) = φ(αx+β) and dψ/dx at x ~ N(0, 1).
type shifted struct {
	mean, variance float64
	slopeSquare    float64 // E[ψ'²]
	bendSquare     float64 // E[ψ''²], wrong if ψ' jumps
	growth, tilt   float64 // E[ψψ'x], E[ψ'x]
}

func (f *Activation) shifted(alpha, beta float64) (shifted, error) {
	g, err := f.Affine(alpha, beta, 1, 0)
	if err != nil {
		return shifted{}, err
	}
	m, err := newMesh(g.scaled(1), g.breaks(1))
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
