package vmap

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// writtenOut are the ops of several outputs: they are batched as the ops that
// package lower makes of them. What is one "example" here is a whole batch of
// the model's, with moments of its own.
var writtenOut = lower.Set{Ops: map[graph.OpType]lower.Condition{
	backends.OpTypeBatchNormForTraining: nil,
	backends.OpTypeBatchNormGradient:    nil,
}}

// batchNormForInference is written out, for any of its operands may be mapped:
//
//	(x - mean) / √(variance + ε) · scale + offset,
//
// with statistics and parameters along the feature axis.
func batchNormForInference(c call) graph.Op {
	a := c.attrs.(graph.BatchNormAttrs)
	o := c.perExample()
	dims := slices.Repeat([]int{1}, len(c.dims(c.in[0])))
	dims[a.Axis] = c.dims(c.in[0])[a.Axis]
	along := func(i int) graph.Op { return o.Reshape(c.in[i], dims...) }

	x, scale, offset, mean, variance := c.in[0], along(1), along(2), along(3), along(4)
	epsilon := o.Scalar(o.DType(x), float64(a.Epsilon))
	deviation := o.Do(backends.OpTypeSqrt, nil, o.Add(variance, epsilon))
	y := o.Do(backends.OpTypeDiv, nil, o.Do(backends.OpTypeSub, nil, x, mean), deviation)
	return c.m.front(o.Add(o.Mul(y, scale), offset).(*Value))
}
