package planes

import (
	"math"

	"github.com/gontk/ntk/limits/internal/planes/table"
)

// A rectifier applies φ(x) = Low·min(x, 0) + High·max(x, 0) to D and Θ of
// Gaussians, and the factors of the sum that follows.
type rectifier[T Float] struct {
	// positive says that no K is below 0.
	positive bool
	// Line and bend are φ as a line and a multiple of ReLU: products of means have
	// both. variance and rate are of the sum that follows.
	line, bend, variance, rate, bias T
	// far and alone mend Θ where one or both of the Gaussians are 0; see mend.
	alone, both T
	c           *table.Constants
}

func newRectifier[T Float](l *Layer, next Sum, positive bool) *rectifier[T] {
	f := &rectifier[T]{positive: positive, bias: T(l.BiasRate), variance: T(next.Variance), rate: T(next.Rate)}
	line, bend := l.Low*l.High, (l.High-l.Low)*(l.High-l.Low)
	f.line, f.bend = T(line), T(bend)
	if known := line + bend/2; known > 0 {
		f.alone, f.both = T(l.High*(l.Low+l.High)/2/known), T(l.High*l.High/known)
	}
	f.c = table.New(line, bend, next.Variance, next.Rate, l.BiasRate)
	return f
}

// A call says on what a rectifier works: rows × cols entries of Lanes numbers.
type call[T Float] struct {
	// d, t are without gaps, dstD and dstT have pitch numbers from row to row.
	d, t, dstD, dstT []T
	// s1, r1 are of one example, s2, r2 of a group: width positions a row.
	s1, r1, s2, r2           []T
	rows, cols, pitch, width int
}

// apply does
//
//	E = (D − (s1−s2)²)/2,  1 − ρ = E/(s1 s2),  K = s1 s2 − E,
//	X = s1 s2·(sin θ − θ cos θ)/2π at the acute angle with |cos θ| = |ρ|,
//	E[(relu u − relu w)²] = D/2 + min(K, 0) − 2X,  E[relu relu] = max(K, 0)/2 + X,
//	K̇ = ½ − θ/2π where ρ ≥ 0, θ/2π elsewhere,
//
// the first two for φ in place of ReLU, and with the factors of the sum that
// follows,
//
//	D' = Variance·E[(φ−φ')²],  Θ' = Variance·E[φ'φ']·(Θ + BiasRate) + Rate·E[φφ'].
//
// Of two deviations of which one is 0, K̇ is that of coincident inputs: see mend.
func (f *rectifier[T]) apply(c *call[T]) {
	if applyFast(f, c) {
		return
	}
	for h := range c.rows {
		for w := range c.cols {
			from, to, p := (h*c.cols+w)*Lanes, h*c.pitch+w*Lanes, h*c.width+w
			for k := range Lanes {
				c.dstD[to+k], c.dstT[to+k] = f.entry(c.d[from+k], c.t[from+k], c.s1[p], c.r1[p], c.s2[p*Lanes+k], c.r2[p*Lanes+k])
			}
		}
	}
}

// entry is apply for one pair.
func (f *rectifier[T]) entry(d, t, s1, r1, s2, r2 T) (dist, theta T) {
	product := s1 * s2
	twice := max(0, d-(s1-s2)*(s1-s2)) // 2E
	k := product - twice/2
	u := float64(r1 * r2 * twice) // r has 1/√2
	v := max(0, min(u, 2-u))
	angle := 2 * math.Asin(math.Sqrt(v/2))
	x := product * T(crescent(angle)/(2*math.Pi))
	slope := T(angle / (2 * math.Pi))
	if u <= 1 {
		slope = 0.5 - slope
	}
	dist = f.variance * ((f.line+f.bend/2)*d + f.bend*(min(k, 0)-2*x))
	theta = f.variance*(t+f.bias)*(f.line+f.bend*slope) + f.rate*(f.line*k+f.bend*(max(k, 0)/2+x))
	return dist, theta
}

// crescent returns sin θ − θ cos θ = θ³/3 − θ⁵/30 + …, with all digits for small θ.
func crescent(theta float64) float64 {
	if theta > 0.5 {
		sin, cos := math.Sincos(theta)
		return sin - theta*cos
	}
	// The terms are (−1)^{n+1}·2n·θ^{2n+1}/(2n+1)!; at θ = ½ the ninth is 1e-21.
	sum, term := 0.0, theta
	for n := 1; n < 10; n++ {
		k := float64(2 * n)
		term *= -theta * theta / (k * (k + 1))
		sum -= k * term
	}
	return sum
}

// mend corrects Θ beside Gaussians without variance. apply took K̇ as Low·High +
// (High−Low)²/2 there; φ' is High at 0, so that it is High·E[φ'] beside a Gaussian
// and High² beside another 0. E[φφ'] is 0 in both.
func (f *rectifier[T]) mend(c *call[T]) {
	for h := range c.rows {
		for w := range c.cols {
			p, to := h*c.width+w, h*c.pitch+w*Lanes
			for k := range Lanes {
				switch zero := c.s2[p*Lanes+k] == 0; {
				case zero && c.s1[p] == 0:
					c.dstT[to+k] *= f.both
				case zero || c.s1[p] == 0:
					c.dstT[to+k] *= f.alone
				}
			}
		}
	}
}
