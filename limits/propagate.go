package limits

import (
	"errors"
	"math"

	"github.com/gontk/ntk/dual"
)

// A Covariance is that of one pair of examples at a layer: their lengths q and
// what they have in common, K = E[z z'].
type Covariance struct{ Q1, Q2, K float64 }

// ErrBranches is returned by Propagate for steps that have a Why.
var ErrBranches = errors.New("limits: a step is no step of a plain chain")

// Propagate takes a pair of examples from z through the step, z' = W φ(z) + b:
//
//	q' = σ_w² E[φ(u)²] + σ_b²,  K' = σ_w² E[φ(u)φ(v)] + σ_b²,  (u, v) ~ N(0, [[Q1, K], [K, Q2]]).
//
// It returns [ErrBranches] if the step has a Why, and errors of [dual.Activation.Dual].
func (s *SignalLayer) Propagate(p Covariance) (Covariance, error) {
	if s.Why != "" {
		return Covariance{}, ErrBranches
	}
	q1, err := s.Q(p.Q1)
	if err != nil {
		return Covariance{}, err
	}
	q2, err := s.Q(p.Q2)
	if err != nil {
		return Covariance{}, err
	}
	// A measured K may exceed its bound by rounding.
	most := math.Sqrt(p.Q1) * math.Sqrt(p.Q2)
	r, err := s.Activation.Dual(dual.Cov(p.Q1, p.Q2, max(-most, min(most, p.K))))
	return Covariance{q1, q2, s.WeightVariance*r.K + s.BiasVariance}, err
}
