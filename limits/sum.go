package limits

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

// An index is a coordinate along an axis that is summed over, and how many
// entries alike it stands for.
type index struct {
	at       int
	multiple float64
	// width says that it stands for entries of a width.
	width bool
}

// indices lists the coordinates to sum over along an axis: every position, and
// one for each segment of a width, or each of the whole width. Where both operands of a contraction have
// the axis, the one that is not constant along it says what it is made of.
func (d *derivation) indices(whole bool, lists ...axes.Axis) []index {
	axis := lists[0]
	for _, l := range lists[1:] {
		if constantAlong(axis) {
			axis = l
		}
	}
	list := []index{{0, 1, false}}
	stride := axis.Size()
	for _, f := range axis {
		stride /= f.Size
		var next []index
		for _, x := range list {
			switch f.Role {
			case axes.Position:
				for k := range f.Size {
					next = append(next, index{x.at + k*stride, x.multiple, x.width})
				}
			case axes.Width, axes.Output, axes.Unknown:
				if whole {
					for k := range f.Size {
						next = append(next, index{x.at + k*stride, x.multiple, true})
					}
					continue
				}
				for _, s := range d.segments(f) {
					next = append(next, index{x.at + s.start*stride, x.multiple * float64(s.size), true})
				}
			default:
				next = append(next, index{x.at, x.multiple * float64(f.Size), x.width})
			}
		}
		list = next
	}
	return list
}

// variesAlone reports whether numbers that vary along a width are contracted
// with numbers: then every entry counts by itself.
func (d *derivation) variesAlone(l, r *graph.Value) bool {
	x, y := d.values[l], d.values[r]
	return x.kind.deterministic() && y.kind.deterministic() && (x.varies || y.varies)
}

func constantAlong(a axes.Axis) bool {
	for _, f := range a {
		if f.Role != axes.Free {
			return false
		}
	}
	return true
}

// A summand is a term of an entry of a sum or contraction: entries of the one or
// two operands, and how many terms alike it stands for.
type summand struct {
	l, r     []int
	multiple float64
	width    bool
}

// summands lists the terms of the entry at of v, a ReduceSum, a ReduceWindow
// that sums, a DotGeneral or a convolution.
func (d *derivation) summands(v *graph.Value, at []int) []summand {
	switch a := v.Def.Attrs.(type) {
	case graph.ReduceAttrs:
		return d.reduced(v, a, at)
	case graph.ReduceWindowAttrs:
		return windowed(v, a, at)
	case graph.DotGeneralAttrs:
		return d.contracted(v, a, at)
	case graph.ConvGeneralAttrs:
		return d.convolved(v, a, at)
	}
	return nil
}

func isSum(e *graph.Eqn) bool {
	switch e.Op {
	case backends.OpTypeReduceSum, backends.OpTypeDotGeneral, backends.OpTypeConvGeneral:
		return true
	case backends.OpTypeReduceWindow:
		return e.Attrs.(graph.ReduceWindowAttrs).Type == backends.ReduceOpSum
	}
	return false
}

func (d *derivation) reduced(v *graph.Value, a graph.ReduceAttrs, at []int) []summand {
	u := v.Def.In[0]
	from := make([]int, u.Shape.Rank())
	k := 0
	for i := range from {
		if !slices.Contains(a.Axes, i) {
			from[i] = at[k]
			k++
		}
	}
	list := []summand{{l: from, multiple: 1}}
	whole := d.values[u].varies || d.values[v].kind == field // see kindOfSum
	for _, i := range a.Axes {
		list = expandSummands(list, d.indices(whole, d.axes.Of(u)[i]), func(s *summand, x index) { s.l[i] = x.at })
	}
	return list
}

// expandSummands multiplies list by the indices of one more axis.
func expandSummands(list []summand, indices []index, set func(s *summand, x index)) []summand {
	next := make([]summand, 0, len(list)*len(indices))
	for _, s := range list {
		for _, x := range indices {
			t := summand{slices.Clone(s.l), slices.Clone(s.r), s.multiple * x.multiple, s.width || x.width}
			set(&t, x)
			next = append(next, t)
		}
	}
	return next
}

func windowed(v *graph.Value, a graph.ReduceWindowAttrs, at []int) []summand {
	dims := v.Def.In[0].Shape.Dimensions
	var list []summand
	n := 1
	for _, w := range a.Window {
		n *= w
	}
taps:
	for t := range n {
		tap := unflat(t, a.Window)
		from := make([]int, len(dims))
		for i := range dims {
			x := at[i]*a.Strides[i] + tap[i]*a.WindowDilations[i] - a.Paddings[i][0]
			if x < 0 || x%a.BaseDilations[i] != 0 || x/a.BaseDilations[i] >= dims[i] {
				continue taps
			}
			from[i] = x / a.BaseDilations[i]
		}
		list = append(list, summand{l: from, multiple: 1})
	}
	return list
}

func (d *derivation) contracted(v *graph.Value, a graph.DotGeneralAttrs, at []int) []summand {
	l, r := v.Def.In[0], v.Def.In[1]
	s := summand{l: make([]int, l.Shape.Rank()), r: make([]int, r.Shape.Rank()), multiple: 1}
	k := 0
	for i := range a.LB {
		// A batch axis of size 1 cannot broadcast: both have the coordinate.
		s.l[a.LB[i]], s.r[a.RB[i]] = at[k], at[k]
		k++
	}
	for _, i := range graph.CrossAxes(len(s.l), a.LC, a.LB) {
		s.l[i] = at[k]
		k++
	}
	for _, i := range graph.CrossAxes(len(s.r), a.RC, a.RB) {
		s.r[i] = at[k]
		k++
	}
	list := []summand{s}
	for i := range a.LC {
		is := d.indices(d.variesAlone(l, r), d.axes.Of(l)[a.LC[i]], d.axes.Of(r)[a.RC[i]])
		list = expandSummands(list, is, func(s *summand, x index) { s.l[a.LC[i]], s.r[a.RC[i]] = x.at, x.at })
	}
	return list
}

func (d *derivation) convolved(v *graph.Value, a graph.ConvGeneralAttrs, at []int) []summand {
	x, w := v.Def.In[0], v.Def.In[1]
	xd, wd := x.Shape.Dimensions, w.Shape.Dimensions
	ax := a.Axes
	s := summand{l: make([]int, len(xd)), r: make([]int, len(wd)), multiple: 1}
	out := at[ax.OutputChannels]
	s.r[ax.KernelOutputChannels] = out
	s.l[ax.InputBatch] = at[ax.OutputBatch]
	list := []summand{s}
	for i := range ax.InputSpatial {
		var taps []index
		for k := range wd[ax.KernelSpatial[i]] {
			y := at[ax.OutputSpatial[i]]*a.Strides[i] + k*a.KernelDilations[i] - a.Paddings[i][0]
			if y >= 0 && y%a.InputDilations[i] == 0 && y/a.InputDilations[i] < xd[ax.InputSpatial[i]] {
				taps = append(taps, index{at: k, multiple: 1})
			}
		}
		list = expandSummands(list, taps, func(s *summand, t index) {
			s.r[ax.KernelSpatial[i]] = t.at
			y := at[ax.OutputSpatial[i]]*a.Strides[i] + t.at*a.KernelDilations[i] - a.Paddings[i][0]
			s.l[ax.InputSpatial[i]] = y / a.InputDilations[i]
		})
	}
	// Group g of the output channels sees group g of the input channels.
	in := wd[ax.KernelInputChannels]
	base := out / (wd[ax.KernelOutputChannels] / a.ChannelGroups) * in
	channels := d.indices(false, d.axes.Of(w)[ax.KernelInputChannels])
	if a.ChannelGroups == 1 {
		channels = d.indices(d.variesAlone(x, w), d.axes.Of(x)[ax.InputChannels], d.axes.Of(w)[ax.KernelInputChannels])
	}
	return expandSummands(list, channels, func(s *summand, c index) {
		s.r[ax.KernelInputChannels] = c.at
		s.l[ax.InputChannels] = base + c.at
	})
}
