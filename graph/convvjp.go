package graph

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// GoMLX v0.26.0 pads the gradient of a convolution with respect to its input by
// 2⌊(k−1)/2⌋ instead of k−1 on the left (pkg/core/graph, convVJPWrtX), which for
// an even filter size k shifts it by one pixel or panics. In recorded graphs the
// gradients below stand in; TestGoMLXConvolutionGradient tells when GoMLX is mended.
func init() {
	gx.VJPRegistration[gx.NodeTypeConvGeneral] = func(node *gx.Node, vjps []*gx.Node, s shapes.Shape) []*gx.Node {
		if b, ok := node.Graph().Backend().(*recordingBackend); ok {
			a := b.probe(node).Def.Attrs.(ConvGeneralAttrs)
			if a.BatchGroups == 1 && hasEvenFilter(a, node.Inputs()[1].Shape()) {
				for _, d := range a.InputDilations {
					if d != 1 {
						panic(fmt.Errorf("graph: no gradient of a convolution with input dilation"))
					}
				}
				return []*gx.Node{convInputVJP(a, node, vjps[0]), convFilterVJP(a, node, vjps[0])}
			}
		}
		return gomlxConvVJP(node, vjps, s)
	}
}

var gomlxConvVJP = gx.VJPRegistration[gx.NodeTypeConvGeneral]

// span returns the size of filter axis i with its dilation.
func (a ConvGeneralAttrs) span(kernel shapes.Shape, i int) int {
	return (kernel.Dimensions[a.Axes.KernelSpatial[i]]-1)*a.KernelDilations[i] + 1
}

func hasEvenFilter(a ConvGeneralAttrs, kernel shapes.Shape) bool {
	for i := range a.Axes.KernelSpatial {
		if a.span(kernel, i)%2 == 0 {
			return true
		}
	}
	return false
}

// convInputVJP returns ∂<conv(x, w), v>/∂x: v, dilated by the strides and padded
// to give x's size, convolved with the reversed filter, its channels swapped
// within each group.
func convInputVJP(a ConvGeneralAttrs, node, v *gx.Node) *gx.Node {
	x, w := node.Inputs()[0], node.Inputs()[1]
	ax := a.Axes
	pads := make([][2]int, len(ax.InputSpatial))
	for i := range pads {
		k := a.span(w.Shape(), i)
		in := x.Shape().Dimensions[ax.InputSpatial[i]]
		dilated := (node.Shape().Dimensions[ax.OutputSpatial[i]]-1)*a.Strides[i] + 1
		left := k - 1 - a.Paddings[i][0]
		right := in + k - 1 - dilated - left
		if left < 0 || right < 0 {
			panic(fmt.Errorf("graph: no gradient of a convolution padded by more than its filter: padding %v, filter %d", a.Paddings[i], k))
		}
		pads[i] = [2]int{left, right}
	}
	w = gx.Reverse(w, ax.KernelSpatial...)
	back := backends.ConvolveAxesConfig{
		InputBatch: ax.OutputBatch, InputChannels: ax.OutputChannels, InputSpatial: ax.OutputSpatial,
		KernelInputChannels: ax.KernelOutputChannels, KernelOutputChannels: ax.KernelInputChannels, KernelSpatial: ax.KernelSpatial,
		OutputBatch: ax.InputBatch, OutputChannels: ax.InputChannels, OutputSpatial: ax.InputSpatial,
	}
	if a.ChannelGroups > 1 {
		w = groupToInputs(w, a.ChannelGroups, ax)
	}
	return gx.ConvGeneral(v, w, back, ones(len(pads)), pads, slices.Clone(a.Strides), slices.Clone(a.KernelDilations), a.ChannelGroups, 1)
}

// groupToInputs moves the group factor of a filter's output channels,
// [G, O/G], to its input channels: [G, I/G].
func groupToInputs(w *gx.Node, groups int, ax backends.ConvolveAxesConfig) *gx.Node {
	dims := slices.Clone(w.Shape().Dimensions)
	out, in := ax.KernelOutputChannels, ax.KernelInputChannels
	split := slices.Insert(slices.Clone(dims), out, groups)
	split[out+1] = dims[out] / groups
	w = gx.Reshape(w, split...)
	perm := slices.Delete(iota0(len(split)), out, out+1)
	w = gx.TransposeAllAxes(w, slices.Insert(perm, in, out)...)
	dims[in] *= groups
	dims[out] /= groups
	return gx.Reshape(w, dims...)
}

// convFilterVJP returns ∂<conv(x, w), v>/∂w: x convolved with v, examples being
// summed like channels, strides and dilations changing places; group by group.
func convFilterVJP(a ConvGeneralAttrs, node, v *gx.Node) *gx.Node {
	x, w := node.Inputs()[0], node.Inputs()[1]
	ax := a.Axes
	pads := make([][2]int, len(ax.InputSpatial))
	for i := range pads {
		// What the filter's last tap reaches; pixels behind it are never read.
		in := x.Shape().Dimensions[ax.InputSpatial[i]]
		reach := (node.Shape().Dimensions[ax.OutputSpatial[i]]-1)*a.Strides[i] + a.span(w.Shape(), i)
		right := reach - in - a.Paddings[i][0]
		if right < 0 {
			x = gx.SliceAxis(x, ax.InputSpatial[i], gx.AxisRange(0, in+right))
			right = 0
		}
		pads[i] = [2]int{a.Paddings[i][0], right}
	}
	filter := backends.ConvolveAxesConfig{
		InputBatch: ax.InputChannels, InputChannels: ax.InputBatch, InputSpatial: ax.InputSpatial,
		KernelInputChannels: ax.OutputBatch, KernelOutputChannels: ax.OutputChannels, KernelSpatial: ax.OutputSpatial,
		OutputBatch: ax.KernelInputChannels, OutputChannels: ax.KernelOutputChannels, OutputSpatial: ax.KernelSpatial,
	}
	xs, vs := []*gx.Node{x}, []*gx.Node{v}
	if a.ChannelGroups > 1 {
		xs = gx.Split(x, ax.InputChannels, a.ChannelGroups)
		vs = gx.Split(v, ax.OutputChannels, a.ChannelGroups)
	}
	out := make([]*gx.Node, len(xs))
	for g := range xs {
		out[g] = gx.ConvGeneral(xs[g], vs[g], filter, slices.Clone(a.KernelDilations), pads, nil, slices.Clone(a.Strides), 1, 1)
	}
	if len(out) == 1 {
		return out[0]
	}
	return gx.Concatenate(out, ax.KernelOutputChannels)
}
