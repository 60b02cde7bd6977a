package graph

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/gomlx/gomlx/backends"
	si "github.com/gomlx/gomlx/backends/shapeinference"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// InferShapes returns the shapes of op's outputs. It calls GoMLX's
// backends/shapeinference where that has the op, and covers the rest: DotGeneral, Pad,
// Reverse, SelectAndScatter, DynamicSlice, BatchNorm and RNGBitGenerator, and
// Gather, whose check of IndexVectorAxis there uses the operand's rank.
func InferShapes(op OpType, attrs Attrs, in []shapes.Shape) ([]shapes.Shape, error) {
	s, err := inferShape(op, attrs, in)
	if err != nil {
		return nil, err
	}
	switch op {
	case backends.OpTypeRNGBitGenerator:
		return []shapes.Shape{in[0], s}, nil
	case backends.OpTypeBatchNormForTraining, backends.OpTypeBatchNormGradient:
		return []shapes.Shape{in[0], in[1], in[1]}, nil
	case backends.OpTypeAllReduce:
		return in, nil
	}
	return []shapes.Shape{s}, nil
}

func inferShape(op OpType, attrs Attrs, in []shapes.Shape) (shapes.Shape, error) {
	switch a := attrs.(type) {
	case ParameterAttrs:
		return a.Shape, nil
	case ConstantAttrs:
		return shapes.Make(dtypes.FromGoType(reflect.TypeOf(a.Flat).Elem()), a.Dims...), nil
	case IotaAttrs:
		return a.Shape, nil
	case RNGBitGeneratorAttrs:
		return a.Shape, nil
	case BroadcastInDimAttrs:
		return a.Shape, si.BroadcastInDimOp(in[0], a.Shape, a.Axes)
	case ReshapeAttrs:
		return si.ReshapeOp(in[0], a.Dims)
	case TransposeAttrs:
		return si.TransposeOp(in[0], a.Perm)
	case ReduceAttrs:
		return si.ReduceOp(in[0], a.Axes)
	case DotGeneralAttrs:
		return dotShape(a, in[0], in[1])
	case ConvGeneralAttrs:
		return si.ConvGeneralOp(in[0], in[1], a.Axes, a.Strides, a.Paddings,
			a.InputDilations, a.KernelDilations, a.ChannelGroups, a.BatchGroups)
	case PadAttrs:
		return padShape(a, in[0])
	case SliceAttrs:
		return si.SliceOp(in[0], a.Starts, a.Limits, a.Strides)
	case ConcatenateAttrs:
		return si.ConcatenateOp(in, a.Axis)
	case ConvertDTypeAttrs:
		if op == backends.OpTypeBitcast && a.DType.Size() != in[0].DType.Size() {
			return shapes.Invalid(), NoRule("shape inference", op, "dtypes of different sizes")
		}
		return withDType(in[0], a.DType), nil
	case ReduceWindowAttrs:
		return si.ReduceWindowOp(in[0], a.Window, a.Strides, a.BaseDilations, a.WindowDilations, a.Paddings)
	case SelectAndScatterAttrs, ReverseAttrs, BatchNormAttrs, IdentityAttrs, ScatterAttrs, AllReduceAttrs:
		return in[0], nil
	case ArgMinMaxAttrs:
		x := in[0]
		if x.DType == dtypes.Bool { // GoMLX's inference refuses them, its layers and XLA do not
			x = withDType(x, dtypes.Uint8)
		}
		return si.ArgMinMaxOp(x, a.Axis, a.DType)
	case GatherAttrs:
		return gatherShape(a, in[0], in[1])
	case DynamicSliceAttrs:
		return shapes.Make(in[0].DType, a.Dims...), nil
	case FFTAttrs:
		return shapes.Invalid(), NoRule("shape inference", op, "")
	}
	switch op {
	case backends.OpTypeWhere:
		return si.WhereOp(in[0], in[1], in[2])
	case backends.OpTypeDynamicUpdateSlice:
		return in[0], nil
	case backends.OpTypeClamp:
		return in[1], nil
	case backends.OpTypeIsFinite, backends.OpTypeIsNaN:
		return withDType(in[0], dtypes.Bool), nil
	// Of these three GoMLX's shape inference keeps the operand's dtype, or has none.
	case backends.OpTypeReal, backends.OpTypeImag:
		return withDType(in[0], in[0].DType.RealDType()), nil
	case backends.OpTypeComplex:
		s, err := si.BinaryOp(backends.OpTypeAdd, in[0], in[1])
		if err == nil && s.DType.IsComplex() {
			err = fmt.Errorf("parts of a complex number are %s, want floats", s.DType)
		}
		if s.DType == dtypes.Float64 {
			return withDType(s, dtypes.Complex128), err
		}
		return withDType(s, dtypes.Complex64), err
	}
	switch {
	// GoMLX's shape inference leaves these four out: they go by their kin.
	case op == backends.OpTypeNotEqualTotalOrder:
		return si.ComparisonOp(backends.OpTypeEqualTotalOrder, in[0], in[1])
	case isShift(op):
		return si.BinaryOp(backends.OpTypeBitwiseAnd, in[0], in[1])
	case IsComparison(op):
		return si.ComparisonOp(op, in[0], in[1])
	case IsBinary(op):
		return si.BinaryOp(op, in[0], in[1])
	case IsUnary(op):
		return si.UnaryOp(op, in[0])
	}
	return shapes.Invalid(), NoRule("shape inference", op, "")
}

// IsComparison reports whether op compares elementwise.
func IsComparison(op OpType) bool {
	return si.ComparisonOperations.Has(op) || op == backends.OpTypeNotEqualTotalOrder
}

// IsUnary reports whether op maps each element of its one operand. IsFinite and IsNaN give booleans.
func IsUnary(op OpType) bool {
	return si.StandardUnaryOperations.Has(op) || op == backends.OpTypeIsFinite || op == backends.OpTypeIsNaN
}

// IsBinary reports whether op combines elements of two operands, which
// broadcast: a scalar to any shape, an axis of size 1 to any size.
func IsBinary(op OpType) bool {
	return si.StandardBinaryOperations.Has(op) || IsComparison(op) || isShift(op)
}

func isShift(op OpType) bool {
	switch op {
	case backends.OpTypeShiftLeft, backends.OpTypeShiftRightArithmetic, backends.OpTypeShiftRightLogical:
		return true
	}
	return false
}

// CrossAxes returns the axes of a DotGeneral operand of the given rank that are
// neither contracted nor batch axes.
func CrossAxes(rank int, contracted, batch []int) []int {
	var out []int
	for i := range rank {
		if !slices.Contains(contracted, i) && !slices.Contains(batch, i) {
			out = append(out, i)
		}
	}
	return out
}

func withDType(s shapes.Shape, dt dtypes.DType) shapes.Shape {
	s = s.Clone()
	s.DType = dt
	return s
}

func dotShape(a DotGeneralAttrs, l, r shapes.Shape) (shapes.Shape, error) {
	if len(a.LC) != len(a.RC) || len(a.LB) != len(a.RB) {
		return shapes.Invalid(), fmt.Errorf("contracted axes %v and %v, batch axes %v and %v", a.LC, a.RC, a.LB, a.RB)
	}
	if l.DType != r.DType {
		return shapes.Invalid(), fmt.Errorf("dtypes %s and %s", l.DType, r.DType)
	}
	for i := range a.LC {
		if l.Dimensions[a.LC[i]] != r.Dimensions[a.RC[i]] {
			return shapes.Invalid(), fmt.Errorf("contracted axes %d and %d differ in size", a.LC[i], a.RC[i])
		}
	}
	var dims []int
	for i, x := range a.LB {
		if l.Dimensions[x] != r.Dimensions[a.RB[i]] {
			return shapes.Invalid(), fmt.Errorf("batch axes %d and %d differ in size", x, a.RB[i])
		}
		dims = append(dims, l.Dimensions[x])
	}
	for _, x := range CrossAxes(l.Rank(), a.LC, a.LB) {
		dims = append(dims, l.Dimensions[x])
	}
	for _, x := range CrossAxes(r.Rank(), a.RC, a.RB) {
		dims = append(dims, r.Dimensions[x])
	}
	return shapes.Make(l.DType, dims...), nil
}

func padShape(a PadAttrs, x shapes.Shape) (shapes.Shape, error) {
	if len(a.Axes) != x.Rank() {
		return shapes.Invalid(), fmt.Errorf("%d axes padded, operand has %d", len(a.Axes), x.Rank())
	}
	s := x.Clone()
	for i, p := range a.Axes {
		d := x.Dimensions[i]
		s.Dimensions[i] = p.Start + p.End + d + max(0, d-1)*p.Interior
		if s.Dimensions[i] < 0 {
			return shapes.Invalid(), fmt.Errorf("axis %d of size %d is padded to %d", i, d, s.Dimensions[i])
		}
	}
	return s, nil
}

func gatherShape(a GatherAttrs, x, indices shapes.Shape) (shapes.Shape, error) {
	if len(a.SliceSizes) != x.Rank() {
		return shapes.Invalid(), fmt.Errorf("%d slice sizes for an operand of rank %d", len(a.SliceSizes), x.Rank())
	}
	var batch, window []int
	for i, d := range indices.Dimensions {
		if i != a.IndexVectorAxis {
			batch = append(batch, d)
		}
	}
	for i, d := range a.SliceSizes {
		if !slices.Contains(a.CollapsedSliceAxes, i) {
			window = append(window, d)
		}
	}
	if len(window) != len(a.OffsetOutputAxes) {
		return shapes.Invalid(), fmt.Errorf("%d offset axes for %d slice axes", len(a.OffsetOutputAxes), len(window))
	}
	dims := make([]int, len(batch)+len(window))
	b, w := 0, 0
	for i := range dims {
		if slices.Contains(a.OffsetOutputAxes, i) {
			dims[i] = window[w]
			w++
		} else {
			if b == len(batch) {
				return shapes.Invalid(), fmt.Errorf("offset axes %v beyond rank %d", a.OffsetOutputAxes, len(dims))
			}
			dims[i] = batch[b]
			b++
		}
	}
	return shapes.Make(x.DType, dims...), nil
}
