//go:build ignore

// Asm writes the AVX2 kernels of package lanes: "go generate" runs it. Each takes
// pointers and counts entries; what is called n8 is a multiple of 8.
package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/gontk/ntk/limits/internal/lanes/table"
)

func main() {
	build.ConstraintExpr("amd64")
	rectify()
	errorFunction()
	sum("sum2", 2)
	sum("sum3", 3)
	box3()
	addMasked()
	addScaled()
	products()
	total()
	build.Generate()
}

const width = 32 // bytes of a vector

// loop counts R down by step entries and calls body with the byte offset.
func loop(name string, n reg.Register, step uint64, body func(at reg.Register)) {
	at := build.GP64()
	build.XORQ(at, at)
	build.SHLQ(operand.Imm(2), n)
	build.JMP(operand.LabelRef(name + "test"))
	build.Label(name)
	body(at)
	build.ADDQ(operand.Imm(step*4), at)
	build.Label(name + "test")
	build.CMPQ(at, n)
	build.JLT(operand.LabelRef(name))
}

func pointer(name string) reg.Register { return build.Load(build.Param(name), build.GP64()) }

func at(base, index reg.Register) operand.Mem { return operand.Mem{Base: base, Index: index, Scale: 1} }

// constant is row i of the table, the same number eight times.
func constant(c reg.Register, i int) operand.Mem { return operand.Mem{Base: c, Disp: i * width} }

// horner evaluates the polynomial whose coefficients start at row first.
func horner(c reg.Register, first, degree int, x reg.VecVirtual) reg.VecVirtual {
	y := build.YMM()
	build.VMOVUPS(constant(c, first+degree), y)
	for i := degree - 1; i >= 0; i-- {
		build.VFMADD213PS(constant(c, first+i), x, y)
	}
	return y
}

func rectify() {
	build.TEXT("rectifyAVX2", build.NOSPLIT, "func(d, t, s1, r1, s2, r2 *float32, n8 int, c *float32)")
	d, t := pointer("d"), pointer("t")
	s1, r1, s2, r2 := pointer("s1"), pointer("r1"), pointer("s2"), pointer("r2")
	c, n := pointer("c"), build.Load(build.Param("n8"), build.GP64())
	zero := build.YMM()
	build.VXORPS(zero, zero, zero)
	loop("rectify", n, 8, func(i reg.Register) {
		dd, p, e, w := build.YMM(), build.YMM(), build.YMM(), build.YMM()
		build.VMOVUPS(at(d, i), dd)
		build.VMOVUPS(at(s1, i), p)
		// E = (D − (s1 − s2)²)/2, not below 0.
		diff := build.YMM()
		build.VSUBPS(at(s2, i), p, diff)
		build.VMULPS(at(s2, i), p, p)
		build.VMOVAPS(dd, e)
		build.VFNMADD231PS(diff, diff, e)
		build.VMULPS(constant(c, table.Half), e, e)
		build.VMAXPS(zero, e, e)
		k := build.YMM()
		build.VSUBPS(e, p, k)
		// u = 1 − ρ, w = ρ, and v = 1 − |ρ| as the lesser of u and 2 − u: from ρ it
		// would have lost u's digits near coincidence.
		u := build.YMM()
		build.VMOVUPS(at(r1, i), u)
		build.VMULPS(at(r2, i), u, u)
		build.VMULPS(e, u, u)
		build.VMOVUPS(constant(c, table.One), w)
		build.VSUBPS(u, w, w)
		v := build.YMM()
		build.VMOVUPS(constant(c, table.Two), v)
		build.VSUBPS(u, v, v)
		build.VMINPS(u, v, v)
		build.VMAXPS(zero, v, v)
		root := build.YMM()
		build.VSQRTPS(v, root)
		g := horner(c, table.Angle, table.AngleDegree, v)
		build.VMULPS(root, g, g)
		x := horner(c, table.Crescent, table.CrescentDegree, v)
		build.VMULPS(root, v, v)
		build.VMULPS(p, v, v)
		build.VMULPS(v, x, x)
		// K̇ of ReLU.
		slope := build.YMM()
		build.VMOVUPS(constant(c, table.Half), slope)
		build.VSUBPS(g, slope, slope)
		build.VBLENDVPS(w, g, slope, slope)
		// D.
		low := build.YMM()
		build.VMINPS(zero, k, low)
		build.VMULPS(constant(c, table.D0), dd, dd)
		build.VFMADD231PS(constant(c, table.D1), low, dd)
		build.VFMADD231PS(constant(c, table.D2), x, dd)
		build.VMOVUPS(dd, at(d, i))
		// Θ.
		tt, high := build.YMM(), build.YMM()
		build.VMOVUPS(at(t, i), tt)
		build.VADDPS(constant(c, table.Bias), tt, tt)
		build.VMULPS(constant(c, table.T1), slope, slope)
		build.VADDPS(constant(c, table.T0), slope, slope)
		build.VMULPS(slope, tt, tt)
		build.VMAXPS(zero, k, high)
		build.VFMADD231PS(constant(c, table.M0), k, tt)
		build.VFMADD231PS(constant(c, table.M1), high, tt)
		build.VFMADD231PS(constant(c, table.M2), x, tt)
		build.VMOVUPS(tt, at(t, i))
	})
	build.VZEROUPPER()
	build.RET()
}

func errorFunction() {
	build.TEXT("erfAVX2", build.NOSPLIT, "func(k, t, r1, r2 *float32, n8 int, c *float32)")
	k, t := pointer("k"), pointer("t")
	r1, r2 := pointer("r1"), pointer("r2")
	c, n := pointer("c"), build.Load(build.Param("n8"), build.GP64())
	zero := build.YMM()
	build.VXORPS(zero, zero, zero)
	loop("erf", n, 8, func(i reg.Register) {
		rr, rho, v := build.YMM(), build.YMM(), build.YMM()
		build.VMOVUPS(at(r1, i), rr)
		build.VMULPS(at(r2, i), rr, rr)
		build.VMOVUPS(at(k, i), rho)
		build.VADDPS(constant(c, table.KBias), rho, rho)
		build.VMULPS(rr, rho, rho)
		build.VANDPS(constant(c, table.Magnitude), rho, v)
		one := build.YMM()
		build.VMOVUPS(constant(c, table.One), one)
		build.VSUBPS(v, one, v)
		build.VMAXPS(zero, v, v)
		root := build.YMM()
		build.VSQRTPS(v, root)
		g := horner(c, table.Angle, table.AngleDegree, v)
		build.VMULPS(root, g, g)
		// 2/π·asin|ρ| = 1 − 4g, with the sign of ρ.
		x := build.YMM()
		build.VMOVAPS(one, x)
		build.VFNMADD231PS(constant(c, table.Four), g, x)
		build.VANDNPS(rho, mask(c), rho)
		build.VXORPS(rho, x, x)
		// 1/√(1 − ρ²), 1 − ρ² = v(2 − v).
		y := build.YMM()
		build.VMOVUPS(constant(c, table.Two), y)
		build.VSUBPS(v, y, y)
		build.VMULPS(v, y, y)
		build.VMAXPS(constant(c, table.Tiny), y, y)
		build.VSQRTPS(y, y)
		build.VDIVPS(y, rr, rr)
		kk := build.YMM()
		build.VMOVUPS(constant(c, table.K0), kk)
		build.VFMADD231PS(constant(c, table.K1), x, kk)
		build.VMOVUPS(kk, at(k, i))
		tt := build.YMM()
		build.VMOVUPS(at(t, i), tt)
		build.VADDPS(constant(c, table.Bias), tt, tt)
		build.VMULPS(constant(c, table.T1), rr, rr)
		build.VMULPS(rr, tt, tt)
		build.VADDPS(constant(c, table.M0), tt, tt)
		build.VFMADD231PS(constant(c, table.M1), x, tt)
		build.VMOVUPS(tt, at(t, i))
	})
	build.VZEROUPPER()
	build.RET()
}

func mask(c reg.Register) reg.VecVirtual {
	m := build.YMM()
	build.VMOVUPS(constant(c, table.Magnitude), m)
	return m
}

// sum is dst = a + b (+ c), n entries.
func sum(name string, terms int) {
	signature := "func(dst, a, b *float32, n int)"
	if terms == 3 {
		signature = "func(dst, a, b, c *float32, n int)"
	}
	build.TEXT(name+"AVX2", build.NOSPLIT, signature)
	dst := pointer("dst")
	var from []reg.Register
	for _, p := range []string{"a", "b", "c"}[:terms] {
		from = append(from, pointer(p))
	}
	n := build.Load(build.Param("n"), build.GP64())
	whole := build.GP64()
	build.MOVQ(n, whole)
	build.ANDQ(operand.I8(-8), whole)
	i := build.GP64()
	build.XORQ(i, i)
	build.SHLQ(operand.Imm(2), whole)
	build.SHLQ(operand.Imm(2), n)
	build.JMP(operand.LabelRef(name + "test"))
	build.Label(name)
	y := build.YMM()
	build.VMOVUPS(at(from[0], i), y)
	for _, p := range from[1:] {
		build.VADDPS(at(p, i), y, y)
	}
	build.VMOVUPS(y, at(dst, i))
	build.ADDQ(operand.Imm(width), i)
	build.Label(name + "test")
	build.CMPQ(i, whole)
	build.JLT(operand.LabelRef(name))
	build.JMP(operand.LabelRef(name + "resttest"))
	build.Label(name + "rest")
	x := build.XMM()
	build.VMOVSS(at(from[0], i), x)
	for _, p := range from[1:] {
		build.VADDSS(at(p, i), x, x)
	}
	build.VMOVSS(x, at(dst, i))
	build.ADDQ(operand.Imm(4), i)
	build.Label(name + "resttest")
	build.CMPQ(i, n)
	build.JLT(operand.LabelRef(name + "rest"))
	build.VZEROUPPER()
	build.RET()
}

// box3 is dst[i] = src[i] + (left[i] & src[i−1]) + (right[i] & src[i+1]).
func box3() {
	build.TEXT("box3AVX2", build.NOSPLIT, "func(dst, src, left, right *float32, n8 int)")
	dst, src, left, right := pointer("dst"), pointer("src"), pointer("left"), pointer("right")
	n := build.Load(build.Param("n8"), build.GP64())
	loop("box", n, 8, func(i reg.Register) {
		x, y, z := build.YMM(), build.YMM(), build.YMM()
		build.VMOVUPS(operand.Mem{Base: src, Index: i, Scale: 1, Disp: -4}, x)
		build.VMOVUPS(operand.Mem{Base: src, Index: i, Scale: 1, Disp: 4}, y)
		build.VANDPS(at(left, i), x, x)
		build.VANDPS(at(right, i), y, y)
		build.VADDPS(at(src, i), x, z)
		build.VADDPS(y, z, z)
		build.VMOVUPS(z, at(dst, i))
	})
	build.VZEROUPPER()
	build.RET()
}

func addMasked() {
	build.TEXT("addMaskedAVX2", build.NOSPLIT, "func(dst, src, mask *float32, n8 int)")
	dst, src, m := pointer("dst"), pointer("src"), pointer("mask")
	loop("masked", build.Load(build.Param("n8"), build.GP64()), 8, func(i reg.Register) {
		x := build.YMM()
		build.VMOVUPS(at(src, i), x)
		build.VANDPS(at(m, i), x, x)
		build.VADDPS(at(dst, i), x, x)
		build.VMOVUPS(x, at(dst, i))
	})
	build.VZEROUPPER()
	build.RET()
}

func addScaled() {
	build.TEXT("addScaledAVX2", build.NOSPLIT, "func(dst, src *float32, c float32, n8 int)")
	dst, src := pointer("dst"), pointer("src")
	c := build.YMM()
	address, err := build.Param("c").Resolve()
	if err != nil {
		panic(err)
	}
	build.VBROADCASTSS(address.Addr, c)
	loop("scaled", build.Load(build.Param("n8"), build.GP64()), 8, func(i reg.Register) {
		x := build.YMM()
		build.VMOVUPS(at(dst, i), x)
		build.VFMADD231PS(at(src, i), c, x)
		build.VMOVUPS(x, at(dst, i))
	})
	build.VZEROUPPER()
	build.RET()
}

// products is d += (a − b)², m += a·b.
func products() {
	build.TEXT("productsAVX2", build.NOSPLIT, "func(d, m, a, b *float32, n8 int)")
	d, m, a, b := pointer("d"), pointer("m"), pointer("a"), pointer("b")
	loop("products", build.Load(build.Param("n8"), build.GP64()), 8, func(i reg.Register) {
		x, y, s, p := build.YMM(), build.YMM(), build.YMM(), build.YMM()
		build.VMOVUPS(at(a, i), x)
		build.VMOVUPS(at(b, i), y)
		build.VMOVUPS(at(d, i), s)
		build.VMOVUPS(at(m, i), p)
		build.VFMADD231PS(x, y, p)
		build.VSUBPS(y, x, x)
		build.VFMADD231PS(x, x, s)
		build.VMOVUPS(s, at(d, i))
		build.VMOVUPS(p, at(m, i))
	})
	build.VZEROUPPER()
	build.RET()
}

// total is Σ x in float64.
func total() {
	build.TEXT("totalAVX2", build.NOSPLIT, "func(x *float32, n8 int) float64")
	p := pointer("x")
	s, t := build.YMM(), build.YMM()
	build.VXORPD(s, s, s)
	build.VXORPD(t, t, t)
	loop("total", build.Load(build.Param("n8"), build.GP64()), 8, func(i reg.Register) {
		a, b := build.YMM(), build.YMM()
		build.VCVTPS2PD(at(p, i), a)
		build.VCVTPS2PD(operand.Mem{Base: p, Index: i, Scale: 1, Disp: 16}, b)
		build.VADDPD(a, s, s)
		build.VADDPD(b, t, t)
	})
	build.VADDPD(t, s, s)
	x, y := s.AsX(), build.XMM()
	build.VEXTRACTF128(operand.Imm(1), s, y)
	build.VADDPD(y, x, x)
	build.VPERMILPD(operand.Imm(1), x, y)
	build.VADDSD(y, x, x)
	build.VZEROUPPER()
	build.Store(x, build.ReturnIndex(0))
	build.RET()
}
