package graph

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/notimplemented"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// A Recording is a GoMLX graph as a Program, with what GoMLX knows and the
// Program does not: which parameter is which variable, and which node is which value.
type Recording struct {
	Program *Program
	// Graph holds the GoMLX nodes. It is compiled: no op can be added.
	Graph *gx.Graph
	// Inputs are the parameters that are no variables, in order.
	Inputs []*Value
	// Variables are those that the graph uses, in the order of their parameters.
	Variables []Variable

	values []*Value // by node id; nil for nodes of several outputs
}

// A Variable is a context variable that a Recording uses.
type Variable struct {
	*mlctx.Variable
	Value *Value
	Node  *gx.Node
	// Distribution is what Tag recorded; Tagged says whether it did.
	Distribution Distribution
	Tagged       bool
}

// Value returns the value of a node of r.Graph.
func (r *Recording) Value(n *gx.Node) *Value { return r.values[n.Id()] }

// Record records f(θ, x) of a model on inputs of the given shapes, axis 0 being
// the batch, in inference mode. Variables that ctx lacks are created, without
// a value; those it has are used.
//
// It returns GoMLX's error if the model cannot be built, and an error if an
// output has no batch axis.
func Record(ctx *mlctx.Context, model Model, inputs ...shapes.Shape) (*Recording, error) {
	r, err := Trace(ctx, "model", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		return model(ctx, Inputs(g, inputs...))
	})
	if err != nil {
		return nil, err
	}
	for i, o := range r.Program.Outputs {
		if err := checkBatchAxis(i, o.Shape, inputs); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func checkBatchAxis(i int, out shapes.Shape, inputs []shapes.Shape) error {
	if len(inputs) == 0 || inputs[0].Rank() == 0 {
		return fmt.Errorf("graph: the model needs an input with a batch axis")
	}
	if n := inputs[0].Dimensions[0]; out.Rank() == 0 || out.Dimensions[0] != n {
		return fmt.Errorf("graph: output %d of the model is %s for a batch of %d; its first axis must be the batch (is it summed or squeezed away?)", i, out, n)
	}
	return nil
}

// Inputs makes a parameter of g for each shape.
func Inputs(g *gx.Graph, inputs ...shapes.Shape) []*gx.Node {
	xs := make([]*gx.Node, len(inputs))
	for i, s := range inputs {
		xs[i] = gx.Parameter(g, fmt.Sprintf("input:%d", i), s)
	}
	return xs
}

// Trace records whatever build makes of g; what it returns are the outputs. No
// backend is needed. Errors that GoMLX panics with are returned.
func Trace(ctx *mlctx.Context, name string, build func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node) (*Recording, error) {
	b := &recordingBackend{}
	g := gx.NewGraph(b, name)
	r := &Recording{Graph: g}
	err := Catch(func() {
		g.SetTraced(true)
		ctx = ctx.Checked(false)
		ctx.SetTraining(g, false)
		outputs := build(ctx, g)
		if len(outputs) == 0 {
			panic(fmt.Errorf("graph: %s returned no output", name))
		}
		ids := make([]gx.NodeId, len(outputs))
		for i, o := range outputs {
			if o == nil {
				panic(fmt.Errorf("graph: output %d of %s is nil", i, name))
			}
			ids[i] = o.Id()
		}
		r.compile(b, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("graph: building %s: %w", name, err)
	}
	r.bind(ctx)
	return r, nil
}

// compile learns every node's value by asking GoMLX to compile the graph with
// all of them as outputs: Graph.Compile hands their ops to the Builder.
func (r *Recording) compile(b *recordingBackend, outputs []gx.NodeId) {
	var single []*gx.Node
	nodes := r.Graph.Nodes()
	for _, n := range nodes {
		if n.NumOutputs() == 1 {
			single = append(single, n)
		}
	}
	r.values = make([]*Value, len(nodes))
	b.compiled = func(ops []Op) {
		for i, n := range single {
			r.values[n.Id()] = ops[i].(*Value)
		}
	}
	r.Graph.Compile(append([]*gx.Node(nil), single...)...)
	r.Program = b.rec.Program()
	r.mark(nodes)
	for _, id := range outputs {
		r.Program.Outputs = append(r.Program.Outputs, r.values[id])
	}
}

// mark writes down what gradients see and Builders do not: stopped gradients
// and custom ones, as Identity ops behind the nodes that have them, and the
// source line of every op.
func (r *Recording) mark(nodes []*gx.Node) {
	replaced := map[*Value]*Value{}
	after := map[*Eqn]*Eqn{}
	for _, n := range nodes {
		v := r.values[n.Id()]
		if v == nil {
			continue
		}
		if v.Def.trace == nil {
			v.Def.trace = traceOf(n)
		}
		m := IdentityAttrs{Stop: n.StopGradient(), Custom: n.CustomGradient() != nil}
		if m == (IdentityAttrs{}) || len(v.Def.In) == 0 {
			continue
		}
		if v.Def.Op == backends.OpTypeIdentity {
			v.Def.Attrs = m
			continue
		}
		e := &Eqn{Op: backends.OpTypeIdentity, Attrs: m, In: []*Value{v}, trace: v.Def.trace}
		e.Out = []*Value{{Shape: v.Shape, Def: e}}
		after[v.Def] = e
		replaced[v] = e.Out[0]
		r.values[n.Id()] = e.Out[0]
	}
	p := r.Program
	var eqns []*Eqn
	id := 0
	for _, e := range p.Eqns {
		for i, in := range e.In {
			if w := replaced[in]; w != nil {
				e.In[i] = w
			}
		}
		eqns = append(eqns, e)
		if s := after[e]; s != nil {
			eqns = append(eqns, s)
		}
	}
	for _, e := range eqns {
		for _, o := range e.Out {
			o.ID = id
			id++
		}
	}
	p.Eqns, p.nextID = eqns, id
}

// traceOf returns the stack that built n. What GoMLX makes of an op of several
// outputs has none: it is the op's.
func traceOf(n *gx.Node) error {
	if n.Type() == gx.NodeTypeSplitNode {
		n = n.Inputs()[0]
	}
	return n.Trace()
}

// bind finds the variable behind each parameter.
func (r *Recording) bind(ctx *mlctx.Context) {
	byName := map[string]*mlctx.Variable{}
	for v := range ctx.IterVariables() {
		byName[v.ParameterName()] = v
	}
	for i, p := range r.Program.Params {
		v, ok := byName[r.Program.ParamName(i)]
		if !ok {
			r.Inputs = append(r.Inputs, p)
			continue
		}
		d, tagged := Of(ctx, v)
		r.Variables = append(r.Variables, Variable{
			Variable: v, Value: p, Node: r.Graph.GetParameterByName(v.ParameterName()),
			Distribution: d, Tagged: tagged,
		})
	}
}

// A recordingBackend only builds, and what it builds is a Program.
type recordingBackend struct {
	notimplemented.Backend
	rec      *Recorder
	front    *front
	compiled func([]Op)
}

// probe returns the value of a node while its graph is being built.
func (b *recordingBackend) probe(n *gx.Node) (v *Value) {
	b.front.probed = func(op Op) { v = op.(*Value) }
	defer func() { b.front.probed = nil }()
	gx.Identity(n)
	return v
}

// Name implements backends.Backend.
func (b *recordingBackend) Name() string { return "ntk-recorder" }

// Builder implements backends.Backend.
func (b *recordingBackend) Builder(name string) backends.Builder {
	b.rec = NewRecorder(name)
	b.front = &front{it: b.rec, name: name, compile: func(outputs []Op) (backends.Executable, error) {
		b.compiled(outputs)
		return nil, nil
	}, locate: b.locate}
	return b.front
}

// locate says where an op on in stands that cannot be recorded.
func (b *recordingBackend) locate(in []Op, err error) error {
	e := &Eqn{}
	for _, x := range in {
		e.In = append(e.In, x.(*Value))
	}
	return at(err, callerSource(), nearestVariable(b.rec.p, e))
}
