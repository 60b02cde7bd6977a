//go:build ignore

// Asm writes the AVX2 kernels of package lanes: "go generate" runs it. Each takes
// pointers and counts entries; what is called n8 is a multiple of 8.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/gontk/ntk/limits/internal/lanes/table"
)

func main() {
	ConstraintExpr("amd64")
	rectify()
	errorFunction()
	sum("sum2", 2)
	sum("sum3", 3)
	box3()
	addMasked()
	addScaled()
	products()
	total()
	Generate()
}

const width = 32 // bytes of a vector

// loop counts R down by step entries and calls body with the byte offset.
func loop(name string, n Register, step uint64, body func(at Register)) {
	at := GP64()
	XORQ(at, at)
	SHLQ(Imm(2), n)
	JMP(LabelRef(name + "test"))
	Label(name)
	body(at)
	ADDQ(Imm(step*4), at)
	Label(name + "test")
	CMPQ(at, n)
	JLT(LabelRef(name))
}

func pointer(name string) Register { return Load(Param(name), GP64()) }

func at(base, index Register) Mem { return Mem{Base: base, Index: index, Scale: 1} }

// constant is row i of the table, the same number eight times.
func constant(c Register, i int) Mem { return Mem{Base: c, Disp: i * width} }

// horner evaluates the polynomial whose coefficients start at row first.
func horner(c Register, first, degree int, x VecVirtual) VecVirtual {
	y := YMM()
	VMOVUPS(constant(c, first+degree), y)
	for i := degree - 1; i >= 0; i-- {
		VFMADD213PS(constant(c, first+i), x, y)
	}
	return y
}

func rectify() {
	TEXT("rectifyAVX2", NOSPLIT, "func(d, t, s1, r1, s2, r2 *float32, n8 int, c *float32)")
	d, t := pointer("d"), pointer("t")
	s1, r1, s2, r2 := pointer("s1"), pointer("r1"), pointer("s2"), pointer("r2")
	c, n := pointer("c"), Load(Param("n8"), GP64())
	zero := YMM()
	VXORPS(zero, zero, zero)
	loop("rectify", n, 8, func(i Register) {
		dd, p, e, w := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(at(d, i), dd)
		VMOVUPS(at(s1, i), p)
		// E = (D − (s1 − s2)²)/2, not below 0.
		diff := YMM()
		VSUBPS(at(s2, i), p, diff)
		VMULPS(at(s2, i), p, p)
		VMOVAPS(dd, e)
		VFNMADD231PS(diff, diff, e)
		VMULPS(constant(c, table.Half), e, e)
		VMAXPS(zero, e, e)
		k := YMM()
		VSUBPS(e, p, k)
		// u = 1 − ρ, w = ρ, and v = 1 − |ρ| as the lesser of u and 2 − u: from ρ it
		// would have lost u's digits near coincidence.
		u := YMM()
		VMOVUPS(at(r1, i), u)
		VMULPS(at(r2, i), u, u)
		VMULPS(e, u, u)
		VMOVUPS(constant(c, table.One), w)
		VSUBPS(u, w, w)
		v := YMM()
		VMOVUPS(constant(c, table.Two), v)
		VSUBPS(u, v, v)
		VMINPS(u, v, v)
		VMAXPS(zero, v, v)
		root := YMM()
		VSQRTPS(v, root)
		g := horner(c, table.Angle, table.AngleDegree, v)
		VMULPS(root, g, g)
		x := horner(c, table.Crescent, table.CrescentDegree, v)
		VMULPS(root, v, v)
		VMULPS(p, v, v)
		VMULPS(v, x, x)
		// K̇ of ReLU.
		slope := YMM()
		VMOVUPS(constant(c, table.Half), slope)
		VSUBPS(g, slope, slope)
		VBLENDVPS(w, g, slope, slope)
		// D.
		low := YMM()
		VMINPS(zero, k, low)
		VMULPS(constant(c, table.D0), dd, dd)
		VFMADD231PS(constant(c, table.D1), low, dd)
		VFMADD231PS(constant(c, table.D2), x, dd)
		VMOVUPS(dd, at(d, i))
		// Θ.
		tt, high := YMM(), YMM()
		VMOVUPS(at(t, i), tt)
		VADDPS(constant(c, table.Bias), tt, tt)
		VMULPS(constant(c, table.T1), slope, slope)
		VADDPS(constant(c, table.T0), slope, slope)
		VMULPS(slope, tt, tt)
		VMAXPS(zero, k, high)
		VFMADD231PS(constant(c, table.M0), k, tt)
		VFMADD231PS(constant(c, table.M1), high, tt)
		VFMADD231PS(constant(c, table.M2), x, tt)
		VMOVUPS(tt, at(t, i))
	})
	VZEROUPPER()
	RET()
}

func errorFunction() {
	TEXT("erfAVX2", NOSPLIT, "func(k, t, r1, r2 *float32, n8 int, c *float32)")
	k, t := pointer("k"), pointer("t")
	r1, r2 := pointer("r1"), pointer("r2")
	c, n := pointer("c"), Load(Param("n8"), GP64())
	zero := YMM()
	VXORPS(zero, zero, zero)
	loop("erf", n, 8, func(i Register) {
		rr, rho, v := YMM(), YMM(), YMM()
		VMOVUPS(at(r1, i), rr)
		VMULPS(at(r2, i), rr, rr)
		VMOVUPS(at(k, i), rho)
		VADDPS(constant(c, table.KBias), rho, rho)
		VMULPS(rr, rho, rho)
		VANDPS(constant(c, table.Magnitude), rho, v)
		one := YMM()
		VMOVUPS(constant(c, table.One), one)
		VSUBPS(v, one, v)
		VMAXPS(zero, v, v)
		root := YMM()
		VSQRTPS(v, root)
		g := horner(c, table.Angle, table.AngleDegree, v)
		VMULPS(root, g, g)
		// 2/π·asin|ρ| = 1 − 4g, with the sign of ρ.
		x := YMM()
		VMOVAPS(one, x)
		VFNMADD231PS(constant(c, table.Four), g, x)
		VANDNPS(rho, mask(c), rho)
		VXORPS(rho, x, x)
		// 1/√(1 − ρ²), 1 − ρ² = v(2 − v).
		y := YMM()
		VMOVUPS(constant(c, table.Two), y)
		VSUBPS(v, y, y)
		VMULPS(v, y, y)
		VMAXPS(constant(c, table.Tiny), y, y)
		VSQRTPS(y, y)
		VDIVPS(y, rr, rr)
		kk := YMM()
		VMOVUPS(constant(c, table.K0), kk)
		VFMADD231PS(constant(c, table.K1), x, kk)
		VMOVUPS(kk, at(k, i))
		tt := YMM()
		VMOVUPS(at(t, i), tt)
		VADDPS(constant(c, table.Bias), tt, tt)
		VMULPS(constant(c, table.T1), rr, rr)
		VMULPS(rr, tt, tt)
		VADDPS(constant(c, table.M0), tt, tt)
		VFMADD231PS(constant(c, table.M1), x, tt)
		VMOVUPS(tt, at(t, i))
	})
	VZEROUPPER()
	RET()
}

func mask(c Register) VecVirtual {
	m := YMM()
	VMOVUPS(constant(c, table.Magnitude), m)
	return m
}

// sum is dst = a + b (+ c), n entries.
func sum(name string, terms int) {
	signature := "func(dst, a, b *float32, n int)"
	if terms == 3 {
		signature = "func(dst, a, b, c *float32, n int)"
	}
	TEXT(name+"AVX2", NOSPLIT, signature)
	dst := pointer("dst")
	var from []Register
	for _, p := range []string{"a", "b", "c"}[:terms] {
		from = append(from, pointer(p))
	}
	n := Load(Param("n"), GP64())
	whole := GP64()
	MOVQ(n, whole)
	ANDQ(I8(-8), whole)
	i := GP64()
	XORQ(i, i)
	SHLQ(Imm(2), whole)
	SHLQ(Imm(2), n)
	JMP(LabelRef(name + "test"))
	Label(name)
	y := YMM()
	VMOVUPS(at(from[0], i), y)
	for _, p := range from[1:] {
		VADDPS(at(p, i), y, y)
	}
	VMOVUPS(y, at(dst, i))
	ADDQ(Imm(width), i)
	Label(name + "test")
	CMPQ(i, whole)
	JLT(LabelRef(name))
	JMP(LabelRef(name + "resttest"))
	Label(name + "rest")
	x := XMM()
	VMOVSS(at(from[0], i), x)
	for _, p := range from[1:] {
		VADDSS(at(p, i), x, x)
	}
	VMOVSS(x, at(dst, i))
	ADDQ(Imm(4), i)
	Label(name + "resttest")
	CMPQ(i, n)
	JLT(LabelRef(name + "rest"))
	VZEROUPPER()
	RET()
}

// box3 is dst[i] = src[i] + (left[i] & src[i−1]) + (right[i] & src[i+1]).
func box3() {
	TEXT("box3AVX2", NOSPLIT, "func(dst, src, left, right *float32, n8 int)")
	dst, src, left, right := pointer("dst"), pointer("src"), pointer("left"), pointer("right")
	n := Load(Param("n8"), GP64())
	loop("box", n, 8, func(i Register) {
		x, y, z := YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: src, Index: i, Scale: 1, Disp: -4}, x)
		VMOVUPS(Mem{Base: src, Index: i, Scale: 1, Disp: 4}, y)
		VANDPS(at(left, i), x, x)
		VANDPS(at(right, i), y, y)
		VADDPS(at(src, i), x, z)
		VADDPS(y, z, z)
		VMOVUPS(z, at(dst, i))
	})
	VZEROUPPER()
	RET()
}

func addMasked() {
	TEXT("addMaskedAVX2", NOSPLIT, "func(dst, src, mask *float32, n8 int)")
	dst, src, m := pointer("dst"), pointer("src"), pointer("mask")
	loop("masked", Load(Param("n8"), GP64()), 8, func(i Register) {
		x := YMM()
		VMOVUPS(at(src, i), x)
		VANDPS(at(m, i), x, x)
		VADDPS(at(dst, i), x, x)
		VMOVUPS(x, at(dst, i))
	})
	VZEROUPPER()
	RET()
}

func addScaled() {
	TEXT("addScaledAVX2", NOSPLIT, "func(dst, src *float32, c float32, n8 int)")
	dst, src := pointer("dst"), pointer("src")
	c := YMM()
	address, err := Param("c").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, c)
	loop("scaled", Load(Param("n8"), GP64()), 8, func(i Register) {
		x := YMM()
		VMOVUPS(at(dst, i), x)
		VFMADD231PS(at(src, i), c, x)
		VMOVUPS(x, at(dst, i))
	})
	VZEROUPPER()
	RET()
}

// products is d += (a − b)², m += a·b.
func products() {
	TEXT("productsAVX2", NOSPLIT, "func(d, m, a, b *float32, n8 int)")
	d, m, a, b := pointer("d"), pointer("m"), pointer("a"), pointer("b")
	loop("products", Load(Param("n8"), GP64()), 8, func(i Register) {
		x, y, s, p := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(at(a, i), x)
		VMOVUPS(at(b, i), y)
		VMOVUPS(at(d, i), s)
		VMOVUPS(at(m, i), p)
		VFMADD231PS(x, y, p)
		VSUBPS(y, x, x)
		VFMADD231PS(x, x, s)
		VMOVUPS(s, at(d, i))
		VMOVUPS(p, at(m, i))
	})
	VZEROUPPER()
	RET()
}

// total is Σ x in float64.
func total() {
	TEXT("totalAVX2", NOSPLIT, "func(x *float32, n8 int) float64")
	p := pointer("x")
	s, t := YMM(), YMM()
	VXORPD(s, s, s)
	VXORPD(t, t, t)
	loop("total", Load(Param("n8"), GP64()), 8, func(i Register) {
		a, b := YMM(), YMM()
		VCVTPS2PD(at(p, i), a)
		VCVTPS2PD(Mem{Base: p, Index: i, Scale: 1, Disp: 16}, b)
		VADDPD(a, s, s)
		VADDPD(b, t, t)
	})
	VADDPD(t, s, s)
	x, y := s.AsX(), XMM()
	VEXTRACTF128(Imm(1), s, y)
	VADDPD(y, x, x)
	VPERMILPD(Imm(1), x, y)
	VADDSD(y, x, x)
	VZEROUPPER()
	Store(x, ReturnIndex(0))
	RET()
}
