package onnx

import (
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// dims returns the shape of a value.
func (v *value) dims() []int {
	if v.lit != nil {
		return v.lit.dims
	}
	return v.node.Shape().Dimensions
}

// reshaped gives input 0 other dims, of the same size.
func (c *call) reshaped(dims []int) []*value {
	v := c.in[0]
	n, _ := sizeOf(v.dims())
	if m, ok := sizeOf(dims); !ok || m != n || len(dims) > maxRank {
		c.fail("shape %v cannot become %v", v.dims(), dims)
	}
	if v.lit != nil {
		return []*value{{lit: v.lit.reshape(dims)}}
	}
	return result(gx.Reshape(v.node, dims...))
}

// reshape takes 0 for "as in the input" and one −1 for "what remains".
func reshape(c *call) []*value {
	in, dims := c.in[0].dims(), slices.Clone(c.list(1))
	open, rest := -1, 1
	for i, d := range dims {
		switch {
		case d == 0 && c.integer("allowzero", 0) == 0:
			if i >= len(in) {
				c.fail("shape %v copies axis %d of %v", dims, i, in)
			}
			dims[i] = in[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0 || d > maxDim:
			c.fail("shape %v: want one −1 at most, other sizes from 0 to %d", dims, int64(maxDim))
		}
		if dims[i] > 0 && rest > maxSize/dims[i] {
			c.fail("shape %v has more than %d entries", dims, int64(maxSize))
		}
		rest *= dims[i]
	}
	if n, _ := sizeOf(in); open >= 0 {
		if rest == 0 || n%rest != 0 {
			c.fail("shape %v cannot become %v", in, dims)
		}
		dims[open] = n / rest
	}
	return c.reshaped(dims)
}

func flatten(c *call) []*value {
	dims := c.in[0].dims()
	a := c.integer("axis", 1)
	if a < 0 {
		a += len(dims)
	}
	if a < 0 || a > len(dims) {
		c.fail("axis %d of a value of %d axes", a, len(dims))
	}
	outer, _ := sizeOf(dims[:a])
	inner, _ := sizeOf(dims[a:])
	return c.reshaped([]int{outer, inner})
}

// axesArgument is an attribute up to opset 12, later input 1.
func (c *call) axesArgument() []int {
	if c.has(1) {
		return c.list(1)
	}
	return c.integers("axes")
}

func squeeze(c *call) []*value {
	dims := c.in[0].dims()
	drop := c.axes(c.axesArgument(), len(dims))
	var out []int
	for i, d := range dims {
		switch {
		case slices.Contains(drop, i) && d != 1:
			c.fail("axis %d of shape %v is not of size 1", i, dims)
		case slices.Contains(drop, i), drop == nil && d == 1:
		default:
			out = append(out, d)
		}
	}
	return c.reshaped(out)
}

func unsqueeze(c *call) []*value {
	dims := c.in[0].dims()
	list := c.axesArgument()
	if len(dims)+len(list) > maxRank {
		c.fail("%d axes more for a value of %d", len(list), len(dims))
	}
	put := c.axes(list, len(dims)+len(list))
	slices.Sort(put)
	out := slices.Clone(dims)
	for _, a := range put {
		out = slices.Insert(out, a, 1)
	}
	return c.reshaped(out)
}

func transpose(c *call) []*value {
	v := c.in[0]
	rank := len(v.dims())
	perm := c.integers("perm")
	if perm == nil {
		perm = reversed(rank)
	}
	if len(perm) != rank {
		c.fail("attribute perm is %v for a value of %d axes", perm, rank)
	}
	perm = c.axes(perm, rank)
	if v.lit != nil {
		return c.must(v.lit.transpose(perm))
	}
	if rank == 0 {
		return []*value{v}
	}
	return result(gx.TransposeAllAxes(v.node, perm...))
}

func concatenate(c *call) []*value {
	in := c.given()
	rank := len(in[0].dims())
	a := c.axis(c.integer("axis", 0), rank)
	for _, v := range in[1:] {
		ok := len(v.dims()) == rank
		for i := 0; ok && i < rank; i++ {
			ok = i == a || v.dims()[i] == in[0].dims()[i]
		}
		if !ok {
			c.fail("shapes %v and %v do not fit along axis %d", in[0].dims(), v.dims(), a)
		}
	}
	if l := c.literals(); l != nil {
		return c.must(concat(l, a))
	}
	var parts []*gx.Node
	total := 0
	for _, v := range in {
		if v.dims()[a] == 0 {
			continue
		}
		total += v.dims()[a]
		parts = append(parts, c.nodeOf(v))
	}
	if len(parts) == 0 || total > maxDim {
		c.fail("%d entries along axis %d", total, a)
	}
	for _, p := range parts[1:] {
		if p.DType() != parts[0].DType() {
			c.fail("operands of types %s and %s", parts[0].DType(), p.DType())
		}
	}
	if len(parts) == 1 {
		return result(parts[0])
	}
	return result(gx.Concatenate(parts, a))
}

func expand(c *call) []*value {
	v := c.in[0]
	dims, err := broadcastDims(v.dims(), c.list(1))
	if err != nil {
		panic(err)
	}
	if v.lit != nil {
		return c.must(v.lit.broadcast(dims))
	}
	return result(c.spread(v.node, dims))
}

func tile(c *call) []*value {
	v, times := c.in[0], c.list(1)
	dims := v.dims()
	if len(times) != len(dims) {
		c.fail("%d repeats for a value of %d axes", len(times), len(dims))
	}
	if v.lit != nil {
		l := v.lit
		for i, n := range times {
			if n < 1 || n > maxHost {
				c.fail("repeats %v: want numbers from 1 to %d", times, maxHost)
			}
			var err error
			if l, err = concat(slices.Repeat([]*literal{l}, n), i); err != nil {
				panic(err)
			}
		}
		return []*value{{lit: l}}
	}
	// [a, b] → [a, 1, b, 1]-like with the repeats before each axis.
	var apart, wide, out []int
	for i, n := range times {
		if n < 1 || n > maxDim {
			c.fail("repeats %v: want numbers from 1 to %d", times, int64(maxDim))
		}
		apart = append(apart, 1, dims[i])
		wide = append(wide, n, dims[i])
		out = append(out, n*dims[i])
	}
	if !fitsSize(wide) {
		c.fail("the result has shape %v: more than %d entries", out, int64(maxSize))
	}
	return result(gx.Reshape(gx.BroadcastToDims(gx.Reshape(v.node, apart...), wide...), out...))
}

// blocks reads what DepthToSpace and its inverse have.
func (c *call) blocks() (x *gx.Node, d []int, b int) {
	x = c.x(0)
	if d = x.Shape().Dimensions; len(d) != 4 {
		c.fail("the input has shape %v; want [N, C, H, W]", d)
	}
	if b = c.integer("blocksize", 0); b < 1 || b > 1<<15 {
		c.fail("attribute blocksize is %d; want 1 to %d", b, 1<<15)
	}
	return x, d, b
}

func depthToSpace(c *call) []*value {
	x, d, b := c.blocks()
	if d[1]%(b*b) != 0 {
		c.fail("%d channels are no multiple of %d²", d[1], b)
	}
	n, ch, h, w := d[0], d[1]/(b*b), d[2], d[3]
	switch mode := c.text("mode", "DCR"); mode {
	case "DCR":
		x = gx.TransposeAllAxes(gx.Reshape(x, n, b, b, ch, h, w), 0, 3, 4, 1, 5, 2)
	case "CRD":
		x = gx.TransposeAllAxes(gx.Reshape(x, n, ch, b, b, h, w), 0, 1, 4, 2, 5, 3)
	default:
		c.fail("attribute mode is %q; want DCR or CRD", mode)
	}
	return result(gx.Reshape(x, n, ch, h*b, w*b))
}

func spaceToDepth(c *call) []*value {
	x, d, b := c.blocks()
	if d[2]%b != 0 || d[3]%b != 0 {
		c.fail("the input's shape %v is no multiple of blocks of %d", d, b)
	}
	x = gx.Reshape(x, d[0], d[1], d[2]/b, b, d[3]/b, b)
	return result(gx.Reshape(gx.TransposeAllAxes(x, 0, 3, 5, 1, 2, 4), d[0], d[1]*b*b, d[2]/b, d[3]/b))
}

func trilu(c *call) []*value {
	x := c.x(0)
	if x.Rank() < 2 {
		c.fail("the input has shape %v; want matrices", x.Shape().Dimensions)
	}
	k := 0
	if c.has(1) {
		k = int(min(max(c.number(1), -maxDim), maxDim))
	}
	rows, cols := x.Shape().Dim(-2), x.Shape().Dim(-1)
	if _, err := hostSize([]int{rows, cols}); err != nil {
		panic(err)
	}
	upper := c.integer("upper", 1) != 0
	mask := &literal{real, []int{rows, cols}, make([]float64, rows*cols)}
	for i := range mask.v {
		d := i%cols - i/cols
		mask.v[i] = truth(upper && d >= k || !upper && d <= k)
	}
	return result(gx.Mul(c.aligned(&value{node: x}, &value{lit: mask})))
}

// filled returns a value of a shape, in x's dtype, that is the same number everywhere.
func (c *call) filled(x *gx.Node, dims []int, fill float64) *gx.Node {
	if !fitsSize(dims) {
		c.fail("shape %v has more than %d entries", dims, int64(maxSize))
	}
	return gx.BroadcastToShape(gx.Scalar(c.g, x.DType(), fill), shapes.Make(x.DType(), dims...))
}

// extend puts a number before and after the entries along an axis; GoMLX has no
// gradient for Pad. Negative amounts cut off.
func (c *call) extend(x *gx.Node, axis, before, after int, fill float64) *gx.Node {
	n := x.Shape().Dim(axis)
	if start, end := max(-before, 0), n-max(-after, 0); start > 0 || end < n {
		if start >= end {
			c.fail("nothing is left of axis %d", axis)
		}
		x = gx.SliceAxis(x, axis, gx.AxisRange(start, end))
	}
	part := func(n int) *gx.Node {
		dims := slices.Clone(x.Shape().Dimensions)
		dims[axis] = n
		return c.filled(x, dims, fill)
	}
	parts := []*gx.Node{x}
	if before > 0 {
		parts = slices.Insert(parts, 0, part(before))
	}
	if after > 0 {
		parts = append(parts, part(after))
	}
	if len(parts) == 1 {
		return x
	}
	return gx.Concatenate(parts, axis)
}
