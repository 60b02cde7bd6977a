package lanes

import (
	"math"

	"github.com/gontk/ntk/limits/internal/lanes/table"
)

// number is a constant of the layer.
func (l *Layer) number(row int) float32 { return l.c[8*row] }

// horner evaluates the polynomial whose coefficients start at a row.
func (l *Layer) horner(first, degree int, x float32) float32 {
	y := l.number(first + degree)
	for i := degree - 1; i >= 0; i-- {
		y = y*x + l.number(first+i)
	}
	return y
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
func abs(x float32) float32  { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// rectify is Rectify, entry by entry.
func (l *Layer) rectify(d, t, s1, r1, s2, r2 []float32) {
	for i := range d {
		p := s1[i] * s2[i]
		e := max(0, (d[i]-(s1[i]-s2[i])*(s1[i]-s2[i]))/2)
		k := p - e
		u := r1[i] * r2[i] * e
		v := max(0, min(u, 2-u))
		g := sqrt(v) * l.horner(table.Angle, table.AngleDegree, v)
		x := sqrt(v) * v * p * l.horner(table.Crescent, table.CrescentDegree, v)
		slope := g
		if 1-u >= 0 {
			slope = 0.5 - g
		}
		d[i] = l.number(table.D0)*d[i] + l.number(table.D1)*min(k, 0) + l.number(table.D2)*x
		t[i] = (t[i]+l.number(table.Bias))*(l.number(table.T0)+l.number(table.T1)*slope) +
			l.number(table.M0)*k + l.number(table.M1)*max(k, 0) + l.number(table.M2)*x
	}
}

// erf is Erf, entry by entry.
func (l *Layer) erf(k, t, r1, r2 []float32) {
	for i := range k {
		r := r1[i] * r2[i]
		rho := r * (k[i] + l.number(table.KBias))
		v := max(0, 1-abs(rho))
		x := 1 - 4*sqrt(v)*l.horner(table.Angle, table.AngleDegree, v)
		if rho < 0 {
			x = -x
		}
		k[i] = l.number(table.K0) + l.number(table.K1)*x
		t[i] = (t[i]+l.number(table.Bias))*l.number(table.T1)*r/sqrt(max(v*(2-v), 1e-30)) +
			l.number(table.M0) + l.number(table.M1)*x
	}
}
