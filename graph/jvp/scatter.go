package jvp

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// scatterSum is linear in operand and updates together.
func scatterSum(c call) graph.Op {
	if c.t(2) == nil {
		return c.t(0)
	}
	return c.do(c.full(0), c.x(1), c.t(2))
}

// scatterExtremum sums the tangents of everything that equals the result where
// it went, as in GoMLX: of the operand's entry and of updates.
func scatterExtremum(c call) graph.Op {
	a := c.attrs.(graph.ScatterAttrs)
	zero := c.scalar(0)
	t := c.full(0)
	if c.t(0) != nil {
		t = c.o.Do(backends.OpTypeWhere, nil, c.binary(backends.OpTypeEqual, c.x(0), c.y), t, zero)
	}
	if c.t(2) == nil {
		return t
	}
	// What became of each update; those that scattering drops are read
	// elsewhere, and dropped again below.
	result := c.o.Do(backends.OpTypeGather, graph.GatherAttrs{
		IndexVectorAxis:    a.IndexVectorAxis,
		OffsetOutputAxes:   a.UpdateWindowAxes,
		CollapsedSliceAxes: a.InsertedWindowAxes,
		StartIndexMap:      a.ScatterAxesToOperandAxes,
		SliceSizes:         c.windowSizes(a),
		IndicesAreSorted:   a.IndicesAreSorted,
	}, c.y, c.x(1))
	u := c.o.Do(backends.OpTypeWhere, nil, c.binary(backends.OpTypeEqual, result, c.x(2)), c.t(2), zero)
	return c.o.Do(backends.OpTypeScatterSum, a, t, c.x(1), u)
}

// windowSizes returns the size of an update along each axis of the operand.
func (c call) windowSizes(a graph.ScatterAttrs) []int {
	sizes := make([]int, len(c.o.Dims(c.x(0))))
	window := slices.Sorted(slices.Values(a.UpdateWindowAxes))
	for i := range sizes {
		if slices.Contains(a.InsertedWindowAxes, i) {
			sizes[i] = 1
			continue
		}
		sizes[i] = c.o.Dims(c.x(2))[window[0]]
		window = window[1:]
	}
	return sizes
}

// selectAndScatter is linear in the source; what the operand selects is
// constant almost everywhere.
func selectAndScatter(c call) graph.Op {
	if c.t(1) == nil {
		return nil
	}
	return c.do(c.x(0), c.t(1))
}
