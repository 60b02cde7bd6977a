package lower_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

func TestReduceWindow(t *testing.T) {
	for _, kind := range []backends.ReduceOpType{
		backends.ReduceOpMax, backends.ReduceOpMin, backends.ReduceOpSum, backends.ReduceOpProduct,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			r := seeded(uint64(10 + kind))
			var calls []call
			for len(calls) < 20 {
				if c, ok := randomWindows(r, kind, false); ok {
					calls = append(calls, c)
				}
			}
			// Long windows in short steps, which double; and global ones.
			for _, k := range []int{16, 31, 40} {
				for _, step := range []int{1, 2} {
					calls = append(calls, call{backends.OpTypeReduceWindow, graph.ReduceWindowAttrs{
						Type: kind, Window: []int{1, k}, Strides: []int{1, step}, Paddings: [][2]int{{0, 0}, {k - 1, 0}},
						BaseDilations: []int{1, 1}, WindowDilations: []int{1, 1},
					}, []tensor{normal(r, 2, 40)}})
				}
			}
			// Sums and products in another order; maxima are compared with the
			// same tolerance, and are equal.
			agree(t, calls, windowByLoops, 1e-12)

			// A maximum with NaN is NaN. XLA on a CPU keeps to that or not, as
			// its fast comparisons happen to be vectorized.
			t.Run("NaN", func(t *testing.T) {
				calls = nil
				for len(calls) < 20 {
					if c, ok := randomWindows(r, kind, true); ok {
						calls = append(calls, c)
					}
				}
				agreeInGo(t, calls, windowByLoops, 1e-12)
			})
		})
	}
}

// By hand: of booleans the maximum is "or" and the minimum "and"; padding
// changes neither.
func TestReduceWindowOfBooleans(t *testing.T) {
	x := tensor{[]int{5}, []bool{false, true, true, false, true}}
	for kind, want := range map[backends.ReduceOpType][]bool{
		backends.ReduceOpMax: {false, true, true, true, true, true},
		backends.ReduceOpMin: {false, false, true, false, false, true},
	} {
		a := graph.ReduceWindowAttrs{
			Type: kind, Window: []int{2}, Strides: []int{1}, BaseDilations: []int{1}, WindowDilations: []int{1},
			Paddings: [][2]int{{1, 1}},
		}
		agree(t, []call{{backends.OpTypeReduceWindow, a, []tensor{x}}}, func(call) []tensor { return []tensor{{[]int{6}, want}} }, 0)
	}
}

func randomWindows(r *rand.Rand, kind backends.ReduceOpType, nan bool) (call, bool) {
	rank := between(r, 1, 4)
	a := graph.ReduceWindowAttrs{Type: kind}
	var dims []int
	for range rank {
		d, k := between(r, 1, 7), between(r, 1, 4)
		p := [2]int{between(r, 0, 2), between(r, 0, 2)}
		base, dilation := between(r, 1, 2), between(r, 1, 2)
		if p[0]+p[1]+(d-1)*base+1 < (k-1)*dilation+1 {
			return call{}, false
		}
		dims = append(dims, d)
		a.Window, a.Strides = append(a.Window, k), append(a.Strides, between(r, 1, 3))
		a.BaseDilations, a.WindowDilations = append(a.BaseDilations, base), append(a.WindowDilations, dilation)
		a.Paddings = append(a.Paddings, p)
	}
	x := normal(r, dims...)
	for i := range x.floats() {
		switch r.IntN(40) {
		case 0:
			if nan {
				x.floats()[i] = math.NaN()
			}
		case 1:
			if kind == backends.ReduceOpMax || kind == backends.ReduceOpMin {
				x.floats()[i] = math.Inf(2*r.IntN(2) - 1)
			}
		}
	}
	return call{backends.OpTypeReduceWindow, a, []tensor{x}}, true
}

// windowByLoops reduces the entries of each window one by one.
func windowByLoops(c call) []tensor {
	a, x := c.attrs.(graph.ReduceWindowAttrs), c.in[0]
	dims := make([]int, len(x.dims))
	for i, d := range x.dims {
		size := a.Paddings[i][0] + a.Paddings[i][1] + (d-1)*a.BaseDilations[i] + 1
		dims[i] = (size-(a.Window[i]-1)*a.WindowDilations[i]-1)/a.Strides[i] + 1
	}
	var y []float64
	each(dims, func(_ int, o []int) {
		acc := map[backends.ReduceOpType]float64{
			backends.ReduceOpMax: math.Inf(-1), backends.ReduceOpMin: math.Inf(1), backends.ReduceOpProduct: 1,
		}[a.Type]
		each(a.Window, func(_ int, k []int) {
			idx := make([]int, len(o))
			for i := range o {
				p := o[i]*a.Strides[i] + k[i]*a.WindowDilations[i] - a.Paddings[i][0]
				if p%a.BaseDilations[i] != 0 {
					return
				}
				idx[i] = p / a.BaseDilations[i]
			}
			at, ok := offset(x.dims, idx)
			if !ok {
				return
			}
			switch v := x.floats()[at]; a.Type {
			case backends.ReduceOpMax:
				acc = max(acc, v)
			case backends.ReduceOpMin:
				acc = min(acc, v)
			case backends.ReduceOpProduct:
				acc *= v
			default:
				acc += v
			}
		})
		y = append(y, acc)
	})
	return []tensor{{dims, y}}
}

// Integers have no infinities to pad with.
func TestReduceWindowIntegers(t *testing.T) {
	for _, tc := range []struct {
		kind    backends.ReduceOpType
		x, want any
	}{
		{backends.ReduceOpMax, []int8{-128, -3, -5}, []int8{-128, -3, -3, -5}},
		{backends.ReduceOpMin, []int64{math.MaxInt64, 3, 5}, []int64{math.MaxInt64, 3, 3, 5}},
		{backends.ReduceOpMax, []uint8{0, 3, 5}, []uint8{0, 3, 5, 5}},
	} {
		t.Run(fmt.Sprintf("%s of %T", tc.kind, tc.x), func(t *testing.T) {
			c := call{backends.OpTypeReduceWindow, graph.ReduceWindowAttrs{
				Type: tc.kind, Window: []int{2}, Strides: []int{1}, Paddings: [][2]int{{1, 1}},
				BaseDilations: []int{1}, WindowDilations: []int{1},
			}, []tensor{{[]int{3}, tc.x}}}
			compare(t, c, run(t, goBackend(t), sets()["slices"], c)[0], []tensor{{[]int{4}, tc.want}}, 0)
		})
	}
}
