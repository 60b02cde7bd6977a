package vmap_test

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// dot gives each axis of the left side a role and builds a right side to it.
func (g *generator) dot(op graph.OpType) {
	x := g.float(1, false)
	var a graph.DotGeneralAttrs
	rank := x.Shape.Rank()
	for _, axis := range g.r.Perm(rank) {
		switch g.r.IntN(3) {
		case 0:
			a.LC = append(a.LC, axis)
		case 1:
			a.LB = append(a.LB, axis)
		}
	}
	shared := slices.Concat(a.LC, a.LB)
	cross := g.r.IntN(2)
	dims := make([]int, len(shared)+cross)
	place := g.r.Perm(len(dims))
	for i := range dims {
		dims[place[i]] = between(g.r, 1, 3)
		if i < len(shared) {
			dims[place[i]] = x.Shape.Dimensions[shared[i]]
		}
	}
	a.RC, a.RB = place[:len(a.LC)], place[len(a.LC):len(shared)]
	g.bounded(g.do(op, a, x, g.like(floats(dims...))))
}

// conv draws a layout, sizes and groups.
func (g *generator) conv(op graph.OpType) {
	layout := convLayouts[g.r.IntN(len(convLayouts))]
	groups := between(g.r, 1, 2)
	s := convSize{
		batch: between(g.r, 1, 2), in: between(g.r, 1, 2), out: groups * between(g.r, 1, 2),
		h: between(g.r, 2, 4), w: between(g.r, 1, 3), kh: between(g.r, 1, 2), kw: 1,
	}
	byBatch := g.r.IntN(2) == 0
	if byBatch {
		s.batch *= groups
	} else {
		s.in *= groups
	}
	c := conv(layout, s, func(a *graph.ConvGeneralAttrs) {
		if byBatch {
			a.BatchGroups = groups
		} else {
			a.ChannelGroups = groups
		}
		for i := range 2 {
			a.Strides[i] = between(g.r, 1, 2)
			a.Paddings[i] = [2]int{g.r.IntN(2), g.r.IntN(2)}
			if g.r.IntN(4) == 0 {
				a.InputDilations[i] = 2
			}
		}
	})
	g.bounded(g.do(op, c.attrs, g.like(c.in[0]), g.like(c.in[1])))
}

// window draws ReduceWindow and the ops that undo it.
func (g *generator) window(op graph.OpType) {
	reduces := op == backends.OpTypeReduceWindow
	x := g.float(1, !reduces) // which entry is selected is no continuous function
	rank := x.Shape.Rank()
	ones := slices.Repeat([]int{1}, rank)
	a := graph.ReduceWindowAttrs{
		Type:          []backends.ReduceOpType{backends.ReduceOpSum, backends.ReduceOpMax, backends.ReduceOpMin, backends.ReduceOpProduct}[g.r.IntN(4)],
		BaseDilations: slices.Clone(ones), WindowDilations: slices.Clone(ones), Paddings: make([][2]int, rank),
	}
	var result []int
	for i, d := range x.Shape.Dimensions {
		window := between(g.r, 1, min(d, 3))
		stride := between(g.r, 1, 2)
		if window > 1 { // padding alone would be the whole of a window of 1
			a.Paddings[i] = [2]int{g.r.IntN(2), g.r.IntN(2)}
		}
		if reduces && !g.fused && g.r.IntN(4) == 0 { // GoMLX drops it on the way to XLA
			a.BaseDilations[i] = 2
			d = 2*d - 1
		}
		a.Window, a.Strides = append(a.Window, window), append(a.Strides, stride)
		result = append(result, (d+a.Paddings[i][0]+a.Paddings[i][1]-window)/stride+1)
	}
	if reduces {
		if a.Type != backends.ReduceOpSum && a.Type != backends.ReduceOpProduct {
			a.BaseDilations = ones // a window on holes alone has no maximum
		}
		g.bounded(g.do(op, a, x))
		return
	}
	g.bounded(g.do(op, graph.SelectAndScatterAttrs{Window: a.Window, Strides: a.Strides, Paddings: a.Paddings},
		x, g.like(floats(result...))))
}

// indices returns an operand of index vectors into axes of v, with its vector
// axis and its batch rank. Gather takes any index, Scatter those within.
func (g *generator) indices(v *graph.Value, axes []int, beyond int) (indices *graph.Value, vectorAxis, batchRank int) {
	least := slices.Min(v.Shape.Dimensions)
	if len(axes) > 0 {
		least = v.Shape.Dimensions[axes[0]]
		for _, a := range axes {
			least = min(least, v.Shape.Dimensions[a])
		}
	}
	batchRank = g.r.IntN(3)
	dims := make([]int, batchRank)
	for i := range dims {
		dims[i] = between(g.r, 1, 3)
	}
	// The pure Go backend compares the vector axis with the rank of v.
	vectorAxis = g.r.IntN(min(batchRank, v.Shape.Rank()) + 1)
	dims = slices.Insert(dims, vectorAxis, len(axes))
	return g.param(integers(dtypes.Int32, -beyond, least-1+beyond, dims...)), vectorAxis, batchRank
}

func (g *generator) gather(op graph.OpType) {
	x := g.any(1)
	rank := x.Shape.Rank()
	a := graph.GatherAttrs{StartIndexMap: g.r.Perm(rank)[:between(g.r, 1, rank)]}
	indices, vectorAxis, batchRank := g.indices(x, a.StartIndexMap, 1)
	a.IndexVectorAxis = vectorAxis
	for i, d := range x.Shape.Dimensions {
		size := between(g.r, 1, d)
		if size == 1 && g.r.IntN(2) == 0 {
			a.CollapsedSliceAxes = append(a.CollapsedSliceAxes, i)
		}
		a.SliceSizes = append(a.SliceSizes, size)
	}
	slice := rank - len(a.CollapsedSliceAxes)
	a.OffsetOutputAxes = g.axes(batchRank+slice, slice)
	g.do(op, a, x, indices)
}

// scatter updates whole slices along the axes that are not indexed.
func (g *generator) scatter(op graph.OpType) {
	x := g.float(1, false)
	rank := x.Shape.Rank()
	indexed := g.r.Perm(rank)[:between(g.r, 1, rank)]
	a := graph.ScatterAttrs{ScatterAxesToOperandAxes: indexed, InsertedWindowAxes: slices.Sorted(slices.Values(indexed))}
	indices, vectorAxis, batchRank := g.indices(x, indexed, 0)
	a.IndexVectorAxis = vectorAxis
	window := graph.CrossAxes(rank, indexed, nil)
	a.UpdateWindowAxes = g.axes(batchRank+len(window), len(window))
	batch := slices.Delete(slices.Clone(indices.Shape.Dimensions), vectorAxis, vectorAxis+1)
	dims := make([]int, batchRank+len(window))
	b, w := 0, 0
	for i := range dims {
		if slices.Contains(a.UpdateWindowAxes, i) {
			dims[i] = x.Shape.Dimensions[window[w]]
			w++
		} else {
			dims[i] = batch[b]
			b++
		}
	}
	g.bounded(g.do(op, a, x, indices, g.like(floats(dims...))))
}

// dynamic draws DynamicSlice or DynamicUpdateSlice, with starts beyond both ends.
func (g *generator) dynamic(op graph.OpType) {
	x := g.any(1)
	var size []int
	var starts []*graph.Value
	for _, d := range x.Shape.Dimensions {
		size = append(size, between(g.r, 1, d))
		starts = append(starts, g.like(integers(dtypes.Int32, -1, d)))
	}
	if op == backends.OpTypeDynamicSlice {
		g.do(op, graph.DynamicSliceAttrs{Dims: size}, slices.Insert(starts, 0, x)...)
		return
	}
	g.do(op, nil, slices.Insert(starts, 0, x, g.like(specOf(x, size...)))...)
}
