package lower

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// selectAndScatter lowers SelectAndScatterMax and Min: it finds the flat index
// of the entry that each window selects, by slices and comparisons, and adds
// source to zeros there by one ScatterSum.
//
// As in XLA, a window's entries are visited row-major, an entry replaces the
// one selected before unless that is at least as large (small), and padding is
// never selected. So the first maximum wins, and a NaN replaces and is replaced.
// A window of nothing but padding adds nothing.
func selectAndScatter(b builder, op graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op {
	a := attrs.(graph.SelectAndScatterAttrs)
	x, source := in[0], in[1]
	w, err := newWindows(a, b.Dims(x), b.Dims(source))
	if err != nil {
		panic(err)
	}
	keeps := backends.OpTypeGreaterOrEqual
	if op == backends.OpTypeSelectAndScatterMin {
		keeps = backends.OpTypeLessOrEqual
	}
	size := out[0].Size()
	target := size
	index := b.selected(x, w, keeps)
	if !allTrue(w.seen) {
		// Windows without entries add to one behind the last, which is cut off.
		target++
		index = b.Do(backends.OpTypeWhere, nil, b.mask(w, w.seen), index, b.Scalar(b.DType(index), float64(size)))
	}
	dt, n := b.DType(x), b.Shape(source).Size()
	y := b.Do(backends.OpTypeScatterSum, graph.ScatterAttrs{
		IndexVectorAxis:          1,
		InsertedWindowAxes:       []int{0},
		ScatterAxesToOperandAxes: []int{0},
	}, b.BroadcastInDim(b.filler(dt, 0), []int{target}, nil), b.Reshape(index, n, 1), b.Reshape(source, n))
	return []graph.Op{b.Reshape(b.sliceAxis(y, 0, 0, size, 1), out[0].Dimensions...)}
}

// selected returns, for every window, the row-major index in x of the entry it
// selects.
func (b builder) selected(x graph.Op, w *windows, keeps graph.OpType) graph.Op {
	dt := dtypes.Int32
	if b.Shape(x).Size() > 1<<31-2 {
		dt = dtypes.Int64
	}
	strides := rowMajor(w.dims)
	padded := b.Pad(x, b.filler(b.DType(x), 0), w.padding()...)
	var best, index graph.Op
	for k := range grid(w.kernel) {
		within := w.within(k)
		if !slices.Contains(within, true) {
			continue
		}
		offset := 0
		starts, limits := slices.Clone(k), make([]int, len(k))
		for i := range k {
			offset += k[i] * strides[i]
			limits[i] = k[i] + (w.out[i]-1)*w.Strides[i] + 1
		}
		entry := b.Slice(padded, starts, limits, w.Strides)
		here := b.Scalar(dt, float64(offset))
		if best == nil {
			best, index = entry, b.BroadcastInDim(here, w.out, nil)
		} else {
			take := b.Do(backends.OpTypeLogicalNot, nil, b.Do(keeps, nil, best, entry))
			if !allTrue(within) {
				take = b.Do(backends.OpTypeLogicalAnd, nil, take, b.mask(w, within))
			}
			if first := w.firsts(within); slices.Contains(first, true) {
				take = b.Do(backends.OpTypeLogicalOr, nil, take, b.mask(w, first))
			}
			best = b.Do(backends.OpTypeWhere, nil, take, entry, best)
			index = b.Do(backends.OpTypeWhere, nil, take, here, index)
		}
		w.see(within)
	}
	if index == nil {
		index = b.BroadcastInDim(b.Scalar(dt, 0), w.out, nil)
	}
	for i, n := range w.out { // add where the windows begin
		begin := make([]float64, n)
		for o := range begin {
			begin[o] = float64((o*w.Strides[i] - w.Paddings[i][0]) * strides[i])
		}
		dims := repeat(1, len(w.out))
		dims[i] = n
		index = b.Add(index, b.BroadcastInDim(b.Constant(dt, []int{n}, begin...), w.out, []int{i}))
	}
	return index
}

// mask returns a grid of w's as booleans of the shape of the source.
func (b builder) mask(w *windows, grid []bool) graph.Op {
	var dims, axes []int
	for i, n := range w.grid {
		if n > 1 {
			dims, axes = append(dims, n), append(axes, i)
		}
	}
	c := b.Do(backends.OpTypeConstant, graph.ConstantAttrs{Flat: slices.Clone(grid), Dims: dims})
	return b.BroadcastInDim(c, w.out, axes)
}

// windows are the windows of a SelectAndScatter, and which of their entries
// are padding. That is known in advance, per axis: it is written on grid, which
// has the size of the source along axes with padding and 1 along the others.
type windows struct {
	graph.SelectAndScatterAttrs
	dims, out, grid []int
	kernel          []comb

	// seen marks the windows that had an entry that is no padding.
	seen []bool
}

// newWindows returns the windows of an operand of dimensions dims, and an error
// if source's are not their number.
func newWindows(a graph.SelectAndScatterAttrs, dims, source []int) (*windows, error) {
	w := &windows{SelectAndScatterAttrs: a, dims: dims, out: source}
	if r := len(dims); len(a.Window) != r || len(a.Strides) != r || len(a.Paddings) != r || len(source) != r {
		return nil, fmt.Errorf("window %v, strides %v, paddings %v and source %v for an operand of rank %d",
			a.Window, a.Strides, a.Paddings, source, r)
	}
	size := 1
	for i, d := range dims {
		if a.Window[i] < 1 || a.Strides[i] < 1 {
			return nil, fmt.Errorf("axis %d has window %d and stride %d, both must be positive", i, a.Window[i], a.Strides[i])
		}
		room := d + a.Paddings[i][0] + a.Paddings[i][1] - a.Window[i]
		if room < 0 || room/a.Strides[i]+1 != source[i] {
			return nil, fmt.Errorf("axis %d: size %d padded by %v does not have %d windows of %d, %d apart",
				i, d, a.Paddings[i], source[i], a.Window[i], a.Strides[i])
		}
		w.kernel = append(w.kernel, comb{a.Window[i], 1})
		n := 1
		if a.Paddings[i][0] > 0 || a.Paddings[i][1] > 0 {
			n = source[i]
		}
		w.grid = append(w.grid, n)
		size *= n
	}
	w.seen = make([]bool, size)
	return w, nil
}

// padding returns the operand's padding.
func (w *windows) padding() []backends.PadAxis {
	p := make([]backends.PadAxis, len(w.Paddings))
	for i, q := range w.Paddings {
		p[i] = backends.PadAxis{Start: q[0], End: q[1]}
	}
	return p
}

// within tells, on the grid, whose entry k is not padding.
func (w *windows) within(k []int) []bool {
	cells := make([]comb, len(w.grid))
	for i, n := range w.grid {
		cells[i] = comb{n, 1}
	}
	var in []bool
	for o := range grid(cells) {
		ok := true
		for i := range o {
			at := o[i]*w.Strides[i] + k[i] - w.Paddings[i][0]
			if w.grid[i] > 1 || w.Paddings[i][0] > 0 || w.Paddings[i][1] > 0 {
				ok = ok && at >= 0 && at < w.dims[i]
			}
		}
		in = append(in, ok)
	}
	return in
}

// firsts returns the windows of within that saw no entry before.
func (w *windows) firsts(within []bool) []bool {
	f := make([]bool, len(within))
	for i := range f {
		f[i] = within[i] && !w.seen[i]
	}
	return f
}

// see marks the windows of within as seen.
func (w *windows) see(within []bool) {
	for i, in := range within {
		w.seen[i] = w.seen[i] || in
	}
}

func allTrue(s []bool) bool { return !slices.Contains(s, false) }

// rowMajor returns the distance of neighbours along each axis.
func rowMajor(dims []int) []int {
	strides := make([]int, len(dims))
	s := 1
	for i := len(dims) - 1; i >= 0; i-- {
		strides[i] = s
		s *= dims[i]
	}
	return strides
}
