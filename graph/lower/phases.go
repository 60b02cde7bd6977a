package lower

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// A phase is what the outputs r, r + s, r + 2s, … along one axis see of a
// convolution whose input has s − 1 zeros between its pixels: every s-th tap of
// the kernel, from k0 on, and the input without zeros, padded by left and right.
type phase struct{ k0, taps, left, right int }

// phaseOf returns phase r of spatial axis i. Output o = q·s + r reads the
// dilated input at o + k − p, a pixel where s divides that: at taps k = k0 + j·s
// with k0 = (p − r) mod s, where it is pixel q + j − (p − r − k0)/s. All phases
// have as many outputs, q < ⌈O/s⌉.
func phaseOf(a graph.ConvGeneralAttrs, x, w shapes.Shape, outputs, i, r int) phase {
	s, p := a.InputDilations[i], a.Paddings[i][0]
	pixels, kernel := x.Dimensions[a.Axes.InputSpatial[i]], w.Dimensions[a.Axes.KernelSpatial[i]]
	f := phase{k0: ((p-r)%s + s) % s}
	f.taps = max(0, (kernel-f.k0+s-1)/s)
	f.left = (p - r - f.k0) / s
	f.right = (outputs+s-1)/s + f.taps - 1 - pixels - f.left
	return f
}

// phased is the condition of a convolution with a dilated input that is worth
// its phases: the gradient, with respect to its input, of one with strides.
// Nothing crops the input away.
func phased(attrs graph.Attrs, in []shapes.Shape) bool {
	a := attrs.(graph.ConvGeneralAttrs)
	found := false
	for i, s := range a.InputDilations {
		if s == 1 {
			continue
		}
		found = true
		if a.Strides[i] != 1 || a.KernelDilations[i] != 1 {
			return false
		}
		pixels := in[0].Dimensions[a.Axes.InputSpatial[i]]
		outputs := (pixels-1)*s + 1 + a.Paddings[i][0] + a.Paddings[i][1] - in[1].Dimensions[a.Axes.KernelSpatial[i]] + 1
		for r := range s {
			if f := phaseOf(a, in[0], in[1], outputs, i, r); f.taps > 0 && (f.left <= -pixels || f.right <= -pixels) {
				return false
			}
		}
	}
	return found
}

// phases computes a convolution with input dilations s as ∏ s convolutions
// without, one for each phase of the outputs, and interleaves what they give.
// Together they multiply 1/∏ s as often: no zeros.
func phases(b builder, a graph.ConvGeneralAttrs, x, w graph.Op, out shapes.Shape) graph.Op {
	n := len(a.Strides)
	of := make([]phase, n)
	var along func(i int) graph.Op
	along = func(i int) graph.Op {
		if i == n {
			return b.phase(a, x, w, out, of)
		}
		axis, s := a.Axes.OutputSpatial[i], a.InputDilations[i]
		var parts []graph.Op
		for r := range s {
			of[i] = phase{taps: b.Dims(w)[a.Axes.KernelSpatial[i]], left: a.Paddings[i][0], right: a.Paddings[i][1]}
			if s > 1 {
				of[i] = phaseOf(a, b.Shape(x), b.Shape(w), out.Dimensions[axis], i, r)
			}
			y := along(i + 1)
			if s > 1 {
				y = b.Reshape(y, slices.Insert(slices.Clone(b.Dims(y)), axis+1, 1)...)
			}
			parts = append(parts, y)
		}
		if s == 1 {
			return parts[0]
		}
		y := b.Concatenate(axis+1, parts...)
		dims := slices.Clone(b.Dims(y))
		dims[axis] *= s
		return b.sliceAxis(b.Reshape(y, slices.Delete(dims, axis+1, axis+2)...), axis, 0, out.Dimensions[axis], 1)
	}
	return along(0)
}

// phase convolves x with the taps of one phase along each axis.
func (b builder) phase(a graph.ConvGeneralAttrs, x, w graph.Op, out shapes.Shape, of []phase) graph.Op {
	n := len(of)
	starts, limits, strides := make([]int, n+2), slices.Clone(b.Dims(w)), repeat(1, n+2)
	dims := slices.Clone(out.Dimensions)
	pads, empty := make([][2]int, n), false
	for i, f := range of {
		s, k := a.InputDilations[i], a.Axes.KernelSpatial[i]
		starts[k], strides[k] = f.k0, s
		pads[i] = [2]int{f.left, f.right}
		empty = empty || f.taps == 0
		axis := a.Axes.OutputSpatial[i]
		dims[axis] = (dims[axis] + s - 1) / s
	}
	if empty {
		return b.BroadcastInDim(b.filler(out.DType, 0), dims, nil)
	}
	a.InputDilations, a.Paddings = repeat(1, n), pads
	return b.Do(backends.OpTypeConvGeneral, a, x, b.Slice(w, starts, limits, strides))
}
