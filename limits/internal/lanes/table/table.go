// Package table has the layout of the constants that kernels read: rows of one
// number, eight times.
package table

// Rows for both activations.
const (
	Half = iota
	One
	Two
	Four
	Tiny
	Magnitude // all bits but the sign
	Bias      // of Θ
	KBias
	D0
	D1
	D2
	K0
	K1
	T0
	T1
	M0
	M1
	M2
	Angle // coefficients, from the constant on
)

// AngleDegree and CrescentDegree are the polynomials' degrees.
const (
	AngleDegree    = 7
	Crescent       = Angle + AngleDegree + 1
	CrescentDegree = 6
	Rows           = Crescent + CrescentDegree + 1
)
