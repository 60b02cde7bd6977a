package onnx

import (
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// pick takes the entries index along an axis of x: as a slice where they are
// evenly spaced, else by a gather.
func (c *call) pick(x *gx.Node, axis int, index []int) *gx.Node {
	step := 1
	if len(index) > 1 {
		step = index[1] - index[0]
	}
	even := step > 0
	for i := 1; i < len(index); i++ {
		even = even && index[i]-index[i-1] == step
	}
	if even {
		first, last := index[0], index[len(index)-1]
		if first == 0 && last == x.Shape().Dim(axis)-1 && step == 1 {
			return x
		}
		return gx.SliceAxis(x, axis, gx.AxisRange(first, last+1).Stride(step))
	}
	return c.take(x, axis, c.nodeOf(&value{lit: wholes(index...)}))
}

// take takes the entries along an axis of x that indices names: the axis becomes
// those of indices.
func (c *call) take(x *gx.Node, axis int, indices *gx.Node) *gx.Node {
	if axis > 0 {
		x = gx.TransposeAllAxes(x, slices.Concat([]int{axis}, from(0, axis), from(axis+1, x.Rank()-axis-1))...)
	}
	y := gx.Gather(x, gx.InsertAxes(indices, -1))
	if axis == 0 {
		return y
	}
	r := indices.Rank()
	if r == 0 { // Gather makes an axis of a scalar
		if y.Rank() == x.Rank() {
			y = gx.Squeeze(y, 0)
		}
		return y
	}
	return gx.TransposeAllAxes(y, slices.Concat(from(r, axis), from(0, r), from(r+axis, y.Rank()-r-axis))...)
}

func gather(c *call) []*value {
	v := c.in[0]
	dims := v.dims()
	a := c.axis(c.integer("axis", 0), len(dims))
	index := c.in[1]
	if index.lit == nil {
		if !index.node.DType().IsInt() {
			c.fail("indices are of type %s", index.node.DType())
		}
		return result(c.take(c.x(0), a, index.node)) // negative ones cannot be told
	}
	list := slices.Clone(c.list(1))
	for i, x := range list {
		if x < -dims[a] || x >= dims[a] {
			c.fail("index %d of an axis of size %d", x, dims[a])
		}
		list[i] = (x + dims[a]) % dims[a]
	}
	if len(list) == 0 {
		c.fail("there are no indices")
	}
	out := slices.Concat(dims[:a], index.lit.dims, dims[a+1:])
	if len(out) > maxRank || !fitsSize(out) {
		c.fail("the result has shape %v", out)
	}
	if v.lit != nil {
		l, err := v.lit.pick(a, list)
		if err == nil {
			l = l.reshape(out)
		}
		return c.must(l, err)
	}
	return result(gx.Reshape(c.pick(v.node, a, list), out...))
}

// slice takes ranges: by attributes up to opset 9, by inputs from then on.
func slice(c *call) []*value {
	v := c.in[0]
	dims := v.dims()
	var starts, ends, axes, steps []int
	if c.m.opset < 10 {
		starts, ends, axes = c.integers("starts"), c.integers("ends"), c.integers("axes")
	} else {
		starts, ends = c.list(1), c.list(2)
		if c.has(3) {
			axes = c.list(3)
		}
		if c.has(4) {
			steps = c.list(4)
		}
	}
	if axes == nil {
		axes = from(0, len(starts))
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		c.fail("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	for i, a := range c.axes(axes, len(dims)) {
		index := c.sliced(starts[i], ends[i], steps[i], dims[a])
		if v.lit != nil {
			v = c.must(v.lit.pick(a, index))[0]
			continue
		}
		if len(index) == 0 {
			c.fail("nothing is left of axis %d of shape %v", a, dims)
		}
		v = &value{node: c.pick(v.node, a, index)}
	}
	return []*value{v}
}

// sliced lists the indices of a range of an axis of size n.
func (c *call) sliced(start, end, step, n int) []int {
	if step == 0 {
		c.fail("a step is 0")
	}
	if n > maxHost && step != 1 {
		c.fail("a step of %d along %d entries is not supported", step, n)
	}
	at := func(i, low, high int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	var index []int
	if step > 0 {
		for i, end := at(start, 0, n), at(end, 0, n); i < end; i += step {
			index = append(index, i)
		}
		return index
	}
	for i, end := at(start, 0, n-1), at(end, -1, n-1); i > end; i += step {
		index = append(index, i)
	}
	return index
}

// split cuts an axis: sizes are an attribute up to opset 12, later input 1; without
// them the parts are equal, the last one smaller.
func split(c *call) []*value {
	v := c.in[0]
	dims := v.dims()
	a := c.axis(c.integer("axis", 0), len(dims))
	sizes := c.integers("split")
	if c.has(1) {
		sizes = c.list(1)
	}
	parts := len(c.node.out)
	if sizes == nil {
		each := (dims[a] + parts - 1) / parts
		for k := range parts {
			sizes = append(sizes, min(each, dims[a]-k*each))
		}
	}
	total := 0
	for _, s := range sizes {
		if s < 1 || s > dims[a] {
			c.fail("parts of sizes %v of an axis of %d", sizes, dims[a])
		}
		total += s
	}
	if total != dims[a] || len(sizes) != parts {
		c.fail("parts of sizes %v, %d outputs, of an axis of %d", sizes, parts, dims[a])
	}
	var out []*value
	at := 0
	for _, s := range sizes {
		if v.lit != nil {
			out = append(out, c.must(v.lit.pick(a, from(at, s)))...)
		} else {
			out = append(out, &value{node: gx.SliceAxis(v.node, a, gx.AxisRange(at, at+s))})
		}
		at += s
	}
	return out
}

// pad extends axes by a number, by what is there in reverse, or by its border.
func pad(c *call) []*value {
	x := c.x(0)
	pads, fill := c.integers("pads"), c.float("value", 0)
	if c.m.opset >= 11 {
		pads = c.list(1)
		if c.has(2) {
			fill = c.number(2)
		}
	}
	axes := from(0, x.Rank())
	if c.has(3) {
		axes = c.axes(c.list(3), x.Rank())
	}
	if len(pads) != 2*len(axes) {
		c.fail("%d amounts for %d axes", len(pads), len(axes))
	}
	mode := c.text("mode", "constant")
	for i, a := range axes {
		before, after, n := pads[i], pads[len(axes)+i], x.Shape().Dim(a)
		if max(before, after, -before, -after) > maxDim {
			c.fail("amounts %v: want numbers within ±%d", pads, int64(maxDim))
		}
		switch {
		case before == 0 && after == 0:
		case mode == "constant":
			x = c.extend(x, a, before, after, fill)
		case mode != "reflect" && mode != "edge" && mode != "wrap":
			c.fail("attribute mode is %q; want constant, reflect, edge or wrap", mode)
		case before < 0 || after < 0 || mode == "reflect" && max(before, after) >= n || max(before, after) > maxHost || n > maxHost:
			c.fail("amounts %d and %d of mode %s for an axis of %d", before, after, mode, n)
		default:
			var index []int
			for k := -before; k < n+after; k++ {
				index = append(index, border(mode, k, n))
			}
			x = c.pick(x, a, index)
		}
	}
	return result(x)
}

// border returns which of n entries stands for position k, before, among or
// behind them.
func border(mode string, k, n int) int {
	switch mode {
	case "reflect":
		if k < 0 {
			return -k
		}
		if k >= n {
			return 2*(n-1) - k
		}
		return k
	case "wrap":
		return (k%n + n) % n
	}
	return min(max(k, 0), n-1)
}
