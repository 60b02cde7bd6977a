// Package table has the constants that the kernels of rectifiers read: rows of one
// number, eight times.
package table

// Rows.
const (
	Half = iota
	One
	Two
	Bias // of Θ
	D0   // D' = D0·D + D1·min(K, 0) − 2X'
	D1
	T0 // K̇ = T0 + T1·θ/2π, or T2 + θ' where K < 0
	T2
	M0 // E[φφ'] = M0·K + M1·max(K, 0) + M2·X'
	M1
	M2
	Ahead // E[φφ'] = Ahead·K + M2·X' where K ≥ 0
	Angle // coefficients, from the constant on
)

// AngleDegree and CrescentDegree are the polynomials' degrees.
const (
	AngleDegree    = 7
	Crescent       = Angle + AngleDegree + 1
	CrescentDegree = 6
	Rows           = Crescent + CrescentDegree + 1
)

// Constants are the rows.
type Constants [Rows * 8]float32

func (c *Constants) set(row int, x float64) {
	for i := range 8 {
		c[8*row+i] = float32(x)
	}
}

// New returns the constants of φ as a line and a bend, with the factors of the sum
// that follows, where Θ comes in without bias. Both polynomials have the factor
// bend·variance.
func New(line, bend, variance, rate, bias float64) *Constants {
	c := &Constants{}
	for row, x := range map[int]float64{
		Half: 0.5, One: 1, Two: 2, Bias: bias,
		D0: variance * (line + bend/2), D1: variance * bend,
		T0: variance * (line + bend/2), T2: variance * line,
		M0: rate * line, M1: rate * bend / 2, M2: rate / variance, Ahead: rate * (line + bend/2),
	} {
		c.set(row, x)
	}
	for i, x := range angle {
		c.set(Angle+i, bend*variance*x)
	}
	for i, x := range crescent {
		c.set(Crescent+i, bend*variance*x)
	}
	return c
}

// angle and crescent are polynomials on [0, 1], interpolated at the Chebyshev
// nodes,
//
//	acos(1−v)/(2π√v), relative error 2e-8,
//	(sin θ − θ cos θ)/(2π v^{3/2}) at θ = acos(1−v), relative error 2e-8,
//
// both smooth, so that nothing cancels near coincident inputs.
// ../../lanes/testdata/angle.py finds them.
var (
	angle = [AngleDegree + 1]float64{
		0.22507907649840296, 0.018756914039375993, 0.0042135447551657887, 0.0013077333487601353,
		0.00023536785100119543, 0.00053132556941121461, -0.00031682066705302666, 0.00019285405579653249,
	}
	crescent = [CrescentDegree + 1]float64{
		0.1500527210835904, 0.0075024676814200585, 0.0012084184833815784, 0.00026392420794026444,
		0.00011813466243042497, -2.8043157476737422e-5, 3.7317276998335412e-5,
	}
)
