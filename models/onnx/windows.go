package onnx

import (
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// A window slides over the spatial axes of a value [N, C, spatial…].
type window struct {
	size, strides, dilations []int
	pads                     [][2]int
	out                      []int // spatial shape of the result
}

// window reads the attributes that convolutions and pools share.
//
// Source: ONNX, Conv and MaxPool, "auto_pad" and "ceil_mode".
func (c *call) window(spatial, size []int, ceilMode bool) window {
	n := len(spatial)
	w := window{size: size, strides: c.perAxis("strides", n, 1), dilations: c.perAxis("dilations", n, 1), pads: make([][2]int, n), out: make([]int, n)}
	if given := c.integers("kernel_shape"); given != nil && !slices.Equal(given, size) {
		c.fail("attribute kernel_shape is %v, the filter's is %v", given, size)
	}
	pads := c.integers("pads")
	if pads != nil && len(pads) != 2*n {
		c.fail("attribute pads has %d numbers for %d spatial axes", len(pads), n)
	}
	auto := c.text("auto_pad", "NOTSET")
	for i, in := range spatial {
		if w.size[i] < 1 || w.strides[i] < 1 || w.dilations[i] < 1 {
			c.fail("kernel_shape %v, strides %v, dilations %v: want positive numbers", w.size, w.strides, w.dilations)
		}
		span := (w.size[i]-1)*w.dilations[i] + 1
		switch auto {
		case "NOTSET":
			if pads != nil {
				w.pads[i] = [2]int{pads[i], pads[n+i]}
			}
		case "VALID":
		case "SAME_UPPER", "SAME_LOWER":
			total := max(((in+w.strides[i]-1)/w.strides[i]-1)*w.strides[i]+span-in, 0)
			w.pads[i] = [2]int{total / 2, total - total/2}
			if auto == "SAME_LOWER" {
				w.pads[i] = [2]int{total - total/2, total / 2}
			}
		default:
			c.fail("attribute auto_pad is %q; want NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
		}
		if w.pads[i][0] < 0 || w.pads[i][1] < 0 {
			c.fail("attribute pads is %v; want none below 0", pads)
		}
		padded := in + w.pads[i][0] + w.pads[i][1]
		if span > padded {
			c.fail("the window spans %d positions of spatial axis %d, which has %d", span, i, padded)
		}
		w.out[i] = (padded-span)/w.strides[i] + 1
		if ceilMode {
			// A window more, unless it would start behind the border.
			if up := (padded-span+w.strides[i]-1)/w.strides[i] + 1; up > w.out[i] && (up-1)*w.strides[i] < in+w.pads[i][0] {
				w.out[i] = up
			}
		}
	}
	return w
}

func (c *call) perAxis(name string, n, otherwise int) []int {
	v := c.integers(name)
	if v == nil {
		return slices.Repeat([]int{otherwise}, n)
	}
	if len(v) != n {
		c.fail("attribute %s has %d numbers for %d spatial axes", name, len(v), n)
	}
	return v
}

// images returns input 0, which must have batch, channels and spatial axes.
func (c *call) images() (x *gx.Node, spatial []int) {
	x = c.x(0)
	if x.Rank() < 3 {
		c.fail("the input has shape %v; want batch, channels and spatial axes", x.Shape().Dimensions)
	}
	return x, x.Shape().Dimensions[2:]
}

// channelsFirst is the layout N, C, spatial with filters O, I, spatial.
func channelsFirst(n int) backends.ConvolveAxesConfig {
	spatial := make([]int, n)
	for i := range spatial {
		spatial[i] = i + 2
	}
	return backends.ConvolveAxesConfig{
		InputBatch: 0, InputChannels: 1, InputSpatial: spatial,
		KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: slices.Clone(spatial),
		OutputBatch: 0, OutputChannels: 1, OutputSpatial: slices.Clone(spatial),
	}
}

// conv is a cross-correlation.
func conv(c *call) []*value {
	x, spatial := c.images()
	w := c.x(1)
	groups := c.integer("group", 1)
	c.checkFilter(x, w, groups, 1)
	win := c.window(spatial, w.Shape().Dimensions[2:], false)
	y := gx.ConvGeneral(x, w, channelsFirst(len(spatial)), win.strides, win.pads, nil, win.dilations, groups, 1)
	return result(c.addBias(y))
}

// checkFilter compares a filter's channels with the input's: those of axis in,
// in all groups, are the input's; the first axis is divided by the groups.
func (c *call) checkFilter(x, w *gx.Node, groups, in int) {
	d := w.Shape().Dimensions
	if len(d) != x.Rank() {
		c.fail("a filter of shape %v for an input of shape %v", d, x.Shape().Dimensions)
	}
	times := groups
	if in == 0 {
		times = 1
	}
	if groups < 1 || d[0]%groups != 0 || d[in]*times != x.Shape().Dim(1) {
		c.fail("a filter of shape %v in %d groups does not fit %d channels", d, groups, x.Shape().Dim(1))
	}
}

// addBias adds input 2, if it is given, one number a channel.
func (c *call) addBias(y *gx.Node) *gx.Node {
	if !c.has(2) {
		return y
	}
	return gx.Add(y, c.perChannel(2, y, 1))
}

// perChannel returns input i, one number for each entry of axis of x, shaped to
// be broadcast.
func (c *call) perChannel(i int, x *gx.Node, axis int) *gx.Node {
	v := c.x(i)
	if v.Rank() != 1 || v.Shape().Dim(0) != x.Shape().Dim(axis) {
		c.fail("input %d has shape %v; want one number for each of %d channels", i, v.Shape().Dimensions, x.Shape().Dim(axis))
	}
	dims := slices.Repeat([]int{1}, x.Rank())
	dims[axis] = v.Shape().Dim(0)
	return gx.Reshape(v, dims...)
}

// convTranspose dilates the input by the strides, pads it and correlates it with
// the flipped filter [C, O/groups, spatial…]:
//
//	out = stride·(in − 1) + output_padding + (k−1)·dilation + 1 − pads.
//
// The zeros are put in by Concatenate: GoMLX has no gradient for a convolution
// that dilates its input.
func convTranspose(c *call) []*value {
	x, spatial := c.images()
	w := c.x(1)
	groups, n := c.integer("group", 1), len(spatial)
	c.checkFilter(x, w, groups, 0)
	size := w.Shape().Dimensions[2:]
	if auto := c.text("auto_pad", "NOTSET"); auto != "NOTSET" || c.integers("output_shape") != nil {
		c.fail("attributes auto_pad and output_shape are not supported; give pads")
	}
	strides, dilations, extra := c.perAxis("strides", n, 1), c.perAxis("dilations", n, 1), c.perAxis("output_padding", n, 0)
	pads := c.integers("pads")
	if pads == nil {
		pads = make([]int, 2*n)
	}
	if len(pads) != 2*n {
		c.fail("attribute pads has %d numbers for %d spatial axes", len(pads), n)
	}
	rest := make([][2]int, n)
	for i := range n {
		if strides[i] < 1 || dilations[i] < 1 || extra[i] < 0 || size[i] < 1 || pads[i] < 0 || pads[n+i] < 0 {
			c.fail("strides %v, dilations %v, output_padding %v, pads %v: want positive strides and dilations, none below 0", strides, dilations, extra, pads)
		}
		x = c.dilate(x, i+2, strides[i])
		reach := (size[i] - 1) * dilations[i]
		rest[i] = [2]int{reach - pads[i], reach - pads[n+i] + extra[i]}
		if spatial[i] < 1 || (spatial[i]-1)*strides[i]+1+rest[i][0]+rest[i][1] <= reach {
			c.fail("spatial axis %d of the result would be empty", i)
		}
		if rest[i][0] < 0 || rest[i][1] < 0 {
			c.fail("pads %v larger than the filter's reach are not supported", pads)
		}
		w = c.pick(w, i+2, reversed(size[i]))
	}
	w = swapInGroups(w, groups)
	y := gx.ConvGeneral(x, w, channelsFirst(n), slices.Repeat([]int{1}, n), rest, nil, dilations, groups, 1)
	return result(c.addBias(y))
}

func reversed(n int) []int {
	index := make([]int, n)
	for i := range index {
		index[i] = n - 1 - i
	}
	return index
}

// swapInGroups turns a filter [G·I, O, …] into [G·O, I, …].
func swapInGroups(w *gx.Node, groups int) *gx.Node {
	d := w.Shape().Dimensions
	in, out := d[0]/groups, d[1]
	w = gx.Reshape(w, append([]int{groups, in, out}, d[2:]...)...)
	perm := []int{0, 2, 1}
	for i := 3; i < w.Rank(); i++ {
		perm = append(perm, i)
	}
	return gx.Reshape(gx.TransposeAllAxes(w, perm...), append([]int{groups * out, in}, d[2:]...)...)
}

// dilate puts s−1 zeros between the entries along an axis.
func (c *call) dilate(x *gx.Node, axis, s int) *gx.Node {
	if s == 1 {
		return x
	}
	dims := slices.Clone(x.Shape().Dimensions)
	n := dims[axis]
	gaps := slices.Insert(slices.Clone(dims), axis+1, s-1)
	if !fitsSize(gaps) {
		c.fail("a stride of %d makes a value of more than %d entries", s, int64(maxSize))
	}
	zeros := gx.Zeros(c.g, shapes.Make(x.DType(), gaps...))
	x = gx.Concatenate([]*gx.Node{gx.InsertAxes(x, axis+1), zeros}, axis+1)
	dims[axis] = n * s
	return gx.SliceAxis(gx.Reshape(x, dims...), axis, gx.AxisRange(0, (n-1)*s+1))
}

// poolWindow reads the window of a pool.
func (c *call) poolWindow() (x *gx.Node, w window) {
	x, spatial := c.images()
	size := c.integers("kernel_shape")
	if len(size) != len(spatial) {
		c.fail("attribute kernel_shape is %v for %d spatial axes", size, len(spatial))
	}
	w = c.window(spatial, size, c.integer("ceil_mode", 0) != 0)
	for i := range spatial { // with a window more, the border moves
		reach := (w.out[i]-1)*w.strides[i] + (w.size[i]-1)*w.dilations[i] + 1
		w.pads[i][1] = max(w.pads[i][1], reach-spatial[i]-w.pads[i][0])
	}
	return x, w
}

// maxPool returns the largest entry of each window, borders padded with −∞. Of
// windows with holes it compares slices: GoMLX has no gradient for those.
func maxPool(c *call) []*value {
	x, w := c.poolWindow()
	if !slices.ContainsFunc(w.dilations, func(d int) bool { return d != 1 }) {
		return result(c.reduceWindow(x, w, backends.ReduceOpMax))
	}
	x = c.padded(x, w, math.Inf(-1))
	const most = 1024
	var taps []*gx.Node
	if n, ok := sizeOf(w.size); !ok || n > most {
		c.fail("a dilated window of shape %v has more than %d entries", w.size, most)
	}
	at := make([]int, len(w.size))
	for {
		specs := []gx.SliceAxisSpec{gx.AxisRange(), gx.AxisRange()}
		for i, k := range at {
			start := k * w.dilations[i]
			specs = append(specs, gx.AxisRange(start, start+(w.out[i]-1)*w.strides[i]+1).Stride(w.strides[i]))
		}
		taps = append(taps, gx.Slice(x, specs...))
		if !next(at, w.size) {
			break
		}
	}
	y := taps[0]
	for _, t := range taps[1:] {
		y = gx.Max(y, t)
	}
	return result(y)
}

// next advances a multi-index in C order; false after the last.
func next(at, dims []int) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < dims[i] {
			return true
		}
		at[i] = 0
	}
	return false
}

func (c *call) reduceWindow(x *gx.Node, w window, op backends.ReduceOpType) *gx.Node {
	full := func(v []int) []int { return append([]int{1, 1}, v...) }
	return gx.BackendReduceWindow(x, op, full(w.size), full(w.strides), nil, nil, append([][2]int{{}, {}}, w.pads...))
}

// padded puts a number around the spatial axes.
func (c *call) padded(x *gx.Node, w window, fill float64) *gx.Node {
	for i, p := range w.pads {
		x = c.extend(x, i+2, p[0], p[1], fill)
	}
	return x
}

// averagePool divides sums by the window's size, as far as it lies inside the
// image or, with count_include_pad, inside the padding that the file asks for.
func averagePool(c *call) []*value {
	x, w := c.poolWindow()
	spatial := x.Shape().Dimensions[2:]
	given := c.window(spatial, w.size, false).pads // before a window more
	if slices.ContainsFunc(w.dilations, func(d int) bool { return d != 1 }) {
		c.fail("attribute dilations is %v, which is not supported", w.dilations)
	}
	sum := c.reduceWindow(x, w, backends.ReduceOpSum)
	if _, err := hostSize(w.out); err != nil {
		panic(err)
	}
	counts := &literal{real, []int{1, 1}, []float64{1}}
	for i, in := range spatial {
		low, high := 0, in
		if c.integer("count_include_pad", 0) != 0 {
			low, high = -given[i][0], in+given[i][1]
		}
		axis := &literal{real, slices.Repeat([]int{1}, len(spatial)+2), make([]float64, w.out[i])}
		axis.dims[i+2] = w.out[i]
		for o := range axis.v {
			start := o*w.strides[i] - w.pads[i][0]
			count := min(start+w.size[i], high) - max(start, low)
			if count < 1 {
				c.fail("a window lies in the padding alone")
			}
			axis.v[o] = 1 / float64(count)
		}
		counts = c.must(combine(real, func(v []float64) float64 { return v[0] * v[1] }, counts, axis))[0].lit
	}
	return result(gx.Mul(sum, c.constant(counts, x.DType())))
}

// globalAverage and globalMax keep the spatial axes, of size 1.
func globalAverage(c *call) []*value {
	x, spatial := c.images()
	return result(gx.ReduceAndKeep(x, gx.ReduceMean, from(2, len(spatial))...))
}

func globalMax(c *call) []*value {
	x, spatial := c.images()
	return result(gx.ReduceAndKeep(x, gx.ReduceMax, from(2, len(spatial))...))
}

// from returns n axes from the first on.
func from(first, n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = first + i
	}
	return axes
}
