package lower_test

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// DotGeneral of integers, which simplego cannot do.
func TestIntegerDot(t *testing.T) {
	r := seeded(60)
	var calls []call
	for range 30 {
		var a graph.DotGeneralAttrs
		var l, r2 []int // dimensions
		lp, rp := r.Perm(5), r.Perm(5)
		batch, contracted := r.IntN(3), r.IntN(3)
		lrank, rrank := batch+contracted+r.IntN(2), batch+contracted+r.IntN(2)
		lp, rp = slices.DeleteFunc(lp, func(i int) bool { return i >= lrank }), slices.DeleteFunc(rp, func(i int) bool { return i >= rrank })
		l, r2 = make([]int, lrank), make([]int, rrank)
		for i := range l {
			l[i] = between(r, 1, 5)
		}
		for i := range r2 {
			r2[i] = between(r, 1, 5)
		}
		for i := range batch + contracted {
			r2[rp[i]] = l[lp[i]]
		}
		a.LB, a.RB = lp[:batch], rp[:batch]
		a.LC, a.RC = lp[batch:batch+contracted], rp[batch:batch+contracted]
		c := call{backends.OpTypeDotGeneral, a, []tensor{normal(r, l...), normal(r, r2...)}}
		for i, x := range c.in {
			ints := make([]int64, len(x.floats()))
			for j := range ints {
				ints[j] = int64(r.Uint64()) // wraps around
			}
			c.in[i].flat = ints
		}
		calls = append(calls, c)
	}
	agree(t, calls, dotByLoops, 0)
}

// dotByLoops adds the product of every two entries that meet.
func dotByLoops(c call) []tensor {
	if _, ok := c.in[0].flat.([]float64); ok {
		return dotByLoopsOf[float64](c)
	}
	return dotByLoopsOf[int64](c)
}

func dotByLoopsOf[T int64 | float64](c call) []tensor {
	a, l, r := c.attrs.(graph.DotGeneralAttrs), c.in[0], c.in[1]
	lx, rx := graph.CrossAxes(len(l.dims), a.LC, a.LB), graph.CrossAxes(len(r.dims), a.RC, a.RB)
	dims := []int{}
	for _, i := range a.LB {
		dims = append(dims, l.dims[i])
	}
	for _, i := range lx {
		dims = append(dims, l.dims[i])
	}
	for _, i := range rx {
		dims = append(dims, r.dims[i])
	}
	size := 1
	for _, d := range dims {
		size *= d
	}
	y := make([]T, size)
	each(l.dims, func(i int, p []int) {
		each(r.dims, func(j int, q []int) {
			for k := range a.LC {
				if p[a.LC[k]] != q[a.RC[k]] {
					return
				}
			}
			var at []int
			for k, axis := range a.LB {
				if p[axis] != q[a.RB[k]] {
					return
				}
				at = append(at, p[axis])
			}
			for _, axis := range lx {
				at = append(at, p[axis])
			}
			for _, axis := range rx {
				at = append(at, q[axis])
			}
			to, _ := offset(dims, at)
			y[to] += l.flat.([]T)[i] * r.flat.([]T)[j]
		})
	})
	return []tensor{{dims, y}}
}

// Products with a large operand that is contracted along its last axes, with
// any axes of the other, are turned; others stay.
func TestTurnedDot(t *testing.T) {
	r := seeded(61)
	x, w := normal(r, 3, 4, 2), normal(r, 9, 5, 2, 3)
	turned := []call{
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{2, 0}, RC: []int{2, 3}}, []tensor{x, w}},
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{0}, RC: []int{3}}, []tensor{normal(r, 3), w}},
	}
	plain := []call{
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{2}, RC: []int{2}}, []tensor{x, w}},                                              // not the last axis
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{0}, RC: []int{1}}, []tensor{w, normal(r, 4, 9)}},                                // the small one
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{2}, RC: []int{1}}, []tensor{x, normal(r, 3, 2)}},                                // a large result
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{2}, RC: []int{3}, LB: []int{0}, RB: []int{2}}, []tensor{normal(r, 2, 1, 3), w}}, // a batch
	}
	need := lower.XLA().Ops[backends.OpTypeDotGeneral]
	for i, c := range append(plain, turned...) {
		if got, want := need(c.attrs, []shapes.Shape{c.in[0].shape(), c.in[1].shape()}), i >= len(plain); got != want {
			t.Errorf("%v: turned %v, want %v", c, got, want)
		}
	}
	agree(t, append(turned, plain...), dotByLoops, 1e-14) // another order of at most 6 summands
}
