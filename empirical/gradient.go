package empirical

import (
	"fmt"
	"slices"

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

// A weight is a trainable variable and what ∂f/∂w is made of: products, one for
// each use of w, or GoMLX's gradient with respect to w.
type weight struct {
	name     string
	variable *mlctx.Variable
	uses     []use  // in one layout; none if there is a reason
	reason   string // why ∂f/∂w is no sum of products
	grad     int    // position among program.Outputs of GoMLX's gradient
	dims     dims
	indexed  bool // the uses are embeddings: a is held as indices
	// separation is that of the cotangent; nil if there is none.
	separation *separation
	eta        float64
}

// A use is an op c, the consumer, that mixes w with activations. With a its
// other operand and δ = ∂<f,u>/∂c it adds to the gradient
//
//	∂f_o/∂w = scale · Σ_t a_t ⊗ δ_t.
type use struct {
	a, delta int        // positions among program.Outputs
	consumer *graph.Eqn // of the recording; its shapes are one example's
	operand  int        // w's place among the consumer's operands
	scale    float64
}

// dims are the sizes of a product, J[b, i, j] = Σ_t δ[b, t, i] · a[b, t, j], T
// counting the positions of all uses.
type dims struct{ B, T, I, J int }

func (w *weight) size() int { return w.variable.Shape().Size() }

// product reports whether ∂f/∂w is known as a product.
func (w *weight) product() bool { return len(w.uses) > 0 }

const cotangentName = "cotangent"

// traceGradient records f and its cotangents for a batch of one example.
func traceGradient(ctx *mlctx.Context, model graph.Model, inputs []shapes.Shape) (*gradient, error) {
	g := &gradient{}
	var found []consumers
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
		var wrt, operands []*gx.Node
		for v := range ctx.IterVariables() {
			if !v.Trainable || !v.InUseByGraph(gg) || !v.Shape().DType.IsFloat() {
				continue
			}
			d, _ := graph.Of(ctx, v)
			g.weights = append(g.weights, &weight{name: v.ScopeAndName(), variable: v, eta: d.Eta})
			node := gg.GetParameterByName(v.ParameterName())
			c := findConsumers(node, users)
			found = append(found, c)
			if c.reason != "" || c.perhaps {
				wrt = append(wrt, node)
			}
			for _, use := range c.uses {
				wrt = append(wrt, use.consumer)
				operands = append(operands, use.other)
			}
		}
		if len(wrt) == 0 {
			panic(fmt.Errorf("the model has no trainable weight"))
		}
		outs := append([]*gx.Node{f}, graph.Gradient(loss, wrt...)...)
		return append(outs, operands...)
	})
	if err != nil {
		return nil, err
	}
	return g, g.finish(rec, found)
}

// finish reads what the recording says of each consumer, and simplifies.
func (g *gradient) finish(rec *graph.Recording, found []consumers) error {
	next, operand := 1, 1
	for _, c := range found {
		operand += len(c.uses)
		if c.reason != "" || c.perhaps {
			operand++
		}
	}
	for i, w := range g.weights {
		c := found[i]
		w.reason = c.reason
		if c.reason != "" || c.perhaps {
			w.grad = next
			next++
		}
		for _, f := range c.uses {
			u := use{a: operand, delta: next, consumer: rec.Value(f.consumer).Def, operand: f.operand, scale: 1}
			operand++
			next++
			for _, s := range f.scales {
				x, ok := graph.ConstantValue(rec.Value(s))
				if !ok {
					return fmt.Errorf("empirical: weight %s is scaled by %s, which is not a constant", w.name, s)
				}
				u.scale *= x
			}
			w.uses = append(w.uses, u)
		}
		if len(w.uses) == 0 {
			continue
		}
		if c.perhaps {
			w.indexed = true
			for _, u := range w.uses {
				if !isEmbedding(u.consumer) {
					w.uses, w.indexed, w.reason = nil, false, "used by Gather, not of whole rows"
					break
				}
			}
			if !w.indexed {
				continue
			}
		}
		if err := w.measure(); err != nil {
			return err
		}
	}
	p, err := simplify.Program(rec.Program.Prune())
	if err != nil {
		return err
	}
	g.program = p
	for i := range p.Params {
		switch {
		case isCotangent(p.Params[i]):
			g.u = i
		case slices.Contains(rec.Inputs, rec.Program.Params[i]):
			g.inputs = append(g.inputs, i)
		}
	}
	dependent := p.DependsOn(p.Params[g.u])
	for _, w := range g.weights {
		if len(w.uses) == 1 {
			w.separation = separate(p.Outputs[w.uses[0].delta], positionsOf(w.uses[0]), dependent)
		}
	}
	return nil
}

// isCotangent reports whether a parameter is u.
func isCotangent(v *graph.Value) bool {
	return v.Def.Attrs.(graph.ParameterAttrs).Name == cotangentName
}
