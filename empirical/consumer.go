package empirical

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// consumers are all uses of a weight, while the graph is still GoMLX's.
type consumers struct {
	uses   []consumer
	reason string // not "": the uses are no products of one layout
	// perhaps says that the uses' attributes, which are known once the graph
	// is recorded, decide.
	perhaps bool
}

// A consumer is the first op on a path from a weight that mixes it with activations.
type consumer struct {
	consumer *gx.Node
	entry    *gx.Node // what the weight has become where it enters
	other    *gx.Node // the operand that is not the weight
	operand  int
	scales   []*gx.Node // constants that multiply the weight before
}

func usersOf(nodes []*gx.Node) map[gx.NodeId][]*gx.Node {
	users := map[gx.NodeId][]*gx.Node{}
	for _, n := range nodes {
		for i, in := range n.Inputs() {
			if slices.Index(n.Inputs(), in) == i { // x·x is one user of x
				users[in.Id()] = append(users[in.Id()], n)
			}
		}
	}
	return users
}

// findConsumers walks from a weight, through ops that only relabel or scale it,
// to the ops that use it. Uses behind a stopped gradient count nothing. Several
// uses must have the weight in one layout: then they add up like positions.
func findConsumers(w *gx.Node, users map[gx.NodeId][]*gx.Node) consumers {
	var c consumers
	c.walk(w, nil, users)
	if c.reason == "" && len(c.uses) == 0 {
		c.reason = "no use that gradients reach"
	}
	if c.reason == "" {
		first := c.uses[0]
		for _, u := range c.uses[1:] {
			if u.entry != first.entry || u.consumer.Type() != first.consumer.Type() || u.operand != first.operand {
				c.reason = fmt.Sprintf("%d uses in different layouts", len(c.uses))
			}
		}
	}
	if c.reason != "" {
		c.uses = nil
	}
	return c
}

func (c *consumers) walk(w *gx.Node, scales []*gx.Node, users map[gx.NodeId][]*gx.Node) {
	for _, n := range users[w.Id()] {
		if n.StopGradient() {
			continue
		}
		if n.CustomGradient() != nil {
			c.reason = "custom gradient"
			return
		}
		ins := n.Inputs()
		operand := slices.Index(ins, w)
		switch n.Type() {
		case gx.NodeTypeReshape, gx.NodeTypeTranspose:
			c.walk(n, scales, users)
			continue
		case gx.NodeTypeMul:
			if s := ins[1-operand]; s != w && s.IsScalar() && s.Type() == gx.NodeTypeConstant {
				c.walk(n, append(slices.Clone(scales), s), users)
				continue
			}
		case gx.NodeTypeDot, gx.NodeTypeDotGeneral:
			if ins[0] != ins[1] {
				c.uses = append(c.uses, consumer{n, w, ins[1-operand], operand, scales})
				continue
			}
		case gx.NodeTypeGather:
			// finish looks whether it is an embedding.
			if operand == 0 && ins[0] != ins[1] {
				c.uses = append(c.uses, consumer{n, w, ins[1], operand, scales})
				c.perhaps = true
				continue
			}
		case gx.NodeTypeConvGeneral:
			if operand == 1 && ins[0] != ins[1] {
				c.uses = append(c.uses, consumer{n, w, ins[0], operand, scales})
				continue
			}
		}
		c.reason = "used by " + n.Type().String()
		return
	}
}
