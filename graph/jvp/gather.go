package jvp

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// gather moves tangents as it moves entries, but for windows that reach outside
// the operand: their entries are read further in, and their tangents are zero,
// because GoMLX's gradient drops what it would scatter outside.
func gather(c call) graph.Op {
	a := c.attrs.(graph.GatherAttrs)
	y := c.do(c.t(0), c.x(1))
	inside := c.inside(a)
	var axes []int // of y that run over index vectors
	for i := range c.o.Dims(y) {
		if !slices.Contains(a.OffsetOutputAxes, i) {
			axes = append(axes, i)
		}
	}
	return c.o.Do(backends.OpTypeWhere, nil, c.o.BroadcastInDim(inside, c.o.Dims(y), axes), y, c.scalar(0))
}

// inside tells, of every index vector, whether its window lies in the operand.
func (c call) inside(a graph.GatherAttrs) graph.Op {
	// Bounds may be beyond the indices' own dtype.
	index := c.x(1)
	if c.o.DType(index) != dtypes.Int64 {
		index = c.o.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dtypes.Int64}, index)
	}
	dims := slices.Clone(c.o.Dims(index))
	if a.IndexVectorAxis == len(dims) { // an axis of size 1 that is not there
		dims = append(dims, 1)
		index = c.o.Reshape(index, dims...)
	}
	last := make([]float64, len(a.StartIndexMap))
	for i, axis := range a.StartIndexMap {
		last[i] = float64(c.o.Dims(c.x(0))[axis] - a.SliceSizes[axis])
	}
	bounds := c.o.BroadcastInDim(c.o.Constant(dtypes.Int64, []int{len(last)}, last...), dims, []int{a.IndexVectorAxis})
	first := c.o.BroadcastInDim(c.o.Scalar(dtypes.Int64, 0), dims, nil)
	in := c.o.Do(backends.OpTypeLogicalAnd, nil,
		c.binary(backends.OpTypeGreaterOrEqual, index, first), c.binary(backends.OpTypeLessOrEqual, index, bounds))
	return c.o.Do(backends.OpTypeReduceLogicalAnd, graph.ReduceAttrs{Axes: []int{a.IndexVectorAxis}}, in)
}
