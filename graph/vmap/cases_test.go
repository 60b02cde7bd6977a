package vmap_test

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/vmap"
)

// cases returns what the rules are tested on: shapes have axes of size 1 and
// odd sizes, and every form of an op that its rule tells apart is there.
func cases() []ruleCase {
	cs := elementwiseCases()
	for _, list := range [][]ruleCase{
		axisCases(), reductionCases(), windowCases(), dotCases(), convCases(), gatherCases(), scatterCases(), dynamicCases(),
	} {
		cs = append(cs, list...)
	}
	n := floats
	return append(cs,
		ruleCase{
			backends.OpTypeBatchNormForInference,
			graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 1},
			[]spec{n(2, 3), n(3), n(3), n(3), positives(3)},
		},
		ruleCase{backends.OpTypeBatchNormForTraining, graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 1}, []spec{n(5, 3, 2), n(3), n(3)}},
		ruleCase{
			backends.OpTypeBatchNormGradient,
			graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 2},
			[]spec{n(5, 1, 3), n(3), n(3), positives(3), n(5, 1, 3)},
		},
	)
}

func elementwiseCases() (cs []ruleCase) {
	for op := graph.OpType(0); op < backends.OpTypeLast; op++ {
		if _, refused := vmap.Refused[op]; refused {
			continue
		}
		v := valuesOf(op)
		switch {
		case graph.IsUnary(op):
			cs = append(cs, ruleCase{op, nil, []spec{v(3, 1)}}, ruleCase{op, nil, []spec{v()}})
		case graph.IsBinary(op):
			w := v
			switch op {
			case backends.OpTypeShiftLeft, backends.OpTypeShiftRightArithmetic, backends.OpTypeShiftRightLogical:
				w = func(dims ...int) spec { return integers(dtypes.Int32, 0, 31, dims...) }
			}
			cs = append(cs,
				ruleCase{op, nil, []spec{v(3, 5), w(3, 5)}},
				ruleCase{op, nil, []spec{v(3, 1), w(1, 5)}},
				ruleCase{op, nil, []spec{v(), w(3, 1)}},
				ruleCase{op, nil, []spec{v(5), w()}},
				ruleCase{op, nil, []spec{v(), w()}},
			)
		}
	}
	n, b := floats, booleans
	return append(cs,
		ruleCase{backends.OpTypeWhere, nil, []spec{b(3, 1), n(3, 1), n(3, 1)}},
		ruleCase{backends.OpTypeWhere, nil, []spec{b(), n(3, 1), n(3, 1)}},
		ruleCase{backends.OpTypeWhere, nil, []spec{b(5), n(), n(5)}},
		ruleCase{backends.OpTypeWhere, nil, []spec{b(5), n(5), n()}},
		ruleCase{backends.OpTypeWhere, nil, []spec{b(5), n(), n()}},
		ruleCase{backends.OpTypeWhere, nil, []spec{b(), n(), n()}},
		ruleCase{backends.OpTypeClamp, nil, []spec{n(3, 1), n(3, 1), n(3, 1)}},
		ruleCase{backends.OpTypeClamp, nil, []spec{n(), n(3, 1), n()}},
		ruleCase{backends.OpTypeClamp, nil, []spec{n(), n(5), n(5)}},
		ruleCase{backends.OpTypeClamp, nil, []spec{n(), n(), n()}},
		ruleCase{backends.OpTypeIdentity, graph.IdentityAttrs{Stop: true}, []spec{n(3)}},
		ruleCase{backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dtypes.Int32}, []spec{n(3, 5)}},
		ruleCase{backends.OpTypeBitcast, graph.ConvertDTypeAttrs{DType: dtypes.Uint64}, []spec{n(3, 5)}},
	)
}

// valuesOf returns values in the domain of an elementwise op.
func valuesOf(op graph.OpType) func(dims ...int) spec {
	switch op {
	case backends.OpTypeLogicalAnd, backends.OpTypeLogicalOr, backends.OpTypeLogicalXor, backends.OpTypeLogicalNot:
		return booleans
	case backends.OpTypeBitwiseAnd, backends.OpTypeBitwiseOr, backends.OpTypeBitwiseXor, backends.OpTypeBitwiseNot,
		backends.OpTypeBitCount, backends.OpTypeClz,
		backends.OpTypeShiftLeft, backends.OpTypeShiftRightArithmetic, backends.OpTypeShiftRightLogical:
		return func(dims ...int) spec { return integers(dtypes.Int32, -1000, 1000, dims...) }
	case backends.OpTypeEqual, backends.OpTypeNotEqual, backends.OpTypeGreaterOrEqual, backends.OpTypeLessOrEqual:
		return func(dims ...int) spec { return integers(dtypes.Int32, -1, 1, dims...) }
	case backends.OpTypeIsFinite, backends.OpTypeIsNaN,
		backends.OpTypeEqualTotalOrder, backends.OpTypeNotEqualTotalOrder,
		backends.OpTypeGreaterOrEqualTotalOrder, backends.OpTypeGreaterThanTotalOrder,
		backends.OpTypeLessOrEqualTotalOrder, backends.OpTypeLessThanTotalOrder:
		return oddFloats
	case backends.OpTypeLog, backends.OpTypeLog1p, backends.OpTypeSqrt, backends.OpTypeRsqrt,
		backends.OpTypeDiv, backends.OpTypeRem, backends.OpTypePow:
		return positives
	}
	return floats
}

func axisCases() []ruleCase {
	n := floats
	pads := graph.PadAttrs{Axes: []backends.PadAxis{{Start: 1, End: 2, Interior: 1}, {Start: -1, End: 1}}}
	broadcast := func(dims []int, to []int, axes ...int) ruleCase {
		return ruleCase{
			backends.OpTypeBroadcastInDim,
			graph.BroadcastInDimAttrs{Shape: shapes.Make(dtypes.Float64, to...), Axes: axes},
			[]spec{n(dims...)},
		}
	}
	return []ruleCase{
		broadcast([]int{3, 1}, []int{2, 3, 5}, 1, 2),
		broadcast(nil, []int{2, 3}),
		{backends.OpTypeReshape, graph.ReshapeAttrs{Dims: []int{5, 3, 1}}, []spec{n(3, 5)}},
		{backends.OpTypeReshape, graph.ReshapeAttrs{}, []spec{n(1, 1)}},
		{backends.OpTypeTranspose, graph.TransposeAttrs{Perm: []int{2, 0, 1}}, []spec{n(3, 1, 5)}},
		{backends.OpTypeConcatenate, graph.ConcatenateAttrs{Axis: 1}, []spec{n(3, 1), n(3, 2), n(3, 1)}},
		{backends.OpTypeConcatenate, graph.ConcatenateAttrs{Axis: 0}, []spec{n(3)}},
		{backends.OpTypeSlice, graph.SliceAttrs{Starts: []int{0, 1}, Limits: []int{1, 5}, Strides: []int{1, 2}}, []spec{n(1, 5)}},
		{backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{0, 2}}, []spec{n(3, 1, 5)}},
		{backends.OpTypePad, pads, []spec{n(3, 5), n()}},
		{backends.OpTypePad, pads, []spec{booleans(3, 5), booleans()}},
		{backends.OpTypePad, graph.PadAttrs{Axes: []backends.PadAxis{{}}}, []spec{n(3), n()}},
	}
}

func reductionCases() (cs []ruleCase) {
	integer := func(dims ...int) spec { return integers(dtypes.Int32, -1000, 1000, dims...) }
	for op, v := range map[graph.OpType]func(...int) spec{
		backends.OpTypeReduceSum: floats, backends.OpTypeReduceProduct: floats,
		backends.OpTypeReduceMax: floats, backends.OpTypeReduceMin: floats,
		backends.OpTypeReduceBitwiseAnd: integer, backends.OpTypeReduceBitwiseOr: integer, backends.OpTypeReduceBitwiseXor: integer,
		backends.OpTypeReduceLogicalAnd: booleans, backends.OpTypeReduceLogicalOr: booleans, backends.OpTypeReduceLogicalXor: booleans,
	} {
		cs = append(cs,
			ruleCase{op, graph.ReduceAttrs{Axes: []int{0, 2}}, []spec{v(3, 5, 1)}},
			ruleCase{op, graph.ReduceAttrs{Axes: []int{0, 1}}, []spec{v(3, 1)}},
			ruleCase{op, graph.ReduceAttrs{Axes: []int{}}, []spec{v()}}, // of a scalar
		)
	}
	return append(cs,
		ruleCase{backends.OpTypeArgMinMax, graph.ArgMinMaxAttrs{Axis: 1, DType: dtypes.Int32}, []spec{floats(3, 5, 1)}},
		ruleCase{backends.OpTypeArgMinMax, graph.ArgMinMaxAttrs{Axis: 0, DType: dtypes.Int64, IsMin: true}, []spec{floats(5)}},
	)
}

func windowCases() (cs []ruleCase) {
	plain := graph.ReduceWindowAttrs{
		Window: []int{2, 1, 3}, Strides: []int{1, 1, 2}, BaseDilations: []int{1, 1, 1}, WindowDilations: []int{1, 1, 1},
		Paddings: [][2]int{{1, 0}, {0, 0}, {0, 1}},
	}
	dilated := plain
	dilated.BaseDilations, dilated.WindowDilations = []int{1, 2, 1}, []int{2, 1, 1}
	for _, a := range []graph.ReduceWindowAttrs{plain, dilated} {
		for _, kind := range []backends.ReduceOpType{
			backends.ReduceOpSum, backends.ReduceOpMax, backends.ReduceOpMin, backends.ReduceOpProduct,
		} {
			a.Type = kind
			cs = append(cs, ruleCase{backends.OpTypeReduceWindow, a, []spec{floats(3, 1, 5)}})
		}
	}
	for _, op := range []graph.OpType{backends.OpTypeSelectAndScatterMax, backends.OpTypeSelectAndScatterMin} {
		cs = append(cs, ruleCase{op, graph.SelectAndScatterAttrs{
			Window: []int{2, 1, 3}, Strides: []int{1, 1, 2}, Paddings: [][2]int{{1, 0}, {0, 0}, {0, 1}},
		}, []spec{floats(3, 1, 5), floats(3, 1, 2)}})
	}
	return cs
}

func dot(l, r, lc, lb, rc, rb []int) ruleCase {
	return ruleCase{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: lc, LB: lb, RC: rc, RB: rb}, []spec{floats(l...), floats(r...)}}
}

func dotCases() []ruleCase {
	return []ruleCase{
		dot([]int{2, 3}, []int{3, 5}, []int{1}, nil, []int{0}, nil),
		dot([]int{2, 3}, []int{3}, []int{1}, nil, []int{0}, nil),
		dot([]int{3}, []int{3, 5}, []int{0}, nil, []int{0}, nil),
		dot([]int{3}, []int{3}, []int{0}, nil, []int{0}, nil),
		dot([]int{2}, []int{3}, nil, nil, nil, nil),
		dot([]int{2, 3, 1, 5}, []int{5, 4, 3, 2}, []int{0, 3}, []int{1}, []int{3, 0}, []int{2}),
		dot([]int{3, 2, 5}, []int{3, 5}, []int{2}, []int{0}, []int{1}, []int{0}),
		dot([]int{3, 5, 2}, []int{2, 3, 5}, []int{1}, []int{2, 0}, []int{2}, []int{0, 1}),
	}
}

// Layouts of a convolution of two spatial axes; the last has its batch and its
// channels in the middle.
var convLayouts = []backends.ConvolveAxesConfig{
	{
		InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3, KernelSpatial: []int{0, 1}, KernelInputChannels: 2,
		KernelOutputChannels: 3, OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
	},
	{
		InputBatch: 0, InputChannels: 1, InputSpatial: []int{2, 3}, KernelOutputChannels: 0, KernelInputChannels: 1,
		KernelSpatial: []int{2, 3}, OutputBatch: 0, OutputChannels: 1, OutputSpatial: []int{2, 3},
	},
	{
		InputBatch: 2, InputChannels: 1, InputSpatial: []int{3, 0}, KernelOutputChannels: 1, KernelInputChannels: 3,
		KernelSpatial: []int{0, 2}, OutputBatch: 1, OutputChannels: 3, OutputSpatial: []int{0, 2},
	},
}

// A convSize has one entry for each axis; in counts the input's channels.
type convSize struct{ batch, in, out, h, w, kh, kw int }

func conv(layout backends.ConvolveAxesConfig, s convSize, set func(a *graph.ConvGeneralAttrs)) ruleCase {
	a := graph.ConvGeneralAttrs{
		Axes: layout, Strides: []int{1, 1}, Paddings: [][2]int{{0, 0}, {0, 0}},
		InputDilations: []int{1, 1}, KernelDilations: []int{1, 1}, ChannelGroups: 1, BatchGroups: 1,
	}
	set(&a)
	x, k := make([]int, 4), make([]int, 4)
	x[layout.InputBatch], x[layout.InputChannels] = s.batch, s.in
	x[layout.InputSpatial[0]], x[layout.InputSpatial[1]] = s.h, s.w
	k[layout.KernelInputChannels], k[layout.KernelOutputChannels] = s.in/a.ChannelGroups, s.out
	k[layout.KernelSpatial[0]], k[layout.KernelSpatial[1]] = s.kh, s.kw
	return ruleCase{backends.OpTypeConvGeneral, a, []spec{floats(x...), floats(k...)}}
}

func convCases() (cs []ruleCase) {
	for _, l := range convLayouts {
		cs = append(cs,
			conv(l, convSize{2, 3, 5, 5, 4, 3, 2}, func(a *graph.ConvGeneralAttrs) {
				a.Strides, a.Paddings = []int{2, 1}, [][2]int{{1, 1}, {0, 1}}
			}),
			conv(l, convSize{1, 1, 1, 3, 1, 1, 1}, func(*graph.ConvGeneralAttrs) {}),
			conv(l, convSize{3, 6, 4, 5, 4, 2, 2}, func(a *graph.ConvGeneralAttrs) { a.ChannelGroups = 2 }),
			conv(l, convSize{6, 3, 4, 5, 4, 2, 2}, func(a *graph.ConvGeneralAttrs) { a.BatchGroups = 2 }),
			conv(l, convSize{2, 3, 3, 5, 4, 2, 2}, func(a *graph.ConvGeneralAttrs) { // depthwise
				a.ChannelGroups, a.InputDilations, a.KernelDilations = 3, []int{2, 1}, []int{1, 2}
			}),
		)
	}
	return cs
}

func gatherCases() []ruleCase {
	gather := func(dims []int, indices spec, a graph.GatherAttrs) ruleCase {
		return ruleCase{backends.OpTypeGather, a, []spec{floats(dims...), indices}}
	}
	index := func(hi int, dims ...int) spec { return integers(dtypes.Int32, -1, hi, dims...) } // beyond both ends
	return []ruleCase{
		// Rows, as an embedding takes them.
		gather([]int{5, 3}, index(5, 2, 3, 1), graph.GatherAttrs{
			IndexVectorAxis: 2, OffsetOutputAxes: []int{2}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 3},
		}),
		// Windows of a matrix; slice axes stand around the batch axes.
		gather([]int{5, 4}, index(5, 3, 2), graph.GatherAttrs{
			IndexVectorAxis: 1, OffsetOutputAxes: []int{0, 2}, StartIndexMap: []int{1, 0}, SliceSizes: []int{2, 3},
		}),
		// Index vectors on the first axis of the indices.
		gather([]int{5, 1, 4}, index(5, 2, 3), graph.GatherAttrs{
			IndexVectorAxis: 0, OffsetOutputAxes: []int{1, 2}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0, 2}, SliceSizes: []int{1, 1, 2},
		}),
		// One index vector, no batch.
		gather([]int{5, 4}, index(5, 2), graph.GatherAttrs{
			IndexVectorAxis: 0, OffsetOutputAxes: []int{0}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0, 1}, SliceSizes: []int{1, 2},
		}),
		// An index vector axis of size 1 that is not there.
		gather([]int{5, 3}, index(5, 2, 3), graph.GatherAttrs{
			IndexVectorAxis: 2, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 2},
		}),
		// Indices of 8 bits.
		gather([]int{5, 3}, integers(dtypes.Int8, 0, 4, 2, 1), graph.GatherAttrs{
			IndexVectorAxis: 1, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 2},
		}),
	}
}

func scatterCases() (cs []ruleCase) {
	index := func(dims ...int) spec { return integers(dtypes.Int32, 0, 3, dims...) }
	for _, op := range []graph.OpType{backends.OpTypeScatterSum, backends.OpTypeScatterMax, backends.OpTypeScatterMin} {
		cs = append(cs,
			// Rows: the gradient of an embedding.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 2, UpdateWindowAxes: []int{2}, InsertedWindowAxes: []int{0},
				ScatterAxesToOperandAxes: []int{0},
			}, []spec{floats(5, 3), index(2, 3, 1), floats(2, 3, 3)}},
			// Entries, by vectors on the first axis of the indices.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 0, InsertedWindowAxes: []int{0, 1},
				ScatterAxesToOperandAxes: []int{1, 0},
			}, []spec{floats(5, 4), index(2, 3), floats(3)}},
			// An index vector axis of size 1 that is not there.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 1, UpdateWindowAxes: []int{1}, InsertedWindowAxes: []int{0},
				ScatterAxesToOperandAxes: []int{0},
			}, []spec{floats(5, 3), index(3), floats(3, 3)}},
			// The window axis of the updates comes first.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 1, UpdateWindowAxes: []int{0}, InsertedWindowAxes: []int{1},
				ScatterAxesToOperandAxes: []int{1},
			}, []spec{floats(3, 4), index(5, 1), floats(3, 5)}},
		)
	}
	return cs
}

func dynamicCases() []ruleCase {
	n := floats
	// Starts for which sums with them overflow.
	huge := func(*rand.Rand) float64 { return 1 << 63 }
	hugeOrNegative := func(r *rand.Rand) float64 { return []float64{math.MinInt64, 1 << 62}[r.IntN(2)] }
	start := func(hi int) spec { return integers(dtypes.Int32, -1, hi) } // beyond both ends
	return []ruleCase{
		{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{2, 1}}, []spec{n(5, 3), start(5), start(3)}},
		{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{3}}, []spec{n(3), start(1)}},
		{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{101}}, []spec{n(401), integers(dtypes.Uint8, 0, 255)}},
		{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{3}}, []spec{n(5), {dtypes.Uint64, nil, huge}}},
		{backends.OpTypeDynamicUpdateSlice, nil, []spec{n(5), n(2), {dtypes.Int64, nil, hugeOrNegative}}},
		{backends.OpTypeDynamicUpdateSlice, nil, []spec{n(5, 3), n(2, 1), start(5), start(3)}},
		{backends.OpTypeDynamicUpdateSlice, nil, []spec{booleans(5), booleans(2), start(5)}},
	}
}
