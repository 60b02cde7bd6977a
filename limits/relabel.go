package limits

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// isRelabel reports whether op only says where entries lie: each entry of the
// result is one of an operand, or the fill of a Pad.
func isRelabel(op graph.OpType) bool {
	switch op {
	case backends.OpTypeIdentity, backends.OpTypeConvertDType, backends.OpTypeReshape, backends.OpTypeTranspose,
		backends.OpTypeBroadcastInDim, backends.OpTypeSlice, backends.OpTypePad, backends.OpTypeConcatenate,
		backends.OpTypeReverse:
		return true
	}
	return false
}

// source returns the entry that the entry at of the relabelling v is: an
// operand and the coordinates in it.
func source(v *graph.Value, at []int) (*graph.Value, []int) {
	e := v.Def
	u := e.In[0]
	dims := u.Shape.Dimensions
	from := make([]int, len(dims))
	switch a := e.Attrs.(type) {
	case graph.ReshapeAttrs:
		return u, unflat(flat(at, v.Shape.Dimensions), dims)
	case graph.TransposeAttrs:
		for i, k := range a.Perm {
			from[k] = at[i]
		}
	case graph.BroadcastInDimAttrs:
		for k, i := range a.Axes {
			if dims[k] > 1 {
				from[k] = at[i]
			}
		}
	case graph.SliceAttrs:
		for i := range from {
			from[i] = a.Starts[i] + at[i]*a.Strides[i]
		}
	case graph.PadAttrs:
		for i, p := range a.Axes {
			x, step := at[i]-p.Start, p.Interior+1
			if x < 0 || x%step != 0 || x/step >= dims[i] {
				return e.In[1], nil
			}
			from[i] = x / step
		}
	case graph.ConcatenateAttrs:
		from = append(from[:0], at...)
		for _, part := range e.In {
			n := part.Shape.Dimensions[a.Axis]
			if from[a.Axis] < n {
				return part, from
			}
			from[a.Axis] -= n
		}
	case graph.ReverseAttrs:
		copy(from, at)
		for _, i := range a.Axes {
			from[i] = dims[i] - 1 - at[i]
		}
	default: // Identity, ConvertDType
		copy(from, at)
	}
	return u, from
}

// stops reports whether no gradient passes v.
func stops(v *graph.Value) bool {
	a, ok := v.Def.Attrs.(graph.IdentityAttrs)
	return ok && a.Stop
}
