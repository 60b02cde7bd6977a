package axes_test

import (
	"math/rand/v2"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

const batch = 4 // not prime: reshapes can split it

// randomProgram returns a program of about ten ops on one input x [4, …] and an
// output with a first axis of 4, or nil if none came out.
func randomProgram(rng *rand.Rand) (*graph.Program, *graph.Value) {
	rec := graph.NewRecorder("random")
	o := graph.Ops{It: rec}
	param := func(name string, dims ...int) graph.Op {
		return o.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: shapes.Make(dtypes.Float64, dims...)})
	}
	x := param("x", [][]int{{batch, 2}, {batch, 4}, {batch, 2, 3}, {batch, 3}}[rng.IntN(4)]...)
	pool := []graph.Op{x, param("w", 4, 4), param("v", 2, 4), param("u", 3)}
	for range 8 + rng.IntN(20) {
		var y graph.Op
		// Operands that do not fit give an error of shapes, and no op.
		if err := graph.Catch(func() { y = randomOp(o, pool, rng) }); err == nil && y != nil {
			if s := o.Shape(y); s.Size() > 0 && s.Size() <= 512 && s.Rank() <= 4 {
				pool = append(pool, y)
			}
		}
	}
	// The last value that depends on x and has a row for each example.
	p := rec.Program(pool...)
	dep := p.DependsOn(x.(*graph.Value))
	for i := len(pool) - 1; i > 3; i-- {
		v := pool[i].(*graph.Value)
		if dep[v] && v.Shape.Rank() > 0 && v.Shape.Dimensions[0] == batch {
			return rec.Program(v), x.(*graph.Value)
		}
	}
	return nil, nil
}

func randomOp(o graph.Ops, pool []graph.Op, rng *rand.Rand) graph.Op {
	pick := func() graph.Op {
		if rng.IntN(2) == 0 { // recent values, so that programs are deep
			return pool[len(pool)-1]
		}
		return pool[rng.IntN(len(pool))]
	}
	x, y := pick(), pick()
	d := o.Dims(x)
	rank := len(d)
	axis := func() int { return rng.IntN(rank) }
	if rank == 0 {
		return o.BroadcastInDim(x, []int{batch, 2}, nil)
	}
	switch rng.IntN(16) {
	case 0:
		return o.Do(backends.OpTypeSin, nil, x)
	case 1, 2:
		op := []graph.OpType{backends.OpTypeAdd, backends.OpTypeMul, backends.OpTypeMax}[rng.IntN(3)]
		return o.Do(backends.OpTypeSin, nil, o.Do(op, nil, x, y))
	case 3:
		return o.Transpose(x, rng.Perm(rank)...)
	case 4, 5:
		return o.Reshape(x, randomDims(o.Shape(x).Size(), rng)...)
	case 6:
		op := []graph.OpType{backends.OpTypeReduceSum, backends.OpTypeReduceMax}[rng.IntN(2)]
		return o.Do(op, graph.ReduceAttrs{Axes: []int{axis()}}, x)
	case 7: // insert an axis, perhaps repeat along it
		at := rng.IntN(rank + 1)
		dims := append([]int{}, d[:at]...)
		dims = append(append(dims, []int{1, 2, batch}[rng.IntN(3)]), d[at:]...)
		var to []int
		for i := range rank {
			if i < at {
				to = append(to, i)
			} else {
				to = append(to, i+1)
			}
		}
		return o.BroadcastInDim(x, dims, to)
	case 8:
		starts, limits := make([]int, rank), append([]int{}, d...)
		k := axis()
		starts[k] = rng.IntN(d[k])
		limits[k] = starts[k] + 1 + rng.IntN(d[k]-starts[k])
		return o.Slice(x, starts, limits, nil)
	case 9:
		return o.Concatenate(axis(), x, y)
	case 10, 11, 12:
		return randomDot(o, x, y, rng)
	case 13:
		n := 1 + rng.IntN(3)
		ix := o.Do(backends.OpTypeConstant, graph.ConstantAttrs{Flat: []int32{0, 1, 0}[:n], Dims: []int{n, 1}})
		k := axis()
		sizes, offsets := append([]int{}, d...), []int{}
		sizes[k] = 1
		for i := 1; i < rank; i++ {
			offsets = append(offsets, i)
		}
		return o.Do(backends.OpTypeGather, graph.GatherAttrs{
			IndexVectorAxis: 1, OffsetOutputAxes: offsets,
			CollapsedSliceAxes: []int{k}, StartIndexMap: []int{k}, SliceSizes: sizes,
		}, x, ix)
	case 14:
		s := shapes.Make(dtypes.Float64, batch, 2)
		return o.Do(backends.OpTypeIota, graph.IotaAttrs{Shape: s, Axis: rng.IntN(2)})
	default:
		k := axis()
		window, strides := make([]int, rank), make([]int, rank)
		dil := make([]int, rank)
		for i := range window {
			window[i], strides[i], dil[i] = 1, 1, 1
		}
		window[k] = 2
		pads := make([][2]int, rank)
		pads[k][rng.IntN(2)] = rng.IntN(2)
		return o.Do(backends.OpTypeReduceWindow, graph.ReduceWindowAttrs{
			Type: backends.ReduceOpSum, Window: window,
			Strides: strides, BaseDilations: dil, WindowDilations: dil, Paddings: pads,
		}, x)
	}
}

// randomDot contracts and batches random pairs of axes of equal size.
func randomDot(o graph.Ops, x, y graph.Op, rng *rand.Rand) graph.Op {
	var lc, lb, rc, rb []int
	used := map[int]bool{}
	for i, m := range o.Dims(x) {
		for j, n := range o.Dims(y) {
			if m != n || used[j] || rng.IntN(3) == 0 {
				continue
			}
			used[j] = true
			if rng.IntN(3) == 0 {
				lb, rb = append(lb, i), append(rb, j)
			} else {
				lc, rc = append(lc, i), append(rc, j)
			}
			break
		}
	}
	return o.Do(backends.OpTypeSin, nil, o.DotGeneral(x, lc, lb, y, rc, rb))
}

// randomDims returns a random ordered factorization of n.
func randomDims(n int, rng *rand.Rand) []int {
	var dims []int
	for n > 1 && len(dims) < 3 {
		d := 1 + rng.IntN(n)
		for n%d != 0 {
			d--
		}
		if d > 1 {
			dims = append(dims, d)
			n /= d
		}
	}
	if n > 1 || len(dims) == 0 {
		dims = append(dims, n)
	}
	return dims
}
