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
	rectify()
	rectifyPositive()
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

// rectify is [rectifier.apply].
func rectify() {
	forRows("rectify", func(r rows) {
		zero := build.YMM()
		build.VXORPS(zero, zero, zero)
		r.columns("One", 1, func() {
			s, inverse, p, e, k := build.YMM(), build.YMM(), build.YMM(), build.YMM(), build.YMM()
			build.VBROADCASTSS(at(r.s1, r.j), s)
			build.VBROADCASTSS(at(r.r1, r.j), inverse)
			other := build.YMM()
			build.VMOVUPS(at(r.s2, r.i), other)
			build.VMULPS(other, s, p)
			build.VSUBPS(other, s, s)
			// 2E = D − (s1 − s2)², not below 0.
			dd := build.YMM()
			build.VMOVUPS(at(r.d, r.i), dd)
			build.VMOVAPS(dd, e)
			build.VFNMADD231PS(s, s, e)
			build.VMAXPS(zero, e, e)
			build.VMOVAPS(p, k)
			build.VFNMADD231PS(constant(r.c, table.Half), e, k)
			// u = 1 − ρ, v = 1 − |ρ|: from ρ it would have lost u's digits near
			// coincidence.
			u, v := build.YMM(), build.YMM()
			build.VMULPS(at(r.r2, r.i), inverse, u)
			build.VMULPS(e, u, u)
			build.VMOVUPS(constant(r.c, table.Two), v)
			build.VSUBPS(u, v, v)
			build.VMINPS(u, v, v)
			build.VMAXPS(zero, v, v)
			root, power := build.YMM(), build.YMM()
			build.VSQRTPS(v, root)
			x := horner(r.c, table.Crescent, table.CrescentDegree, v)
			g := horner(r.c, table.Angle, table.AngleDegree, v)
			build.VMULPS(root, v, power)
			build.VMULPS(power, p, p)
			build.VMULPS(p, x, x)
			slope, rho := build.YMM(), build.YMM()
			build.VMOVUPS(constant(r.c, table.T0), slope)
			build.VFNMADD231PS(root, g, slope)
			build.VMULPS(root, g, g)
			build.VADDPS(constant(r.c, table.T2), g, g)
			build.VMOVUPS(constant(r.c, table.One), rho)
			build.VSUBPS(u, rho, rho)
			build.VBLENDVPS(rho, g, slope, slope)
			// D.
			low, high := build.YMM(), build.YMM()
			build.VMINPS(zero, k, low)
			build.VMULPS(constant(r.c, table.D0), dd, dd)
			build.VFNMADD231PS(constant(r.c, table.Two), x, dd)
			build.VFMADD231PS(constant(r.c, table.D1), low, dd)
			build.VMOVUPS(dd, at(r.dstD, r.i))
			// Θ.
			tt := build.YMM()
			build.VMOVUPS(constant(r.c, table.Bias), tt)
			build.VADDPS(at(r.t, r.i), tt, tt)
			build.VMULPS(slope, tt, tt)
			build.VFMADD231PS(constant(r.c, table.M0), k, tt)
			build.VMAXPS(zero, k, high)
			build.VFMADD231PS(constant(r.c, table.M1), high, tt)
			build.VFMADD231PS(constant(r.c, table.M2), x, tt)
			build.VMOVUPS(tt, at(r.dstT, r.i))
		})
	})
}

// rectifyPositive is rectify without the cases of K < 0. Two columns go side by side,
// each polynomial as two of v²: a chain of operations takes longer than its
// arithmetic.
func rectifyPositive() {
	forRows("rectifyPositive", func(r rows) {
		r.columns("Two", 2, func() { positive(r, 2) })
		r.columns("One", 1, func() { positive(r, 1) })
	})
}

func positive(r rows, n int) {
	vector := func(base reg.Register, k int) operand.Mem {
		return operand.Mem{Base: base, Index: r.i, Scale: 1, Disp: k * width}
	}
	number := func(base reg.Register, k int) operand.Mem {
		return operand.Mem{Base: base, Index: r.j, Scale: 1, Disp: 4 * k}
	}
	registers := func() []reg.VecVirtual {
		list := make([]reg.VecVirtual, n)
		for k := range list {
			list[k] = build.YMM()
		}
		return list
	}
	u, root, power, k := registers(), registers(), registers(), registers()
	for c := range n {
		s, other, e, inverse := build.YMM(), build.YMM(), build.YMM(), build.YMM()
		build.VBROADCASTSS(number(r.s1, c), s)
		build.VMOVUPS(vector(r.s2, c), other)
		build.VMULPS(other, s, power[c])
		build.VSUBPS(other, s, s)
		// 2E = D − (s1 − s2)², not below 0; u = 1 − ρ.
		build.VMOVUPS(vector(r.d, c), e)
		build.VFNMADD231PS(s, s, e)
		zero := build.YMM()
		build.VXORPS(zero, zero, zero)
		build.VMAXPS(zero, e, e)
		build.VBROADCASTSS(number(r.r1, c), inverse)
		build.VMULPS(vector(r.r2, c), inverse, u[c])
		build.VMULPS(e, u[c], u[c])
		build.VSQRTPS(u[c], root[c])
		build.VMOVAPS(power[c], k[c])
		build.VFNMADD231PS(constant(r.c, table.Half), e, k[c])
		build.VMULPS(u[c], power[c], power[c])
		build.VMULPS(root[c], power[c], power[c])
	}
	square := registers()
	for c := range n {
		build.VMULPS(u[c], u[c], square[c])
	}
	polynomial := func(first, degree int) []reg.VecVirtual {
		top, below := registers(), registers()
		for c := range n {
			build.VMOVUPS(constant(r.c, first+degree), top[c])
			build.VMOVUPS(constant(r.c, first+degree-1), below[c])
		}
		for i := degree - 2; i >= 0; i -= 2 {
			for c := range n {
				build.VFMADD213PS(constant(r.c, first+i), square[c], top[c])
				if i > 0 {
					build.VFMADD213PS(constant(r.c, first+i-1), square[c], below[c])
				}
			}
		}
		if degree%2 == 0 {
			top, below = below, top
		}
		for c := range n { // top has the odd powers
			build.VFMADD213PS(below[c], u[c], top[c])
		}
		return top
	}
	x := polynomial(table.Crescent, table.CrescentDegree)
	for c := range n {
		build.VMULPS(power[c], x[c], x[c])
	}
	g := polynomial(table.Angle, table.AngleDegree)
	for c := range n {
		slope, dd, tt := build.YMM(), build.YMM(), build.YMM()
		build.VMOVUPS(constant(r.c, table.T0), slope)
		build.VFNMADD231PS(root[c], g[c], slope)
		build.VMOVUPS(constant(r.c, table.D0), dd)
		build.VMULPS(vector(r.d, c), dd, dd)
		build.VFNMADD231PS(constant(r.c, table.Two), x[c], dd)
		build.VMOVUPS(dd, vector(r.dstD, c))
		build.VMOVUPS(constant(r.c, table.Bias), tt)
		build.VADDPS(vector(r.t, c), tt, tt)
		build.VMULPS(slope, tt, tt)
		build.VFMADD231PS(constant(r.c, table.Ahead), k[c], tt)
		build.VFMADD231PS(constant(r.c, table.M2), x[c], tt)
		build.VMOVUPS(tt, vector(r.dstT, c))
	}
}

// rows are the registers of a loop over rows: addresses of one row, and the offsets of
// a column in vectors and in numbers.
type rows struct {
	name                                     string
	d, t, dstD, dstT, s1, r1, s2, r2, c, end reg.GPVirtual
	i, j                                     reg.GPVirtual
}

// forRows begins a function with the arguments of rectify, whose body is for one row.
func forRows(name string, body func(rows)) {
	kernel(name+"AVX2",
		"func(d, t, dstD, dstT, s1, r1, s2, r2 *float32, rows, cols, pitch, width int, c *float32)")
	r := rows{
		name, load("d"), load("t"), load("dstD"), load("dstT"), load("s1"), load("r1"), load("s2"), load("r2"), load("c"),
		load("cols"), build.GP64(), build.GP64(),
	}
	left := load("rows")
	build.Label(name + "Row")
	build.XORQ(r.i, r.i)
	build.XORQ(r.j, r.j)
	body(r)
	build.ADDQ(r.end, r.d)
	build.ADDQ(r.end, r.t)
	pitch := load("pitch")
	build.ADDQ(pitch, r.dstD)
	build.ADDQ(pitch, r.dstT)
	wide := load("width")
	build.ADDQ(wide, r.s2)
	build.ADDQ(wide, r.r2)
	build.SHRQ(operand.Imm(3), wide)
	build.ADDQ(wide, r.s1)
	build.ADDQ(wide, r.r1)
	build.DECQ(left)
	build.JNZ(operand.LabelRef(name + "Row"))
	build.VZEROUPPER()
	build.RET()
}

// columns runs body while n columns are left.
func (r rows) columns(name string, n int, body func()) {
	label := r.name + name
	next := build.GP64()
	build.Label(label)
	build.LEAQ(operand.Mem{Base: r.i, Disp: n * width}, next)
	build.CMPQ(next, r.end)
	build.JGT(operand.LabelRef(label + "Done"))
	body()
	build.ADDQ(operand.Imm(uint64(n*width)), r.i)
	build.ADDQ(operand.Imm(uint64(n*4)), r.j)
	build.JMP(operand.LabelRef(label))
	build.Label(label + "Done")
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
