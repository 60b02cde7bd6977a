package lower

import (
	"slices"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// deepIndices is the condition of a Gather whose index vectors lie on an axis
// beyond the operand's rank, which GoMLX's shape inference takes for an error,
// or on none, which its pure-Go backend does.
func deepIndices(attrs graph.Attrs, in []shapes.Shape) bool {
	axis := attrs.(graph.GatherAttrs).IndexVectorAxis
	return axis > in[0].Rank() || axis >= in[1].Rank()
}

// gather lowers Gather to one of a list of index vectors, [batch, components]
// whatever the rank of the indices was.
func gather(b builder, op graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	a := attrs.(graph.GatherAttrs)
	list, batch := b.indexList(in[1], a.IndexVectorAxis)
	offset := a.OffsetOutputAxes
	a.IndexVectorAxis = 1
	a.OffsetOutputAxes = make([]int, len(offset))
	for i := range offset {
		a.OffsetOutputAxes[i] = i + 1
	}
	y := b.Do(op, a, in[0], list)
	y = b.Reshape(y, append(slices.Clone(batch), b.Dims(y)[1:]...)...)
	// The window's axes stand behind the batch's: put them where they belong.
	perm := make([]int, out[0].Rank())
	next, window := 0, len(batch)
	for i := range perm {
		if slices.Contains(offset, i) {
			perm[i] = window
			window++
		} else {
			perm[i] = next
			next++
		}
	}
	return []graph.Op{b.Transpose(y, perm...)}
}

// indexList returns indices as [batch, components], and the axes of the batch.
// An axis beyond their rank is one of size 1.
func (b builder) indexList(indices graph.Op, vectorAxis int) (list graph.Op, batch []int) {
	batch = slices.Clone(b.Dims(indices))
	k := 1
	if n := len(batch); vectorAxis < n {
		k = batch[vectorAxis]
		batch = slices.Delete(batch, vectorAxis, vectorAxis+1)
		indices = b.MoveAxis(indices, vectorAxis, n-1)
	}
	n := 1
	for _, d := range batch {
		n *= d
	}
	return b.Reshape(indices, n, k), batch
}
