package lower

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// windowSizes returns the size of a window along each axis of the operand.
func windowSizes(a graph.ScatterAttrs, operand, updates []int) []int {
	window := slices.Sorted(slices.Values(a.UpdateWindowAxes))
	sizes := make([]int, len(operand))
	for i := range sizes {
		if slices.Contains(a.InsertedWindowAxes, i) {
			sizes[i] = 1
			continue
		}
		sizes[i], window = updates[window[0]], window[1:]
	}
	return sizes
}

// scatter lowers ScatterSum, Max and Min to one of single entries of the
// flattened operand. An entry of a window at start s goes to
//
//	Σ_axis (s + place in the window)·stride.
//
// As in XLA, a window that is not wholly inside is dropped: its entries go
// behind the last of the operand, which is cut off.
func scatter(b builder, op graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	a := attrs.(graph.ScatterAttrs)
	x, updates := in[0], in[2]
	dims := b.Dims(x)
	sizes := windowSizes(a, dims, b.Dims(updates))
	strides := rowMajor(dims)
	entries := out[0].Size()

	indices, batchDims := b.indexList(in[1], a.IndexVectorAxis)
	indices = b.convert(indices, dtypes.Int64)
	batch := 1
	for _, d := range batchDims {
		batch *= d
	}

	// Where each window begins, or behind the last entry.
	begin := b.BroadcastInDim(b.Scalar(dtypes.Int64, 0), []int{batch, 1}, nil)
	var inside graph.Op
	for c, axis := range a.ScatterAxesToOperandAxes {
		s := b.sliceAxis(indices, 1, c, c+1, 1)
		ok := b.Do(backends.OpTypeEqual, nil, s, b.clamp(s, 0, dims[axis]-sizes[axis]))
		if inside == nil {
			inside = ok
		} else {
			inside = b.Do(backends.OpTypeLogicalAnd, nil, inside, ok)
		}
		begin = b.Add(begin, b.Mul(s, b.Scalar(dtypes.Int64, float64(strides[axis]))))
	}
	// The places in a window, row-major.
	cells := make([]comb, len(sizes))
	for i, s := range sizes {
		cells[i] = comb{s, 1}
	}
	var places []float64
	for at := range grid(cells) {
		place := 0
		for i := range at {
			place += at[i] * strides[i]
		}
		places = append(places, float64(place))
	}
	w := len(places)
	target := b.Add(begin, b.Constant(dtypes.Int64, []int{1, w}, places...))
	if inside != nil {
		inside = b.BroadcastInDim(inside, []int{batch, w}, []int{0, 1})
		target = b.Do(backends.OpTypeWhere, nil, inside, target, b.Scalar(dtypes.Int64, float64(entries)))
	}

	// Updates [batch, window], the window's axes in the operand's order.
	window := slices.Sorted(slices.Values(a.UpdateWindowAxes))
	updates = b.Transpose(updates, append(graph.CrossAxes(len(b.Dims(updates)), window, nil), window...)...)
	flat := b.Concatenate(0, b.Reshape(x, entries), b.BroadcastInDim(b.filler(b.DType(x), 0), []int{1}, nil))
	y := b.has.Do(op, graph.ScatterAttrs{
		IndexVectorAxis:          1,
		InsertedWindowAxes:       []int{0},
		ScatterAxesToOperandAxes: []int{0},
	}, flat, b.Reshape(target, batch*w, 1), b.Reshape(updates, batch*w))
	return []graph.Op{b.Reshape(b.sliceAxis(y, 0, 0, entries, 1), dims...)}
}
