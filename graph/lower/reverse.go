package lower

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// maxReverseSlices is the longest axis that is reversed by slices; a longer
// one would make a program of thousands of ops and is gathered.
const maxReverseSlices = 256

// reverse lowers Reverse to the slices of the reversed axes, joined in reverse
// order. Neighbouring reversed axes are one axis: reversing a row-major block
// reverses each of its axes.
func reverse(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	axes := attrs.(graph.ReverseAttrs).Axes
	x := in[0]
	dims := b.Dims(x)
	for _, a := range axes {
		if a < 0 || a >= len(dims) {
			panic(fmt.Errorf("axis %d, the operand has %d axes", a, len(dims)))
		}
	}
	var merged, reversed []int // the dimensions after merging, and which of them are reversed
	joins := false             // whether a reversed axis ends where the next would begin
	for axis, d := range dims {
		r := slices.Contains(axes, axis)
		switch {
		case r && joins:
			merged[len(merged)-1] *= d
		case r:
			reversed = append(reversed, len(merged))
			merged = append(merged, d)
		default:
			merged = append(merged, d)
		}
		joins = r
	}
	y := b.Reshape(x, merged...)
	for _, axis := range reversed {
		y = b.reverseAxis(y, axis)
	}
	return []graph.Op{b.Reshape(y, dims...)}
}

// reverseAxis reverses one axis of x.
func (b builder) reverseAxis(x graph.Op, axis int) graph.Op {
	n := b.Dims(x)[axis]
	if n == 0 {
		return x
	}
	if n > maxReverseSlices {
		last := make([]float64, n)
		for i := range last {
			last[i] = float64(n - 1 - i)
		}
		return b.take(x, axis, b.Constant(dtypes.Int32, []int{n}, last...))
	}
	var parts []graph.Op
	for i := n - 1; i >= 0; i-- {
		parts = append(parts, b.sliceAxis(x, axis, i, i+1, 1))
	}
	return b.Concatenate(axis, parts...)
}

// take returns x's entries at the given indices [n] along axis.
func (b builder) take(x graph.Op, axis int, indices graph.Op) graph.Op {
	dims := b.Dims(x)
	sizes := slices.Clone(dims)
	sizes[axis] = 1
	var offsets []int
	for i := range dims {
		if i != axis {
			offsets = append(offsets, i)
		}
	}
	n := b.Dims(indices)[0]
	return b.Do(backends.OpTypeGather, graph.GatherAttrs{
		IndexVectorAxis:    1,
		OffsetOutputAxes:   offsets,
		CollapsedSliceAxes: []int{axis},
		StartIndexMap:      []int{axis},
		SliceSizes:         sizes,
	}, x, b.Reshape(indices, n, 1))
}
