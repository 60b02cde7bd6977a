package lower_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

func TestPad(t *testing.T) {
	r := seeded(2)
	var calls []call
	for len(calls) < 40 {
		rank := between(r, 1, 4)
		dims := make([]int, rank)
		a := graph.PadAttrs{Axes: make([]backends.PadAxis, rank)}
		fits := true
		for i := range dims {
			dims[i] = between(r, 1, 5)
			a.Axes[i] = backends.PadAxis{Start: between(r, -4, 3), End: between(r, -4, 3), Interior: between(r, 0, 2)}
			if r.IntN(3) == 0 {
				a.Axes[i] = backends.PadAxis{}
			}
			fits = fits && padded(dims[i], a.Axes[i]) > 0
		}
		if !fits {
			continue
		}
		fill := tensor{nil, []float64{[]float64{0, -7, math.Inf(-1), math.NaN()}[r.IntN(4)]}}
		calls = append(calls, call{backends.OpTypePad, a, []tensor{normal(r, dims...), fill}})
	}
	// More is cut off at one end than there is, and added at the other.
	calls = append(calls, call{
		backends.OpTypePad,
		graph.PadAttrs{Axes: []backends.PadAxis{{Start: -5, End: 7}}},
		[]tensor{normal(r, 3), {nil, []float64{2}}},
	})
	agree(t, calls, padByLoops, 0)
}

func padded(d int, p backends.PadAxis) int { return p.Start + p.End + d + (d-1)*p.Interior }

// padByLoops writes each entry of the operand where it belongs, if that is
// within the result.
func padByLoops(c call) []tensor {
	axes, x := c.attrs.(graph.PadAttrs).Axes, c.in[0]
	dims := make([]int, len(axes))
	size := 1
	for i, p := range axes {
		dims[i] = padded(x.dims[i], p)
		size *= dims[i]
	}
	y := slices.Repeat(c.in[1].floats(), size)
	each(x.dims, func(from int, idx []int) {
		at := make([]int, len(idx))
		for i, p := range axes {
			at[i] = p.Start + idx[i]*(1+p.Interior)
		}
		if to, ok := offset(dims, at); ok {
			y[to] = x.floats()[from]
		}
	})
	return []tensor{{dims, y}}
}

func TestReverse(t *testing.T) {
	r := seeded(3)
	var calls []call
	for range 30 {
		dims := make([]int, between(r, 1, 4))
		for i := range dims {
			dims[i] = between(r, 1, 4)
		}
		axes := r.Perm(len(dims))[:between(r, 0, len(dims))]
		calls = append(calls, call{backends.OpTypeReverse, graph.ReverseAttrs{Axes: axes}, []tensor{normal(r, dims...)}})
	}
	// Long enough to be gathered.
	calls = append(calls,
		call{backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{1}}, []tensor{normal(r, 2, 301, 3)}},
		call{backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{0, 1}}, []tensor{normal(r, 20, 15)}})
	agree(t, calls, func(c call) []tensor {
		x := c.in[0]
		y := make([]float64, len(x.floats()))
		each(x.dims, func(from int, idx []int) {
			at := slices.Clone(idx)
			for _, axis := range c.attrs.(graph.ReverseAttrs).Axes {
				at[axis] = x.dims[axis] - 1 - idx[axis]
			}
			to, _ := offset(x.dims, at)
			y[to] = x.floats()[from]
		})
		return []tensor{{x.dims, y}}
	}, 0)
}

func TestDynamicSlice(t *testing.T) {
	r := seeded(4)
	var calls, updates []call
	for range 30 {
		rank := between(r, 1, 4)
		dims, sizes := make([]int, rank), make([]int, rank)
		var starts []tensor
		for i := range dims {
			dims[i] = between(r, 1, 6)
			sizes[i] = between(r, 1, dims[i])
			starts = append(starts, tensor{nil, []int32{int32(between(r, -3, 8))}}) // also outside
		}
		x, u := normal(r, dims...), normal(r, sizes...)
		u.floats()[0] = math.NaN()
		calls = append(calls, call{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: sizes}, append([]tensor{x}, starts...)})
		updates = append(updates, call{backends.OpTypeDynamicUpdateSlice, nil, append([]tensor{x, u}, starts...)})
	}
	agree(t, calls, func(c call) []tensor {
		x, sizes := c.in[0], c.attrs.(graph.DynamicSliceAttrs).Dims
		var y []float64
		eachInWindow(x.dims, sizes, c.in[1:], func(_, from int) { y = append(y, x.floats()[from]) })
		return []tensor{{sizes, y}}
	}, 0)
	t.Run("Update", func(t *testing.T) {
		agree(t, updates, func(c call) []tensor {
			x, u := c.in[0], c.in[1]
			y := slices.Clone(x.floats())
			eachInWindow(x.dims, u.dims, c.in[2:], func(from, to int) { y[to] = u.floats()[from] })
			return []tensor{{x.dims, y}}
		}, 0)
	})
}

// eachInWindow calls f with the position of every entry of a window, in the
// window and in the operand, the window's start being moved to where it fits.
func eachInWindow(dims, sizes []int, starts []tensor, f func(window, operand int)) {
	each(sizes, func(window int, idx []int) {
		at := slices.Clone(idx)
		for i, s := range starts {
			at[i] += min(max(int(s.flat.([]int32)[0]), 0), dims[i]-sizes[i])
		}
		operand, _ := offset(dims, at)
		f(window, operand)
	})
}

// Starts of any integer dtype, also one that cannot hold the bounds.
func TestDynamicUpdateSliceStartDTypes(t *testing.T) {
	x := tensor{[]int{300}, make([]float64, 300)}
	u := tensor{[]int{2}, []float64{1, 2}}
	for _, tc := range []struct {
		start any
		want  int
	}{
		{[]int8{-1}, 0}, {[]int8{100}, 100}, {[]uint8{255}, 255}, {[]int64{1 << 40}, 298}, {[]uint32{1<<32 - 1}, 298}, {[]uint64{7}, 7},
	} {
		c := call{backends.OpTypeDynamicUpdateSlice, nil, []tensor{x, u, {nil, tc.start}}}
		want := make([]float64, 300)
		want[tc.want], want[tc.want+1] = 1, 2
		compare(t, c, run(t, goBackend(t), sets()["slices"], c)[0], []tensor{{x.dims, want}}, 0)
	}
}

// Ops that move entries serve every dtype that simplego has.
func TestMovesOtherDTypes(t *testing.T) {
	axes := graph.PadAttrs{Axes: []backends.PadAxis{{Start: 1, Interior: 1}}}
	for _, tc := range []struct{ x, fill, want any }{
		{[]bool{true, true}, []bool{false}, []bool{false, true, false, true}},
		{[]int8{3, 4}, []int8{-1}, []int8{-1, 3, -1, 4}},
		{[]uint64{3, 1 << 63}, []uint64{1}, []uint64{1, 3, 1, 1 << 63}},
		{[]float32{3, 4}, []float32{0.5}, []float32{0.5, 3, 0.5, 4}},
	} {
		c := call{backends.OpTypePad, axes, []tensor{{[]int{2}, tc.x}, {nil, tc.fill}}}
		compare(t, c, run(t, goBackend(t), sets()["slices"], c)[0], []tensor{{[]int{4}, tc.want}}, 0)
	}
	update := call{backends.OpTypeDynamicUpdateSlice, nil, []tensor{
		{[]int{3}, []bool{true, true, true}}, {[]int{1}, []bool{false}}, {nil, []int32{1}},
	}}
	got := run(t, goBackend(t), sets()["slices"], update)[0]
	compare(t, update, got, []tensor{{[]int{3}, []bool{true, false, true}}}, 0)
}
