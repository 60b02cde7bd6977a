package dual

import (
	"fmt"
	"math"
	"slices"
)

// A stepper maps 1 − ρ and 1 + ρ through an activation in closed form.
type stepper interface {
	step(p Pair) (minus, plus float64)
}

// near is the angle to 0 or π below which distances are integrated.
const near = 0.5

// Next returns the covariance of φ(u) and φ(v), and the dual it comes from:
// what a layer of unit weight variance and no bias makes of the pair. Small
// angles keep their digits over many layers, since it is not E[φ(u)φ(v)] that
// is carried, but
//
//	E[(φ(u)−φ(v))²] = E[(φ(√q1 x)−φ(√q2 x))²] + 2√(q1q2)∫_0^θ K̇(cos t) sin t dt,
//
// as dK/dc = K̇ for a φ without jumps; near ρ = −1 the sum in place of the
// difference. For ReLU 1 − ρ' = 1 − cos θ − (sin θ − θ cos θ)/π.
//
// Its errors are those of [Activation.Dual].
func (f *Activation) Next(p Pair) (Pair, Result, error) {
	r, err := f.Dual(p)
	if err != nil {
		return Pair{}, Result{}, err
	}
	k1, err := f.power(p.first())
	if err != nil {
		return Pair{}, Result{}, err
	}
	k2 := k1
	if p.q1 != p.q2 {
		if k2, err = f.power(p.second()); err != nil {
			return Pair{}, Result{}, err
		}
	}
	if k1 == 0 || k2 == 0 {
		return newPair(k1, k2, 1, 1), r, nil
	}
	if p.q1 == 0 || p.q2 == 0 {
		return Cov(k1, k2, r.K), r, nil
	}
	if s, ok := f.form.(stepper); ok {
		minus, plus := s.step(p)
		return newPair(k1, k2, minus, plus), r, nil
	}
	switch theta, eta := p.Theta(), p.eta(); {
	case f.jumps():
	case theta < near:
		d, err := f.moved(p, theta, 1)
		return Apart(k1, k2, d), r, err
	case eta < near:
		s, err := f.moved(p, eta, -1)
		return Sum(k1, k2, s), r, err
	}
	return Cov(k1, k2, r.K), r, nil
}

// power returns E[φ²] on the diagonal of a pair.
func (f *Activation) power(diagonal Pair) (float64, error) {
	if diagonal.q1 == 0 || f.form == nil {
		m, err := f.Moments(diagonal.q1)
		return m.Square, err
	}
	r, err := f.Dual(diagonal)
	return r.K, err
}

// jumps reports whether φ itself jumps: then dK/dc is more than K̇.
func (f *Activation) jumps() bool {
	return slices.ContainsFunc(f.Kinks, func(k Kink) bool { return k.jump(0) != 0 })
}

// moved returns E[(φ(u) − sign·φ(v))²] at a small angle from ρ = sign.
func (f *Activation) moved(p Pair, angle, sign float64) (float64, error) {
	sum := 0.0
	for j := range nodes {
		t := angle * legendreX[j]
		at := Angle(p.q1, p.q2, t)
		if sign < 0 {
			at.minus, at.plus = at.plus, at.minus
		}
		r, err := f.Dual(at)
		if err != nil {
			return 0, err
		}
		sum += legendreW[j] * r.Kdot * math.Sin(t)
	}
	sum *= 2 * geometric(p.q1, p.q2) * angle
	if sign > 0 && p.q1 == p.q2 {
		return sum, nil
	}
	s1, s2 := math.Sqrt(p.q1), math.Sqrt(p.q2)*sign
	// The difference itself may be nothing but rounding, which no mesh resolves.
	m, err := common(f, f, s1, s2)
	if err != nil {
		return 0, fmt.Errorf("dual: %s at variances %g and %g: %w", f.Name, p.q1, p.q2, err)
	}
	y, z := m.values[0], m.values[2]
	for i, w := range m.weight {
		d := y[i] - sign*z[i]
		sum += w * d * d
	}
	return sum, nil
}
