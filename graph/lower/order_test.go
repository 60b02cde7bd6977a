package lower_test

import (
	"cmp"
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// orders says what each op makes of a comparison's sign.
var orders = map[graph.OpType]func(sign int) bool{
	backends.OpTypeLessThanTotalOrder:       func(s int) bool { return s < 0 },
	backends.OpTypeLessOrEqualTotalOrder:    func(s int) bool { return s <= 0 },
	backends.OpTypeGreaterThanTotalOrder:    func(s int) bool { return s > 0 },
	backends.OpTypeGreaterOrEqualTotalOrder: func(s int) bool { return s >= 0 },
	backends.OpTypeEqualTotalOrder:          func(s int) bool { return s == 0 },
	backends.OpTypeNotEqualTotalOrder:       func(s int) bool { return s != 0 },
}

// TestTotalOrder compares all pairs of odd numbers: as floats, where NaN is of
// positive sign, with the order of their bits, which is IEEE 754's definition,
// and as integers with Go's.
func TestTotalOrder(t *testing.T) {
	values := []float64{
		math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, math.Copysign(0, -1),
		0, math.SmallestNonzeroFloat64, 1, math.MaxFloat64, math.Inf(1), math.NaN(),
	}
	n := len(values)
	whole := make([]int32, n)
	for i := range whole {
		whole[i] = int32(i/2 - 3)
	}
	var calls []call
	for op := range orders {
		calls = append(calls,
			call{op, nil, []tensor{{[]int{n, 1}, values}, {[]int{1, n}, values}}},
			call{op, nil, []tensor{{[]int{n, 1}, whole}, {[]int{1, n}, whole}}})
	}
	agree(t, calls, orderByBits, 0)
}

// TestArgMinMaxOfBooleans is by hand: the first true, or, if there is none, the
// first of all; for a minimum, the first false.
func TestArgMinMaxOfBooleans(t *testing.T) {
	x := tensor{[]int{3, 3}, []bool{false, true, true, false, false, false, true, true, false}}
	for _, tc := range []struct {
		min  bool
		want []int32
	}{{false, []int32{1, 0, 0}}, {true, []int32{0, 0, 2}}} {
		c := call{backends.OpTypeArgMinMax, graph.ArgMinMaxAttrs{Axis: 1, DType: dtypes.Int32, IsMin: tc.min}, []tensor{x}}
		agree(t, []call{c}, func(call) []tensor { return []tensor{{[]int{3}, tc.want}} }, 0)
	}
}

func orderByBits(c call) []tensor {
	key := func(x tensor, i int) int64 {
		switch flat := x.flat.(type) {
		case []int32:
			return int64(flat[i])
		case []float64:
			b := int64(math.Float64bits(flat[i]))
			if b < 0 { // negative floats have the opposite order of their bits
				b = math.MinInt64 - b - 1
			}
			return b
		}
		panic("dtype")
	}
	n := c.in[0].dims[0]
	var out []bool
	for i := range n {
		for j := range n {
			s := cmp.Compare(key(c.in[0], i), key(c.in[1], j))
			out = append(out, orders[c.op](s))
		}
	}
	return []tensor{{[]int{n, n}, out}}
}
