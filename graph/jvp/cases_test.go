package jvp_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
)

// A ruleCase is an op on operands where it is smooth.
type ruleCase struct {
	op    graph.OpType
	attrs graph.Attrs
	in    []spec
}

func (c ruleCase) name(i int) string { return fmt.Sprintf("%s_%d", c.op, i) }

// program returns the program of c alone.
func (c ruleCase) program(t testing.TB) *graph.Program {
	t.Helper()
	rec := record(t)
	var xs []graph.Op
	for i, s := range c.in {
		xs = append(xs, rec.param(fmt.Sprintf("p%d", i), s.shape()))
	}
	out, err := rec.Apply(c.op, c.attrs, xs...)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Program(out...)
}

// values draws the operands.
func (c ruleCase) values() (xs []any) {
	r := seeded(uint64(c.op))
	for _, s := range c.in {
		xs = append(xs, s.fill(r))
	}
	return xs
}

func cases() []ruleCase {
	cs := elementwiseCases()
	for _, list := range [][]ruleCase{axisCases(), reductionCases(), windowCases(), productCases(), indexCases(), integerCases()} {
		cs = append(cs, list...)
	}
	return cs
}

func elementwiseCases() (cs []ruleCase) {
	for op := graph.OpType(0); op < backends.OpTypeLast; op++ {
		if _, refused := jvp.Refused[op]; refused || integral[op] {
			continue
		}
		v := floats
		switch op {
		case backends.OpTypeLog, backends.OpTypeLog1p, backends.OpTypeSqrt, backends.OpTypeRsqrt,
			backends.OpTypeDiv, backends.OpTypePow:
			v = positives
		}
		switch {
		case graph.IsUnary(op):
			cs = append(cs, ruleCase{op, nil, []spec{v(3, 1)}}, ruleCase{op, nil, []spec{v()}})
		case op == backends.OpTypeRem: // quotients are away from integers, where it jumps
			x := func(dims ...int) spec {
				return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return float64(r.IntN(6)) - 2.5 }}
			}
			cs = append(cs,
				ruleCase{op, nil, []spec{x(3, 5), uniform(0.9, 1.1, 3, 5)}},
				ruleCase{op, nil, []spec{x(3, 5), uniform(-1.1, -0.9)}},
				ruleCase{op, nil, []spec{x(1, 5), uniform(0.9, 1.1, 3, 1)}})
		case graph.IsBinary(op):
			cs = append(cs,
				ruleCase{op, nil, []spec{v(3, 5), v(3, 5)}},
				ruleCase{op, nil, []spec{v(3, 1), v(1, 5)}},
				ruleCase{op, nil, []spec{v(), v(3, 1)}},
				ruleCase{op, nil, []spec{v(5), v()}},
				ruleCase{op, nil, []spec{v(), v()}},
			)
		}
	}
	n, b := floats, booleans
	where, clamp := backends.OpTypeWhere, backends.OpTypeClamp
	convert := func(dt dtypes.DType, x spec) ruleCase {
		return ruleCase{backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, []spec{x}}
	}
	return append(cs,
		ruleCase{where, nil, []spec{b(3, 1), n(3, 1), n(3, 1)}},
		ruleCase{where, nil, []spec{b(), n(3, 1), n(3, 1)}},
		ruleCase{where, nil, []spec{b(5), n(), n(5)}},
		ruleCase{where, nil, []spec{b(5), n(), n()}},
		ruleCase{where, nil, []spec{b(), n(), n(5)}},
		ruleCase{where, nil, []spec{b(), n(), n()}},
		ruleCase{clamp, nil, []spec{uniform(-1, 0, 3, 5), n(3, 5), uniform(0, 1, 3, 5)}},
		ruleCase{clamp, nil, []spec{n(), n(3, 1), n()}}, // the bounds may be the wrong way around
		ruleCase{clamp, nil, []spec{n(), n(), n()}},
		ruleCase{backends.OpTypeIdentity, graph.IdentityAttrs{}, []spec{n(3)}},
		convert(dtypes.Float64, n(3)),
		convert(dtypes.Int32, n(3)),
		convert(dtypes.Bool, n(3)),
		convert(dtypes.Float64, integers(dtypes.Int32, -3, 3, 3)),
	)
}

func axisCases() []ruleCase {
	n := floats
	pads := graph.PadAttrs{Axes: []backends.PadAxis{{Start: 1, End: 2, Interior: 1}, {Start: -1, End: 1}}}
	return []ruleCase{
		{backends.OpTypeBroadcastInDim, graph.BroadcastInDimAttrs{Shape: shapes.Make(dtypes.Float64, 2, 3, 5), Axes: []int{1, 2}}, []spec{n(3, 1)}},
		{backends.OpTypeReshape, graph.ReshapeAttrs{Dims: []int{5, 3, 1}}, []spec{n(3, 5)}},
		{backends.OpTypeTranspose, graph.TransposeAttrs{Perm: []int{2, 0, 1}}, []spec{n(3, 1, 5)}},
		{backends.OpTypeConcatenate, graph.ConcatenateAttrs{Axis: 1}, []spec{n(3, 1), n(3, 2), n(3, 1)}},
		{backends.OpTypeSlice, graph.SliceAttrs{Starts: []int{0, 1}, Limits: []int{1, 5}, Strides: []int{1, 2}}, []spec{n(1, 5)}},
		{backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{0, 2}}, []spec{n(3, 1, 5)}},
		{backends.OpTypePad, pads, []spec{n(3, 5), n()}},
	}
}

func reductionCases() (cs []ruleCase) {
	for _, op := range []graph.OpType{
		backends.OpTypeReduceSum, backends.OpTypeReduceProduct, backends.OpTypeReduceMax, backends.OpTypeReduceMin,
	} {
		cs = append(cs,
			ruleCase{op, graph.ReduceAttrs{Axes: []int{0, 2}}, []spec{floats(3, 5, 1)}},
			ruleCase{op, graph.ReduceAttrs{Axes: []int{0, 1}}, []spec{floats(3, 2)}},
			ruleCase{op, graph.ReduceAttrs{Axes: []int{1}}, []spec{floats(3, 5, 2)}},
			ruleCase{op, graph.ReduceAttrs{Axes: []int{}}, []spec{floats()}}, // of a scalar
		)
	}
	return append(cs,
		ruleCase{backends.OpTypeReduceProduct, graph.ReduceAttrs{Axes: []int{1}}, []spec{ties(3, 4)}}, // a polynomial, with zeros
		ruleCase{backends.OpTypeArgMinMax, graph.ArgMinMaxAttrs{Axis: 1, DType: dtypes.Int32}, []spec{floats(3, 5, 1)}},
	)
}

func windowCases() (cs []ruleCase) {
	plain := graph.ReduceWindowAttrs{
		Window: []int{2, 1, 3}, Strides: []int{1, 1, 2}, BaseDilations: []int{1, 1, 1}, WindowDilations: []int{1, 1, 1},
		Paddings: [][2]int{{1, 0}, {0, 0}, {0, 1}},
	}
	dilated := plain
	dilated.BaseDilations, dilated.WindowDilations = []int{1, 2, 1}, []int{2, 1, 1}
	unpadded := plain
	unpadded.Paddings = make([][2]int, 3)
	for _, a := range []graph.ReduceWindowAttrs{plain, dilated, unpadded} {
		for _, kind := range []backends.ReduceOpType{backends.ReduceOpSum, backends.ReduceOpMax, backends.ReduceOpMin} {
			a.Type = kind
			a := a
			if kind != backends.ReduceOpSum && a.BaseDilations[1] > 1 {
				a.Window = []int{2, 2, 3} // a window between the rows would be empty, its maximum infinite
			}
			cs = append(cs, ruleCase{backends.OpTypeReduceWindow, a, []spec{floats(3, 2, 5)}})
		}
	}
	for _, op := range []graph.OpType{backends.OpTypeSelectAndScatterMax, backends.OpTypeSelectAndScatterMin} {
		cs = append(cs, ruleCase{op, graph.SelectAndScatterAttrs{
			Window: []int{2, 1, 3}, Strides: []int{1, 1, 2}, Paddings: [][2]int{{1, 0}, {0, 0}, {0, 1}},
		}, []spec{floats(3, 1, 5), floats(3, 1, 2)}})
	}
	return cs
}

func productCases() (cs []ruleCase) {
	dot := func(l, r, lc, lb, rc, rb []int) {
		cs = append(cs, ruleCase{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: lc, LB: lb, RC: rc, RB: rb}, []spec{floats(l...), floats(r...)}})
	}
	dot([]int{2, 3}, []int{3, 5}, []int{1}, nil, []int{0}, nil)
	dot([]int{3}, []int{3}, []int{0}, nil, []int{0}, nil)
	dot([]int{2, 3, 1, 5}, []int{5, 4, 3, 2}, []int{0, 3}, []int{1}, []int{3, 0}, []int{2})

	conv := func(x, k []int, set func(a *graph.ConvGeneralAttrs)) {
		a := graph.ConvGeneralAttrs{
			Axes: backends.ConvolveAxesConfig{
				InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3, KernelSpatial: []int{0, 1},
				KernelInputChannels: 2, KernelOutputChannels: 3, OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
			},
			Strides: []int{1, 1}, Paddings: [][2]int{{0, 0}, {0, 0}},
			InputDilations: []int{1, 1}, KernelDilations: []int{1, 1}, ChannelGroups: 1, BatchGroups: 1,
		}
		set(&a)
		cs = append(cs, ruleCase{backends.OpTypeConvGeneral, a, []spec{floats(x...), floats(k...)}})
	}
	conv([]int{2, 5, 4, 3}, []int{3, 2, 3, 5}, func(a *graph.ConvGeneralAttrs) {
		a.Strides, a.Paddings = []int{2, 1}, [][2]int{{1, 1}, {0, 1}}
	})
	conv([]int{3, 5, 4, 6}, []int{2, 2, 3, 4}, func(a *graph.ConvGeneralAttrs) { a.ChannelGroups = 2 })
	conv([]int{6, 5, 4, 3}, []int{2, 2, 3, 4}, func(a *graph.ConvGeneralAttrs) { a.BatchGroups = 2 })
	conv([]int{2, 5, 4, 3}, []int{2, 2, 1, 3}, func(a *graph.ConvGeneralAttrs) { // depthwise
		a.ChannelGroups, a.InputDilations, a.KernelDilations = 3, []int{2, 1}, []int{1, 2}
	})
	return append(cs, ruleCase{
		backends.OpTypeBatchNormForInference,
		graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 1},
		[]spec{floats(2, 3), floats(3), floats(3), floats(3), positives(3)},
	}, ruleCase{
		// Enough entries for a feature that its variance is not small, nor its derivatives large.
		backends.OpTypeBatchNormForTraining,
		graph.BatchNormAttrs{Epsilon: 0.1, Axis: 1},
		[]spec{floats(6, 2, 5), floats(2), floats(2)},
	}, ruleCase{
		backends.OpTypeBatchNormGradient,
		graph.BatchNormAttrs{Epsilon: 0.1, Axis: 2},
		[]spec{floats(3, 2, 2), floats(2), floats(2), positives(2), floats(3, 2, 2)},
	})
}

func indexCases() (cs []ruleCase) {
	n := floats
	index := func(lo, hi int, dims ...int) spec { return integers(dtypes.Int32, lo, hi, dims...) }
	cs = append(cs,
		// Rows, as an embedding takes them.
		ruleCase{backends.OpTypeGather, graph.GatherAttrs{
			IndexVectorAxis: 2, OffsetOutputAxes: []int{2}, CollapsedSliceAxes: []int{0},
			StartIndexMap: []int{0}, SliceSizes: []int{1, 3},
		}, []spec{n(5, 3), index(0, 4, 2, 3, 1)}},
		// Windows of a matrix; slice axes stand around the batch axes.
		ruleCase{backends.OpTypeGather, graph.GatherAttrs{
			IndexVectorAxis: 1, OffsetOutputAxes: []int{0, 2}, StartIndexMap: []int{1, 0},
			SliceSizes: []int{2, 3},
		}, []spec{n(5, 4), index(0, 1, 3, 2)}},
		// An index vector axis of size 1 that is not there.
		ruleCase{backends.OpTypeGather, graph.GatherAttrs{
			IndexVectorAxis: 2, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0},
			StartIndexMap: []int{0}, SliceSizes: []int{1, 2},
		}, []spec{n(5, 3), index(0, 4, 2, 3)}},
		ruleCase{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{2, 1}}, []spec{n(5, 3), index(-1, 5), index(-1, 3)}},
		ruleCase{backends.OpTypeDynamicUpdateSlice, nil, []spec{n(5, 3), n(2, 1), index(-1, 5), index(-1, 3)}},
	)
	for _, op := range []graph.OpType{backends.OpTypeScatterSum, backends.OpTypeScatterMax, backends.OpTypeScatterMin} {
		cs = append(cs,
			// Rows, some of them twice.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 2, UpdateWindowAxes: []int{2}, InsertedWindowAxes: []int{0},
				ScatterAxesToOperandAxes: []int{0},
			}, []spec{n(5, 3), index(0, 4, 2, 3, 1), n(2, 3, 3)}},
			// Entries, by vectors on the first axis of the indices.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 0, InsertedWindowAxes: []int{0, 1},
				ScatterAxesToOperandAxes: []int{1, 0},
			}, []spec{n(5, 4), index(0, 3, 2, 3), n(3)}},
			// Columns; the window axis of the updates comes first.
			ruleCase{op, graph.ScatterAttrs{
				IndexVectorAxis: 1, UpdateWindowAxes: []int{0}, InsertedWindowAxes: []int{1},
				ScatterAxesToOperandAxes: []int{1},
			}, []spec{n(3, 4), index(0, 3, 5, 1), n(3, 5)}},
		)
	}
	return cs
}

// integral are the ops of integers and booleans alone.
var integral = map[graph.OpType]bool{
	backends.OpTypeLogicalAnd: true, backends.OpTypeLogicalOr: true, backends.OpTypeLogicalXor: true, backends.OpTypeLogicalNot: true,
	backends.OpTypeBitwiseAnd: true, backends.OpTypeBitwiseOr: true, backends.OpTypeBitwiseXor: true, backends.OpTypeBitwiseNot: true,
	backends.OpTypeBitCount: true, backends.OpTypeClz: true,
	backends.OpTypeShiftLeft: true, backends.OpTypeShiftRightArithmetic: true, backends.OpTypeShiftRightLogical: true,
	backends.OpTypeReduceBitwiseAnd: true, backends.OpTypeReduceBitwiseOr: true, backends.OpTypeReduceBitwiseXor: true,
	backends.OpTypeReduceLogicalAnd: true, backends.OpTypeReduceLogicalOr: true, backends.OpTypeReduceLogicalXor: true,
	backends.OpTypeRNGBitGenerator: true,
}

func integerCases() (cs []ruleCase) {
	for op := range integral {
		c := ruleCase{op: op, in: []spec{integers(dtypes.Int32, 0, 31, 3, 5)}}
		switch op {
		case backends.OpTypeLogicalAnd, backends.OpTypeLogicalOr, backends.OpTypeLogicalXor, backends.OpTypeLogicalNot,
			backends.OpTypeReduceLogicalAnd, backends.OpTypeReduceLogicalOr, backends.OpTypeReduceLogicalXor:
			c.in[0] = booleans(3, 5)
		case backends.OpTypeRNGBitGenerator:
			c.in[0] = integers(dtypes.Uint64, 0, 9, 3)
			c.attrs = graph.RNGBitGeneratorAttrs{Shape: shapes.Make(dtypes.Uint64, 4)}
		}
		switch {
		case graph.IsBinary(op):
			c.in = append(c.in, c.in[0])
		case !graph.IsUnary(op) && c.attrs == nil:
			c.attrs = graph.ReduceAttrs{Axes: []int{1}}
		}
		cs = append(cs, c)
	}
	return cs
}
