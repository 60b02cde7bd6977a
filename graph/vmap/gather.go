package vmap

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// gather makes the examples of a mapped operand a whole axis of every slice if
// the indices are fixed. Mapped indices are one list of n·M index vectors; if
// the operand is mapped too, their first component is the example.
func gather(c call) graph.Op {
	a := c.attrs.(graph.GatherAttrs)
	x, indices := c.in[0], c.in[1]
	if !indices.Mapped {
		a.OffsetOutputAxes = prepend(0, shifted(a.OffsetOutputAxes))
		a.CollapsedSliceAxes = shifted(a.CollapsedSliceAxes)
		a.StartIndexMap = shifted(a.StartIndexMap)
		a.SliceSizes = prepend(c.m.n, a.SliceSizes)
		return c.do(a, x.X, indices.X)
	}
	list, batch := c.indexList(indices, a.IndexVectorAxis, x.Mapped)
	outRank := len(batch) + len(a.OffsetOutputAxes)
	offset := a.OffsetOutputAxes
	a.IndexVectorAxis = 1
	a.OffsetOutputAxes = ascending(1, len(offset))
	if x.Mapped {
		a.CollapsedSliceAxes = prepend(0, shifted(a.CollapsedSliceAxes))
		a.StartIndexMap = prepend(0, shifted(a.StartIndexMap))
		a.SliceSizes = prepend(1, a.SliceSizes)
	} else {
		a.IndicesAreSorted = false // one example's are, not one after another
	}
	y := c.do(a, x.X, list) // [n·M, slice...]
	slice := slices.Clone(c.o.Dims(y)[1:])
	y = c.o.Reshape(y, slices.Concat([]int{c.m.n}, batch, slice)...)
	return c.o.Transpose(y, prepend(0, shifted(interleave(offset, outRank)))...)
}

// interleave returns the permutation that puts the slice axes, which follow the
// batch axes, at their places (offset) in a result of the given rank.
func interleave(offset []int, rank int) []int {
	perm := make([]int, rank)
	b, s := 0, rank-len(offset)
	for i := range perm {
		if slices.Contains(offset, i) {
			perm[i] = s
			s++
		} else {
			perm[i] = b
			b++
		}
	}
	return perm
}

// indexList returns mapped indices as [n·M, K], M index vectors of size K from
// each example, and the batch dimensions of one example, whose product is M. A
// list keeps within what GoMLX's backends accept, whatever the rank of the
// indices. With example, each vector starts with the number of its example.
func (c call) indexList(indices *Value, vectorAxis int, example bool) (list graph.Op, batch []int) {
	d := c.dims(indices)
	x, k := c.m.front(indices), 1
	if vectorAxis < len(d) {
		k = d[vectorAxis]
		x = c.o.MoveAxis(x, vectorAxis+1, len(d))
		batch = slices.Delete(slices.Clone(d), vectorAxis, vectorAxis+1)
	} else { // an implicit axis of size 1
		batch = slices.Clone(d)
	}
	x = c.wide(x)
	if example {
		x = c.o.Reshape(x, c.m.n, product(batch), k)
		number := c.o.Do(backends.OpTypeIota, graph.IotaAttrs{
			Shape: shapes.Make(c.o.DType(x), c.m.n, product(batch), 1), Axis: 0,
		})
		x, k = c.o.Concatenate(2, number, x), k+1
	}
	return c.o.Reshape(x, c.m.n*product(batch), k), batch
}

// wide converts indices of 8 and 16 bits: the number of an example may exceed them.
func (c call) wide(indices graph.Op) graph.Op {
	if c.o.DType(indices).Size() >= 4 {
		return indices
	}
	return toDType(c.o, indices, dtypes.Int32)
}
