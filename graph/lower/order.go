package lower

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// byTotalOrder are the ops that compare by total order.
var byTotalOrder = []graph.OpType{
	backends.OpTypeEqualTotalOrder, backends.OpTypeNotEqualTotalOrder,
	backends.OpTypeLessThanTotalOrder, backends.OpTypeLessOrEqualTotalOrder,
	backends.OpTypeGreaterThanTotalOrder, backends.OpTypeGreaterOrEqualTotalOrder,
}

// totalOrder lowers comparisons by total order, in which −0 < 0 and NaN is
// above everything and equal to itself. Of x and y it needs "less" alone:
//
//	x < y  or  x = y = 0, 1/x < 1/y  or  y is NaN, x is not.
//
// IEEE 754 has NaNs of negative sign below everything. Backends without these
// ops do not show the sign of a NaN: here they are like the others.
func totalOrder(b builder, op graph.OpType, _ graph.Attrs, in []graph.Op, _ []shapes.Shape) []graph.Op {
	x, y := in[0], in[1]
	not := func(v graph.Op) graph.Op { return b.Do(backends.OpTypeLogicalNot, nil, v) }
	var v graph.Op
	switch op {
	case backends.OpTypeLessThanTotalOrder:
		v = b.less(x, y)
	case backends.OpTypeGreaterThanTotalOrder:
		v = b.less(y, x)
	case backends.OpTypeLessOrEqualTotalOrder:
		v = not(b.less(y, x))
	case backends.OpTypeGreaterOrEqualTotalOrder:
		v = not(b.less(x, y))
	default:
		v = b.Do(backends.OpTypeLogicalOr, nil, b.less(x, y), b.less(y, x))
		if op == backends.OpTypeEqualTotalOrder {
			v = not(v)
		}
	}
	return []graph.Op{v}
}

// ofBooleans is the condition of an op whose operand is of booleans.
func ofBooleans(_ graph.Attrs, in []shapes.Shape) bool { return in[0].DType == dtypes.Bool }

// argMinMax lowers ArgMinMax of booleans to one of numbers.
func argMinMax(b builder, op graph.OpType, attrs graph.Attrs, in []graph.Op, _ []shapes.Shape) []graph.Op {
	return []graph.Op{b.Do(op, attrs, b.convert(in[0], dtypes.Int32))}
}

// less returns whether x is before y in the total order.
func (b builder) less(x, y graph.Op) graph.Op {
	lt := func(x, y graph.Op) graph.Op { return b.Do(backends.OpTypeLessThan, nil, x, y) }
	v := lt(x, y)
	dt := b.DType(x)
	if !dt.IsFloat() {
		return v
	}
	and := func(v, w graph.Op) graph.Op { return b.Do(backends.OpTypeLogicalAnd, nil, v, w) }
	or := func(v, w graph.Op) graph.Op { return b.Do(backends.OpTypeLogicalOr, nil, v, w) }
	isNaN := func(v graph.Op) graph.Op { return b.Do(backends.OpTypeNotEqual, nil, v, v) }
	inverse := func(v graph.Op) graph.Op { return b.Do(backends.OpTypeDiv, nil, b.filler(dt, 1), v) }
	isZero := func(v graph.Op) graph.Op { return b.Do(backends.OpTypeEqual, nil, v, b.filler(dt, 0)) }
	zeros := and(and(isZero(x), isZero(y)), lt(inverse(x), inverse(y)))
	nans := and(isNaN(y), b.Do(backends.OpTypeLogicalNot, nil, isNaN(x)))
	return or(or(v, zeros), nans)
}
