package axes

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

func dotGeneral(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.DotGeneralAttrs)
	l, r := a.of[e.In[0]], a.of[e.In[1]]
	for i := range at.LC {
		a.contract(e, l[at.LC[i]], r[at.RC[i]])
	}
	var axes []factors
	for i := range at.LB {
		axes = append(axes, a.join(e, l[at.LB[i]], r[at.RB[i]]))
	}
	for _, k := range graph.CrossAxes(len(l), at.LC, at.LB) {
		a.bear(l[k], e.In[1])
		axes = append(axes, l[k])
	}
	for _, k := range graph.CrossAxes(len(r), at.RC, at.RB) {
		a.bear(r[k], e.In[0])
		axes = append(axes, r[k])
	}
	a.set(e, axes)
}

// contract sums over an axis that both operands have.
func (a *Analysis) contract(e *graph.Eqn, l, r factors) {
	if has(l, Batch) || has(r, Batch) {
		a.mix(e, Mixed, "it contracts %s with %s, which sums over the batch", text(l), text(r))
		return
	}
	for _, f := range expand(a.join(e, l, r)) {
		f.contracted = true
	}
}

// bear makes widths of the free axes of a weight that is contracted with other.
// A product of two weights is a weight still: its axes stay what they are.
func (a *Analysis) bear(free factors, other *graph.Value) {
	if !a.data[other] {
		return
	}
	for _, f := range expand(free) {
		if f.role == Unknown {
			f.role = Width
		}
	}
}

func convGeneral(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.ConvGeneralAttrs)
	x, w := a.of[e.In[0]], a.of[e.In[1]]
	xDims, wDims, dims := e.In[0].Shape.Dimensions, e.In[1].Shape.Dimensions, e.Out[0].Shape.Dimensions
	axes := make([]factors, len(dims))

	// Group g of the output channels sees group g of the input channels, or of the batch.
	batch, channels, features := x[at.Axes.InputBatch], x[at.Axes.InputChannels], w[at.Axes.KernelOutputChannels]
	a.bear(features, e.In[0])
	if has(channels, Batch) || has(w[at.Axes.KernelInputChannels], Batch) {
		a.mix(e, Mixed, "it contracts channels that hold the batch")
	} else if g := at.ChannelGroups; g > 1 {
		in := a.deal(e, []factors{channels}, []int{g, xDims[at.Axes.InputChannels] / g})
		out := a.deal(e, []factors{features}, []int{g, wDims[at.Axes.KernelOutputChannels] / g})
		a.contract(e, in[1], w[at.Axes.KernelInputChannels])
		features = slices.Concat(a.join(e, in[0], out[0]), out[1])
	} else {
		a.contract(e, channels, w[at.Axes.KernelInputChannels])
	}
	if g := at.BatchGroups; g > 1 {
		in := a.deal(e, []factors{batch}, []int{g, xDims[at.Axes.InputBatch] / g})
		out := a.deal(e, []factors{features}, []int{g, wDims[at.Axes.KernelOutputChannels] / g})
		if has(batch, Batch) {
			a.mix(e, Mixed, "its %d batch groups apply different kernels to different examples", g)
		}
		batch, features = in[1], slices.Concat(a.join(e, in[0], out[0]), out[1])
	}
	axes[at.Axes.OutputBatch], axes[at.Axes.OutputChannels] = batch, features

	for i, k := range at.Axes.InputSpatial {
		taps := w[at.Axes.KernelSpatial[i]]
		if has(taps, Batch) {
			a.mix(e, Mixed, "the batch is spatial axis %d of the kernel, which is summed over", i)
		}
		for _, f := range expand(taps) {
			if f.role == Unknown {
				f.role = Position
			}
		}
		padded := at.Paddings[i] != [2]int{} || at.InputDilations[i] != 1
		same := len(taps) == 0 && at.Strides[i] == 1 && !padded
		o := at.Axes.OutputSpatial[i]
		axes[o] = a.slide(e, x[k], dims[o], o, same, padded)
	}
	a.set(e, axes)
}

func reduceWindow(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.ReduceWindowAttrs)
	axes := slices.Clone(a.of[e.In[0]])
	for i, n := range e.Out[0].Shape.Dimensions {
		padded := at.Paddings[i] != [2]int{} || at.BaseDilations[i] != 1
		same := at.Window[i] == 1 && at.Strides[i] == 1 && !padded
		axes[i] = a.slide(e, axes[i], n, i, same, padded)
	}
	a.set(e, axes)
}

// slide returns the axis, of the given size, along which a window slides over fs.
func (a *Analysis) slide(e *graph.Eqn, fs factors, size, axis int, same, padded bool) factors {
	if same {
		return fs
	}
	switch r, ok := common(fs); {
	case has(fs, Batch):
		a.mix(e, Mixed, "its window slides along axis %d %s, which holds the batch", axis, text(fs))
	case ok && r == Free && !padded: // what is constant stays so, but for edges
		return a.new(Free, size, e.Out[0], axis)
	case ok && (r == Free || r == Position || r == Random):
		return a.new(Position, size, e.Out[0], axis)
	default:
		a.conflict(e, "its window slides along axis %d %s, which is not an axis of positions", axis, text(fs))
	}
	return a.new(Lost, size, e.Out[0], axis)
}

// selectAndScatter is the gradient of a pool: the operand's axes, the windows
// of a source along them.
func selectAndScatter(a *Analysis, e *graph.Eqn) {
	at := e.Attrs.(graph.SelectAndScatterAttrs)
	axes := slices.Clone(a.of[e.In[0]])
	source := a.of[e.In[1]]
	for i, n := range e.Out[0].Shape.Dimensions {
		if at.Window[i] == 1 && at.Strides[i] == 1 && at.Paddings[i] == [2]int{} {
			axes[i] = a.join(e, axes[i], source[i])
		} else if fs := append(slices.Clone(axes[i]), source[i]...); has(fs, Batch) {
			axes[i] = a.slide(e, fs, n, i, false, true)
		} else if only(axes[i], Free) {
			axes[i] = a.new(Position, n, e.Out[0], i)
		}
	}
	a.set(e, axes)
}
