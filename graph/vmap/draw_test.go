package vmap_test

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// draw adds op, on operands drawn for it, to the program.
func (g *generator) draw(op graph.OpType) {
	switch op {
	case backends.OpTypeWhere:
		x := g.any(0)
		d := x.Shape.Dimensions
		cond := g.like(booleans([][]int{d, d, nil}[g.r.IntN(3)]...))
		y := g.like(specOf(x, [][]int{d, d, nil}[g.r.IntN(3)]...))
		if g.r.IntN(2) == 0 {
			x, y = y, x
		}
		g.do(op, nil, cond, x, y)
	case backends.OpTypeClamp:
		x := g.float(0, false)
		d := x.Shape.Dimensions
		g.do(op, nil, g.like(floats([][]int{d, nil}[g.r.IntN(2)]...)), x, g.like(floats([][]int{d, nil}[g.r.IntN(2)]...)))
	case backends.OpTypeIdentity:
		g.do(op, graph.IdentityAttrs{Stop: true}, g.any(0))
	case backends.OpTypeConvertDType:
		g.convert(op)
	case backends.OpTypeBitcast:
		bits := g.do(op, graph.ConvertDTypeAttrs{DType: dtypes.Uint64}, g.float(0, true))
		g.do(op, graph.ConvertDTypeAttrs{DType: dtypes.Float64}, bits)
	case backends.OpTypeDotGeneral:
		g.dot(op)
	case backends.OpTypeConvGeneral:
		g.conv(op)
	case backends.OpTypeReduceWindow, backends.OpTypeSelectAndScatterMax, backends.OpTypeSelectAndScatterMin:
		g.window(op)
	case backends.OpTypeGather:
		g.gather(op)
	case backends.OpTypeScatterSum, backends.OpTypeScatterMax, backends.OpTypeScatterMin:
		g.scatter(op)
	case backends.OpTypeDynamicSlice, backends.OpTypeDynamicUpdateSlice:
		g.dynamic(op)
	case backends.OpTypeBatchNormForInference, backends.OpTypeBatchNormForTraining, backends.OpTypeBatchNormGradient:
		x := g.float(2, false)
		axis := g.r.IntN(x.Shape.Rank())
		f := func() *graph.Value { return g.like(floats(x.Shape.Dimensions[axis])) }
		a := graph.BatchNormAttrs{Epsilon: 1e-3, Axis: axis}
		switch op {
		case backends.OpTypeBatchNormForInference:
			g.bounded(g.do(op, a, x, f(), f(), f(), g.positive(f())))
		case backends.OpTypeBatchNormForTraining:
			g.bounded(g.do(op, a, x, f(), f()))
		default:
			g.bounded(g.do(op, a, x, f(), f(), g.positive(f()), g.like(floats(x.Shape.Dimensions...))))
		}
	default:
		switch {
		case graph.IsUnary(op):
			g.unary(op)
		case graph.IsBinary(op):
			g.binary(op)
		default:
			g.axisOp(op)
		}
	}
}

// unary draws an op on values of its domain.
func (g *generator) unary(op graph.OpType) {
	switch op {
	case backends.OpTypeLogicalNot:
		g.do(op, nil, g.pick(booleans(g.dims(0)...), ofRank(0, 4)))
	case backends.OpTypeBitwiseNot, backends.OpTypeBitCount, backends.OpTypeClz:
		g.do(op, nil, g.integer())
	case backends.OpTypeLog, backends.OpTypeLog1p, backends.OpTypeSqrt, backends.OpTypeRsqrt:
		g.do(op, nil, g.positive(g.float(0, false)))
	case backends.OpTypeSign, backends.OpTypeCeil, backends.OpTypeFloor, backends.OpTypeRound:
		g.do(op, nil, g.float(0, true))
	default:
		g.bounded(g.do(op, nil, g.float(0, false)))
	}
}

func (g *generator) binary(op graph.OpType) {
	swap := g.r.IntN(2) == 0
	apply := func(x, y *graph.Value) *graph.Value {
		if swap {
			x, y = y, x
		}
		return g.do(op, nil, x, y)
	}
	switch op {
	case backends.OpTypeLogicalAnd, backends.OpTypeLogicalOr, backends.OpTypeLogicalXor:
		x := g.pick(booleans(g.dims(0)...), ofRank(0, 4))
		apply(x, g.partner(x, booleans, false))
	case backends.OpTypeBitwiseAnd, backends.OpTypeBitwiseOr, backends.OpTypeBitwiseXor:
		x := g.integer()
		apply(x, g.partner(x, func(d ...int) spec { return specOf(x, d...) }, false))
	case backends.OpTypeShiftLeft, backends.OpTypeShiftRightArithmetic, backends.OpTypeShiftRightLogical:
		x := g.integer()
		g.do(op, nil, x, g.partner(x, func(d ...int) spec { return specOf(x, d...) }, false)) // out of range too
	case backends.OpTypeDiv, backends.OpTypeRem:
		// Rem steps, but not where its operands are exact.
		x := g.float(0, op == backends.OpTypeRem)
		g.bounded(g.do(op, nil, x, g.positiveOf(g.partner(x, floats, op == backends.OpTypeRem), op)))
	case backends.OpTypePow:
		x := g.float(0, false)
		g.bounded(g.do(op, nil, g.positive(x), g.partner(x, floats, false)))
	default:
		x := g.float(0, graph.IsComparison(op))
		g.bounded(apply(x, g.partner(x, floats, graph.IsComparison(op))))
	}
}

// positiveOf is positive, by ops that do not round if op steps.
func (g *generator) positiveOf(v *graph.Value, op graph.OpType) *graph.Value {
	if op != backends.OpTypeRem {
		return g.positive(v)
	}
	return g.do(backends.OpTypeMax, nil, g.do(backends.OpTypeAbs, nil, v), g.constant(dtypes.Float64, 0.5))
}

// convert turns any dtype into another; what is rough stays a float.
func (g *generator) convert(op graph.OpType) {
	x := g.any(0)
	to := []dtypes.DType{dtypes.Float64, dtypes.Int32, dtypes.Bool}[g.r.IntN(3)]
	if x.Shape.DType == dtypes.Float64 {
		x, to = g.float(0, true), dtypes.Int32
	} else if to == x.Shape.DType {
		to = dtypes.Float64
	}
	y := g.do(op, graph.ConvertDTypeAttrs{DType: to}, x)
	if to == dtypes.Float64 {
		g.bounded(y)
	}
}

// axisOp draws an op that moves entries or reduces axes.
func (g *generator) axisOp(op graph.OpType) {
	switch op {
	case backends.OpTypeBroadcastInDim:
		x := g.any(0)
		axes := g.axes(x.Shape.Rank()+1, x.Shape.Rank())
		dims := slices.Repeat([]int{between(g.r, 1, 3)}, x.Shape.Rank()+1)
		for i, a := range axes {
			if dims[a] = x.Shape.Dimensions[i]; dims[a] == 1 {
				dims[a] = between(g.r, 1, 3)
			}
		}
		g.do(op, graph.BroadcastInDimAttrs{Shape: shapes.Make(x.Shape.DType, dims...), Axes: axes}, x)
	case backends.OpTypeReshape:
		x := g.any(0)
		d := slices.Clone(x.Shape.Dimensions)
		if i := g.r.IntN(len(d) + 1); len(d) > 1 && i < len(d)-1 { // merge two axes
			d[i] *= d[i+1]
			d = slices.Delete(d, i+1, i+2)
		} else {
			d = slices.Insert(d, i, 1)
		}
		g.do(op, graph.ReshapeAttrs{Dims: d}, x)
	case backends.OpTypeTranspose:
		x := g.any(1)
		g.do(op, graph.TransposeAttrs{Perm: g.r.Perm(x.Shape.Rank())}, x)
	case backends.OpTypeConcatenate:
		x := g.any(1)
		xs := []*graph.Value{x}
		axis := g.r.IntN(x.Shape.Rank())
		for range g.r.IntN(3) {
			d := slices.Clone(x.Shape.Dimensions)
			d[axis] = between(g.r, 1, 3)
			xs = append(xs, g.like(specOf(x, d...)))
		}
		g.do(op, graph.ConcatenateAttrs{Axis: axis}, xs...)
	case backends.OpTypeSlice:
		x := g.any(1)
		var a graph.SliceAttrs
		for _, d := range x.Shape.Dimensions {
			start := g.r.IntN(d)
			a.Starts, a.Limits = append(a.Starts, start), append(a.Limits, between(g.r, start+1, d))
			a.Strides = append(a.Strides, between(g.r, 1, 2))
		}
		g.do(op, a, x)
	case backends.OpTypeReverse:
		x := g.any(1)
		g.do(op, graph.ReverseAttrs{Axes: g.axes(x.Shape.Rank(), between(g.r, 1, x.Shape.Rank()))}, x)
	case backends.OpTypePad:
		x := g.any(1)
		var a graph.PadAttrs
		for _, d := range x.Shape.Dimensions {
			a.Axes = append(a.Axes, backends.PadAxis{Start: between(g.r, min(0, 2-d), 1), End: g.r.IntN(2), Interior: g.r.IntN(2)})
		}
		g.do(op, a, x, g.like(specOf(x)))
	case backends.OpTypeArgMinMax:
		x := g.float(1, true)
		g.do(op, graph.ArgMinMaxAttrs{Axis: g.r.IntN(x.Shape.Rank()), DType: dtypes.Int32, IsMin: g.r.IntN(2) == 0}, x)
	case backends.OpTypeReduceLogicalAnd, backends.OpTypeReduceLogicalOr, backends.OpTypeReduceLogicalXor:
		g.reduce(op, g.pick(booleans(g.dims(0)...), ofRank(0, 4)))
	case backends.OpTypeReduceBitwiseAnd, backends.OpTypeReduceBitwiseOr, backends.OpTypeReduceBitwiseXor:
		g.reduce(op, g.integer())
	case backends.OpTypeReduceSum, backends.OpTypeReduceProduct, backends.OpTypeReduceMax, backends.OpTypeReduceMin:
		g.bounded(g.reduce(op, g.float(0, false)))
	default:
		panic(fmt.Errorf("no random program has %s", op))
	}
}

func (g *generator) reduce(op graph.OpType, x *graph.Value) *graph.Value {
	rank := x.Shape.Rank()
	return g.do(op, graph.ReduceAttrs{Axes: g.axes(rank, between(g.r, min(1, rank), rank))}, x)
}
