//go:build ignore

// Asm writes the AVX2 kernels of package planes: "go generate" runs it. Strides are
// in bytes; numbers of rows and columns are positive.
package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/gontk/ntk/limits/internal/planes/table"
)

func main() {
	build.ConstraintExpr("amd64")
	rectify("rectify", false)
	rectify("rectifyPositive", true)
	box3()
	addPlane()
	differences()
	total()
	build.Generate()
}

const width = 32 // bytes of a vector

func load(name string) reg.GPVirtual {
	return build.Load(build.Param(name), build.GP64()).(reg.GPVirtual)
}

// address is where a parameter is.
func address(name string) operand.Mem {
	p, err := build.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// kernel begins a function whose pointers are not kept.
func kernel(name, signature string) {
	build.TEXT(name, build.NOSPLIT, signature)
	build.Pragma("noescape")
}

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

// rectify is [rectifier.apply]; positive is without the cases of K < 0.
func rectify(name string, positive bool) {
	kernel(name+"AVX2",
		"func(d, t, dstD, dstT, s1, r1, s2, r2 *float32, rows, cols, pitch, width int, c *float32)")
	d, t, od, ot := load("d"), load("t"), load("dstD"), load("dstT")
	s1, r1, s2, r2 := load("s1"), load("r1"), load("s2"), load("r2")
	c, rows := load("c"), load("rows")
	end := load("cols") // bytes of a row
	zero := build.YMM()
	build.VXORPS(zero, zero, zero)
	i, j := build.GP64(), build.GP64()
	build.Label(name + "Row")
	build.XORQ(i, i)
	build.XORQ(j, j)
	build.Label(name + "Col")
	s, r, p, e, k := build.YMM(), build.YMM(), build.YMM(), build.YMM(), build.YMM()
	build.VBROADCASTSS(at(s1, j), s)
	build.VBROADCASTSS(at(r1, j), r)
	other := build.YMM()
	build.VMOVUPS(at(s2, i), other)
	build.VMULPS(other, s, p)
	build.VSUBPS(other, s, s)
	// 2E = D − (s1 − s2)², not below 0.
	dd := build.YMM()
	build.VMOVUPS(at(d, i), dd)
	build.VMOVAPS(dd, e)
	build.VFNMADD231PS(s, s, e)
	build.VMAXPS(zero, e, e)
	build.VMOVAPS(p, k)
	build.VFNMADD231PS(constant(c, table.Half), e, k)
	// u = 1 − ρ.
	u := build.YMM()
	build.VMULPS(at(r2, i), r, u)
	build.VMULPS(e, u, u)
	v := u
	if !positive { // 1 − |ρ|: from ρ it would have lost u's digits near coincidence.
		v = build.YMM()
		build.VMOVUPS(constant(c, table.Two), v)
		build.VSUBPS(u, v, v)
		build.VMINPS(u, v, v)
		build.VMAXPS(zero, v, v)
	}
	root := build.YMM()
	build.VSQRTPS(v, root)
	x := horner(c, table.Crescent, table.CrescentDegree, v)
	g := horner(c, table.Angle, table.AngleDegree, v)
	power := build.YMM()
	build.VMULPS(root, v, power)
	build.VMULPS(power, p, p)
	build.VMULPS(p, x, x)
	slope := build.YMM()
	build.VMOVUPS(constant(c, table.T0), slope)
	build.VFNMADD231PS(root, g, slope)
	if !positive {
		build.VMULPS(root, g, g)
		build.VADDPS(constant(c, table.T2), g, g)
		rho := build.YMM()
		build.VMOVUPS(constant(c, table.One), rho)
		build.VSUBPS(u, rho, rho)
		build.VBLENDVPS(rho, g, slope, slope)
	}
	// D.
	build.VMULPS(constant(c, table.D0), dd, dd)
	build.VFNMADD231PS(constant(c, table.Two), x, dd)
	if !positive {
		low := build.YMM()
		build.VMINPS(zero, k, low)
		build.VFMADD231PS(constant(c, table.D1), low, dd)
	}
	build.VMOVUPS(dd, at(od, i))
	// Θ.
	tt := build.YMM()
	build.VMOVUPS(constant(c, table.Bias), tt)
	build.VADDPS(at(t, i), tt, tt)
	build.VMULPS(slope, tt, tt)
	if positive {
		build.VFMADD231PS(constant(c, table.Ahead), k, tt)
	} else {
		build.VFMADD231PS(constant(c, table.M0), k, tt)
		high := build.YMM()
		build.VMAXPS(zero, k, high)
		build.VFMADD231PS(constant(c, table.M1), high, tt)
	}
	build.VFMADD231PS(constant(c, table.M2), x, tt)
	build.VMOVUPS(tt, at(ot, i))
	build.ADDQ(operand.Imm(width), i)
	build.ADDQ(operand.Imm(4), j)
	build.CMPQ(i, end)
	build.JLT(operand.LabelRef(name + "Col"))
	build.ADDQ(end, d)
	build.ADDQ(end, t)
	pitch := load("pitch")
	build.ADDQ(pitch, od)
	build.ADDQ(pitch, ot)
	wide := load("width")
	build.ADDQ(wide, s2)
	build.ADDQ(wide, r2)
	build.SHRQ(operand.Imm(3), wide)
	build.ADDQ(wide, s1)
	build.ADDQ(wide, r1)
	build.DECQ(rows)
	build.JNZ(operand.LabelRef(name + "Row"))
	build.VZEROUPPER()
	build.RET()
}

// box3 sums 3 × 3 neighbours of stride 1.
func box3() {
	kernel("box3AVX2", "func(dst, src *float32, rows, cols, pitch int)")
	dst, top := load("dst"), load("src")
	rows, end, pitch := load("rows"), load("cols"), load("pitch")
	middle, bottom := build.GP64(), build.GP64()
	i := build.GP64()
	column := func(disp int) reg.VecVirtual {
		v := build.YMM()
		build.VMOVUPS(operand.Mem{Base: top, Index: i, Scale: 1, Disp: disp}, v)
		build.VADDPS(operand.Mem{Base: middle, Index: i, Scale: 1, Disp: disp}, v, v)
		build.VADDPS(operand.Mem{Base: bottom, Index: i, Scale: 1, Disp: disp}, v, v)
		return v
	}
	build.LEAQ(at(top, pitch), middle)
	build.LEAQ(at(middle, pitch), bottom)
	build.Label("boxRow")
	build.XORQ(i, i)
	first, second := column(0), column(width)
	two := build.YMM()
	build.VADDPS(first, second, two)
	build.Label("boxCol")
	third := column(2 * width)
	sum := build.YMM()
	build.VADDPS(two, third, sum)
	build.VADDPS(second, third, two)
	build.VMOVAPS(third, second)
	build.VMOVUPS(sum, at(dst, i))
	build.ADDQ(operand.Imm(width), i)
	build.CMPQ(i, end)
	build.JLT(operand.LabelRef("boxCol"))
	build.ADDQ(end, dst)
	build.ADDQ(pitch, top)
	build.ADDQ(pitch, middle)
	build.ADDQ(pitch, bottom)
	build.DECQ(rows)
	build.JNZ(operand.LabelRef("boxRow"))
	build.VZEROUPPER()
	build.RET()
}

// addPlane adds every step-th column of src.
func addPlane() {
	kernel("addPlaneAVX2", "func(dst, src *float32, rows, cols, pitch, step int)")
	dst, src := load("dst"), load("src")
	rows, end, pitch, step := load("rows"), load("cols"), load("pitch"), load("step")
	i, j := build.GP64(), build.GP64()
	build.Label("addRow")
	build.XORQ(i, i)
	build.XORQ(j, j)
	build.Label("addCol")
	v := build.YMM()
	build.VMOVUPS(at(src, j), v)
	build.VADDPS(at(dst, i), v, v)
	build.VMOVUPS(v, at(dst, i))
	build.ADDQ(step, j)
	build.ADDQ(operand.Imm(width), i)
	build.CMPQ(i, end)
	build.JLT(operand.LabelRef("addCol"))
	build.ADDQ(end, dst)
	build.ADDQ(pitch, src)
	build.DECQ(rows)
	build.JNZ(operand.LabelRef("addRow"))
	build.VZEROUPPER()
	build.RET()
}

// differences is d = Σ (a − b)², t = ratio·Σ a b over channels.
func differences() {
	kernel("differencesAVX2",
		"func(d, t, a, b *float32, rows, cols, pitch, width, channels, area int, ratio float32)")
	d, t, a, b := load("d"), load("t"), load("a"), load("b")
	rows, end := load("rows"), load("cols")
	apart := load("area") // of channels of b, in bytes
	step := build.GP64()
	build.MOVQ(apart, step)
	build.SHRQ(operand.Imm(3), step)
	ratio := build.YMM()
	build.VBROADCASTSS(address("ratio"), ratio)
	i, j, x, y, n := build.GP64(), build.GP64(), build.GP64(), build.GP64(), build.GP64()
	build.Label("diffRow")
	build.XORQ(i, i)
	build.XORQ(j, j)
	build.Label("diffCol")
	square, product := build.YMM(), build.YMM()
	build.VXORPS(square, square, square)
	build.VXORPS(product, product, product)
	build.LEAQ(at(a, j), x)
	build.LEAQ(at(b, i), y)
	build.MOVQ(address("channels"), n)
	build.Label("diffChannel")
	p, q := build.YMM(), build.YMM()
	build.VBROADCASTSS(operand.Mem{Base: x}, p)
	build.VMOVUPS(operand.Mem{Base: y}, q)
	build.VFMADD231PS(p, q, product)
	build.VSUBPS(q, p, p)
	build.VFMADD231PS(p, p, square)
	build.ADDQ(step, x)
	build.ADDQ(apart, y)
	build.DECQ(n)
	build.JNZ(operand.LabelRef("diffChannel"))
	build.VMULPS(ratio, product, product)
	build.VMOVUPS(square, at(d, i))
	build.VMOVUPS(product, at(t, i))
	build.ADDQ(operand.Imm(width), i)
	build.ADDQ(operand.Imm(4), j)
	build.CMPQ(i, end)
	build.JLT(operand.LabelRef("diffCol"))
	build.MOVQ(address("pitch"), n)
	build.ADDQ(n, d)
	build.ADDQ(n, t)
	build.MOVQ(address("width"), n)
	build.ADDQ(n, b)
	build.SHRQ(operand.Imm(3), n)
	build.ADDQ(n, a)
	build.DECQ(rows)
	build.JNZ(operand.LabelRef("diffRow"))
	build.VZEROUPPER()
	build.RET()
}

// total adds entries in float64.
func total() {
	kernel("totalAVX2", "func(sum *float64, src *float32, rows, cols, pitch int)")
	sum := load("sum")
	src, rows, end, pitch := load("src"), load("rows"), load("cols"), load("pitch")
	low, high := build.YMM(), build.YMM()
	build.VMOVUPD(operand.Mem{Base: sum}, low)
	build.VMOVUPD(operand.Mem{Base: sum, Disp: width}, high)
	i := build.GP64()
	build.Label("totalRow")
	build.XORQ(i, i)
	build.Label("totalCol")
	x, y := build.YMM(), build.YMM()
	build.VCVTPS2PD(at(src, i), x)
	build.VCVTPS2PD(operand.Mem{Base: src, Index: i, Scale: 1, Disp: 16}, y)
	build.VADDPD(x, low, low)
	build.VADDPD(y, high, high)
	build.ADDQ(operand.Imm(width), i)
	build.CMPQ(i, end)
	build.JLT(operand.LabelRef("totalCol"))
	build.ADDQ(pitch, src)
	build.DECQ(rows)
	build.JNZ(operand.LabelRef("totalRow"))
	build.VMOVUPD(low, operand.Mem{Base: sum})
	build.VMOVUPD(high, operand.Mem{Base: sum, Disp: width})
	build.VZEROUPPER()
	build.RET()
}
