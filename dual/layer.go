package dual

import (
	"fmt"
	"math"
)

// A Layer is a wide layer of a plain chain: z' = W φ(z) + b with W_ij of variance
// WeightVariance/fan-in and b_i of variance BiasVariance (σ_w² and σ_b² of
// mean field theory).
//
// Source: Poole et al., arXiv 1606.05340; Schoenholz et al., arXiv 1611.01232.
type Layer struct {
	Activation     *Activation
	WeightVariance float64
	BiasVariance   float64
}

func (l Layer) check() error {
	if l.Activation == nil {
		return fmt.Errorf("dual: layer without an activation")
	}
	if w, b := l.WeightVariance, l.BiasVariance; !(w >= 0 && b >= 0 && w+b <= math.MaxFloat64) {
		return fmt.Errorf("dual: layer of weight variance %g and bias variance %g: expected both finite and ≥ 0", w, b)
	}
	return nil
}

// Q is the map of variances, Q(q) = σ_w² E[φ(√q x)²] + σ_b².
func (l Layer) Q(q float64) (float64, error) {
	if err := l.check(); err != nil {
		return 0, err
	}
	m, err := l.Activation.Moments(q)
	return l.WeightVariance*m.Square + l.BiasVariance, err
}

// QSlope is dQ/dq, for q > 0 and a φ that does not jump but at 0.
func (l Layer) QSlope(q float64) (float64, error) {
	if err := l.check(); err != nil {
		return 0, err
	}
	if q == 0 {
		return 0, fmt.Errorf("dual: slope of the variance map at q = 0: expected q > 0")
	}
	m, err := l.Activation.Moments(q)
	if err == nil && math.IsNaN(m.Growth) {
		err = fmt.Errorf("dual: slope of the variance map: %s jumps away from 0", l.Activation.Name)
	}
	return l.WeightVariance * m.Growth, err
}

// C is the map of correlations between inputs of one variance q,
//
//	C(c) = (σ_w² E[φ(u)φ(v)] + σ_b²)/Q(q).
func (l Layer) C(q, c float64) (float64, error) {
	at, _, err := l.correlate(q, c)
	return at, err
}

// CSlope is dC/dc = σ_w² q E[φ'(u)φ'(v)]/Q(q).
func (l Layer) CSlope(q, c float64) (float64, error) {
	_, slope, err := l.correlate(q, c)
	return slope, err
}

func (l Layer) correlate(q, c float64) (at, slope float64, err error) {
	next, err := l.Q(q)
	if err != nil {
		return 0, 0, err
	}
	r, err := l.Activation.Dual(Cov(q, q, c*q))
	if err != nil {
		return 0, 0, err
	}
	if next == 0 {
		return 0, 0, fmt.Errorf("dual: correlation map of %s at q = %g: the layer's output is 0", l.Activation.Name, q)
	}
	return (l.WeightVariance*r.K + l.BiasVariance) / next, l.WeightVariance * q * r.Kdot / next, nil
}

// Chi1 is χ_1 = σ_w² E[φ'(√q x)²], by which gradients grow from layer to layer
// and which is C'(1) at a fixed point of Q.
func (l Layer) Chi1(q float64) (float64, error) {
	if err := l.check(); err != nil {
		return 0, err
	}
	m, err := l.Activation.Moments(q)
	return l.WeightVariance * m.SlopeSquare, err
}

const (
	// smallest and most are variances that count as 0 and ∞.
	smallest = 1e-14
	most     = 1e14
)

// FixedVariance returns q* with Q(q*) = q*: the one that iteration from q = 1
// would reach if Q is monotone, found without iterating. It is 1 itself where
// every variance is fixed (ReLU with σ_w² = 2), and 0 where variances
// vanish. It returns an error if they grow without bound.
func (l Layer) FixedVariance() (float64, error) {
	rise := func(q float64) (float64, error) {
		next, err := l.Q(q)
		return next/q - 1, err
	}
	at, err := rise(1)
	if err != nil {
		return 0, err
	}
	if math.Abs(at) <= 4*rounding {
		return 1, nil
	}
	factor := 2.0
	if at < 0 {
		factor = 0.5
	}
	lo, hi := 1.0, 1.0
	for {
		hi = lo * factor
		next, err := rise(hi)
		if err != nil {
			return 0, err
		}
		if next == 0 {
			return hi, nil
		}
		if (next > 0) != (at > 0) {
			break
		}
		switch {
		case hi > most:
			return 0, fmt.Errorf("dual: variances of %s with weight variance %g and bias variance %g grow without bound", l.Activation.Name, l.WeightVariance, l.BiasVariance)
		case hi < smallest:
			return 0, nil
		}
		lo = hi
	}
	return bisect(min(lo, hi), max(lo, hi), rise)
}

// FixedCorrelation returns the stable c* with C(c*) = c* in [0, 1] between
// inputs of variance q: 1 if C'(1) ≤ 1, and the one below 1 otherwise. There is
// one: C is a power series with coefficients ≥ 0, thus convex, and C(0) ≥ 0.
func (l Layer) FixedCorrelation(q float64) (float64, error) {
	slope, err := l.CSlope(q, 1)
	if err != nil {
		return 0, err
	}
	if slope <= 1+rounding {
		return 1, nil
	}
	// C(c) − c divided by 1 − c, which is 1 − C'(1) < 0 at c = 1.
	rise := func(c float64) (float64, error) {
		next, err := l.C(q, c)
		return (next - c) / (1 - c), err
	}
	zero, err := rise(0)
	if err != nil || zero <= 0 {
		return 0, err
	}
	const last = 1 - 1e-9
	if end, err := rise(last); err != nil || end >= 0 {
		return last, err
	}
	return bisect(0, last, rise)
}

// DepthScales are in layers: differences shrink by a factor e over each. They
// are +Inf where nothing shrinks.
type DepthScales struct {
	// Variance is ξ_q = −1/log|Q'(q*)|, Correlation is ξ_c = −1/log C'(c*).
	Variance, Correlation float64
	// FixedVariance and FixedCorrelation are q* and c*.
	FixedVariance, FixedCorrelation float64
}

// DepthScales returns how fast a chain of this layer forgets its input. It
// needs q* > 0.
func (l Layer) DepthScales() (DepthScales, error) {
	q, err := l.FixedVariance()
	if err != nil {
		return DepthScales{}, err
	}
	if q == 0 {
		return DepthScales{}, fmt.Errorf("dual: depth scales of %s: variances vanish; raise the weight variance %g or the bias variance %g", l.Activation.Name, l.WeightVariance, l.BiasVariance)
	}
	c, err := l.FixedCorrelation(q)
	if err != nil {
		return DepthScales{}, err
	}
	variance, err := l.QSlope(q)
	if err != nil {
		return DepthScales{}, err
	}
	correlation, err := l.CSlope(q, c)
	if err != nil {
		return DepthScales{}, err
	}
	return DepthScales{scaleOf(variance), scaleOf(correlation), q, c}, nil
}

func scaleOf(slope float64) float64 {
	slope = math.Abs(slope)
	if slope >= 1-4*rounding {
		return math.Inf(1)
	}
	return -1 / math.Log(slope)
}
