package simplify

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// reduceSum turns Σ_k x[…]·y[…] into a DotGeneral where x or y was broadcast,
// which is how GoMLX writes the gradient of a matrix product
// (pkg/core/graph, dotGeneralVJP); sums over axes of size 1 become reshapes.
func reduceSum(o graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op {
	x := in[0]
	axes := attrs.(graph.ReduceAttrs).Axes
	if m := x.Def; m.Op == backends.OpTypeMul && m.In[0].Shape.Rank() == m.In[1].Shape.Rank() && x.Shape.DType.IsFloat() {
		if y := dot(o, unbroadcast(o, m.In[0]), unbroadcast(o, m.In[1]), x.Shape.Dimensions, axes); y != nil {
			return y
		}
	}
	var dims []int
	for i, d := range x.Shape.Dimensions {
		if !slices.Contains(axes, i) {
			dims = append(dims, d)
		} else if d != 1 {
			return nil
		}
	}
	return o.Reshape(x, dims...)
}

// unbroadcast returns v before a BroadcastInDim, with axes of size 1 where it
// was repeated.
func unbroadcast(o graph.Ops, v *graph.Value) *graph.Value {
	a, ok := v.Def.Attrs.(graph.BroadcastInDimAttrs)
	if !ok || v.Def.In[0].Shape.Rank() == 0 {
		return v
	}
	x := v.Def.In[0]
	if !slices.IsSorted(a.Axes) {
		return v
	}
	dims := make([]int, v.Shape.Rank())
	for i := range dims {
		dims[i] = 1
	}
	for i, ax := range a.Axes {
		dims[ax] = x.Shape.Dimensions[i]
	}
	return o.Reshape(x, dims...).(*graph.Value)
}

// An axis of the product stays as a batch axis, as x's or y's own axis, or as
// one of size 1.
type origin int

const (
	both origin = iota
	ofX
	ofY
	unit
)

// dot returns Σ_axes x·y, where x and y broadcast to dims, as a DotGeneral, or
// nil if neither is broadcast: then it is a product and a sum indeed.
func dot(o graph.Ops, x, y *graph.Value, dims, axes []int) graph.Op {
	size := 1
	for _, d := range dims {
		size *= d
	}
	if x.Shape.Size() == size && y.Shape.Size() == size {
		return nil
	}
	var (
		lc, lb, rc, rb []int
		xDims, yDims   []int // operands without their axes of size 1
		xSum, ySum     []int // axes that only one operand has and that are summed
		from           []origin
		outDims        []int
		index          []int
		count          [unit + 1]int
	)
	for i, d := range dims {
		dx, dy := x.Shape.Dimensions[i], y.Shape.Dimensions[i]
		if slices.Contains(axes, i) {
			switch {
			case dx == dy:
				lc, rc = append(lc, len(xDims)), append(rc, len(yDims))
				xDims, yDims = append(xDims, d), append(yDims, d)
			case dy == 1:
				xSum = append(xSum, i)
			default:
				ySum = append(ySum, i)
			}
			continue
		}
		k := both
		switch {
		case d == 1:
			k = unit
		case dx == dy:
			lb, rb = append(lb, len(xDims)), append(rb, len(yDims))
			xDims, yDims = append(xDims, d), append(yDims, d)
		case dy == 1:
			k = ofX
			xDims = append(xDims, d)
		default:
			k = ofY
			yDims = append(yDims, d)
		}
		from, outDims, index = append(from, k), append(outDims, d), append(index, count[k])
		count[k]++
	}
	l := o.Reshape(o.ReduceSum(x, xSum...), xDims...)
	r := o.Reshape(o.ReduceSum(y, ySum...), yDims...)
	z := o.DotGeneral(l, lc, lb, r, rc, rb)
	start := [unit]int{both: 0, ofX: count[both], ofY: count[both] + count[ofX]}
	var perm []int
	for i, k := range from {
		if k != unit {
			perm = append(perm, start[k]+index[i])
		}
	}
	return o.Reshape(o.Transpose(z, perm...), outDims...)
}

// dotOfTransposed contracts an operand as it was before a Transpose, where its
// own axes keep their order: copies of weights cost more than their products.
func dotOfTransposed(o graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op {
	a := attrs.(graph.DotGeneralAttrs)
	x, lc, lb, lok := untransposed(in[0], a.LC, a.LB)
	y, rc, rb, rok := untransposed(in[1], a.RC, a.RB)
	if !lok && !rok {
		return nil
	}
	return o.DotGeneral(x, lc, lb, y, rc, rb)
}

// untransposed returns the operand of a Transpose with the axes of v that a
// DotGeneral contracts and batches, false if v is none or if it reorders v's
// other axes.
func untransposed(v *graph.Value, contracted, batch []int) (x *graph.Value, c, b []int, ok bool) {
	a, ok := v.Def.Attrs.(graph.TransposeAttrs)
	if !ok {
		return v, contracted, batch, false
	}
	var own []int
	for _, axis := range graph.CrossAxes(v.Shape.Rank(), contracted, batch) {
		own = append(own, a.Perm[axis])
	}
	if !slices.IsSorted(own) {
		return v, contracted, batch, false
	}
	for _, axis := range contracted {
		c = append(c, a.Perm[axis])
	}
	for _, axis := range batch {
		b = append(b, a.Perm[axis])
	}
	return v.Def.In[0], c, b, true
}
