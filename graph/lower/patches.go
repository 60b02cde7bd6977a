package lower

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// A comb is n positions along an axis, step apart, from zero.
type comb struct{ n, step int }

// count returns the number of positions of a grid of combs.
func count(cs []comb) int {
	n := 1
	for _, c := range cs {
		n *= c.n
	}
	return n
}

// patches returns, for every position e of the grid outer, the entries of x at
// e + s for s in the grid inner, both over the given axes of x:
//
//	p[e, …, s₁, …, s₂, …] = x[…, e₁+s₁, …, e₂+s₂, …].
//
// Axis 0 of p counts outer row-major; its other axes are those of x, with the
// sizes of inner. All of outer + inner must lie within x.
func (b builder) patches(x graph.Op, axes []int, outer, inner []comb) graph.Op {
	if b.gather && count(outer) > 1 {
		return b.gatherPatches(x, axes, outer, inner)
	}
	dims := b.Dims(x)
	starts, limits, strides := make([]int, len(dims)), slices.Clone(dims), repeat(1, len(dims))
	var parts []graph.Op
	for e := range grid(outer) {
		for i, axis := range axes {
			s := inner[i]
			starts[axis], limits[axis], strides[axis] = e[i], e[i]+(s.n-1)*s.step+1, s.step
		}
		p := b.Slice(x, starts, limits, strides)
		parts = append(parts, b.Reshape(p, slices.Insert(slices.Clone(b.Dims(p)), 0, 1)...))
	}
	return b.Concatenate(0, parts...)
}

// gatherPatches is patches by one Gather. Gather takes contiguous windows, so an
// axis that inner crosses in steps is split: position q·step + r becomes [q, r],
// where inner is contiguous along q and constant along r.
func (b builder) gatherPatches(x graph.Op, axes []int, outer, inner []comb) graph.Op {
	rank := len(b.Dims(x))
	var (
		split     []int // dimensions of x, split
		sizes     []int // of a window of it
		offsets   []int // axes of the result that are axes of x
		indexMap  []int // axes of split that are indexed
		collapsed []int // the r axes
		starts    []func(e []int) int
		padding   = make([]backends.PadAxis, rank)
	)
	for axis, d := range b.Dims(x) {
		offsets = append(offsets, axis+1)
		i := slices.Index(axes, axis)
		if i < 0 {
			split, sizes = append(split, d), append(sizes, d)
			continue
		}
		step := inner[i].step
		if inner[i].n == 1 {
			step = 1
		}
		padding[axis].End = (step - d%step) % step
		indexMap = append(indexMap, len(split))
		starts = append(starts, func(e []int) int { return e[i] / step })
		split, sizes = append(split, (d+padding[axis].End)/step), append(sizes, inner[i].n)
		if step > 1 {
			indexMap, collapsed = append(indexMap, len(split)), append(collapsed, len(split))
			starts = append(starts, func(e []int) int { return e[i] % step })
			split, sizes = append(split, step), append(sizes, 1)
		}
	}
	var indices []float64
	for e := range grid(outer) {
		for _, start := range starts {
			indices = append(indices, float64(start(e)))
		}
	}
	x = b.Reshape(b.Pad(x, b.filler(b.DType(x), 0), padding...), split...)
	return b.Do(backends.OpTypeGather, graph.GatherAttrs{
		IndexVectorAxis:    1,
		OffsetOutputAxes:   offsets,
		CollapsedSliceAxes: collapsed,
		StartIndexMap:      indexMap,
		SliceSizes:         sizes,
	}, x, b.Constant(dtypes.Int32, []int{count(outer), len(starts)}, indices...))
}

// grid yields every position of a grid of combs, row-major. The slice yielded
// is reused.
func grid(cs []comb) func(yield func(e []int) bool) {
	return func(yield func(e []int) bool) {
		e := make([]int, len(cs))
		for i := len(cs); i >= 0; {
			if !yield(e) {
				return
			}
			for i = len(cs) - 1; i >= 0; i-- {
				if e[i] += cs[i].step; e[i] < cs[i].n*cs[i].step {
					break
				}
				e[i] = 0
			}
		}
	}
}
