package vmap

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

// scatter makes the examples a whole axis of every update if the indices are
// fixed, and the first component of every index vector if not. Operand and
// updates are repeated where they are fixed: each example has a result.
func scatter(c call) graph.Op {
	a := c.attrs.(graph.ScatterAttrs)
	x, indices, updates := c.m.front(c.in[0]), c.in[1], c.m.front(c.in[2])
	if !indices.Mapped {
		a.UpdateWindowAxes = prepend(0, shifted(a.UpdateWindowAxes))
		a.InsertedWindowAxes = shifted(a.InsertedWindowAxes)
		a.ScatterAxesToOperandAxes = shifted(a.ScatterAxesToOperandAxes)
		return c.do(a, x, indices.X, updates)
	}
	list, batch := c.indexList(indices, a.IndexVectorAxis, true)
	updates = c.updateList(updates, batch, a.UpdateWindowAxes)
	a.IndexVectorAxis = 1
	a.UpdateWindowAxes = ascending(1, len(a.UpdateWindowAxes))
	a.InsertedWindowAxes = prepend(0, shifted(a.InsertedWindowAxes))
	a.ScatterAxesToOperandAxes = prepend(0, shifted(a.ScatterAxesToOperandAxes))
	return c.do(a, x, list, updates)
}

// updateList returns updates [n, ...] as [n·M, window...], in the order of the
// index vectors that indexList gives.
func (c call) updateList(updates graph.Op, batch, window []int) graph.Op {
	rank := len(batch) + len(window)
	perm := []int{0}
	for i := range rank {
		if !slices.Contains(window, i) {
			perm = append(perm, i+1)
		}
	}
	perm = append(perm, shifted(window)...)
	y := c.o.Transpose(updates, perm...)
	d := c.o.Dims(y)[1+len(batch):]
	return c.o.Reshape(y, prepend(c.m.n*product(batch), d)...)
}
