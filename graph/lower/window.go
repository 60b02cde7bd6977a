package lower

import (
	"math/bits"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// reductions maps the reduction of a window to the op that reduces two entries
// and the op that reduces an axis.
var reductions = map[backends.ReduceOpType]struct{ pair, axis graph.OpType }{
	backends.ReduceOpSum:     {backends.OpTypeAdd, backends.OpTypeReduceSum},
	backends.ReduceOpProduct: {backends.OpTypeMul, backends.OpTypeReduceProduct},
	backends.ReduceOpMax:     {backends.OpTypeMax, backends.OpTypeReduceMax},
	backends.ReduceOpMin:     {backends.OpTypeMin, backends.OpTypeReduceMin},
}

// reduceWindow lowers ReduceWindow to slices and elementwise ops, one axis after
// the other: a box is reduced by its sides.
func reduceWindow(b builder, op graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	a := attrs.(graph.ReduceWindowAttrs)
	x := in[0]
	red, ok := reductions[a.Type]
	if !ok {
		panic(graph.NoRule("lower", op, a.Type.String()))
	}
	if b.DType(x) == dtypes.Bool { // by numbers: any sum but 0 is true, as in XLA
		y := b.Do(op, a, b.convert(x, dtypes.Int32))
		return []graph.Op{b.convert(y, dtypes.Bool)}
	}
	padding := make([]backends.PadAxis, len(a.Window))
	for i := range padding {
		padding[i] = backends.PadAxis{Start: a.Paddings[i][0], End: a.Paddings[i][1], Interior: a.BaseDilations[i] - 1}
	}
	x = b.Pad(x, b.neutral(b.DType(x), red.pair), padding...)
	for axis, n := range out[0].Dimensions {
		window := comb{a.Window[axis], a.WindowDilations[axis]}
		if n == 1 && window.step == 1 && window.n > 1 {
			x = b.sliceAxis(x, axis, 0, window.n, 1)
			x = b.Do(red.axis, graph.ReduceAttrs{Axes: []int{axis}}, x)
			x = b.Reshape(x, slices.Insert(slices.Clone(b.Dims(x)), axis, 1)...)
		} else {
			x = b.slide(x, axis, red.pair, window, comb{n, a.Strides[axis]})
		}
	}
	return []graph.Op{x}
}

// slide reduces, by op, a window along one axis of x at every position of at.
//
// Windows of a power of two are reduced from two of half their length. That
// takes log₂(n) ops on whole axes rather than n on results, so it serves long
// windows in short steps; the others add up slices.
func (b builder) slide(x graph.Op, axis int, op graph.OpType, window, at comb) graph.Op {
	var y graph.Op
	add := func(x graph.Op, offset int) {
		piece := b.sliceAxis(x, axis, offset, offset+(at.n-1)*at.step+1, at.step)
		if y == nil {
			y = piece
			return
		}
		y = b.Do(op, nil, y, piece)
	}
	length := b.Dims(x)[axis]
	if window.n*at.n <= bits.Len(uint(window.n))*(length+at.n) {
		for k := range window.n {
			add(x, k*window.step)
		}
		return y
	}
	offset := 0
	for size := 1; ; size *= 2 { // x[i] is the window of this size at i
		if window.n&size != 0 {
			add(x, offset)
			offset += size * window.step
		}
		if 2*size > window.n {
			return y
		}
		n := b.Dims(x)[axis] - size*window.step
		x = b.Do(op, nil, b.sliceAxis(x, axis, 0, n, 1), b.sliceAxis(x, axis, size*window.step, size*window.step+n, 1))
	}
}
