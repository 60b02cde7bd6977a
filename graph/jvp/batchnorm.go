package jvp

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// writtenOut are the ops of several outputs: they are differentiated as the ops
// that package lower makes of them, through the moments of the batch.
var writtenOut = lower.Set{Ops: map[graph.OpType]lower.Condition{
	backends.OpTypeBatchNormForTraining: nil,
	backends.OpTypeBatchNormGradient:    nil,
}}

// batchNormForInference is written out, for any of its operands may have a tangent:
//
//	(x - mean) / √(variance + ε) · scale + offset,
//
// with statistics and parameters along the feature axis.
func batchNormForInference(c call) graph.Op {
	a := c.attrs.(graph.BatchNormAttrs)
	o := c.dual()
	dims := slices.Repeat([]int{1}, len(c.o.Dims(c.y)))
	dims[a.Axis] = c.o.Dims(c.y)[a.Axis]
	along := func(i int) graph.Op { return o.Reshape(c.in[i], dims...) }

	scale, offset, mean, variance := along(1), along(2), along(3), along(4)
	deviation := o.Do(backends.OpTypeSqrt, nil, o.Add(variance, Const(c.scalar(float64(a.Epsilon)))))
	y := o.Do(backends.OpTypeDiv, nil, o.Do(backends.OpTypeSub, nil, c.in[0], mean), deviation)
	return o.Add(o.Mul(y, scale), offset).(*Value).T
}
