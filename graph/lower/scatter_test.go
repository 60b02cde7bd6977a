package lower_test

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// TestScatter compares with plain loops: windows that cover the operand and
// windows that do not, placed along any axis, overlapping, and outside.
func TestScatter(t *testing.T) {
	r := seeded(60)
	var calls []call
	for _, op := range []graph.OpType{backends.OpTypeScatterSum, backends.OpTypeScatterMax, backends.OpTypeScatterMin} {
		for _, tc := range []struct {
			a                         graph.ScatterAttrs
			operand, indices, updates []int
			lo, hi                    int // of the indices
		}{
			// Rows of a table.
			{graph.ScatterAttrs{
				IndexVectorAxis: 1, UpdateWindowAxes: []int{1}, InsertedWindowAxes: []int{0}, ScatterAxesToOperandAxes: []int{0},
			}, []int{5, 3}, []int{9, 1}, []int{9, 3}, -2, 6},
			// Slices along an axis in the middle, as the gradient of an interpolation has them.
			{graph.ScatterAttrs{
				IndexVectorAxis: 1, UpdateWindowAxes: []int{1, 2, 3}, ScatterAxesToOperandAxes: []int{1},
			}, []int{2, 5, 4}, []int{6, 1}, []int{6, 2, 2, 4}, -1, 4},
			// Parts of rows and columns; window axes in front of the batch's; components the other way round.
			{graph.ScatterAttrs{
				IndexVectorAxis: 0, UpdateWindowAxes: []int{0, 2}, ScatterAxesToOperandAxes: []int{1, 0},
			}, []int{4, 6}, []int{2, 7}, []int{3, 7, 2}, -1, 4},
			// An inserted axis behind a window axis that is not whole.
			{graph.ScatterAttrs{
				IndexVectorAxis: 2, UpdateWindowAxes: []int{2}, InsertedWindowAxes: []int{1}, ScatterAxesToOperandAxes: []int{1},
			}, []int{5, 4}, []int{2, 3, 1}, []int{2, 3, 3}, -1, 4},
			// No axis of index vectors.
			{graph.ScatterAttrs{
				IndexVectorAxis: 1, InsertedWindowAxes: []int{0}, ScatterAxesToOperandAxes: []int{0},
			}, []int{5}, []int{12}, []int{12}, -2, 6},
		} {
			n := 1
			for _, d := range tc.indices {
				n *= d
			}
			index := make([]int32, n)
			for i := range index {
				index[i] = int32(between(r, tc.lo, tc.hi))
			}
			calls = append(calls, call{op, tc.a, []tensor{normal(r, tc.operand...), {tc.indices, index}, normal(r, tc.updates...)}})
		}
	}
	agree(t, calls, scatterByLoops, 1e-14) // sums of a few terms, in another order
}

func scatterByLoops(c call) []tensor {
	a := c.attrs.(graph.ScatterAttrs)
	x, indices, updates := c.in[0], c.in[1], c.in[2]
	y := tensor{x.dims, slices.Clone(x.floats())}
	index := func(batch []int, component int) int {
		idx := slices.Clone(batch)
		if a.IndexVectorAxis < len(indices.dims) {
			idx = slices.Insert(idx, a.IndexVectorAxis, component)
		}
		i, _ := offset(indices.dims, idx)
		return int(indices.flat.([]int32)[i])
	}
	sizes := make([]int, len(x.dims)) // of a window
	w := 0
	for i := range sizes {
		sizes[i] = 1
		if !slices.Contains(a.InsertedWindowAxes, i) {
			sizes[i] = updates.dims[a.UpdateWindowAxes[w]]
			w++
		}
	}
	each(updates.dims, func(flat int, at []int) {
		var batch, place []int
		for i, k := range at {
			if slices.Contains(a.UpdateWindowAxes, i) {
				place = append(place, k)
			} else {
				batch = append(batch, k)
			}
		}
		start, to := make([]int, len(x.dims)), make([]int, len(x.dims))
		for k, axis := range a.ScatterAxesToOperandAxes {
			start[axis] = index(batch, k)
		}
		for i := range to {
			if start[i] < 0 || start[i]+sizes[i] > x.dims[i] {
				return
			}
			to[i] = start[i]
			if !slices.Contains(a.InsertedWindowAxes, i) {
				to[i] += place[0]
				place = place[1:]
			}
		}
		i, _ := offset(x.dims, to)
		u := updates.floats()[flat]
		switch c.op {
		case backends.OpTypeScatterSum:
			y.floats()[i] += u
		case backends.OpTypeScatterMax:
			y.floats()[i] = max(y.floats()[i], u)
		default:
			y.floats()[i] = min(y.floats()[i], u)
		}
	})
	return []tensor{y}
}
