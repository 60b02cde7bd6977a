package dual

import (
	"fmt"
	"math"
)

// A Pair is the covariance of two Gaussian variables u and v of mean zero. It
// holds their variances and both 1 − ρ and 1 + ρ, so that angles near 0 and π
// keep all their digits: a correlation alone loses half of them.
//
// The zero Pair is two constants.
type Pair struct {
	q1, q2      float64
	minus, plus float64 // 1 − ρ and 1 + ρ; 1 and 1 if a variance is zero
}

// excess is by how much |ρ| may exceed 1 and be taken for rounding: that of a
// float32 Gram matrix.
const excess = 1e-5

// Cov returns the pair of variances q1 and q2 and covariance c. Where ρ is near
// ±1 the subtraction costs digits that [Apart], [Sum] and [Angle] keep. A ρ beyond
// ±1 by rounding is set to ±1.
func Cov(q1, q2, c float64) Pair {
	s := geometric(q1, q2)
	if s == 0 && c != 0 {
		return Pair{q1, q2, math.Inf(-1), math.Inf(1)}
	}
	return newPair(q1, q2, (s-c)/s, (s+c)/s)
}

// Apart returns the pair of variances q1 and q2 whose squared distance is d,
//
//	d = E[(u−v)²],  1 − ρ = (d − (√q1−√q2)²)/(2√(q1 q2)).
func Apart(q1, q2, d float64) Pair {
	minus := (d - gap(q1, q2)) / (2 * geometric(q1, q2))
	return newPair(q1, q2, minus, 2-minus)
}

// Sum returns the pair of variances q1 and q2 with E[(u+v)²] = s: for a ρ
// near −1 what [Apart] is for one near 1.
func Sum(q1, q2, s float64) Pair {
	plus := (s - gap(q1, q2)) / (2 * geometric(q1, q2))
	return newPair(q1, q2, 2-plus, plus)
}

// Angle returns the pair of variances q1 and q2 with ρ = cos θ, θ in [0, π];
// math.Pi is taken for π.
func Angle(q1, q2, theta float64) Pair {
	if !(theta >= 0 && theta <= math.Pi) {
		return newPair(q1, q2, math.NaN(), math.NaN())
	}
	sin, cos := math.Sincos(theta / 2)
	if theta > math.Pi/2 {
		cos = math.Sin((math.Pi - theta) / 2)
	}
	return newPair(q1, q2, 2*sin*sin, 2*cos*cos)
}

func newPair(q1, q2, minus, plus float64) Pair {
	if q1 == 0 || q2 == 0 {
		return Pair{q1, q2, 1, 1}
	}
	switch {
	case minus < 0 && minus >= -excess:
		minus, plus = 0, 2
	case plus < 0 && plus >= -excess:
		minus, plus = 2, 0
	}
	return Pair{q1, q2, minus, plus}
}

// check returns an error unless p is a covariance.
func (p Pair) check() error {
	if !(p.q1 >= 0 && p.q2 >= 0 && p.q1 <= math.MaxFloat64 && p.q2 <= math.MaxFloat64) {
		return fmt.Errorf("dual: variances %g and %g: expected finite ones ≥ 0", p.q1, p.q2)
	}
	if !(p.minus >= 0 && p.plus >= 0) {
		return fmt.Errorf("dual: variances %g and %g with correlation %g are no covariance: expected |ρ| ≤ 1", p.q1, p.q2, 1-p.minus)
	}
	return nil
}

// Q1 returns E[u²].
func (p Pair) Q1() float64 { return p.q1 }

// Q2 returns E[v²].
func (p Pair) Q2() float64 { return p.q2 }

// Rho returns the correlation, 0 if a variance is zero.
func (p Pair) Rho() float64 {
	if p.minus <= p.plus {
		return 1 - p.minus
	}
	return p.plus - 1
}

// C returns E[uv].
func (p Pair) C() float64 {
	if p.q1 == 0 || p.q2 == 0 {
		return 0
	}
	return geometric(p.q1, p.q2) * p.Rho()
}

// D returns the squared distance E[(u−v)²].
func (p Pair) D() float64 { return spread(p.q1, p.q2, p.minus) }

// S returns E[(u+v)²].
func (p Pair) S() float64 { return spread(p.q1, p.q2, p.plus) }

func spread(q1, q2, m float64) float64 {
	if q1 == 0 || q2 == 0 {
		return q1 + q2
	}
	return gap(q1, q2) + 2*geometric(q1, q2)*m
}

// Theta returns the angle acos ρ, to full precision on both ends.
func (p Pair) Theta() float64 { return 2 * math.Atan2(math.Sqrt(p.minus), math.Sqrt(p.plus)) }

// eta returns π − θ.
func (p Pair) eta() float64 { return 2 * math.Atan2(math.Sqrt(p.plus), math.Sqrt(p.minus)) }

// sin returns sin θ.
func (p Pair) sin() float64 { return math.Sqrt(p.minus * p.plus) }

// det returns q1·q2 − c².
func (p Pair) det() float64 {
	if p.q1 == 0 || p.q2 == 0 {
		return 0
	}
	return p.q1 * p.q2 * p.minus * p.plus
}

// first returns the pair (u, u).
func (p Pair) first() Pair { return Pair{p.q1, p.q1, 0, 2} }

// second returns the pair (v, v).
func (p Pair) second() Pair { return Pair{p.q2, p.q2, 0, 2} }

// geometric returns √(q1·q2). The product comes first, so that √(q·q) is q;
// where it leaves float64's range the roots come first.
func geometric(q1, q2 float64) float64 {
	if x := q1 * q2; x > 0x1p-1000 && x < 0x1p1000 {
		return math.Sqrt(x)
	}
	return math.Sqrt(q1) * math.Sqrt(q2)
}

// gap returns (√q1 − √q2)², without cancellation.
func gap(q1, q2 float64) float64 {
	if q1 == q2 {
		return 0
	}
	x := (q1 - q2) / (math.Sqrt(q1) + math.Sqrt(q2))
	return x * x
}
