package onnx

import (
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

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
