package graph

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Attributes follow the parameters of backends.Builder's methods, in order:
// the generator (internal/gen) relies on it. Ops without attributes have nil.
// normalize (normalize.go) fills in what callers may leave out, so that rules
// see one form.
type (
	// ParameterAttrs of Parameter.
	ParameterAttrs struct {
		Name  string
		Shape shapes.Shape
	}

	// ConstantAttrs of Constant: Flat is a Go slice, row-major.
	ConstantAttrs struct {
		Flat any
		Dims []int
	}

	// IdentityAttrs of Identity. Gradients do not pass an Identity with Stop;
	// one with Custom has a gradient of the user's, which transformations
	// cannot see into.
	IdentityAttrs struct{ Stop, Custom bool }

	// IotaAttrs of Iota.
	IotaAttrs struct {
		Shape shapes.Shape
		Axis  int
	}

	// BroadcastInDimAttrs of BroadcastInDim: Axes[i] is the axis of Shape that
	// the operand's axis i becomes.
	BroadcastInDimAttrs struct {
		Shape shapes.Shape
		Axes  []int
	}

	// ReshapeAttrs of Reshape.
	ReshapeAttrs struct{ Dims []int }

	// TransposeAttrs of Transpose: axis i of the result is the operand's Perm[i].
	TransposeAttrs struct{ Perm []int }

	// ReduceAttrs of ReduceSum and its like. Axes is sorted and names every
	// reduced axis.
	ReduceAttrs struct{ Axes []int }

	// DotGeneralAttrs of DotGeneral: contracted and batch axes of either side.
	// The result has the batch axes, then lhs's other axes, then rhs's.
	DotGeneralAttrs struct{ LC, LB, RC, RB []int }

	// ConvGeneralAttrs of ConvGeneral; all slices have one entry per spatial axis.
	ConvGeneralAttrs struct {
		Axes                            backends.ConvolveAxesConfig
		Strides                         []int
		Paddings                        [][2]int
		InputDilations, KernelDilations []int
		ChannelGroups, BatchGroups      int
	}

	// PadAttrs of Pad, one entry per axis.
	PadAttrs struct{ Axes []backends.PadAxis }

	// SliceAttrs of Slice, one entry per axis.
	SliceAttrs struct{ Starts, Limits, Strides []int }

	// ConcatenateAttrs of Concatenate.
	ConcatenateAttrs struct{ Axis int }

	// ConvertDTypeAttrs of ConvertDType and Bitcast.
	ConvertDTypeAttrs struct{ DType dtypes.DType }

	// ReduceWindowAttrs of ReduceWindow, one entry per axis.
	ReduceWindowAttrs struct {
		Type                                            backends.ReduceOpType
		Window, Strides, BaseDilations, WindowDilations []int
		Paddings                                        [][2]int
	}

	// SelectAndScatterAttrs of SelectAndScatterMax and Min, one entry per axis.
	SelectAndScatterAttrs struct {
		Window, Strides []int
		Paddings        [][2]int
	}

	// ReverseAttrs of Reverse.
	ReverseAttrs struct{ Axes []int }

	// ArgMinMaxAttrs of ArgMinMax.
	ArgMinMaxAttrs struct {
		Axis  int
		DType dtypes.DType
		IsMin bool
	}

	// GatherAttrs of Gather (XLA's semantics).
	GatherAttrs struct {
		IndexVectorAxis                                                 int
		OffsetOutputAxes, CollapsedSliceAxes, StartIndexMap, SliceSizes []int
		IndicesAreSorted                                                bool
	}

	// ScatterAttrs of ScatterSum, ScatterMax and ScatterMin (XLA's semantics).
	ScatterAttrs struct {
		IndexVectorAxis                                                int
		UpdateWindowAxes, InsertedWindowAxes, ScatterAxesToOperandAxes []int
		IndicesAreSorted, UniqueIndices                                bool
	}

	// RNGBitGeneratorAttrs of RNGBitGenerator.
	RNGBitGeneratorAttrs struct{ Shape shapes.Shape }

	// BatchNormAttrs of the three BatchNorm ops.
	BatchNormAttrs struct {
		Epsilon float32
		Axis    int
	}

	// FFTAttrs of FFT.
	FFTAttrs struct {
		Type   backends.FFTType
		Length []int
	}

	// DynamicSliceAttrs of DynamicSlice.
	DynamicSliceAttrs struct{ Dims []int }

	// AllReduceAttrs of AllReduce.
	AllReduceAttrs struct {
		Type   backends.ReduceOpType
		Groups [][]int
	}
)
