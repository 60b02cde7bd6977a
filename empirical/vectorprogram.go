package empirical

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
	"github.com/gontk/ntk/graph/simplify"
	"github.com/gontk/ntk/graph/vmap"
)

// Names of the parameters of Programs, with a number behind: of inputs; and, of
// those that multiply J with vectors, of a sum so far and a tangent for the i-th
// weight.
const (
	inputName   = "input:" // graph.Inputs names them so
	sumName     = "sum:"
	tangentName = "tangent:"
)

// reverse records Jᵀu of n examples: its parameters are the inputs, the weights
// and the cotangent u [n, O], its outputs Σ_n J_nᵀu_n for each of ws.
func (f *Network) reverse(n int, ws []*weight) (*graph.Program, error) {
	rec, err := graph.Trace(f.ctx, "Jᵀu", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		y := f.model(ctx, graph.Inputs(g, batched(f.inputs, n)...))[0]
		mustKeepBatch(y, n)
		y = gx.Reshape(y, n, -1)
		loss := gx.ReduceAllSum(gx.Mul(y, gx.Parameter(g, cotangentName, y.Shape())))
		nodes := make([]*gx.Node, len(ws))
		for i, w := range ws {
			nodes[i] = g.GetParameterByName(w.variable.ParameterName())
		}
		return graph.Gradient(loss, nodes...)
	})
	if err != nil {
		return nil, err
	}
	return simplify.Program(rec.Program.Prune())
}

// A laned records values that have k lanes, [k, …]: parameters that differ from
// lane to lane, and what depends on them. Of one lane there is no Map, which
// would hide products from what recognizes them.
type laned struct {
	graph.Ops
	k  int
	m  *vmap.Map // nil for one lane
	it graph.Interpreter
}

func newLaned(rec *graph.Recorder, k int) laned {
	l := laned{Ops: graph.Ops{It: rec}, k: k, it: rec}
	if k > 1 {
		l.m = vmap.New(rec, k)
		l.it = l.m
	}
	return l
}

// param records a parameter that all lanes share.
func (l laned) param(a graph.ParameterAttrs) graph.Op {
	x := l.Do(backends.OpTypeParameter, a)
	if l.m == nil {
		return x
	}
	return vmap.Fixed(x)
}

// lanes records a parameter [k, …].
func (l laned) lanes(name string, of shapes.Shape) (inner, value graph.Op) {
	dims := append([]int{l.k}, of.Dimensions...)
	x := l.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: shapes.Make(of.DType, dims...)})
	if l.m == nil {
		return x, l.Reshape(x, of.Dimensions...)
	}
	return x, vmap.Mapped(x)
}

// out returns v as [k, …].
func (l laned) out(v graph.Op) graph.Op {
	if l.m == nil {
		return l.Reshape(v, append([]int{1}, l.Dims(v)...)...)
	}
	return must(l.m.Out(v))
}

// pullProgram records a step of u = Jᵀv for k lanes: its parameters are those of
// p, the cotangent being [k, n, O], and a sum so far for each weight, [k, …];
// its outputs are the sums with p's examples added.
func pullProgram(p *graph.Program, k int) (*graph.Program, error) {
	rec := graph.NewRecorder("pull")
	var outs []graph.Op
	err := graph.Catch(func() {
		l := newLaned(rec, k)
		in := make([]graph.Op, len(p.Params))
		for i, v := range p.Params {
			a := v.Def.Attrs.(graph.ParameterAttrs)
			if isCotangent(v) {
				_, in[i] = l.lanes(a.Name, a.Shape)
			} else {
				in[i] = l.param(a)
			}
		}
		grads, err := graph.Replay(p, l.it, in)
		if err != nil {
			panic(err)
		}
		for i, g := range grads {
			sum, _ := l.lanes(fmt.Sprint(sumName, i), p.Outputs[i].Shape)
			outs = append(outs, l.Add(sum, l.out(g)))
		}
	})
	if err != nil {
		return nil, err
	}
	return rec.Program(outs...).Prune(), nil
}

// pushProgram records Ju for k lanes: its parameters are those of p, the forward
// Program of n examples, and a tangent for each of ws, [k, …]; its output is
// [k, n, O]. With rates, u is multiplied by the weights' learning rates.
func pushProgram(p *graph.Program, k int, ws []*weight, rates bool) (*graph.Program, error) {
	at := map[string]int{}
	for i, w := range ws {
		at[w.variable.ParameterName()] = i
	}
	rec := graph.NewRecorder("push")
	var out graph.Op
	err := graph.Catch(func() {
		l := newLaned(rec, k)
		m := jvp.New(l.it)
		in := make([]graph.Op, len(p.Params))
		for i, v := range p.Params {
			a := v.Def.Attrs.(graph.ParameterAttrs)
			in[i] = jvp.Const(l.param(a))
			if j, ok := at[a.Name]; ok {
				_, t := l.lanes(fmt.Sprint(tangentName, j), v.Shape)
				if eta := ws[j].eta; rates && eta != 1 {
					o := graph.Ops{It: l.it}
					t = o.Mul(t, o.Scalar(v.Shape.DType, eta))
				}
				in[i] = jvp.Dual(in[i].(*jvp.Value).X, t)
			}
		}
		ys, err := graph.Replay(p, m, in)
		if err != nil {
			panic(err)
		}
		y := l.out(must(m.Tangent(ys[0])))
		n := p.Outputs[0].Shape.Dimensions[0]
		out = l.Reshape(y, k, n, p.Outputs[0].Shape.Size()/n)
	})
	if err != nil {
		return nil, err
	}
	return simplify.Program(rec.Program(out).Prune())
}
