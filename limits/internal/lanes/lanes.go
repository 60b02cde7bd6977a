// Package lanes has the arithmetic of limits on vectors of float32: one layer of an
// activation on K or D and Θ of many pairs at once, and sums of neighbours.
//
// The kernels are in AVX2 where the processor has it, in Go elsewhere; both round
// a few ulp differently. Lengths are multiples of 8 unless said otherwise: see
// [Pad]. The tests hold both against package dual in float64.
package lanes

import (
	"math"

	"github.com/gontk/ntk/limits/internal/lanes/table"
)

//go:generate go run -modfile=../../../tools.mod asm.go -out lanes_amd64.s -stubs stubs_amd64.go -pkg lanes

// Pad returns the least multiple of 8 that is at least n.
func Pad(n int) int { return (n + 7) &^ 7 }

// A Layer holds the numbers of one activation and of the sums over weights behind
// it, as kernels read them.
type Layer struct{ c [table.Rows * 8]float32 }

// Scales say what a layer hands on: D' = D·E[(φ−φ')²] or K' = K·E[φφ'], and
//
//	Θ' = Theta·E[φ'φ']·(Θ + ThetaBias) + Mean·E[φφ'],
//
// where the Θ and K that come in lack the constants ThetaBias and MeanBias of the
// layer's own biases.
type Scales struct{ Carried, Theta, Mean, ThetaBias, MeanBias float64 }

func (l *Layer) set(row int, x float64) {
	for i := range 8 {
		l.c[8*row+i] = float32(x)
	}
}

func newLayer(s Scales) *Layer {
	l := &Layer{}
	for row, x := range map[int]float64{
		table.Half: 0.5, table.One: 1, table.Two: 2, table.Four: 4, table.Tiny: 1e-30,
		table.Bias: s.ThetaBias, table.KBias: s.MeanBias,
	} {
		l.set(row, x)
	}
	for i := range 8 {
		l.c[8*table.Magnitude+i] = math.Float32frombits(0x7fffffff)
	}
	for i, x := range angle {
		l.set(table.Angle+i, x)
	}
	for i, x := range crescent {
		l.set(table.Crescent+i, x)
	}
	return l
}

// angle and crescent are polynomials on [0, 1], interpolated at the Chebyshev
// nodes,
//
//	acos(1−v)/(2π√v), relative error 2e-8,
//	(sin θ − θ cos θ)/(2π v^{3/2}) at θ = acos(1−v), relative error 2e-8,
//
// both smooth, so that nothing cancels near coincident inputs. testdata/angle.py
// finds them.
var (
	angle = [table.AngleDegree + 1]float64{
		0.22507907649840296, 0.018756914039375993, 0.0042135447557651887, 0.0013077333487601353,
		0.00023536785100119543, 0.00053132556941121461, -0.00031682066705302666, 0.00019285405579653249,
	}
	crescent = [table.CrescentDegree + 1]float64{
		0.1500527210835904, 0.0075024676814200585, 0.0012084184833815784, 0.00026392420794026444,
		0.00011813466243042497, -2.8043157476737422e-5, 3.7317276998335412e-5,
	}
)

// Rectifier returns the layer of φ(x) = low·min(x, 0) + high·max(x, 0), for
// [Layer.Rectify].
func Rectifier(low, high float64, s Scales) *Layer {
	l := newLayer(s)
	// φ is a line and a multiple of ReLU: products of means have both.
	line, bend := low*high, (high-low)*(high-low)
	for row, x := range map[int]float64{
		table.D0: s.Carried * (line + bend/2), table.D1: s.Carried * bend, table.D2: -2 * s.Carried * bend,
		table.T0: s.Theta * line, table.T1: s.Theta * bend,
		table.M0: s.Mean * line, table.M1: s.Mean * bend / 2, table.M2: s.Mean * bend,
	} {
		l.set(row, x)
	}
	return l
}

// ErrorFunction returns the layer of φ(x) = a·erf(bx) + c, for [Layer.Erf].
func ErrorFunction(a, b, c float64, s Scales) *Layer {
	l := newLayer(s)
	for row, x := range map[int]float64{
		table.K0: s.Carried * c * c, table.K1: s.Carried * a * a,
		// E[φ'φ'] = a²·4b²/π/√(…), and r1·r2 is 2b²/√((1+2b²q1)(1+2b²q2)).
		table.T1: s.Theta * a * a * 2 / math.Pi,
		table.M0: s.Mean * c * c, table.M1: s.Mean * a * a,
	} {
		l.set(row, x)
	}
	return l
}

// Rectify applies the layer to D = E[(u−w)²] and Θ of pairs of Gaussians of
// standard deviations s1, s2 with inverses r1, r2, or 0 where those are 0:
//
//	E = (D − (s1−s2)²)/2,  u = 1 − ρ = E·r1·r2,  v = min(u, 2 − u),  K = s1 s2 − E,
//	X = s1 s2·v^{3/2}·crescent(v),
//	E[(relu u − relu w)²] = D/2 + min(K, 0) − 2X,  E[relu relu] = max(K, 0)/2 + X,
//	K̇ = ½ − √v·angle(v) where ρ ≥ 0, √v·angle(v) elsewhere.
//
// Of two deviations of which one is 0, K̇ is that of coincident inputs, which is
// right for ReLU beside a Gaussian and elsewhere the caller's to mend. Near
// coincidence 1 − ρ has all digits for Gaussians of equal variance; an ulp of D is
// √(q1/q2) ulp of it for others.
func (l *Layer) Rectify(d, t, s1, r1, s2, r2 []float32) {
	n := check(len(d), t, s1, r1, s2, r2)
	if n == 0 {
		return
	}
	if accelerated {
		rectifyAVX2(&d[0], &t[0], &s1[0], &r1[0], &s2[0], &r2[0], n, &l.c[0])
		return
	}
	l.rectify(d, t, s1, r1, s2, r2)
}

// Erf applies the layer to K and Θ of pairs of Gaussians with
// r = √2·b/√(1 + 2b²q):
//
//	ρ = r1 r2·(K + MeanBias),  E[φφ'] = a²·2/π·asin ρ + c²,
//	E[φ'φ'] = a²·2/π·r1 r2/√(1−ρ²).
func (l *Layer) Erf(k, t, r1, r2 []float32) {
	n := check(len(k), t, r1, r2)
	if n == 0 {
		return
	}
	if accelerated {
		erfAVX2(&k[0], &t[0], &r1[0], &r2[0], n, &l.c[0])
		return
	}
	l.erf(k, t, r1, r2)
}

// check panics where a slice is shorter than n or n is no multiple of 8: kernels
// do not look.
func check(n int, more ...[]float32) int {
	if n%8 != 0 {
		panic("lanes: a length that is no multiple of 8")
	}
	return least(n, more...)
}

func least(n int, more ...[]float32) int {
	for _, x := range more {
		_ = x[:n]
	}
	return n
}

// Sum2 is dst = a + b, of any length; dst may be one of them.
func Sum2(dst, a, b []float32) {
	n := least(len(dst), a, b)
	if accelerated && n > 0 {
		sum2AVX2(&dst[0], &a[0], &b[0], n)
		return
	}
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// Sum3 is dst = a + b + c, of any length.
func Sum3(dst, a, b, c []float32) {
	n := least(len(dst), a, b, c)
	if accelerated && n > 0 {
		sum3AVX2(&dst[0], &a[0], &b[0], &c[0], n)
		return
	}
	for i := range dst {
		dst[i] = a[i] + b[i] + c[i]
	}
}

// A Mask has all bits set where a term counts, and none elsewhere.
type Mask []float32

// Set says whether entry i counts.
func (m Mask) Set(i int, counts bool) {
	m[i] = 0
	if counts {
		m[i] = math.Float32frombits(^uint32(0))
	}
}

func (m Mask) of(i int, x float32) float32 {
	if math.Float32bits(m[i]) == 0 {
		return 0
	}
	return x
}

// Box3 is dst[i] = src[i+1] + left[i]·src[i] + right[i]·src[i+2]: src has one more
// entry on either side.
func Box3(dst, src []float32, left, right Mask) {
	n := check(len(dst), left, right)
	_ = src[:n+2]
	if accelerated && n > 0 {
		box3AVX2(&dst[0], &src[1], &left[0], &right[0], n)
		return
	}
	for i := range dst {
		dst[i] = src[i+1] + left.of(i, src[i]) + right.of(i, src[i+2])
	}
}

// AddMasked is dst += mask·src.
func AddMasked(dst, src []float32, mask Mask) {
	n := check(len(dst), src, mask)
	if accelerated && n > 0 {
		addMaskedAVX2(&dst[0], &src[0], &mask[0], n)
		return
	}
	for i := range dst {
		dst[i] += mask.of(i, src[i])
	}
}

// AddScaled is dst += c·src.
func AddScaled(dst, src []float32, c float32) {
	n := check(len(dst), src)
	if accelerated && n > 0 {
		addScaledAVX2(&dst[0], &src[0], c, n)
		return
	}
	for i := range dst {
		dst[i] += c * src[i]
	}
}

// Products is d += (a − b)², m += a·b.
func Products(d, m, a, b []float32) {
	n := check(len(d), m, a, b)
	if accelerated && n > 0 {
		productsAVX2(&d[0], &m[0], &a[0], &b[0], n)
		return
	}
	for i := range d {
		d[i] += (a[i] - b[i]) * (a[i] - b[i])
		m[i] += a[i] * b[i]
	}
}

// Total is the sum of x, in float64.
func Total(x []float32) float64 {
	n := check(len(x))
	if accelerated && n > 0 {
		return totalAVX2(&x[0], n)
	}
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum
}
