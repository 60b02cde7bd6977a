package lower

import (
	"slices"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// turnedDot is the condition of a product x·wᵀ that XLA's CPU backend computes
// from a transposed copy of w, where w·xᵀ would copy less: w is contracted
// along its last axes, and has more entries than x and the result together.
func turnedDot(attrs graph.Attrs, in []shapes.Shape) bool {
	a := attrs.(graph.DotGeneralAttrs)
	if len(a.RB) > 0 || !slices.Equal(a.RC, trailing(in[1].Rank(), len(a.RC))) || !in[0].DType.IsFloat() {
		return false
	}
	contracted := 1
	for _, axis := range a.RC {
		contracted *= in[1].Dimensions[axis]
	}
	if contracted == 0 {
		return false
	}
	out := in[0].Size() / contracted * (in[1].Size() / contracted)
	return in[0].Size()+out < in[1].Size()
}

// trailing returns the last n of rank axes.
func trailing(rank, n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = rank - n + i
	}
	return axes
}

// turnDot computes x·wᵀ as (w·xᵀ)ᵀ. XLA's canonical product contracts the last
// axes of its left operand: w stays as it is, x is copied.
func turnDot(b builder, a graph.DotGeneralAttrs, x, w graph.Op) graph.Op {
	y := b.DotGeneral(w, a.RC, nil, x, a.LC, nil)
	nw, nx := len(b.Dims(w))-len(a.RC), len(b.Dims(x))-len(a.LC)
	perm := make([]int, 0, nw+nx)
	for i := range nx {
		perm = append(perm, nw+i)
	}
	for i := range nw {
		perm = append(perm, i)
	}
	return b.Transpose(y, perm...)
}
