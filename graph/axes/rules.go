package axes

import (
	"reflect"
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// A rule gives the outputs of e their axes. Ops without an entry in rules are
// reported as not followed.
type rule func(a *Analysis, e *graph.Eqn)

var rules = map[graph.OpType]rule{
	backends.OpTypeParameter: func(a *Analysis, e *graph.Eqn) { a.set(e, a.fresh(Unknown, e.Out[0])) },
	backends.OpTypeConstant:  constant,
	backends.OpTypeIota:      count,
	backends.OpTypeRNGBitGenerator: func(a *Analysis, e *graph.Eqn) {
		a.of[e.Out[0]], a.of[e.Out[1]] = a.fresh(Position, e.Out[0]), a.fresh(Random, e.Out[1])
		a.data[e.Out[0]], a.data[e.Out[1]] = true, true
	},

	backends.OpTypeIdentity:     elementwise,
	backends.OpTypeConvertDType: elementwise,
	backends.OpTypeBitcast:      elementwise, // of equal sizes: InferShapes refuses others
	backends.OpTypeWhere:        elementwise,
	backends.OpTypeClamp:        elementwise,

	backends.OpTypeReshape:        reshape,
	backends.OpTypeTranspose:      transpose,
	backends.OpTypeBroadcastInDim: broadcast,

	backends.OpTypeReduceSum:        reduce,
	backends.OpTypeReduceProduct:    reduce,
	backends.OpTypeReduceMax:        reduce,
	backends.OpTypeReduceMin:        reduce,
	backends.OpTypeReduceBitwiseAnd: reduce,
	backends.OpTypeReduceBitwiseOr:  reduce,
	backends.OpTypeReduceBitwiseXor: reduce,
	backends.OpTypeReduceLogicalAnd: reduce,
	backends.OpTypeReduceLogicalOr:  reduce,
	backends.OpTypeReduceLogicalXor: reduce,
	backends.OpTypeArgMinMax:        reduce,
	backends.OpTypeReduceWindow:     reduceWindow,

	backends.OpTypeSelectAndScatterMax: selectAndScatter,
	backends.OpTypeSelectAndScatterMin: selectAndScatter,

	backends.OpTypeDotGeneral:  dotGeneral,
	backends.OpTypeConvGeneral: convGeneral,

	backends.OpTypeSlice:              slice,
	backends.OpTypePad:                pad,
	backends.OpTypeReverse:            reverse,
	backends.OpTypeConcatenate:        concatenate,
	backends.OpTypeDynamicSlice:       dynamicSlice,
	backends.OpTypeDynamicUpdateSlice: dynamicUpdateSlice,
	backends.OpTypeGather:             gather,
	backends.OpTypeScatterSum:         scatter,
	backends.OpTypeScatterMax:         scatter,
	backends.OpTypeScatterMin:         scatter,

	backends.OpTypeBatchNormForInference: batchNormInference,
	backends.OpTypeBatchNormForTraining:  batchNormTraining,
	backends.OpTypeBatchNormGradient:     batchNormTraining,
}

func init() {
	for _, op := range backends.OpTypeValues() {
		if graph.IsUnary(op) || graph.IsBinary(op) {
			rules[op] = elementwise
		}
	}
}

// set gives e's only output its axes.
func (a *Analysis) set(e *graph.Eqn, axes []factors) { a.of[e.Out[0]] = axes }

// constant varies along the axes along which its numbers do.
func constant(a *Analysis, e *graph.Eqn) {
	v := e.Out[0]
	axes := make([]factors, v.Shape.Rank())
	for i, n := range v.Shape.Dimensions {
		r := Free
		if varies(e.Attrs.(graph.ConstantAttrs), i) {
			r = Position
			a.data[v] = true
		}
		axes[i] = a.new(r, n, v, i)
	}
	a.set(e, axes)
}

// varies reports whether entries of c differ along an axis.
func varies(c graph.ConstantAttrs, axis int) bool {
	flat := reflect.ValueOf(c.Flat)
	inner := 1
	for _, d := range c.Dims[axis+1:] {
		inner *= d
	}
	n := c.Dims[axis]
	for i := range flat.Len() {
		// NaN is unequal to itself: such a constant varies.
		if i/inner%n > 0 && !flat.Index(i).Equal(flat.Index(i-inner)) {
			return true
		}
	}
	return false
}

// count is the rule of Iota.
func count(a *Analysis, e *graph.Eqn) {
	v := e.Out[0]
	axes := a.fresh(Free, v)
	k := e.Attrs.(graph.IotaAttrs).Axis
	axes[k] = a.new(Position, v.Shape.Dimensions[k], v, k)
	a.data[v] = true
	a.set(e, axes)
}

// elementwise joins operands axis by axis; scalars and axes of size 1 broadcast.
func elementwise(a *Analysis, e *graph.Eqn) {
	axes := make([]factors, e.Out[0].Shape.Rank())
	for _, in := range e.In {
		for i, fs := range a.of[in] {
			axes[i] = a.join(e, axes[i], fs)
		}
	}
	a.set(e, axes)
}

func transpose(a *Analysis, e *graph.Eqn) {
	var axes []factors
	for _, k := range e.Attrs.(graph.TransposeAttrs).Perm {
		axes = append(axes, a.of[e.In[0]][k])
	}
	a.set(e, axes)
}

func broadcast(a *Analysis, e *graph.Eqn) {
	axes := a.fresh(Free, e.Out[0])
	for k, i := range e.Attrs.(graph.BroadcastInDimAttrs).Axes {
		if fs := a.of[e.In[0]][k]; len(fs) > 0 {
			axes[i] = fs
		}
	}
	a.set(e, axes)
}

// reduce drops the reduced axes. ArgMinMax is one more reduction.
func reduce(a *Analysis, e *graph.Eqn) {
	var reduced []int
	switch at := e.Attrs.(type) {
	case graph.ReduceAttrs:
		reduced = at.Axes
	case graph.ArgMinMaxAttrs:
		reduced = []int{at.Axis}
	}
	var axes []factors
	for i, fs := range a.of[e.In[0]] {
		if !slices.Contains(reduced, i) {
			axes = append(axes, fs)
		} else if has(fs, Batch) {
			a.mix(e, Mixed, "it reduces axis %d %s, which holds the batch", i, text(fs))
		}
	}
	a.set(e, axes)
}

// batchNormInference is elementwise, statistics and gains lying along one axis.
func batchNormInference(a *Analysis, e *graph.Eqn) {
	k := e.Attrs.(graph.BatchNormAttrs).Axis
	axes := slices.Clone(a.of[e.In[0]])
	for _, in := range e.In[1:] {
		axes[k] = a.join(e, axes[k], a.of[in][0])
	}
	a.set(e, axes)
}

// batchNormTraining, and its gradient, average over all axes but one.
func batchNormTraining(a *Analysis, e *graph.Eqn) {
	k := e.Attrs.(graph.BatchNormAttrs).Axis
	axes := slices.Clone(a.of[e.In[0]])
	for _, in := range e.In[1:] {
		if in.Shape.Rank() == 1 {
			axes[k] = a.join(e, axes[k], a.of[in][0])
			continue
		}
		for i, fs := range a.of[in] { // the gradient of the output
			axes[i] = a.join(e, axes[i], fs)
		}
	}
	for i, fs := range axes {
		if i != k && has(fs, Batch) {
			a.mix(e, Mixed, "it normalizes with moments over axis %d %s, which holds the batch", i, text(fs))
		}
	}
	a.of[e.Out[0]] = axes
	a.of[e.Out[1]], a.of[e.Out[2]] = []factors{axes[k]}, []factors{axes[k]}
}
