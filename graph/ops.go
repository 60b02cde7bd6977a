package graph

import (
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// Ops spells the ops that rules need as method calls on an Interpreter. Its
// methods panic with the Interpreter's errors: rules run under Catch.
// Ops that would change nothing return their operand.
type Ops struct{ It Interpreter }

// All applies op and returns every output.
func (o Ops) All(op OpType, attrs Attrs, in ...Op) []Op {
	out, err := o.It.Apply(op, attrs, in...)
	if err != nil {
		panic(err)
	}
	return out
}

// Do applies op and returns its first output.
func (o Ops) Do(op OpType, attrs Attrs, in ...Op) Op { return o.All(op, attrs, in...)[0] }

// Shape returns the shape of v.
func (o Ops) Shape(v Op) shapes.Shape { return o.It.Shape(v) }

// Dims returns the dimensions of v, not to be changed.
func (o Ops) Dims(v Op) []int { return o.It.Shape(v).Dimensions }

// DType returns the dtype of v.
func (o Ops) DType(v Op) dtypes.DType { return o.It.Shape(v).DType }

// Reshape gives v other dimensions.
func (o Ops) Reshape(v Op, dims ...int) Op {
	if slices.Equal(o.Dims(v), dims) {
		return v
	}
	return o.Do(backends.OpTypeReshape, ReshapeAttrs{slices.Clone(dims)}, v)
}

// Transpose makes axis i of the result of v's axis perm[i].
func (o Ops) Transpose(v Op, perm ...int) Op {
	if slices.Equal(perm, iota0(len(perm))) {
		return v
	}
	return o.Do(backends.OpTypeTranspose, TransposeAttrs{slices.Clone(perm)}, v)
}

// MoveAxis moves one axis of v and keeps the order of the others.
func (o Ops) MoveAxis(v Op, from, to int) Op {
	perm := slices.Delete(iota0(len(o.Dims(v))), from, from+1)
	return o.Transpose(v, slices.Insert(perm, to, from)...)
}

// BroadcastInDim makes axis i of v axis axes[i] of a value of the given dimensions.
func (o Ops) BroadcastInDim(v Op, dims, axes []int) Op {
	s := o.Shape(v)
	if slices.Equal(s.Dimensions, dims) {
		return v
	}
	return o.Do(backends.OpTypeBroadcastInDim,
		BroadcastInDimAttrs{shapes.Make(s.DType, dims...), slices.Clone(axes)}, v)
}

// ReduceSum sums over axes; none is no sum.
func (o Ops) ReduceSum(v Op, axes ...int) Op {
	if len(axes) == 0 {
		return v
	}
	axes = slices.Clone(axes)
	slices.Sort(axes)
	return o.Do(backends.OpTypeReduceSum, ReduceAttrs{axes}, v)
}

// Slice cuts v; nil strides are ones.
func (o Ops) Slice(v Op, starts, limits, strides []int) Op {
	if strides == nil {
		strides = ones(len(starts))
	}
	whole := true
	for i, d := range o.Dims(v) {
		whole = whole && starts[i] == 0 && limits[i] == d && strides[i] == 1
	}
	if whole {
		return v
	}
	return o.Do(backends.OpTypeSlice,
		SliceAttrs{slices.Clone(starts), slices.Clone(limits), slices.Clone(strides)}, v)
}

// Concatenate joins vs along axis.
func (o Ops) Concatenate(axis int, vs ...Op) Op {
	if len(vs) == 1 {
		return vs[0]
	}
	return o.Do(backends.OpTypeConcatenate, ConcatenateAttrs{axis}, vs...)
}

// DotGeneral contracts l and r.
func (o Ops) DotGeneral(l Op, lc, lb []int, r Op, rc, rb []int) Op {
	return o.Do(backends.OpTypeDotGeneral, DotGeneralAttrs{
		LC: slices.Clone(lc), LB: slices.Clone(lb), RC: slices.Clone(rc), RB: slices.Clone(rb),
	}, l, r)
}

// Pad pads v with fill, a scalar.
func (o Ops) Pad(v, fill Op, axes ...backends.PadAxis) Op {
	for _, a := range axes {
		if a != (backends.PadAxis{}) {
			return o.Do(backends.OpTypePad, PadAttrs{slices.Clone(axes)}, v, fill)
		}
	}
	return v
}

// Add returns x + y.
func (o Ops) Add(x, y Op) Op { return o.Do(backends.OpTypeAdd, nil, x, y) }

// Mul returns x · y, elementwise.
func (o Ops) Mul(x, y Op) Op { return o.Do(backends.OpTypeMul, nil, x, y) }

// Scalar returns a constant.
func (o Ops) Scalar(dt dtypes.DType, x float64) Op { return o.Constant(dt, nil, x) }

// Constant returns a constant of the given dimensions and values, row-major.
func (o Ops) Constant(dt dtypes.DType, dims []int, values ...float64) Op {
	flat, err := FlatOf(dt, values...)
	if err != nil {
		panic(err)
	}
	return o.Do(backends.OpTypeConstant, ConstantAttrs{flat, slices.Clone(dims)})
}
