package lower

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// A Set says which ops to lower, and into what. The zero Set lowers nothing.
type Set struct {
	// Ops maps an op to the condition under which it is lowered; nil: always.
	Ops map[graph.OpType]Condition

	// Gather makes the patches of a convolution by one Gather. The default is
	// one Slice per position of the kernel (or of the output, where that has
	// fewer), which simplego executes faster and XLA compiles slower.
	Gather bool
}

// A Condition decides by an op's attributes and the shapes of its operands.
type Condition func(attrs graph.Attrs, in []shapes.Shape) bool

// For returns what to lower for a backend whose arithmetic is in dtype.
func For(backend backends.Backend, dtype dtypes.DType) Set {
	switch {
	case backend.Name() == "SimpleGo (go)":
		return SimpleGo()
	case dtype == dtypes.Float64:
		return XLAFloat64()
	}
	return XLA()
}

// SimpleGo returns what GoMLX's pure Go backend (v0.26.0) lacks, what it does
// wrong, and what it does more slowly than the ops it is lowered to:
//   - Pad, Reverse, SelectAndScatter, DynamicSlice, DynamicUpdateSlice,
//     BatchNorm and comparisons by total order are missing;
//   - ConvGeneral ends the process for groups or dilations, and is a scalar
//     loop otherwise;
//   - DotGeneral of integers ends the process beyond 16 results;
//   - Gather takes no indices of a rank much above the operand's, and ArgMinMax
//     no booleans;
//   - Scatter puts windows that do not cover the operand in wrong places, and
//     ends the process for indices outside;
//   - ReduceWindow calls a closure per entry of every window.
//
// Shifts, Bitcast, FFT, complex numbers and Float16 are missing there too and
// have no rule here: the error of whatever meets them first reports them.
func SimpleGo() Set {
	ops := map[graph.OpType]Condition{}
	for op := range rules {
		ops[op] = nil
	}
	ops[backends.OpTypeDotGeneral] = integerDot
	ops[backends.OpTypeArgMinMax] = ofBooleans
	ops[backends.OpTypeGather] = deepIndices
	return Set{Ops: ops}
}

// XLA returns what goes wrong in XLA and what is slow there:
//   - ReduceWindow with a dilated operand: go-xla v0.1.4 (pkg/stablehlo/ops.go,
//     ReduceWindow) hands the window's dilations to XLA as the operand's;
//   - comparisons of integers by total order, which go-xla refuses;
//   - products that copy a large operand transposed, 11 ms for 2048² weights;
//   - convolutions with a dilated input, which multiply the zeros between its
//     pixels: 2.2 times slower than their phases for 128 channels and 8² pixels.
func XLA() Set {
	ops := map[graph.OpType]Condition{
		backends.OpTypeReduceWindow: func(attrs graph.Attrs, _ []shapes.Shape) bool {
			a := attrs.(graph.ReduceWindowAttrs)
			return !slices.Equal(a.BaseDilations, a.WindowDilations)
		},
		backends.OpTypeDotGeneral:  turnedDot,
		backends.OpTypeConvGeneral: phased,
	}
	for _, op := range byTotalOrder {
		ops[op] = func(_ graph.Attrs, in []shapes.Shape) bool { return !in[0].DType.IsFloat() }
	}
	return Set{Ops: ops, Gather: true}
}

// XLAFloat64 returns what goes wrong in XLA and what is slow there on a CPU for
// float64: convolutions, which its fast library has in float32 only.
func XLAFloat64() Set {
	s := XLA()
	s.Ops[backends.OpTypeConvGeneral] = func(attrs graph.Attrs, in []shapes.Shape) bool {
		return in[0].DType == dtypes.Float64 || phased(attrs, in)
	}
	return s
}
