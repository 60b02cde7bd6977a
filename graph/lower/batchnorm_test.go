package lower_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

func TestBatchNorm(t *testing.T) {
	r := seeded(30)
	for _, op := range []graph.OpType{
		backends.OpTypeBatchNormForInference, backends.OpTypeBatchNormForTraining, backends.OpTypeBatchNormGradient,
	} {
		t.Run(op.String(), func(t *testing.T) {
			var calls []call
			for range 6 {
				dims := make([]int, between(r, 2, 4))
				for i := range dims {
					dims[i] = between(r, 2, 5)
				}
				axis := r.IntN(len(dims))
				a := graph.BatchNormAttrs{Epsilon: 1e-3, Axis: axis}
				n := dims[axis]
				x, scale, offset, mean, variance := normal(r, dims...), normal(r, n), normal(r, n), normal(r, n), normal(r, n)
				for i, v := range variance.floats() {
					variance.floats()[i] = math.Abs(v)
				}
				c := call{op, a, []tensor{x, scale, offset, mean, variance}}
				switch op {
				case backends.OpTypeBatchNormForTraining:
					c.in = c.in[:3]
				case backends.OpTypeBatchNormGradient:
					c.in = []tensor{x, scale, mean, variance, normal(r, dims...)}
				}
				calls = append(calls, c)
			}
			// Divided by standard deviations, at the least √ε: 1e-15/ε.
			agree(t, calls, normByLoops, 1e-12)
		})
	}
}

// normByLoops evaluates the three definitions feature by feature.
func normByLoops(c call) []tensor {
	a, x := c.attrs.(graph.BatchNormAttrs), c.in[0]
	eps := float64(a.Epsilon)
	features := x.dims[a.Axis]
	y := tensor{x.dims, make([]float64, len(x.floats()))}
	first, second := tensor{[]int{features}, make([]float64, features)}, tensor{[]int{features}, make([]float64, features)}
	for f := range features {
		over := func(g func(i int)) {
			each(x.dims, func(i int, idx []int) {
				if idx[a.Axis] == f {
					g(i)
				}
			})
		}
		count := float64(len(x.floats()) / features)
		scale := c.in[1].floats()[f]
		switch c.op {
		case backends.OpTypeBatchNormForInference:
			offset, mean, variance := c.in[2].floats()[f], c.in[3].floats()[f], c.in[4].floats()[f]
			over(func(i int) {
				y.floats()[i] = scale*(x.floats()[i]-mean)/math.Sqrt(variance+eps) + offset
			})
		case backends.OpTypeBatchNormForTraining:
			var mean, variance float64
			over(func(i int) { mean += x.floats()[i] / count })
			over(func(i int) { variance += (x.floats()[i] - mean) * (x.floats()[i] - mean) / count })
			over(func(i int) {
				y.floats()[i] = scale*(x.floats()[i]-mean)/math.Sqrt(variance+eps) + c.in[2].floats()[f]
			})
			first.floats()[f], second.floats()[f] = mean, variance
		case backends.OpTypeBatchNormGradient:
			mean, deviation := c.in[2].floats()[f], math.Sqrt(c.in[3].floats()[f]+eps)
			delta := c.in[4].floats()
			over(func(i int) {
				first.floats()[f] += delta[i] * (x.floats()[i] - mean) / deviation
				second.floats()[f] += delta[i]
			})
			over(func(i int) {
				z := (x.floats()[i] - mean) / deviation
				y.floats()[i] = scale / deviation * (delta[i] - second.floats()[f]/count - z*first.floats()[f]/count)
			})
		}
	}
	if c.op == backends.OpTypeBatchNormForInference {
		return []tensor{y}
	}
	return []tensor{y, first, second}
}
