package graph

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Nodes is the Interpreter that builds a Program as part of a GoMLX graph, so
// that GoMLX differentiates, trains and compiles it like what a user writes.
// Its values are *gx.Node.
//
// Values are those that [Emit] gives on the graph's backend, which must have the
// ops: package lower goes over Nodes. Derivatives are GoMLX's, if it has them.
// Stopped gradients stay stopped. An Identity with a custom gradient, whose
// function a Program does not hold, and ops that GoMLX has no exported function
// for are refused with [ErrNoRule].
type Nodes struct{ Graph *gx.Graph }

var _ Interpreter = Nodes{}

// Shape implements Interpreter.
func (Nodes) Shape(v Op) shapes.Shape { return v.(*gx.Node).Shape() }

// Apply implements Interpreter.
func (n Nodes) Apply(op OpType, attrs Attrs, in ...Op) ([]Op, error) {
	xs := make([]*gx.Node, len(in))
	for i, v := range in {
		x, ok := v.(*gx.Node)
		if !ok {
			return nil, fmt.Errorf("graph: %s: input %d is a %T, not a node", op, i, v)
		}
		xs[i] = x
	}
	var ys []*gx.Node
	if err := Catch(func() { ys = n.build(op, attrs, xs) }); err != nil {
		return nil, fmt.Errorf("graph: building a node: %w", err)
	}
	out := make([]Op, len(ys))
	for i, y := range ys {
		out[i] = y
	}
	return out, nil
}

func (n Nodes) build(op OpType, attrs Attrs, x []*gx.Node) []*gx.Node {
	if f := unaryNodes[op]; f != nil {
		return []*gx.Node{f(x[0])}
	}
	if f := binaryNodes[op]; f != nil {
		return []*gx.Node{f(x[0], x[1])}
	}
	if a, ok := attrs.(BatchNormAttrs); ok {
		return batchNormNodes(op, a, x)
	}
	if y := n.single(op, attrs, x); y != nil {
		return []*gx.Node{y}
	}
	panic(NoRule("GoMLX's graph", op, noNode[op]))
}

// noNode says what stands in the way of ops that are refused.
var noNode = map[OpType]string{
	backends.OpTypeSelectAndScatterMax: noFunction,
	backends.OpTypeSelectAndScatterMin: noFunction,
	backends.OpTypeRNGBitGenerator:     "GoMLX exports no function for it; make the numbers an input",
	backends.OpTypeFFT:                 "it cannot be recorded: its shape is not inferred",
	backends.OpTypeAllReduce:           "a Program runs on one device",
	backends.OpTypeDot:                 "recording turns it into DotGeneral",
	backends.OpTypeParameter:           "parameters are values that the caller gives",
}

const noFunction = "GoMLX exports no function for it; lower it first"

// single builds ops of one output that have attributes or many operands.
func (n Nodes) single(op OpType, attrs Attrs, x []*gx.Node) *gx.Node {
	switch a := attrs.(type) {
	case IdentityAttrs:
		switch { // GoMLX gives a plain Identity no gradient, so none is built
		case a.Custom:
			panic(NoRule("GoMLX's graph", op, "a custom gradient, whose function is not recorded"))
		case a.Stop:
			return gx.StopGradient(x[0])
		}
		return x[0]
	case ConstantAttrs:
		return gx.Reshape(gx.Const(n.Graph, cloneFlat(a.Flat)), slices.Clone(a.Dims)...)
	case IotaAttrs:
		return gx.Iota(n.Graph, a.Shape, a.Axis)
	case BroadcastInDimAttrs:
		return broadcastNode(a, x[0])
	case ReshapeAttrs:
		return gx.Reshape(x[0], slices.Clone(a.Dims)...)
	case TransposeAttrs:
		return gx.TransposeAllAxes(x[0], slices.Clone(a.Perm)...)
	case ReduceAttrs:
		if len(a.Axes) == 0 { // to GoMLX that would be all
			return x[0]
		}
		if f := reduceNodes[op]; f != nil {
			return f(x[0], slices.Clone(a.Axes)...)
		}
	case SliceAttrs:
		spec := make([]gx.SliceAxisSpec, len(a.Starts))
		for i := range spec {
			spec[i] = gx.AxisRange(a.Starts[i], a.Limits[i]).Stride(a.Strides[i])
		}
		return gx.Slice(x[0], spec...)
	case ConcatenateAttrs:
		return gx.Concatenate(x, a.Axis)
	case ReverseAttrs:
		return gx.Reverse(x[0], slices.Clone(a.Axes)...)
	case PadAttrs:
		return gx.Pad(x[0], x[1], slices.Clone(a.Axes)...)
	case ConvertDTypeAttrs:
		if op == backends.OpTypeBitcast {
			return gx.Bitcast(x[0], a.DType)
		}
		return gx.ConvertDType(x[0], a.DType)
	case ArgMinMaxAttrs:
		if a.IsMin {
			return gx.ArgMin(x[0], a.Axis, a.DType)
		}
		return gx.ArgMax(x[0], a.Axis, a.DType)
	case DynamicSliceAttrs:
		return gx.DynamicSlice(x[0], x[1:], slices.Clone(a.Dims))
	}
	if y := productNode(attrs, x); y != nil {
		return y
	}
	if y := indexedNode(op, attrs, x); y != nil {
		return y
	}
	switch op {
	case backends.OpTypeWhere:
		return gx.Where(x[0], x[1], x[2])
	case backends.OpTypeClamp:
		return gx.Clamp(x[0], x[1], x[2])
	case backends.OpTypeDynamicUpdateSlice:
		return gx.DynamicUpdateSlice(x[0], x[1], x[2:])
	}
	return nil
}

// productNode builds products and sums over windows. GoMLX differentiates them
// only if dilations of 1 are left out.
func productNode(attrs Attrs, x []*gx.Node) *gx.Node {
	switch a := attrs.(type) {
	case DotGeneralAttrs:
		return gx.DotGeneral(x[0], slices.Clone(a.LC), slices.Clone(a.LB), x[1], slices.Clone(a.RC), slices.Clone(a.RB))
	case ConvGeneralAttrs:
		return gx.ConvGeneral(x[0], x[1], a.Axes.Clone(), slices.Clone(a.Strides), slices.Clone(a.Paddings),
			unlessOnes(a.InputDilations), unlessOnes(a.KernelDilations), a.ChannelGroups, a.BatchGroups)
	case ReduceWindowAttrs:
		return gx.BackendReduceWindow(x[0], a.Type, slices.Clone(a.Window), slices.Clone(a.Strides),
			unlessOnes(a.BaseDilations), unlessOnes(a.WindowDilations), slices.Clone(a.Paddings))
	}
	return nil
}

func unlessOnes(dilations []int) []int {
	if slices.Equal(dilations, ones(len(dilations))) {
		return nil
	}
	return slices.Clone(dilations)
}

// indexedNode builds Gather and Scatter.
func indexedNode(op OpType, attrs Attrs, x []*gx.Node) *gx.Node {
	switch a := attrs.(type) {
	case GatherAttrs:
		return gx.BackendGather(x[0], x[1], a.IndexVectorAxis, slices.Clone(a.OffsetOutputAxes), slices.Clone(a.CollapsedSliceAxes),
			slices.Clone(a.StartIndexMap), slices.Clone(a.SliceSizes), a.IndicesAreSorted)
	case ScatterAttrs:
		f := gx.BackendScatterSum
		switch op {
		case backends.OpTypeScatterMax:
			f = gx.BackendScatterMax
		case backends.OpTypeScatterMin:
			f = gx.BackendScatterMin
		}
		return f(x[0], x[1], x[2], a.IndexVectorAxis, slices.Clone(a.UpdateWindowAxes), slices.Clone(a.InsertedWindowAxes),
			slices.Clone(a.ScatterAxesToOperandAxes), a.IndicesAreSorted, a.UniqueIndices)
	}
	return nil
}

// batchNormNodes builds the three ops of batch normalization.
func batchNormNodes(op OpType, a BatchNormAttrs, x []*gx.Node) []*gx.Node {
	switch op {
	case backends.OpTypeBatchNormForTraining:
		y, mean, variance := gx.InternalBatchNormForTraining(x[0], x[1], x[2], a.Epsilon, a.Axis)
		return []*gx.Node{y, mean, variance}
	case backends.OpTypeBatchNormGradient:
		d, scale, offset := gx.InternalBatchNormGradient(x[0], x[1], x[2], x[3], x[4], a.Epsilon, a.Axis)
		return []*gx.Node{d, scale, offset}
	}
	return []*gx.Node{gx.InternalBatchNormForInference(x[0], x[1], x[2], x[3], x[4], a.Epsilon, a.Axis)}
}

// broadcastNode sorts the operand's axes: GoMLX's function wants them in order.
func broadcastNode(a BroadcastInDimAttrs, x *gx.Node) *gx.Node {
	order := iota0(len(a.Axes))
	slices.SortFunc(order, func(i, j int) int { return a.Axes[i] - a.Axes[j] })
	if !slices.IsSorted(order) {
		x = gx.TransposeAllAxes(x, order...)
	}
	var expanded []int
	for i := range a.Shape.Dimensions {
		if !slices.Contains(a.Axes, i) {
			expanded = append(expanded, i)
		}
	}
	return gx.ExpandAndBroadcast(x, slices.Clone(a.Shape.Dimensions), expanded)
}

var unaryNodes = map[OpType]func(*gx.Node) *gx.Node{
	backends.OpTypeAbs: gx.Abs, backends.OpTypeNeg: gx.Neg, backends.OpTypeSign: gx.Sign,
	backends.OpTypeExp: gx.Exp, backends.OpTypeExpm1: gx.Expm1, backends.OpTypeLog: gx.Log, backends.OpTypeLog1p: gx.Log1p,
	backends.OpTypeLogistic: gx.Logistic, backends.OpTypeTanh: gx.Tanh, backends.OpTypeErf: gx.Erf,
	backends.OpTypeSin: gx.Sin, backends.OpTypeCos: gx.Cos,
	backends.OpTypeSqrt: gx.Sqrt, backends.OpTypeRsqrt: gx.Rsqrt,
	backends.OpTypeFloor: gx.Floor, backends.OpTypeCeil: gx.Ceil, backends.OpTypeRound: gx.Round,
	backends.OpTypeIsFinite: gx.IsFinite, backends.OpTypeIsNaN: gx.IsNaN,
	backends.OpTypeLogicalNot: gx.LogicalNot, backends.OpTypeBitwiseNot: gx.BitwiseNot,
	backends.OpTypeBitCount: gx.BitCount, backends.OpTypeClz: gx.Clz,
	backends.OpTypeReal: gx.Real, backends.OpTypeImag: gx.Imag, backends.OpTypeConj: gx.Conj,
}

var binaryNodes = map[OpType]func(x, y *gx.Node) *gx.Node{
	backends.OpTypeAdd: gx.Add, backends.OpTypeSub: gx.Sub, backends.OpTypeMul: gx.Mul, backends.OpTypeDiv: gx.Div,
	backends.OpTypeRem: gx.Rem, backends.OpTypePow: gx.Pow, backends.OpTypeMax: gx.Max, backends.OpTypeMin: gx.Min,
	backends.OpTypeEqual: gx.Equal, backends.OpTypeNotEqual: gx.NotEqual,
	backends.OpTypeGreaterThan: gx.GreaterThan, backends.OpTypeGreaterOrEqual: gx.GreaterOrEqual,
	backends.OpTypeLessThan: gx.LessThan, backends.OpTypeLessOrEqual: gx.LessOrEqual,
	backends.OpTypeEqualTotalOrder: gx.EqualTotalOrder, backends.OpTypeNotEqualTotalOrder: gx.NotEqualTotalOrder,
	backends.OpTypeGreaterThanTotalOrder: gx.GreaterThanTotalOrder, backends.OpTypeGreaterOrEqualTotalOrder: gx.GreaterOrEqualTotalOrder,
	backends.OpTypeLessThanTotalOrder: gx.LessThanTotalOrder, backends.OpTypeLessOrEqualTotalOrder: gx.LessOrEqualTotalOrder,
	backends.OpTypeLogicalAnd: gx.LogicalAnd, backends.OpTypeLogicalOr: gx.LogicalOr, backends.OpTypeLogicalXor: gx.LogicalXor,
	backends.OpTypeBitwiseAnd: gx.BitwiseAnd, backends.OpTypeBitwiseOr: gx.BitwiseOr, backends.OpTypeBitwiseXor: gx.BitwiseXor,
	backends.OpTypeShiftLeft:            gx.BitwiseShiftLeft,
	backends.OpTypeShiftRightLogical:    gx.BitwiseShiftRightLogical,
	backends.OpTypeShiftRightArithmetic: gx.BitwiseShiftRightArithmetic,
	backends.OpTypeComplex:              gx.Complex,
}

var reduceNodes = map[OpType]func(x *gx.Node, axes ...int) *gx.Node{
	backends.OpTypeReduceSum: gx.ReduceSum, backends.OpTypeReduceProduct: gx.ReduceMultiply,
	backends.OpTypeReduceMax: gx.ReduceMax, backends.OpTypeReduceMin: gx.ReduceMin,
	backends.OpTypeReduceLogicalAnd: gx.ReduceLogicalAnd, backends.OpTypeReduceLogicalOr: gx.ReduceLogicalOr,
	backends.OpTypeReduceLogicalXor: gx.ReduceLogicalXor, backends.OpTypeReduceBitwiseAnd: gx.ReduceBitwiseAnd,
	backends.OpTypeReduceBitwiseOr: gx.ReduceBitwiseOr, backends.OpTypeReduceBitwiseXor: gx.ReduceBitwiseXor,
}
