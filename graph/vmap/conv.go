package vmap

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

// convGeneral folds the examples into an axis that convolution treats
// independently:
//
//   - input mapped: the batch;
//   - kernel mapped: the output channels;
//   - both: groups, each example convolved with its own kernel.
//
// Groups are the slow part of their axis (group-major): with G groups, the
// input's channels (ChannelGroups) or batch (BatchGroups) are [G, ·] and the
// output channels [G, ·]. Examples folded into such an axis go inside each
// group; n-fold groups go outside, [n·G, ·].
func convGeneral(c call) graph.Op {
	a := c.attrs.(graph.ConvGeneralAttrs)
	x, w := c.in[0], c.in[1]
	switch {
	case !w.Mapped:
		y := c.do(a, c.fold(x.X, a.Axes.InputBatch, a.BatchGroups), w.X)
		return c.unfold(y, a.Axes.OutputBatch, 1) // BatchGroups leave the batch
	case !x.Mapped:
		groups := max(a.ChannelGroups, a.BatchGroups) // at most one exceeds 1
		y := c.do(a, x.X, c.fold(w.X, a.Axes.KernelOutputChannels, groups))
		return c.unfold(y, a.Axes.OutputChannels, groups)
	}
	axis := a.Axes.InputChannels
	if a.BatchGroups > 1 { // not together with ChannelGroups
		axis = a.Axes.InputBatch
		a.BatchGroups *= c.m.n
	} else {
		a.ChannelGroups *= c.m.n
	}
	y := c.do(a, c.fold(x.X, axis, 1), c.fold(w.X, a.Axes.KernelOutputChannels, 1))
	return c.unfold(y, a.Axes.OutputChannels, 1)
}

// fold merges the examples into an axis of one example, of size groups·k. It
// becomes groups·n·k, group-major.
func (c call) fold(x graph.Op, axis, groups int) graph.Op {
	merged := slices.Clone(c.o.Dims(x)[1:])
	size, at := merged[axis], axis
	if groups > 1 { // the examples go between the groups and their entries
		split := slices.Concat(merged[:axis], []int{groups, size / groups}, merged[axis+1:])
		x, at = c.o.Reshape(x, prepend(c.m.n, split)...), axis+1
	}
	merged[axis] = c.m.n * size
	return c.o.Reshape(c.o.MoveAxis(x, 0, at), merged...)
}

// unfold is the inverse of fold.
func (c call) unfold(y graph.Op, axis, groups int) graph.Op {
	d := slices.Clone(c.o.Dims(y))
	size := d[axis] / c.m.n
	parts, at := []int{c.m.n, size / groups}, axis
	if groups > 1 {
		parts, at = prepend(groups, parts), axis+1
	}
	y = c.o.Reshape(y, slices.Concat(d[:axis], parts, d[axis+1:])...)
	d[axis] = size
	return c.o.Reshape(c.o.MoveAxis(y, at, 0), prepend(c.m.n, d)...)
}
