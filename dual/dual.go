// Package dual computes Gaussian expectations of activations: for (u, v)
// normal with mean zero, K = E[φ(u)φ(v)] and K̇ = E[φ'(u)φ'(v)], which are all
// that an infinitely wide layer knows of its nonlinearity.
package dual

import (
	"fmt"
	"math"
)

// A Result is a dual activation at one pair, and how far it may be off.
type Result struct {
	// K is E[φ(u)ψ(v)], Kdot is E[φ'(u)ψ'(v)] with the derivatives that a
	// GoMLX program has: a jump of φ adds nothing to it.
	K, Kdot float64
	// KErr and KdotErr bound the absolute errors, for the pair as it is held.
	KErr, KdotErr float64
	// Order is the highest Hermite order summed; 0 where none was.
	Order int
	// Reached says that both errors are below 1e-12, relative to
	// √(E[φ²]E[ψ²]) and √(E[φ'²]E[ψ'²]).
	Reached bool
}

const (
	// rounding is what a closed form may lose, relative to the scale of the
	// result: some hundred operations. A delicate form says what it loses more.
	rounding = 256 * 0x1p-52
	// target is the relative error that Reached promises.
	target = 1e-12
)

// Dual returns K and K̇ of f at a pair,
//
//	K = E[φ(u)φ(v)],  K̇ = E[φ'(u)φ'(v)],
//
// from a closed form where f has one and from a Hermite series otherwise. At
// zero variance the value and the derivative of the program at 0 are used:
// with ReLU'(0) = 1, K̇(0, 0) = 1 and K̇(0, q) = 1/2.
//
// It returns an error if the pair is no covariance, or if an expectation is
// infinite.
//
// Source: Cho and Saul, "Kernel methods for deep learning" (NIPS 2009); Daniely,
// Frostig and Singer, arXiv 1602.05897.
func (f *Activation) Dual(p Pair) (Result, error) { return Cross(f, f, p) }

// Cross returns the cross dual of two activations,
//
//	K = E[φ(u)ψ(v)],  K̇ = E[φ'(u)ψ'(v)].
//
// See [Activation.Dual] for the rest.
func Cross(f, g *Activation, p Pair) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	if p.q1 == 0 || p.q2 == 0 {
		return product(f, g, p)
	}
	if f.same(g) && f.form != nil {
		return closed(f, p)
	}
	if (p.minus == 0 || p.plus == 0) && f.finite == nil && g.finite == nil {
		return collinear(f, g, p)
	}
	return summed(f, g, p)
}

// A form is a closed form of K and K̇ at positive variances.
type form interface {
	dual(p Pair) (k, kdot float64)
}

// A limited form says where its expectations are infinite.
type limited interface {
	bounded(p Pair) error
}

// A delicate form may lose more than rounding at some pairs.
type delicate interface {
	loss(p Pair) float64
}

func closed(f *Activation, p Pair) (Result, error) {
	d1, d2 := p.first(), p.second()
	if l, ok := f.form.(limited); ok {
		for _, pair := range []Pair{p, d1, d2} {
			if err := l.bounded(pair); err != nil {
				return Result{}, fmt.Errorf("dual: %s: %w", f.Name, err)
			}
		}
	}
	k, kdot := f.form.dual(p)
	s1, t1 := f.form.dual(d1)
	s2, t2 := s1, t1
	if p.q1 != p.q2 {
		s2, t2 = f.form.dual(d2)
	}
	rel := rounding
	if d, ok := f.form.(delicate); ok {
		rel += d.loss(p)
	}
	return Result{K: k, Kdot: kdot}.within(f, f, p, rel, math.Sqrt(s1)*math.Sqrt(s2), math.Sqrt(t1)*math.Sqrt(t2))
}

// within sets the errors of both from a relative one and the scales.
func (r Result) within(f, g *Activation, p Pair, rel, scale, scaleDot float64) (Result, error) {
	r.KErr, r.KdotErr, r.Reached = rel*scale, rel*scaleDot, rel <= target
	return r, r.check(f, g, p)
}

func (r Result) check(f, g *Activation, p Pair) error {
	if x := r.K + r.Kdot + r.KErr + r.KdotErr; x-x != 0 {
		return fmt.Errorf("dual: E[%s·%s] at variances %g and %g overflows", f.Name, g.Name, p.q1, p.q2)
	}
	return nil
}

// product is the case that one side is constant: u and v are independent.
func product(f, g *Activation, p Pair) (Result, error) {
	a, err := f.Moments(p.q1)
	if err != nil {
		return Result{}, err
	}
	b, err := g.Moments(p.q2)
	if err != nil {
		return Result{}, err
	}
	r := Result{K: a.Mean * b.Mean, Kdot: a.SlopeMean * b.SlopeMean}
	return r.within(f, g, p, a.RelErr+b.RelErr, math.Sqrt(a.Square*b.Square), math.Sqrt(a.SlopeSquare*b.SlopeSquare))
}

// collinear is the case ρ = ±1, an integral over one variable.
func collinear(f, g *Activation, p Pair) (Result, error) {
	if f.same(g) && p.q1 == p.q2 && p.minus == 0 { // a diagonal: kept
		m, err := f.Moments(p.q1)
		if err != nil {
			return Result{}, err
		}
		return Result{K: m.Square, Kdot: m.SlopeSquare}.within(f, g, p, m.RelErr, m.Square, m.SlopeSquare)
	}
	s1, s2 := math.Sqrt(p.q1), math.Sqrt(p.q2)
	if p.plus == 0 {
		s2 = -s2
	}
	m, err := common(f, g, s1, s2)
	if err != nil {
		return Result{}, fmt.Errorf("dual: E[%s·%s] at variances %g and %g: %w", f.Name, g.Name, p.q1, p.q2, err)
	}
	v := m.values
	r := Result{K: m.dot(v[0], v[2]), Kdot: m.dot(v[1], v[3])}
	scale := math.Sqrt(m.dot(v[0], v[0])) * math.Sqrt(m.dot(v[2], v[2]))
	scaleDot := math.Sqrt(m.dot(v[1], v[1])) * math.Sqrt(m.dot(v[3], v[3]))
	return r.within(f, g, p, rounding+m.unresolved, scale, scaleDot)
}
