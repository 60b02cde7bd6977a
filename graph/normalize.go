package graph

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// normalize fills in the attributes that GoMLX may leave out and turns Dot into
// DotGeneral, so that every rule meets one form of an op.
func normalize(op OpType, attrs Attrs, in []shapes.Shape) (OpType, Attrs, error) {
	switch a := attrs.(type) {
	case ReduceAttrs:
		rank := in[0].Rank()
		axes := make([]int, 0, rank)
		for _, x := range a.Axes {
			if x < 0 {
				x += rank
			}
			axes = append(axes, x)
		}
		if len(axes) == 0 {
			axes = iota0(rank)
		}
		slices.Sort(axes)
		return op, ReduceAttrs{axes}, nil
	case SliceAttrs:
		if len(a.Strides) == 0 {
			a.Strides = ones(len(a.Starts))
		}
		return op, a, nil
	case ConvGeneralAttrs:
		n := len(a.Axes.InputSpatial)
		a.Axes = a.Axes.Clone()
		for _, s := range []*[]int{&a.Strides, &a.InputDilations, &a.KernelDilations} {
			if len(*s) == 0 {
				*s = ones(n)
			}
		}
		if len(a.Paddings) == 0 {
			a.Paddings = make([][2]int, n)
		}
		a.ChannelGroups, a.BatchGroups = max(1, a.ChannelGroups), max(1, a.BatchGroups)
		return op, a, nil
	case ReduceWindowAttrs:
		n := in[0].Rank()
		if len(a.Strides) == 0 {
			a.Strides = slices.Clone(a.Window)
		}
		for _, s := range []*[]int{&a.BaseDilations, &a.WindowDilations} {
			if len(*s) == 0 {
				*s = ones(n)
			}
		}
		if len(a.Paddings) == 0 {
			a.Paddings = make([][2]int, n)
		}
		return op, a, nil
	case SelectAndScatterAttrs:
		if len(a.Strides) == 0 {
			a.Strides = slices.Clone(a.Window)
		}
		if len(a.Paddings) == 0 {
			a.Paddings = make([][2]int, in[0].Rank())
		}
		return op, a, nil
	case PadAttrs:
		if n := in[0].Rank(); len(a.Axes) < n { // GoMLX lets trailing axes out
			a.Axes = append(slices.Clone(a.Axes), make([]backends.PadAxis, n-len(a.Axes))...)
		}
		return op, a, nil
	}
	switch op {
	case backends.OpTypeIdentity:
		if attrs == nil {
			attrs = IdentityAttrs{}
		}
	case backends.OpTypeDot:
		l, r := in[0].Rank(), in[1].Rank()
		if l < 1 || l > 2 || r < 1 || r > 2 {
			return op, nil, fmt.Errorf("graph: Dot of ranks %d and %d, want 1 or 2", l, r)
		}
		return backends.OpTypeDotGeneral, DotGeneralAttrs{LC: []int{l - 1}, RC: []int{0}}, nil
	}
	return op, attrs, nil
}

func ones(n int) []int { return slices.Repeat([]int{1}, n) }

// iota0 returns 0 … n−1.
func iota0(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}
