package empirical

import (
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// trace records f, its layers' Gram matrices and gradients, and ∂<f, u>/∂x.
func (p *SignalProbe) trace() (*graph.Recording, error) {
	f := p.f
	rec, err := graph.Trace(f.ctx, "signal", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		n := p.examples
		xs := graph.Inputs(g, batched(f.inputs, n)...)
		y := f.model(ctx, xs)[0]
		mustKeepBatch(y, n)
		zs := findSignals(ctx, g, xs, n)
		if len(zs) == 0 {
			panic(fmt.Errorf("no weight acts on activations whose first axis is the batch"))
		}
		u := gx.Parameter(g, cotangentName, gx.Reshape(y, n, -1).Shape())
		loss := gx.ReduceAllSum(gx.Mul(gx.Reshape(y, n, -1), u))
		var wrt []*gx.Node
		for _, z := range zs {
			wrt = append(wrt, z.z)
		}
		p.layers, p.inputs = nil, 0
		if xs[0].DType().IsFloat() {
			wrt = append(wrt, xs[0])
			p.inputs = xs[0].Shape().Size() / n
		}
		grads := graph.Gradient(loss, wrt...)
		var outs []*gx.Node
		for i, z := range zs {
			flat := gx.Reshape(z.z, n, -1)
			gram := gx.DotGeneral(flat, []int{1}, nil, flat, []int{1}, nil)
			outs = append(outs, gx.MulScalar(gram, 1/float64(flat.Shape().Dimensions[1])), gx.ReduceAllSum(gx.Square(grads[i])))
			p.layers = append(p.layers, LayerSignal{Weight: z.weight, Shape: z.shape})
		}
		if p.inputs > 0 {
			outs = append(outs, gx.Reshape(grads[len(zs)], n, p.inputs))
		}
		return outs
	})
	if err != nil {
		return nil, fmt.Errorf("empirical: the signal: %w", err)
	}
	return rec, nil
}

// A signalNode is the z of a layer.
type signalNode struct {
	weight string
	shape  []int // of the product, without the batch axis
	z      *gx.Node
}

// findSignals finds the products and convolutions of a weight with activations of
// n examples, in the order of the graph.
func findSignals(ctx *mlctx.Context, g *gx.Graph, xs []*gx.Node, n int) []signalNode {
	weightOf := map[gx.NodeId]string{} // of what depends on weights, and not on data
	for v := range ctx.IterVariables() {
		if v.InUseByGraph(g) && v.Shape().DType.IsFloat() {
			weightOf[g.GetParameterByName(v.ParameterName()).Id()] = v.ScopeAndName()
		}
	}
	data := map[gx.NodeId]bool{} // what depends on data
	for _, x := range xs {
		data[x.Id()] = true
	}
	nodes := g.Nodes()
	users := usersOf(nodes)
	var found []signalNode
	for _, node := range nodes {
		ins := node.Inputs()
		weight := ""
		for _, in := range ins {
			if data[in.Id()] {
				data[node.Id()] = true
			}
			if w := weightOf[in.Id()]; w != "" && weight == "" {
				weight = w
			}
		}
		if !data[node.Id()] {
			if weight != "" {
				weightOf[node.Id()] = weight
			}
			continue
		}
		switch node.Type() {
		case gx.NodeTypeDot, gx.NodeTypeDotGeneral, gx.NodeTypeConvGeneral:
		default:
			continue
		}
		// The batch comes first in the product if it does in the first operand.
		if weight == "" || weightOf[ins[1].Id()] == "" || node.Rank() < 2 || node.Shape().Dimensions[0] != n {
			continue
		}
		found = append(found, signalNode{weight, node.Shape().Dimensions[1:], above(node, n, data, users)})
	}
	return found
}

// above follows z through what multiplies it by a constant and adds a bias, as
// long as nothing else reads it.
func above(z *gx.Node, n int, data map[gx.NodeId]bool, users map[gx.NodeId][]*gx.Node) *gx.Node {
	for len(users[z.Id()]) == 1 {
		next := users[z.Id()][0]
		if next.StopGradient() || next.CustomGradient() != nil {
			return z
		}
		ins := next.Inputs()
		switch next.Type() {
		case gx.NodeTypeReshape:
			if next.Rank() < 2 || next.Shape().Dimensions[0] != n {
				return z
			}
		case gx.NodeTypeMul, gx.NodeTypeDiv:
			if ins[0] == ins[1] || !(ins[0] == z && ins[1].Type() == gx.NodeTypeConstant || ins[1] == z && ins[0].Type() == gx.NodeTypeConstant && next.Type() == gx.NodeTypeMul) {
				return z
			}
		case gx.NodeTypeAdd, gx.NodeTypeSub:
			if data[ins[0].Id()] && data[ins[1].Id()] || !next.Shape().Equal(z.Shape()) {
				return z
			}
		default:
			return z
		}
		z = next
	}
	return z
}
