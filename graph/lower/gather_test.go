package lower_test

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// TestGather compares with plain loops: index vectors on an axis beyond the
// operand's rank, on none, and on the first; windows around the batch.
func TestGather(t *testing.T) {
	r := seeded(70)
	var calls []call
	for _, tc := range []struct {
		a                graph.GatherAttrs
		operand, indices []int
	}{
		// Rows for every pixel of an image of tokens.
		{graph.GatherAttrs{
			IndexVectorAxis: 3, OffsetOutputAxes: []int{3}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 3},
		}, []int{5, 3}, []int{2, 3, 2, 1}},
		// Entries of a table, as a discrete Kolmogorov-Arnold network picks them.
		{graph.GatherAttrs{
			IndexVectorAxis: 4, CollapsedSliceAxes: []int{0, 1, 2}, StartIndexMap: []int{0, 1, 2}, SliceSizes: []int{1, 1, 1},
		}, []int{4, 2, 5}, []int{2, 4, 2, 1, 3}},
		// Windows that stand around the batch axes; components the other way round.
		{graph.GatherAttrs{
			IndexVectorAxis: 3, OffsetOutputAxes: []int{0, 3}, StartIndexMap: []int{1, 0}, SliceSizes: []int{2, 3},
		}, []int{4, 5}, []int{2, 3, 2, 2}},
		// No axis of index vectors.
		{graph.GatherAttrs{
			IndexVectorAxis: 3, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 3},
		}, []int{5, 3}, []int{2, 3, 2}},
		{graph.GatherAttrs{
			IndexVectorAxis: 0, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 3},
		}, []int{5, 3}, []int{1, 4}},
	} {
		n := 1
		for _, d := range tc.indices {
			n *= d
		}
		index := make([]int32, n)
		for i := range index {
			index[i] = int32(between(r, -1, 5)) // beyond both ends
		}
		calls = append(calls, call{backends.OpTypeGather, tc.a, []tensor{normal(r, tc.operand...), {tc.indices, index}}})
	}
	agree(t, calls, gatherByLoops, 0)
}

func gatherByLoops(c call) []tensor {
	a := c.attrs.(graph.GatherAttrs)
	x, indices := c.in[0], c.in[1]
	var batchDims, windowDims, windowAxes []int
	for i, d := range indices.dims {
		if i != a.IndexVectorAxis {
			batchDims = append(batchDims, d)
		}
	}
	for i, d := range a.SliceSizes {
		if !slices.Contains(a.CollapsedSliceAxes, i) {
			windowDims, windowAxes = append(windowDims, d), append(windowAxes, i)
		}
	}
	dims := make([]int, len(batchDims)+len(windowDims))
	for i := range dims {
		if slices.Contains(a.OffsetOutputAxes, i) {
			dims[i], windowDims = windowDims[0], windowDims[1:]
		} else {
			dims[i], batchDims = batchDims[0], batchDims[1:]
		}
	}
	y := tensor{dims, nil}
	var flat []float64
	each(dims, func(_ int, at []int) {
		var batch, place []int
		for i, k := range at {
			if slices.Contains(a.OffsetOutputAxes, i) {
				place = append(place, k)
			} else {
				batch = append(batch, k)
			}
		}
		from := make([]int, len(x.dims))
		for k, axis := range a.StartIndexMap {
			idx := batch
			if a.IndexVectorAxis < len(indices.dims) {
				idx = slices.Insert(slices.Clone(batch), a.IndexVectorAxis, k)
			}
			i, _ := offset(indices.dims, idx)
			start := int(indices.flat.([]int32)[i])
			from[axis] = min(max(start, 0), x.dims[axis]-a.SliceSizes[axis])
		}
		for k, axis := range windowAxes {
			from[axis] += place[k]
		}
		i, _ := offset(x.dims, from)
		flat = append(flat, x.floats()[i])
	})
	y.flat = flat
	return []tensor{y}
}
