package lower_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

func TestSelectAndScatter(t *testing.T) {
	coin := func(r *rand.Rand) float64 { return float64(r.IntN(2)) }
	// All −∞: a padding entry as large as the maximum must not be selected.
	infinite := func(r *rand.Rand) float64 { return math.Inf(-1 + 2*(r.IntN(4)/3)) }
	nan := func(r *rand.Rand) float64 {
		if r.IntN(4) == 0 {
			return math.NaN()
		}
		return r.NormFloat64()
	}
	for _, tc := range []struct {
		name    string
		draw    func(r *rand.Rand) float64
		padding bool
		n       int
		check   func(*testing.T, []call, func(call) []tensor, float64)
	}{
		{"distinct", (*rand.Rand).NormFloat64, true, 20, agree},
		{"ties", coin, false, 10, agree},
		{"NaN", nan, false, 10, agree},
		// XLA on a CPU visits padded windows in another order than row-major,
		// which shows where entries tie or are NaN.
		{"ties, padded", coin, true, 40, agreeInGo},
		{"infinite, padded", infinite, true, 40, agreeInGo},
		{"NaN, padded", nan, true, 40, agreeInGo},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := seeded(20)
			var calls []call
			for len(calls) < tc.n {
				if c, ok := randomSelect(r, tc.draw, tc.padding); ok {
					calls = append(calls, c)
				}
			}
			// Sums of a few numbers of order one, in another order.
			tc.check(t, calls, selectByLoops, 1e-14)
		})
	}
}

// randomSelect draws windows each of which has an entry: what XLA adds where
// there is none is undefined.
func randomSelect(r *rand.Rand, draw func(*rand.Rand) float64, padding bool) (call, bool) {
	op := backends.OpTypeSelectAndScatterMax
	if r.IntN(3) == 0 {
		op = backends.OpTypeSelectAndScatterMin
	}
	rank := between(r, 1, 4)
	var a graph.SelectAndScatterAttrs
	var dims, out []int
	for range rank {
		d, k, s := between(r, 1, 7), between(r, 1, 4), between(r, 1, 3)
		var p [2]int
		if padding {
			p = [2]int{between(r, 0, k-1), between(r, 0, k-1)}
		}
		if d+p[0]+p[1] < k {
			return call{}, false
		}
		n := (d+p[0]+p[1]-k)/s + 1
		dims, out = append(dims, d), append(out, n)
		a.Window, a.Strides, a.Paddings = append(a.Window, k), append(a.Strides, s), append(a.Paddings, p)
	}
	x := normal(r, dims...)
	for i := range x.floats() {
		x.floats()[i] = draw(r)
	}
	return call{op, a, []tensor{x, normal(r, out...)}}, true
}

// selectByLoops visits the entries of each window in order.
func selectByLoops(c call) []tensor {
	a, x, source := c.attrs.(graph.SelectAndScatterAttrs), c.in[0], c.in[1]
	y := make([]float64, len(x.floats()))
	each(source.dims, func(from int, o []int) {
		to := -1
		each(a.Window, func(_ int, k []int) {
			idx := make([]int, len(o))
			for i := range o {
				idx[i] = o[i]*a.Strides[i] + k[i] - a.Paddings[i][0]
			}
			at, ok := offset(x.dims, idx)
			if !ok {
				return
			}
			if to >= 0 {
				best, entry := x.floats()[to], x.floats()[at]
				if c.op == backends.OpTypeSelectAndScatterMin {
					best, entry = -best, -entry
				}
				if best >= entry {
					return
				}
			}
			to = at
		})
		if to >= 0 {
			y[to] += source.floats()[from]
		}
	})
	return []tensor{{x.dims, y}}
}

// Windows in the padding, and windows that negative padding cuts off: by loops only.
func TestSelectAndScatterEmptyWindows(t *testing.T) {
	r := seeded(22)
	for _, p := range [][2]int{{3, 0}, {0, 4}, {-1, 3}, {-2, -1}, {5, -2}} {
		d, k, s := 6, 2, 2
		a := graph.SelectAndScatterAttrs{Window: []int{1, k}, Strides: []int{1, s}, Paddings: [][2]int{{0, 0}, p}}
		n := (d+p[0]+p[1]-k)/s + 1
		c := call{backends.OpTypeSelectAndScatterMax, a, []tensor{normal(r, 2, d), normal(r, 2, n)}}
		compare(t, c, run(t, goBackend(t), sets()["slices"], c)[0], selectByLoops(c), 0)
	}
}
