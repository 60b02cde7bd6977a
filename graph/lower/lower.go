// Package lower rewrites ops that a backend lacks, or is slow at, into ops it has.
package lower

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// New returns an Interpreter that rewrites the ops that need names and passes
// all others to inner. No op that need lowers reaches inner.
//
// The values keep their shapes and dtypes. Rewritten ops equal the originals up
// to the order of summation; ops that only move or select entries are exact.
//
// Apply returns the shape inference's error for operands that do not fit op,
// and [graph.ErrNoRule] for an op in need that has no rule.
func New(inner graph.Interpreter, need Set) graph.Interpreter {
	return &lowering{inner: inner, need: need}
}

// A lowering is the Interpreter that New returns.
type lowering struct {
	inner graph.Interpreter
	need  Set
}

// A rule rewrites one op, whose outputs have shapes out. What it builds passes
// through the lowering again, so that rules may use each other's ops.
type rule func(b builder, op graph.OpType, attrs graph.Attrs, in []graph.Op, out []shapes.Shape) []graph.Op

// A builder is what rules build with.
type builder struct {
	graph.Ops
	// gather says that patches are one Gather; otherwise slices, joined.
	gather bool
	// has applies ops as the backend has them, whether or not they are needed.
	has graph.Ops
}

// rules has one entry per op that can be lowered. It is filled in by init:
// rules apply ops, which looks them up here.
var rules map[graph.OpType]rule

func init() {
	rules = map[graph.OpType]rule{
		backends.OpTypeArgMinMax:             argMinMax,
		backends.OpTypeBatchNormForInference: batchNormForInference,
		backends.OpTypeBatchNormForTraining:  batchNormForTraining,
		backends.OpTypeBatchNormGradient:     batchNormGradient,
		backends.OpTypeConvGeneral:           convGeneral,
		backends.OpTypeDotGeneral:            dotGeneral,
		backends.OpTypeDynamicSlice:          dynamicSlice,
		backends.OpTypeDynamicUpdateSlice:    dynamicUpdateSlice,
		backends.OpTypeGather:                gather,
		backends.OpTypePad:                   pad,
		backends.OpTypeReduceWindow:          reduceWindow,
		backends.OpTypeReverse:               reverse,
		backends.OpTypeSelectAndScatterMax:   selectAndScatter,
		backends.OpTypeSelectAndScatterMin:   selectAndScatter,
		backends.OpTypeScatterSum:            scatter,
		backends.OpTypeScatterMax:            scatter,
		backends.OpTypeScatterMin:            scatter,
	}
	for _, op := range byTotalOrder {
		rules[op] = totalOrder
	}
}

// Shape implements graph.Interpreter.
func (l *lowering) Shape(v graph.Op) shapes.Shape { return l.inner.Shape(v) }

// Apply implements graph.Interpreter.
func (l *lowering) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) (out []graph.Op, err error) {
	when, ok := l.need.Ops[op]
	if !ok {
		return l.inner.Apply(op, attrs, in...)
	}
	ss := make([]shapes.Shape, len(in))
	for i, x := range in {
		ss[i] = l.inner.Shape(x)
	}
	if when != nil && !when(attrs, ss) {
		return l.inner.Apply(op, attrs, in...)
	}
	r := rules[op]
	if r == nil {
		return nil, graph.NoRule("lower", op, "")
	}
	outShapes, err := graph.InferShapes(op, attrs, ss)
	if err != nil {
		return nil, fmt.Errorf("lower: %s of %v: %w", op, ss, err)
	}
	err = graph.Catch(func() {
		out = r(builder{graph.Ops{It: l}, l.need.Gather, graph.Ops{It: l.inner}}, op, attrs, in, outShapes)
	})
	if err != nil {
		return nil, fmt.Errorf("lower: %s of %v: %w", op, ss, err)
	}
	return out, nil
}
