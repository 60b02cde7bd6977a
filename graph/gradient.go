package graph

import (
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// Gradient is [gx.Gradient], which panics where an op between output and wrt
// has no derivative in GoMLX, but the panic names the op, the source line that
// built it and the weight next above it.
func Gradient(output *gx.Node, wrt ...*gx.Node) (grads []*gx.Node) {
	// GoMLX adds nodes to the graph before it meets the op.
	nodes := output.Graph().Nodes()
	err := Catch(func() { grads = gx.Gradient(output, wrt...) })
	if err == nil {
		return grads
	}
	n := lacksVJP(nodes, output, wrt)
	if n == nil {
		panic(err)
	}
	weight := ""
	nearest(n, (*gx.Node).Inputs, func(m *gx.Node) bool {
		if m.Type() == gx.NodeTypeParameter && isVariable(m.GetParameterName()) {
			weight = m.GetParameterName()
		}
		return weight != ""
	})
	panic(at(fmt.Errorf("op %s has no gradient in GoMLX: take another op, or gx.StopGradient or gx.IdentityWithCustomGradient", n.Type()), sourceOf(n.Trace()), weight))
}

// lacksVJP returns the last of nodes that a gradient passes from output to one
// of wrt and that GoMLX cannot differentiate, nil if there is none. That is the
// one that stops GoMLX, which goes backwards too.
func lacksVJP(nodes []*gx.Node, output *gx.Node, wrt []*gx.Node) *gx.Node {
	useful := map[*gx.Node]bool{} // wrt, and what depends on it
	for _, n := range wrt {
		useful[n] = true
	}
	for _, n := range nodes {
		for _, in := range n.Inputs() {
			useful[n] = useful[n] || useful[in]
		}
	}
	reached := map[*gx.Node]bool{output: true}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if !reached[n] || !useful[n] || n.StopGradient() || len(n.Inputs()) == 0 {
			continue
		}
		_, ok := gx.VJPRegistration[n.Type()]
		if !ok && n.CustomGradient() == nil && n.Type() != gx.NodeTypeSplitNode {
			return n
		}
		for _, in := range n.Inputs() {
			// Gradients end at comparisons and at integers.
			if in.NumOutputs() > 1 || in.DType().IsFloat() {
				reached[in] = true
			}
		}
	}
	return nil
}
