package lower

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// convGeneral lowers ConvGeneral: with a dilated input to its phases (phases.go),
// else to patches and one DotGeneral. With output
// position o, kernel position k, group g, stride s and kernel dilation d,
//
//	y[n, o, g, f] = Σ_{k,c} x[n, o·s + k·d, g, c] · w[k, c, g, f],
//
// where x is padded and dilated first. A group is a block of x's channels, or,
// for batch groups, of its batch.
//
// The patches are counted over k and contiguous in o, or the other way round,
// whichever counts fewer: in the gradient of a filter the kernel is a whole
// image and the output as large as a filter.
func convGeneral(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	a := attrs.(graph.ConvGeneralAttrs)
	x, w := in[0], in[1]
	if phased(a, []shapes.Shape{b.Shape(x), b.Shape(w)}) {
		return []graph.Op{phases(b, a, x, w, out[0])}
	}
	n := len(a.Axes.InputSpatial)
	kernel, output := make([]comb, n), make([]comb, n)
	for i := range n {
		kernel[i] = comb{b.Dims(w)[a.Axes.KernelSpatial[i]], a.KernelDilations[i]}
		output[i] = comb{out[0].Dimensions[a.Axes.OutputSpatial[i]], a.Strides[i]}
	}
	l := convLabels(a)
	x = b.padConv(x, a)
	if a.BatchGroups > 1 {
		x, l.x = b.splitGroups(x, l.x, "n", a.BatchGroups)
	} else {
		x, l.x = b.splitGroups(x, l.x, "c", a.ChannelGroups)
	}
	w, l.w = b.splitGroups(w, l.w, "f", max(a.BatchGroups, a.ChannelGroups))

	outer, inner, outerLabel, innerLabel := kernel, output, "k", "o"
	if count(output) < count(kernel) {
		outer, inner, outerLabel, innerLabel = inner, outer, innerLabel, outerLabel
	}
	axes := make([]int, n)
	var dims []int
	var ls []label
	for i := range n {
		axes[i] = slices.Index(l.x, spatial("x", i))
		l.x[axes[i]] = spatial(innerLabel, i)
		dims, ls = append(dims, outer[i].n), append(ls, spatial(outerLabel, i))
	}
	p := b.patches(x, axes, outer, inner)
	p = b.Reshape(p, append(dims, b.Dims(p)[1:]...)...)
	y := b.einsum(p, append(ls, l.x...), w, l.w, l.y)
	return []graph.Op{b.Reshape(y, out[0].Dimensions...)}
}

// padConv applies a convolution's padding and input dilation to x.
func (b builder) padConv(x graph.Op, a graph.ConvGeneralAttrs) graph.Op {
	padding := make([]backends.PadAxis, len(b.Dims(x)))
	for i, axis := range a.Axes.InputSpatial {
		padding[axis] = backends.PadAxis{
			Start: a.Paddings[i][0], End: a.Paddings[i][1], Interior: a.InputDilations[i] - 1,
		}
	}
	return b.Pad(x, b.filler(b.DType(x), 0), padding...)
}

// splitGroups splits the axis with the given label into groups, labelled g, and
// what a group has of it. One group needs no axis.
func (b builder) splitGroups(x graph.Op, ls []label, split label, groups int) (graph.Op, []label) {
	if groups == 1 {
		return x, ls
	}
	axis := slices.Index(ls, split)
	dims := slices.Clone(b.Dims(x))
	dims[axis] /= groups
	return b.Reshape(x, slices.Insert(dims, axis, groups)...), slices.Insert(ls, axis, "g")
}

// labels of the axes of a convolution's operands and its result: n of the
// batch, c and f of the channels in and out, g of groups, and of the i-th
// spatial axis x, k and o followed by i.
type labels struct{ x, w, y []label }

func spatial(of string, i int) label { return label(fmt.Sprint(of, i)) }

// convLabels returns the labels of the layout that a names; the operands' have
// no groups yet.
func convLabels(a graph.ConvGeneralAttrs) labels {
	rank := len(a.Axes.InputSpatial) + 2
	l := labels{make([]label, rank), make([]label, rank), make([]label, rank)}
	l.x[a.Axes.InputBatch], l.x[a.Axes.InputChannels] = "n", "c"
	l.w[a.Axes.KernelInputChannels], l.w[a.Axes.KernelOutputChannels] = "c", "f"
	l.y[a.Axes.OutputBatch], l.y[a.Axes.OutputChannels] = "n", "f"
	for i := range rank - 2 {
		l.x[a.Axes.InputSpatial[i]] = spatial("x", i)
		l.w[a.Axes.KernelSpatial[i]] = spatial("k", i)
		l.y[a.Axes.OutputSpatial[i]] = spatial("o", i)
	}
	if a.ChannelGroups > 1 || a.BatchGroups > 1 {
		l.y = slices.Insert(l.y, a.Axes.OutputChannels, "g")
	}
	return l
}
