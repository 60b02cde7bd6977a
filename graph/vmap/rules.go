package vmap

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// rules says how each op is batched.
var rules map[graph.OpType]rule

// The table refers to rules that refer to it: hence no initializer.
func init() {
	rules = map[graph.OpType]rule{
		backends.OpTypeWhere: exact,
		backends.OpTypeClamp: clamp,

		backends.OpTypeIdentity:     sameAttrs,
		backends.OpTypeConvertDType: sameAttrs,
		backends.OpTypeBitcast:      sameAttrs,

		backends.OpTypeBroadcastInDim: broadcastInDim,
		backends.OpTypeReshape:        reshape,
		backends.OpTypeTranspose:      transpose,
		backends.OpTypeConcatenate:    concatenate,
		backends.OpTypeSlice:          slice,
		backends.OpTypeReverse:        reverse,
		backends.OpTypePad:            pad,

		backends.OpTypeArgMinMax:           argMinMax,
		backends.OpTypeReduceWindow:        reduceWindow,
		backends.OpTypeSelectAndScatterMax: selectAndScatter,
		backends.OpTypeSelectAndScatterMin: selectAndScatter,

		backends.OpTypeDotGeneral:  dotGeneral,
		backends.OpTypeConvGeneral: convGeneral,

		backends.OpTypeGather:             gather,
		backends.OpTypeScatterSum:         scatter,
		backends.OpTypeScatterMax:         scatter,
		backends.OpTypeScatterMin:         scatter,
		backends.OpTypeDynamicSlice:       dynamicSlice,
		backends.OpTypeDynamicUpdateSlice: dynamicUpdateSlice,

		backends.OpTypeBatchNormForInference: batchNormForInference,
	}
	for op := graph.OpType(0); op < backends.OpTypeLast; op++ {
		if _, refused := Refused[op]; refused || rules[op] != nil {
			continue
		}
		switch {
		case graph.IsUnary(op):
			rules[op] = sameAttrs
		case graph.IsBinary(op):
			rules[op] = elementwise
		}
	}
	for _, op := range []graph.OpType{
		backends.OpTypeReduceSum, backends.OpTypeReduceProduct, backends.OpTypeReduceMax, backends.OpTypeReduceMin,
		backends.OpTypeReduceBitwiseAnd, backends.OpTypeReduceBitwiseOr, backends.OpTypeReduceBitwiseXor,
		backends.OpTypeReduceLogicalAnd, backends.OpTypeReduceLogicalOr, backends.OpTypeReduceLogicalXor,
	} {
		rules[op] = reduce
	}
}

const noComplex = "complex numbers are not supported"

// Refused lists the ops of backends.Builder that cannot be applied to mapped
// values, and why. Parameter, Constant and Iota are not among them: they have
// no operands.
var Refused = map[graph.OpType]string{
	backends.OpTypeRNGBitGenerator: "a random state of its own for every example; use one state for all",
	backends.OpTypeAllReduce:       "it spans devices, a Program runs on one",
	backends.OpTypeDot:             "recording turns it into DotGeneral",
	backends.OpTypeFFT:             noComplex,
	backends.OpTypeComplex:         noComplex,
	backends.OpTypeReal:            noComplex,
	backends.OpTypeImag:            noComplex,
	backends.OpTypeConj:            noComplex,
}
