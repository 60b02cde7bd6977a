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
	// Bytes counts what is read and written if nothing is fused.
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
// fell on padding, input dilation counting as the zeros it inserts.
func Of(e *graph.Eqn) Cost {
	if free[e.Op] {
		return Cost{}
	}
	var c Cost
	for _, v := range e.In {
		c.Bytes += int64(v.Shape.Memory())
	}
	for _, v := range e.Out {
		c.Bytes += int64(v.Shape.Memory())
	}
	out := e.Out[0].Shape
	size := int64(out.Size())
	switch a := e.Attrs.(type) {
	case graph.DotGeneralAttrs:
		k := int64(1)
		for _, ax := range a.LC {
			k *= int64(e.In[0].Shape.Dimensions[ax])
		}
		c.FLOPs = 2 * k * size
	case graph.ConvGeneralAttrs:
		kernel := e.In[1].Shape
		k := int64(kernel.Size() / kernel.Dimensions[a.Axes.KernelOutputChannels])
		c.FLOPs = 2 * k * size
	case graph.ReduceAttrs, graph.ArgMinMaxAttrs:
		c.FLOPs = int64(e.In[0].Shape.Size())
	case graph.ReduceWindowAttrs:
		c.FLOPs = size * windowSize(a.Window)
	case graph.SelectAndScatterAttrs:
		c.FLOPs = int64(e.In[1].Shape.Size()) * windowSize(a.Window)
	case graph.ScatterAttrs:
		c.FLOPs = int64(e.In[2].Shape.Size())
	default:
		switch {
		case transcendental[e.Op]:
			c.Transcendentals = size
		case moves[e.Op]:
		default:
			c.FLOPs = size
		}
	}
	return c
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
