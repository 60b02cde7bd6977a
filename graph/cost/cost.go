// Package cost counts the arithmetic and the memory of ops and Programs from
// their shapes.
package cost

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// A Cost is what an op does.
type Cost struct {
	// FLOPs counts additions and multiplications: 2 for each term of a
	// contraction, 1 for each element that an elementwise op writes or a
	// reduction reads. Moving data counts 0.
	FLOPs int64
	// Transcendentals counts elements of Exp, Tanh and the like.
	Transcendentals int64
	// Bytes counts what is read and written if nothing is fused. Of what a
	// Slice or a Gather cuts from, only the cut is read.
	Bytes int64
}

// Add returns the sum.
func (c Cost) Add(d Cost) Cost {
	return Cost{c.FLOPs + d.FLOPs, c.Transcendentals + d.Transcendentals, c.Bytes + d.Bytes}
}

// Program returns the cost of all of p's equations.
func Program(p *graph.Program) Cost {
	var c Cost
	for _, e := range p.Eqns {
		c = c.Add(Of(e))
	}
	return c
}

// Of returns the cost of one equation. A convolution counts its taps as if none
// fell on padding; those on zeros that input dilation inserts do not count, for
// package lower takes them out.
func Of(e *graph.Eqn) Cost {
	if free[e.Op] {
		return Cost{}
	}
	c := Cost{Bytes: traffic(e)}
	size := int64(e.Out[0].Shape.Size())
	switch a := e.Attrs.(type) {
	case graph.DotGeneralAttrs:
		k := int64(1)
		for _, ax := range a.LC {
			k *= int64(e.In[0].Shape.Dimensions[ax])
		}
		c.FLOPs = 2 * k * size
	case graph.ConvGeneralAttrs:
		w, y := e.In[1].Shape, e.Out[0].Shape
		terms := int64(y.Dimensions[a.Axes.OutputBatch] * y.Dimensions[a.Axes.OutputChannels] * w.Dimensions[a.Axes.KernelInputChannels])
		for i := range a.Strides {
			terms *= taps(a, i, y.Dimensions[a.Axes.OutputSpatial[i]], w.Dimensions[a.Axes.KernelSpatial[i]])
		}
		c.FLOPs = 2 * terms
	case graph.ReduceAttrs, graph.ArgMinMaxAttrs:
		c.FLOPs = int64(e.In[0].Shape.Size())
	case graph.ReduceWindowAttrs:
		c.FLOPs = size * windowSize(a.Window)
	case graph.SelectAndScatterAttrs:
		c.FLOPs = int64(e.In[1].Shape.Size()) * windowSize(a.Window)
	case graph.ScatterAttrs:
		c.FLOPs = int64(e.In[2].Shape.Size())
	case graph.BatchNormAttrs:
		features := int64(e.In[1].Shape.Size())
		per := batchNorm[e.Op]
		c.FLOPs = per.entry*size + per.feature*features
		c.Transcendentals = features
	case graph.RNGBitGeneratorAttrs: // 1 for a word of bits
		c.FLOPs = int64(e.Out[1].Shape.Size())
	default:
		switch {
		case transcendental[e.Op]:
			c.Transcendentals = size
		case moves[e.Op]:
		case e.Op == backends.OpTypeClamp: // a maximum and a minimum
			c.FLOPs = 2 * size
		default:
			c.FLOPs = size
		}
	}
	return c
}

// batchNorm has what the ops of batch normalization add and multiply for each
// entry and for each feature, besides one root for each feature. With d = x − μ,
// r = 1/√(σ² + ε) and sums and means over a feature's entries, they compute
//
//	inference  d·(γr) + β;
//	training   Σx, d, Σd·d, then as above;
//	gradient   d, Σδ, Σδ·d and (δ − ⟨δ⟩ − d·(r²⟨δd⟩))·(γr), r Σδd, Σδ.
var batchNorm = map[graph.OpType]struct{ entry, feature int64 }{
	backends.OpTypeBatchNormForInference: {3, 2},
	backends.OpTypeBatchNormForTraining:  {6, 4},
	backends.OpTypeBatchNormGradient:     {8, 7},
}

// taps counts the taps of all outputs along spatial axis i of a convolution that
// meet pixels of its input or padding, not the zeros between pixels.
func taps(a graph.ConvGeneralAttrs, i, outputs, kernel int) (n int64) {
	if a.InputDilations[i] == 1 {
		return int64(outputs) * int64(kernel)
	}
	for o := range outputs {
		for k := range kernel {
			if (o*a.Strides[i]+k*a.KernelDilations[i]-a.Paddings[i][0])%a.InputDilations[i] == 0 {
				n++
			}
		}
	}
	return n
}

// traffic returns what e reads and writes.
func traffic(e *graph.Eqn) (bytes int64) {
	for i, v := range e.In {
		if i == 0 && cuts[e.Op] {
			v = e.Out[0]
		}
		bytes += int64(v.Shape.Memory())
	}
	for _, v := range e.Out {
		bytes += int64(v.Shape.Memory())
	}
	return bytes
}

func windowSize(window []int) int64 {
	n := int64(1)
	for _, w := range window {
		n *= int64(w)
	}
	return n
}

// free ops neither compute nor move anything when they run.
var free = set(backends.OpTypeParameter, backends.OpTypeConstant, backends.OpTypeIdentity)

// moves are the ops that only move data.
var moves = set(backends.OpTypeReshape, backends.OpTypeTranspose, backends.OpTypeBroadcastInDim,
	backends.OpTypeConcatenate, backends.OpTypeSlice, backends.OpTypePad, backends.OpTypeReverse,
	backends.OpTypeGather, backends.OpTypeDynamicSlice, backends.OpTypeDynamicUpdateSlice,
	backends.OpTypeIota, backends.OpTypeBitcast, backends.OpTypeWhere)

// cuts are the ops that read of their first operand what they return.
var cuts = set(backends.OpTypeSlice, backends.OpTypeDynamicSlice, backends.OpTypeGather)

var transcendental = set(backends.OpTypeExp, backends.OpTypeExpm1, backends.OpTypeLog, backends.OpTypeLog1p,
	backends.OpTypeLogistic, backends.OpTypeTanh, backends.OpTypeSin, backends.OpTypeCos, backends.OpTypeErf,
	backends.OpTypePow, backends.OpTypeSqrt, backends.OpTypeRsqrt)

func set(ops ...graph.OpType) map[graph.OpType]bool {
	m := map[graph.OpType]bool{}
	for _, op := range ops {
		m[op] = true
	}
	return m
}
