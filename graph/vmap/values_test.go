package vmap_test

import (
	"math"
	"math/rand/v2"
	"reflect"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// A spec says what values an operand has.
type spec struct {
	dt   dtypes.DType
	dims []int
	// draw returns a value; booleans are drawn from 0 and 1.
	draw func(r *rand.Rand) float64
}

// fill draws n examples.
func (s spec) fill(r *rand.Rand, n int) operand {
	shape := shapes.Make(s.dt, s.dims...)
	flat := reflect.ValueOf(makeFlat(s.dt, n*shape.Size()))
	for i := range flat.Len() {
		x := s.draw(r)
		if s.dt == dtypes.Bool {
			flat.Index(i).SetBool(x != 0)
		} else {
			flat.Index(i).Set(reflect.ValueOf(x).Convert(s.dt.GoType()))
		}
	}
	return operand{shape, flat.Interface()}
}

// floats are standard normal.
func floats(dims ...int) spec {
	return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return r.NormFloat64() }}
}

// positives lie in [0.5, 1.5).
func positives(dims ...int) spec {
	return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return 0.5 + r.Float64() }}
}

// integers lie in [lo, hi].
func integers(dt dtypes.DType, lo, hi int, dims ...int) spec {
	return spec{dt, dims, func(r *rand.Rand) float64 { return float64(lo + r.IntN(hi-lo+1)) }}
}

func booleans(dims ...int) spec { return integers(dtypes.Bool, 0, 1, dims...) }

// oddFloats are often NaN or infinite, or zero of either sign.
func oddFloats(dims ...int) spec {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1}
	return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return odd[r.IntN(len(odd))] }}
}

// seeded returns the generator of a test.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
