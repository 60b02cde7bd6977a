package lower

import (
	"slices"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// integerDot is the condition of a DotGeneral of integers.
func integerDot(_ graph.Attrs, in []shapes.Shape) bool { return in[0].DType.IsInt() }

// dotGeneral lowers DotGeneral: of floats by turning it (orient.go); of integers,
// where a backend has nothing better, to products of everything with everything,
// summed over the contracted axes. That takes the memory of all the products.
func dotGeneral(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	a := attrs.(graph.DotGeneralAttrs)
	l, r := in[0], in[1]
	if b.DType(l).IsFloat() {
		return []graph.Op{turnDot(b, a, l, r)}
	}
	lx, rx := graph.CrossAxes(len(b.Dims(l)), a.LC, a.LB), graph.CrossAxes(len(b.Dims(r)), a.RC, a.RB)
	// All the axes: batch, l's own, r's own, contracted.
	dims := slices.Clone(out[0].Dimensions)
	result := len(dims)
	for _, axis := range a.LC {
		dims = append(dims, b.Dims(l)[axis])
	}
	spread := func(x graph.Op, batch, cross, contracted []int, firstCross int) graph.Op {
		axes := make([]int, len(b.Dims(x)))
		for i, axis := range batch {
			axes[axis] = i
		}
		for i, axis := range cross {
			axes[axis] = firstCross + i
		}
		for i, axis := range contracted {
			axes[axis] = result + i
		}
		// BroadcastInDim keeps the order of axes.
		perm := make([]int, len(axes))
		for i := range perm {
			perm[i] = i
		}
		slices.SortFunc(perm, func(i, j int) int { return axes[i] - axes[j] })
		slices.Sort(axes)
		return b.BroadcastInDim(b.Transpose(x, perm...), dims, axes)
	}
	y := b.Mul(spread(l, a.LB, lx, a.LC, len(a.LB)), spread(r, a.RB, rx, a.RC, len(a.LB)+len(lx)))
	var sums []int
	for i := range a.LC {
		sums = append(sums, result+i)
	}
	return []graph.Op{b.ReduceSum(y, sums...)}
}
