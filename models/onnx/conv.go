package onnx

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

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
