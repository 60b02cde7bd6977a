package empirical

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// Linearize returns the network linearized at its present weights θ0,
//
//	f_lin(θ, x) = f(θ0, x) + J(θ0, x)(θ − θ0),
//
// as a model that GoMLX trains; see Taylor, of which it is the first degree.
func (f *Network) Linearize() (graph.Model, error) { return f.Taylor(1) }

// Taylor returns the Taylor polynomial of f in its weights around their present
// values θ0,
//
//	f(θ0, x) + Σ_k D^k f(θ0, x)[θ − θ0, …] / k!,  k = 1 … degree,
//
// as a model that GoMLX trains. Where f has kinks, its derivatives are GoMLX's.
//
// The model has f's trainable variables, by their scopes and names from the
// root of its context, and starts at θ0. θ0 itself it keeps in variables below
// /taylor, which are not trained; variables of f that are not trained stay as
// they are now. Gradients reach the weights, which is what training needs, not
// the inputs.
//
// It takes batches of any size, and one function value costs about 2^degree
// evaluations of f. Like GoMLX's graph functions, the model panics with an error
// where it cannot be built: with one that wraps [ErrShape] for inputs that are
// not f's, and if its context has the θ0 of another network.
//
// Taylor returns an error for a degree below 1, and one that names the op if f
// cannot be differentiated so often.
//
// Source: Lee et al., "Wide neural networks of any depth evolve as linear models
// under gradient descent" (arXiv:1902.06720v4), section 2.2.
func (f *Network) Taylor(degree int) (graph.Model, error) {
	if degree < 1 {
		return nil, fmt.Errorf("empirical: a Taylor polynomial of degree %d, want at least 1", degree)
	}
	if _, _, err := f.taylor(2, degree); err != nil {
		return nil, err
	}
	x := &expansion{f: f, degree: degree, values: map[string]*tensors.Tensor{}}
	for v := range f.ctx.IterVariables() {
		t, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("empirical: value of %s: %w", v.ScopeAndName(), err)
		}
		if x.values[v.ParameterName()], err = t.LocalClone(); err != nil {
			return nil, fmt.Errorf("empirical: value of %s: %w", v.ScopeAndName(), err)
		}
	}
	return x.model, nil
}

// An expansion is a Taylor polynomial of f at the values of its variables.
type expansion struct {
	f      *Network
	degree int
	values map[string]*tensors.Tensor // by parameter name
}

// model is a graph.Model.
func (x *expansion) model(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
	n, err := x.f.batchOf(inputs)
	if err != nil {
		panic(err)
	}
	value, gradient, err := x.f.taylor(n, x.degree)
	if err != nil {
		panic(err)
	}
	ctx = ctx.Checked(false)
	g := inputs[0].Graph()
	nodes := map[string]*gx.Node{}
	for i, in := range inputs {
		nodes[fmt.Sprint(inputName, i)] = in
	}
	var deltas []*gx.Node
	for i, w := range x.f.gradient.weights {
		at := x.origin(ctx, w.variable).ValueGraph(g)
		deltas = append(deltas, gx.Sub(x.variable(ctx, w.variable, w.variable.Scope()).ValueGraph(g), at))
		nodes[w.variable.ParameterName()], nodes[fmt.Sprint(tangentName, i)] = at, deltas[i]
	}
	for i := range value.Params {
		if name := value.ParamName(i); nodes[name] == nil {
			v := x.f.ctx.GetVariableByScopeAndName(mlctx.VariableScopeAndNameFromParameterName(name))
			nodes[name] = x.variable(ctx, v, v.Scope()).SetTrainable(false).ValueGraph(g)
		}
	}
	y := x.build(g, value, nodes)[0]
	return withGradient(y, x.f.heads, deltas, inputs, func(v *gx.Node) []*gx.Node {
		nodes[cotangentName] = gx.Reshape(v, n, -1)
		return x.build(g, gradient, nodes)
	})
}

// batchOf checks the shapes of a model's inputs and returns the batch's size.
func (f *Network) batchOf(inputs []*gx.Node) (int, error) {
	if len(inputs) != len(f.inputs) {
		return 0, fmt.Errorf("empirical: %w: %d inputs, the model has %d", ErrShape, len(inputs), len(f.inputs))
	}
	if inputs[0].Rank() == 0 {
		return 0, fmt.Errorf("empirical: %w: input 0 has no batch axis", ErrShape)
	}
	n := inputs[0].Shape().Dimensions[0]
	for i, want := range batched(f.inputs, n) {
		if s := inputs[i].Shape(); !s.Equal(want) {
			return 0, fmt.Errorf("empirical: %w: input %d is %s, want %s", ErrShape, i, s, want)
		}
	}
	return n, nil
}

// build makes p part of g. Its parameters are nodes, by name.
func (x *expansion) build(g *gx.Graph, p *graph.Program, nodes map[string]*gx.Node) []*gx.Node {
	in := make([]graph.Op, len(p.Params))
	for i := range p.Params {
		in[i] = nodes[p.ParamName(i)]
	}
	need := lower.For(g.Backend(), x.f.dtype)
	need.Ops[backends.OpTypeSelectAndScatterMax] = nil // GoMLX exports no function for them
	need.Ops[backends.OpTypeSelectAndScatterMin] = nil
	it := unmarked{lower.New(graph.Nodes{Graph: g}, need)}
	out, err := graph.Replay(p, it, in)
	if err != nil {
		panic(err)
	}
	ys := make([]*gx.Node, len(out))
	for i, o := range out {
		ys[i] = o.(*gx.Node)
	}
	return ys
}

// variable returns ctx's variable of v's name in a scope, made with v's value if
// there is none.
func (x *expansion) variable(ctx *mlctx.Context, v *mlctx.Variable, scope string) *mlctx.Variable {
	t, err := x.values[v.ParameterName()].LocalClone() // a context takes hold of its tensors
	if err != nil {
		panic(err)
	}
	return ctx.InAbsPath(scope).VariableWithValue(v.Name(), t)
}

// origin returns ctx's variable of a weight's θ0.
func (x *expansion) origin(ctx *mlctx.Context, v *mlctx.Variable) *mlctx.Variable {
	at := x.variable(ctx, v, "/taylor"+v.Scope()).SetTrainable(false)
	t, err := at.Value()
	if err != nil {
		panic(fmt.Errorf("empirical: value of %s: %w", at.ScopeAndName(), err))
	}
	if !t.Equal(x.values[v.ParameterName()]) {
		panic(fmt.Errorf("empirical: %s holds a θ0 that is not this polynomial's; use another context", at.ScopeAndName()))
	}
	return at
}

// withGradient returns the heads of y [n, O], of which GoMLX takes pull(v) for the gradients of
// <y, v> with respect to deltas. y's own ops are not differentiated: GoMLX lacks
// gradients of some, and has slow and wrong ones (graph/convvjp.go).
//
// A custom gradient belongs to a node of one input of the gradient's shape:
// here all of y and deltas in one vector, of which the result is a part.
func withGradient(y *gx.Node, heads []Head, deltas, inputs []*gx.Node, pull func(v *gx.Node) []*gx.Node) []*gx.Node {
	size := y.Shape().Size()
	parts := []*gx.Node{gx.Reshape(gx.StopGradient(y), size)}
	for _, d := range deltas {
		parts = append(parts, gx.Reshape(d, -1))
	}
	for i, x := range inputs {
		if x.DType() == y.DType() {
			parts = append(parts, gx.Reshape(gx.ReduceAllSum(noGradient(x, i)), 1))
		}
	}
	all := gx.IdentityWithCustomGradient(gx.Concatenate(parts, 0), func(_, v *gx.Node) *gx.Node {
		back := []*gx.Node{gx.Zeros(y.Graph(), parts[0].Shape())}
		for _, d := range pull(gx.Slice(v, gx.AxisRange(0, size))) {
			back = append(back, gx.Reshape(d, -1))
		}
		for _, x := range parts[len(back):] {
			back = append(back, gx.Zeros(y.Graph(), x.Shape()))
		}
		return gx.Concatenate(back, 0)
	})
	// Gather, because the gradient of Slice needs Pad, which simplego lacks.
	n := y.Shape().Dimensions[0]
	var ys []*gx.Node
	for _, h := range heads {
		// Row n of y starts at n·O.
		rows := gx.AddScalar(gx.MulScalar(gx.Iota(y.Graph(), shapes.Make(dtypes.Int32, n, h.Outputs), 0), size/n), h.From)
		rows = gx.Add(rows, gx.Iota(y.Graph(), shapes.Make(dtypes.Int32, n, h.Outputs), 1))
		rows = gx.Reshape(rows, n*h.Outputs, 1)
		ys = append(ys, gx.Reshape(gx.Gather(all, rows, true), append([]int{n}, h.dims...)...))
	}
	return ys
}

// noGradient returns x, with an error for its gradient rather than zero.
func noGradient(x *gx.Node, i int) *gx.Node {
	return gx.IdentityWithCustomGradient(x, func(_, _ *gx.Node) *gx.Node {
		panic(fmt.Errorf("empirical: a gradient with respect to input %d of a Taylor polynomial, which has them for its weights only; take f itself, or gx.StopGradient of the input", i))
	})
}
