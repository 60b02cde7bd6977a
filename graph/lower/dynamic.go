package lower

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// dynamicSlice lowers DynamicSlice to one Gather of one window, which moves
// windows that would leave the operand back into it, as DynamicSlice does.
func dynamicSlice(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, _ []shapes.Shape) []graph.Op {
	x, starts := in[0], in[1:]
	sizes := attrs.(graph.DynamicSliceAttrs).Dims
	checkWindow(b.Dims(x), sizes, len(starts))
	if len(sizes) == 0 {
		return []graph.Op{x}
	}
	var axes []int
	var vector []graph.Op
	for i, s := range starts {
		axes = append(axes, i)
		vector = append(vector, b.Reshape(s, 1))
	}
	return []graph.Op{b.Do(backends.OpTypeGather, graph.GatherAttrs{
		OffsetOutputAxes: axes,
		StartIndexMap:    axes,
		SliceSizes:       slices.Clone(sizes),
	}, x, b.Concatenate(0, vector...))}
}

// dynamicUpdateSlice lowers DynamicUpdateSlice: it stretches the update to the
// operand's size, one axis after the other, by a Gather that repeats its first
// and last entries outside of the window, and takes it inside of the window.
// Nothing is added, so that NaN, −0 and booleans keep their bits.
func dynamicUpdateSlice(b builder, _ graph.OpType, _ graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	x, update, starts := in[0], in[1], in[2:]
	dims, sizes := b.Dims(x), slices.Clone(b.Dims(update))
	checkWindow(dims, sizes, len(starts))
	var inside graph.Op
	for i, s := range starts {
		if sizes[i] == dims[i] { // the window can only begin at 0
			continue
		}
		if b.DType(s).Size() < 4 { // too small for the bounds
			s = b.convert(s, dtypes.Int32)
		}
		// Clamped before it is converted: a start may be any number of its dtype.
		s = b.convert(b.clamp(s, 0, dims[i]-sizes[i]), dtypes.Int32)
		iota := b.Do(backends.OpTypeIota, graph.IotaAttrs{Shape: shapes.Make(dtypes.Int32, dims[i])})
		at := b.Do(backends.OpTypeSub, nil, iota, s)
		nearest := b.clamp(at, 0, sizes[i]-1)
		update = b.take(update, i, nearest)
		in := b.BroadcastInDim(b.Do(backends.OpTypeEqual, nil, at, nearest), dims, []int{i})
		if inside == nil {
			inside = in
		} else {
			inside = b.Do(backends.OpTypeLogicalAnd, nil, inside, in)
		}
	}
	if inside == nil {
		return []graph.Op{update}
	}
	return []graph.Op{b.Do(backends.OpTypeWhere, nil, inside, update, x)}
}

// clamp returns v, of integers, moved into [lo, hi].
func (b builder) clamp(v graph.Op, lo, hi int) graph.Op {
	dt := b.DType(v)
	v = b.Do(backends.OpTypeMax, nil, v, b.Scalar(dt, float64(lo)))
	return b.Do(backends.OpTypeMin, nil, v, b.Scalar(dt, float64(hi)))
}

// checkWindow panics with an error if a window of the given sizes does not fit.
func checkWindow(dims, sizes []int, starts int) {
	if len(sizes) != len(dims) || starts != len(dims) {
		panic(fmt.Errorf("window %v and %d start indices for an operand of rank %d", sizes, starts, len(dims)))
	}
	for i, n := range sizes {
		if n < 1 || n > dims[i] {
			panic(fmt.Errorf("window of %d along axis %d of size %d", n, i, dims[i]))
		}
	}
}
