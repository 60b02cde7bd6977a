package empirical

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/simplify"
)

// A gradient is the Program of one example's output f [1, …] and, for each
// weight, of what ∂<f,u>/∂w is made of. Its parameters are the inputs, u [1, O]
// and the weights.
type gradient struct {
	program *graph.Program
	outputs int
	inputs  []int // positions among program.Params
	u       int
	weights []*weight
}

// A weight is a trainable variable and the factors of ∂f/∂w. With a product,
//
//	∂f_o/∂w = scale · Σ_t a_t ⊗ δ_t,
//
// where c is the consumer, the first op that mixes w with activations, a its
// other operand and δ = ∂<f,u>/∂c; otherwise GoMLX's gradient with respect to w.
type weight struct {
	name     string
	variable *mlctx.Variable
	way      way
	// Positions among program.Outputs; a and delta of a product, grad otherwise.
	a, delta, grad int
	consumer       *graph.Eqn // of the recording; its shapes are one example's
	operand        int        // w's place among the consumer's operands
	scale          float64
	eta            float64
	reason         string // why there is no product
}

func (w *weight) size() int { return w.variable.Shape().Size() }

// A way is how the Jacobian of a weight is formed.
type way string

const (
	wayDot      way = "materialize (product)"
	wayConv     way = "materialize (patches)"
	wayGradient way = "materialize (gradient)"
)

// A candidate is a weight's only consumer, while the graph is still GoMLX's.
type candidate struct {
	consumer *gx.Node
	other    *gx.Node // the operand that is not w
	operand  int
	scales   []*gx.Node
	reason   string // not "": no product
}

// traceGradient records f and its cotangents for a batch of one example.
func traceGradient(ctx *mlctx.Context, model graph.Model, inputs []shapes.Shape) (*gradient, error) {
	g := &gradient{}
	var candidates []candidate
	rec, err := graph.Trace(ctx, "gradient", func(ctx *mlctx.Context, gg *gx.Graph) []*gx.Node {
		xs := graph.Inputs(gg, batched(inputs, 1)...)
		f := model(ctx, xs)[0]
		if f.Rank() == 0 || f.Shape().Dimensions[0] != 1 {
			panic(fmt.Errorf("the output is %s for a batch of 1; the model must keep the batch axis (Squeeze without axes?)", f.Shape()))
		}
		g.outputs = f.Shape().Size()
		users := usersOf(gg.Nodes())
		f = gx.Reshape(f, 1, g.outputs)
		u := gx.Parameter(gg, cotangentName, f.Shape())
		loss := gx.ReduceAllSum(gx.Mul(f, u))
		outs := []*gx.Node{f}
		var wrt []*gx.Node
		for v := range ctx.IterVariables() {
			if !v.Trainable || !v.InUseByGraph(gg) || !v.Shape().DType.IsFloat() {
				continue
			}
			d, _ := graph.Of(ctx, v)
			w := &weight{name: v.ScopeAndName(), variable: v, scale: 1, eta: d.Eta}
			node := gg.GetParameterByName(v.ParameterName())
			c := findConsumer(node, users)
			if c.reason == "" {
				wrt = append(wrt, c.consumer)
			} else {
				wrt = append(wrt, node)
			}
			g.weights, candidates = append(g.weights, w), append(candidates, c)
		}
		if len(wrt) == 0 {
			panic(fmt.Errorf("the model has no trainable weight"))
		}
		outs = append(outs, gx.Gradient(loss, wrt...)...)
		for _, c := range candidates {
			if c.reason == "" {
				outs = append(outs, c.other)
			}
		}
		return outs
	})
	if err != nil {
		return nil, err
	}
	return g, g.finish(rec, candidates)
}

const cotangentName = "cotangent"

// finish reads what the recording says of each consumer, and simplifies.
func (g *gradient) finish(rec *graph.Recording, candidates []candidate) error {
	next := 1 + len(g.weights)
	outputs := rec.Program.Outputs
	for i, w := range g.weights {
		c := candidates[i]
		w.grad, w.reason, w.way = 1+i, c.reason, wayGradient
		if c.reason != "" {
			continue
		}
		w.delta, w.a = 1+i, next
		next++
		w.operand = c.operand
		w.consumer = rec.Value(c.consumer).Def
		if w.consumer.Op == backends.OpTypeConvGeneral {
			w.way = wayConv
		} else {
			w.way = wayDot
		}
		for _, s := range c.scales {
			x, ok := graph.ConstantValue(rec.Value(s))
			if !ok {
				return fmt.Errorf("empirical: weight %s is scaled by %s, which is not a constant", w.name, s)
			}
			w.scale *= x
		}
	}
	p, err := simplify.Program(rec.Program.WithOutputs(outputs...).Prune())
	if err != nil {
		return err
	}
	g.program = p
	g.u = -1
	for i := range p.Params {
		name := p.ParamName(i)
		switch {
		case name == cotangentName:
			g.u = i
		case slices.Contains(rec.Inputs, rec.Program.Params[i]):
			g.inputs = append(g.inputs, i)
		}
	}
	return nil
}

func usersOf(nodes []*gx.Node) map[gx.NodeId][]*gx.Node {
	users := map[gx.NodeId][]*gx.Node{}
	for _, n := range nodes {
		for _, in := range n.Inputs() {
			users[in.Id()] = append(users[in.Id()], n)
		}
	}
	return users
}

// findConsumer walks from a weight through ops that only relabel or scale it to
// the one op that uses it. A reason says why its gradient is no product that
// the table below knows.
func findConsumer(w *gx.Node, users map[gx.NodeId][]*gx.Node) candidate {
	var c candidate
	for {
		us := users[w.Id()]
		if len(us) != 1 {
			return candidate{reason: fmt.Sprintf("used %d times", len(us))}
		}
		n := us[0]
		if n.StopGradient() || n.CustomGradient() != nil {
			return candidate{reason: "stopped or custom gradient"}
		}
		ins := n.Inputs()
		operand := slices.Index(ins, w)
		switch n.Type() {
		case gx.NodeTypeReshape, gx.NodeTypeTranspose:
			w = n
			continue
		case gx.NodeTypeMul:
			if s := ins[1-operand]; s != w && s.IsScalar() && s.Type() == gx.NodeTypeConstant {
				c.scales = append(c.scales, s)
				w = n
				continue
			}
		case gx.NodeTypeDot, gx.NodeTypeDotGeneral:
			if ins[0] != ins[1] {
				c.consumer, c.other, c.operand = n, ins[1-operand], operand
				return c
			}
		case gx.NodeTypeConvGeneral:
			if operand == 1 && ins[0] != ins[1] {
				c.consumer, c.other, c.operand = n, ins[0], operand
				return c
			}
		}
		return candidate{reason: "used by " + n.Type().String()}
	}
}
