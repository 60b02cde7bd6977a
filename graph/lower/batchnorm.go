package lower

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// batchNormForInference lowers BatchNormForInference of x, scale γ, offset β,
// mean μ and variance σ²: (x − μ)·γ/√(σ² + ε) + β.
func batchNormForInference(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, _ []shapes.Shape) []graph.Op {
	n := newNorm(b, attrs, in[0])
	return []graph.Op{n.normalize(in[0], in[1], in[2], in[3], in[4])}
}

// batchNormForTraining lowers BatchNormForTraining of x, γ and β: mean and
// variance, which is biased, are those of x. It returns all three.
func batchNormForTraining(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, _ []shapes.Shape) []graph.Op {
	n := newNorm(b, attrs, in[0])
	x := in[0]
	mean := n.mean(x)
	d := b.Do(backends.OpTypeSub, nil, x, n.spread(mean))
	variance := n.mean(b.Mul(d, d))
	return []graph.Op{n.normalize(x, in[1], in[2], mean, variance), mean, variance}
}

// batchNormGradient lowers BatchNormGradient of x, γ, μ, σ² and the cotangent δ
// of BatchNormForTraining's first result. With d = x − μ, r = 1/√(σ² + ε) and
// means ⟨⟩ over all axes but the features', it returns
//
//	γ r (δ − ⟨δ⟩ − d r² ⟨δ d⟩),  r Σ δ d,  Σ δ.
func batchNormGradient(b builder, _ graph.OpType, attrs graph.Attrs, in []graph.Op, _ []shapes.Shape) []graph.Op {
	n := newNorm(b, attrs, in[0])
	x, gamma, mean, variance, delta := in[0], in[1], in[2], in[3], in[4]
	sub := func(x, y graph.Op) graph.Op { return b.Do(backends.OpTypeSub, nil, x, y) }
	d := sub(x, n.spread(mean))
	r := n.inverseDeviation(variance)
	dd := b.Mul(delta, d)
	slope := b.Mul(d, n.spread(b.Mul(b.Mul(r, r), n.mean(dd))))
	dx := b.Mul(n.spread(b.Mul(gamma, r)), sub(sub(delta, n.spread(n.mean(delta))), slope))
	return []graph.Op{dx, b.Mul(r, n.sum(dd)), n.sum(delta)}
}

// A norm is what the three ops share: which axis has the features.
type norm struct {
	builder
	dims    []int
	axis    int
	others  []int
	epsilon float64
}

func newNorm(b builder, attrs graph.Attrs, x graph.Op) norm {
	a := attrs.(graph.BatchNormAttrs)
	dims := b.Dims(x)
	axis := a.Axis
	if axis < 0 {
		axis += len(dims)
	}
	if axis < 0 || axis >= len(dims) {
		panic(fmt.Errorf("feature axis %d, the operand has %d axes", a.Axis, len(dims)))
	}
	return norm{b, dims, axis, graph.CrossAxes(len(dims), []int{axis}, nil), float64(a.Epsilon)}
}

// spread repeats v, with one entry per feature, along the other axes.
func (n norm) spread(v graph.Op) graph.Op { return n.BroadcastInDim(v, n.dims, []int{n.axis}) }

// sum sums v over all axes but the features'.
func (n norm) sum(v graph.Op) graph.Op { return n.ReduceSum(v, n.others...) }

// mean averages v over all axes but the features'.
func (n norm) mean(v graph.Op) graph.Op {
	count := 1
	for _, axis := range n.others {
		count *= n.dims[axis]
	}
	return n.Do(backends.OpTypeDiv, nil, n.sum(v), n.filler(n.DType(v), float64(count)))
}

// inverseDeviation returns 1/√(variance + ε).
func (n norm) inverseDeviation(variance graph.Op) graph.Op {
	return n.Do(backends.OpTypeRsqrt, nil, n.Add(variance, n.filler(n.DType(variance), n.epsilon)))
}

func (n norm) normalize(x, gamma, beta, mean, variance graph.Op) graph.Op {
	y := n.Do(backends.OpTypeSub, nil, x, n.spread(mean))
	y = n.Mul(y, n.spread(n.Mul(gamma, n.inverseDeviation(variance))))
	return n.Add(y, n.spread(beta))
}
