package jvp

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// A call is the application of an op of which at least one operand has a tangent.
type call struct {
	m     *Map
	o     graph.Ops // over the inner Interpreter
	op    graph.OpType
	attrs graph.Attrs
	in    []*Value
	y     graph.Op // the op's output, an inner value
}

// A rule returns the tangent of the only output of a call, an inner value of
// the output's shape, or nil for zero. It panics with an error like graph.Ops does.
type rule func(c call) graph.Op

// do applies the op of c with its attributes to inner values.
func (c call) do(in ...graph.Op) graph.Op { return c.o.Do(c.op, c.attrs, in...) }

// x returns the primal of operand i, t its tangent, nil if zero.
func (c call) x(i int) graph.Op { return c.in[i].X }
func (c call) t(i int) graph.Op { return c.in[i].T }

// full returns the tangent of operand i, zeros if it is nil.
func (c call) full(i int) graph.Op { return c.m.tangent(c.in[i]) }

// dual returns the ops that compute with values of the Map: an op whose rule is
// that of a formula in other ops is differentiated by writing the formula.
func (c call) dual() graph.Ops { return graph.Ops{It: c.m} }

// scalar returns a constant of the output's dtype.
func (c call) scalar(v float64) graph.Op { return scalar(c.o, c.o.DType(c.y), v) }

// scalar returns a constant of a dtype of floats. Those of 16 bits are
// converted: a Program has no such constants.
func scalar(o graph.Ops, dt dtypes.DType, v float64) graph.Op {
	if dt.IsFloat16() {
		return o.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, o.Scalar(dtypes.Float32, v))
	}
	return o.Scalar(dt, v)
}

// rules says how each op is differentiated. Ops of integers and booleans alone
// are not here: their operands have no tangents.
var rules map[graph.OpType]rule

// The table refers to rules that refer to it: hence no initializer.
func init() {
	rules = map[graph.OpType]rule{
		backends.OpTypeAbs:      abs,
		backends.OpTypeNeg:      linear,
		backends.OpTypeExp:      exp,
		backends.OpTypeExpm1:    expm1,
		backends.OpTypeLog:      log,
		backends.OpTypeLog1p:    log1p,
		backends.OpTypeLogistic: logistic,
		backends.OpTypeTanh:     tanh,
		backends.OpTypeSin:      sin,
		backends.OpTypeCos:      cos,
		backends.OpTypeSqrt:     sqrt,
		backends.OpTypeRsqrt:    rsqrt,
		backends.OpTypeErf:      erf,

		backends.OpTypeSign:     zero,
		backends.OpTypeFloor:    zero,
		backends.OpTypeCeil:     zero,
		backends.OpTypeRound:    zero,
		backends.OpTypeIsFinite: zero,
		backends.OpTypeIsNaN:    zero,

		backends.OpTypeAdd: add,
		backends.OpTypeSub: sub,
		backends.OpTypeMul: bilinear,
		backends.OpTypeDiv: div,
		backends.OpTypeRem: rem,
		backends.OpTypePow: pow,
		backends.OpTypeMax: maximum,
		backends.OpTypeMin: minimum,

		backends.OpTypeWhere:        where,
		backends.OpTypeClamp:        clamp,
		backends.OpTypeIdentity:     identity,
		backends.OpTypeConvertDType: convertDType,

		backends.OpTypeBroadcastInDim:     linear,
		backends.OpTypeReshape:            linear,
		backends.OpTypeTranspose:          linear,
		backends.OpTypeSlice:              linear,
		backends.OpTypeReverse:            linear,
		backends.OpTypeConcatenate:        jointlyLinear,
		backends.OpTypePad:                jointlyLinear,
		backends.OpTypeGather:             gather,
		backends.OpTypeDynamicSlice:       dynamicSlice,
		backends.OpTypeDynamicUpdateSlice: dynamicUpdateSlice,

		backends.OpTypeReduceSum:     reduceSum,
		backends.OpTypeReduceMax:     reduceExtremum,
		backends.OpTypeReduceMin:     reduceExtremum,
		backends.OpTypeReduceProduct: reduceProduct,
		backends.OpTypeArgMinMax:     zero,
		backends.OpTypeReduceWindow:  reduceWindow,

		backends.OpTypeScatterSum:          scatterSum,
		backends.OpTypeScatterMax:          scatterExtremum,
		backends.OpTypeScatterMin:          scatterExtremum,
		backends.OpTypeSelectAndScatterMax: selectAndScatter,
		backends.OpTypeSelectAndScatterMin: selectAndScatter,

		backends.OpTypeDotGeneral:            bilinear,
		backends.OpTypeConvGeneral:           bilinear,
		backends.OpTypeBatchNormForInference: batchNormForInference,
	}
	for op := graph.OpType(0); op < backends.OpTypeLast; op++ {
		if graph.IsComparison(op) {
			rules[op] = zero
		}
	}
}

const noComplex = "complex numbers are not supported"

// Refused lists the ops of backends.Builder that cannot be applied to values
// with a tangent, and why. Ops of integers and booleans alone are not among
// them: nothing there has a tangent.
var Refused = map[graph.OpType]string{
	backends.OpTypeBitcast:   "bits of a float have no derivative; stop the gradient before",
	backends.OpTypeAllReduce: "it spans devices, a Program runs on one",
	backends.OpTypeDot:       "recording turns it into DotGeneral",
	backends.OpTypeFFT:       noComplex,
	backends.OpTypeComplex:   noComplex,
	backends.OpTypeReal:      noComplex,
	backends.OpTypeImag:      noComplex,
	backends.OpTypeConj:      noComplex,
}
