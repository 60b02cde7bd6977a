package lower

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// pad lowers Pad axis by axis: interior entries by joining each entry to its
// fill, edges by joining blocks of fill, negative edges by a Slice.
func pad(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	x, fill := in[0], in[1]
	for axis, p := range attrs.(graph.PadAttrs).Axes {
		dims := b.Dims(x)
		if d := dims[axis]; p.Interior > 0 && d > 1 {
			x = b.padInterior(x, fill, axis, p.Interior)
		}
		x = b.padEdges(x, fill, axis, p)
	}
	return []graph.Op{x}
}

// padInterior puts n entries of fill between the entries of x along axis.
func (b builder) padInterior(x, fill graph.Op, axis, n int) graph.Op {
	dims := b.Dims(x)
	d := dims[axis]
	split := slices.Insert(slices.Clone(dims), axis+1, 1)
	gap := slices.Clone(split)
	gap[axis+1] = n
	joined := slices.Clone(dims)
	joined[axis] = d * (1 + n)
	y := b.Concatenate(axis+1, b.Reshape(x, split...), b.BroadcastInDim(fill, gap, nil))
	return b.sliceAxis(b.Reshape(y, joined...), axis, 0, d+(d-1)*n, 1) // no gap behind the last
}

// padEdges adds or, where negative, cuts p.Start and p.End entries along axis.
func (b builder) padEdges(x, fill graph.Op, axis int, p backends.PadAxis) graph.Op {
	dims := slices.Clone(b.Dims(x))
	d := dims[axis]
	block := func(n int) graph.Op {
		dims[axis] = n
		return b.BroadcastInDim(fill, dims, nil)
	}
	from, to := max(0, -p.Start), d+min(0, p.End)
	if from >= to { // nothing of x is left
		return block(d + p.Start + p.End)
	}
	parts := []graph.Op{b.sliceAxis(x, axis, from, to, 1)}
	if p.Start > 0 {
		parts = slices.Insert(parts, 0, block(p.Start))
	}
	if p.End > 0 {
		parts = append(parts, block(p.End))
	}
	return b.Concatenate(axis, parts...)
}

// sliceAxis cuts x along one axis.
func (b builder) sliceAxis(x graph.Op, axis, start, limit, stride int) graph.Op {
	dims := b.Dims(x)
	starts, limits, strides := make([]int, len(dims)), slices.Clone(dims), repeat(1, len(dims))
	starts[axis], limits[axis], strides[axis] = start, limit, stride
	return b.Slice(x, starts, limits, strides)
}

func repeat(v, n int) []int { return slices.Repeat([]int{v}, n) }
