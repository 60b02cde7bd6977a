package train

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	mltrain "github.com/gomlx/gomlx/pkg/ml/train"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
	"github.com/gontk/ntk/graph/lower"
	"github.com/gontk/ntk/graph/simplify"
)

// A program is a compiled Program and the names of its parameters: inputs as
// "input:i", targets, and variables by parameter name.
type program struct {
	exec   backends.Executable
	params []string
}

const (
	inputName   = "input:" // graph.Inputs names them so
	targetsName = "targets"
)

// A step is the compiled Program of a step: its outputs are the loss and the new
// values of the variables that it changes.
type step struct {
	program
	outputs int
	changed []string
}

// stepOf records and compiles a step on batches of n, once.
func (t *Trainer) stepOf(n int) (*step, error) {
	if s := t.steps[n]; s != nil {
		return s, nil
	}
	s := &step{}
	r, err := graph.Trace(t.ctx, "training step", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		f := t.model(ctx, graph.Inputs(g, batched(t.inputs, n)...))[0]
		mustKeepBatch(f, n)
		f = gx.Reshape(f, n, -1)
		s.outputs = f.Shape().Dimensions[1]
		loss := t.opts.Loss.Node(f, gx.Parameter(g, targetsName, f.Shape()))
		t.trained = trained(ctx, g)
		update(ctx, t.opts, loss)
		out := []*gx.Node{loss}
		s.changed = nil
		for v := range ctx.IterVariables() {
			if v.InUseByGraph(g) && v.ChangedInGraph(g) {
				s.changed = append(s.changed, v.ParameterName())
				out = append(out, v.ValueGraph(g))
			}
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	// The optimizer's own variables begin as it says.
	if err := graph.Initialize(t.ctx, t.opts.Seed, false); err != nil {
		return nil, err
	}
	p, err := simplify.Program(r.Program.Prune())
	if err != nil {
		return nil, err
	}
	if need, b := cost.Peak(p), t.opts.budget(); need > b.Bytes {
		return nil, b.Exceeded(fmt.Sprintf("a training step on %d examples", n), need, "take smaller batches")
	}
	if s.program, err = t.compile(p); err != nil {
		return nil, err
	}
	t.steps[n] = s
	return s, nil
}

// mustKeepBatch panics with an error if the output for a batch of n is no batch of n.
func mustKeepBatch(f *gx.Node, n int) {
	if f.Rank() == 0 || f.Shape().Dimensions[0] != n {
		panic(fmt.Errorf("train: the output is %s for a batch of %d; the model must keep the batch axis", f.Shape(), n))
	}
}

// update adds the optimizer's update to the graph.
func update(ctx *mlctx.Context, opts Options, loss *gx.Node) {
	g := loss.Graph()
	vs := trained(ctx, g)
	if len(vs) == 0 {
		panic(fmt.Errorf("train: the model has no trainable weight"))
	}
	nodes := make([]*gx.Node, len(vs))
	rates := make([]float64, len(vs))
	for i, v := range vs {
		d, _ := graph.Of(ctx, v)
		nodes[i], rates[i] = v.ValueGraph(g), d.Eta
	}
	o, ok := opts.Optimizer.(mltrain.OptimizeWithGradients)
	if !ok {
		for i, eta := range rates {
			if eta != 1 {
				panic(fmt.Errorf("train: weight %s has the learning rate %g of its own, and the optimizer %T takes no gradients", vs[i].ScopeAndName(), eta, opts.Optimizer))
			}
		}
		opts.Optimizer.UpdateGraph(ctx, g, loss)
		return
	}
	grads := graph.Gradient(loss, nodes...)
	for i, eta := range rates {
		if eta != 1 {
			grads[i] = gx.MulScalar(grads[i], eta)
		}
	}
	o.UpdateGraphWithGradients(ctx, grads, loss.DType())
}

// compile compiles p for the backend, lowering what it lacks.
func (t *Trainer) compile(p *graph.Program) (c program, err error) {
	for i := range p.Params {
		c.params = append(c.params, p.ParamName(i))
	}
	need := lower.For(t.backend, t.dtype)
	c.exec, err = graph.Compile(t.backend, p, func(it graph.Interpreter) graph.Interpreter { return lower.New(it, need) })
	return c, err
}

// execute runs p on a batch; targets is nil where there are none.
func (t *Trainer) execute(p program, x empirical.Batch, targets backends.Buffer) ([]backends.Buffer, error) {
	in := make([]backends.Buffer, len(p.params))
	for i, name := range p.params {
		k, isInput := strings.CutPrefix(name, inputName)
		var err error
		switch {
		case name == targetsName:
			in[i] = targets
		case isInput:
			var at int
			if at, err = strconv.Atoi(k); err == nil {
				in[i], err = graph.Upload(t.backend, x[at])
			}
			if err == nil {
				defer func() { _ = t.backend.BufferFinalize(in[i]) }()
			}
		default:
			in[i], err = t.buffer(name)
		}
		if err != nil {
			return nil, fmt.Errorf("uploading %s: %w", name, err)
		}
	}
	return p.exec.Execute(in, nil, 0)
}
