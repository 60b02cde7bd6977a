package lower

import (
	"fmt"
	"reflect"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// filler returns the number v as a scalar of any numeric dtype, also of those
// that have no constants of their own.
func (b builder) filler(dt dtypes.DType, v float64) graph.Op {
	if dt.IsFloat16() {
		return b.convert(b.Scalar(dtypes.Float32, v), dt)
	}
	return b.Scalar(dt, v)
}

// convert converts v to dt.
func (b builder) convert(v graph.Op, dt dtypes.DType) graph.Op {
	if b.DType(v) == dt {
		return v
	}
	return b.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, v)
}

// neutral returns the scalar that does not change what it is reduced with: the
// infinities for Max and Min of floats, the extreme values for those of integers.
func (b builder) neutral(dt dtypes.DType, op graph.OpType) graph.Op {
	switch op {
	case backends.OpTypeAdd:
		return b.filler(dt, 0)
	case backends.OpTypeMul:
		return b.filler(dt, 1)
	}
	extreme := dt.LowestValue()
	if op == backends.OpTypeMin {
		extreme = dt.HighestValue()
	}
	// The extreme of Int8 comes as an int16.
	flat := reflect.MakeSlice(reflect.SliceOf(dt.GoType()), 1, 1)
	v := reflect.ValueOf(extreme)
	if !v.CanConvert(dt.GoType()) {
		panic(fmt.Errorf("no extreme value of dtype %s", dt))
	}
	flat.Index(0).Set(v.Convert(dt.GoType()))
	return b.Do(backends.OpTypeConstant, graph.ConstantAttrs{Flat: flat.Interface()})
}
