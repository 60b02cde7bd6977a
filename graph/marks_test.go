package graph_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
	"github.com/gontk/ntk/graph/lower"
	"github.com/gontk/ntk/graph/simplify"
	"github.com/gontk/ntk/graph/vmap"
)

// stopping is x·stop(eˣ), with a Reverse and a repeated op for lower and
// simplify to work on.
func stopping(x *gx.Node) *gx.Node {
	return gx.Mul(gx.Reverse(gx.Reverse(x, 0), 0), gx.StopGradient(gx.Exp(gx.Reverse(gx.Reverse(x, 0), 0))))
}

// customized is x·c(sin x), c being the identity with a gradient of 2.
func customized(x *gx.Node) *gx.Node {
	double := func(_, v *gx.Node) *gx.Node { return gx.MulScalar(v, 2) }
	return gx.Mul(gx.Reverse(x, 0), gx.Reverse(gx.IdentityWithCustomGradient(gx.Sin(x), double), 0))
}

// transformations, each from a program to one that is recorded; mapped says
// that its parameters and outputs have an axis of examples in front.
var transformations = []struct {
	name   string
	mapped bool
	apply  func(p *graph.Program) (*graph.Program, error)
}{
	{"none", false, func(p *graph.Program) (*graph.Program, error) { return p, nil }},
	{"vmap", true, func(p *graph.Program) (*graph.Program, error) {
		rec := graph.NewRecorder(p.Name)
		m := vmap.New(rec, examples)
		var in []graph.Op
		for _, v := range p.Params {
			s := v.Shape.Clone()
			s.Dimensions = append([]int{examples}, s.Dimensions...)
			x, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: "x", Shape: s})
			if err != nil {
				return nil, err
			}
			in = append(in, vmap.Mapped(x[0]))
		}
		out, err := graph.Replay(p, m, in)
		if err != nil {
			return nil, err
		}
		y, err := m.Out(out[0])
		return rec.Program(y), err
	}},
	{"lower", false, func(p *graph.Program) (*graph.Program, error) {
		return graph.Rewrite(p, func(r *graph.Recorder) graph.Interpreter { return lower.New(r, lower.SimpleGo()) })
	}},
	{"simplify", false, simplify.Program},
}

// TestMarksStay holds that every transformation keeps the marks of stopped and
// custom gradients: forward mode, applied to the result, still stops at the one
// and still refuses the other. The oracle is (x·stop(eˣ))˙ = eˣ·ẋ.
func TestMarksStay(t *testing.T) {
	trace := func(f func(x *gx.Node) *gx.Node) *graph.Program {
		rec, err := graph.Trace(mlctx.New(), "marks", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
			return []*gx.Node{f(graph.Inputs(g, f64(4))[0])}
		})
		if err != nil {
			t.Fatal(err)
		}
		return rec.Program.Prune()
	}
	for _, tr := range transformations {
		t.Run(tr.name, func(t *testing.T) {
			p, err := tr.apply(trace(stopping))
			if err != nil {
				t.Fatal(err)
			}
			x := draw(1, "x", p.Params[0].Shape).([]float64)
			v := draw(2, "v", p.Params[0].Shape).([]float64)
			got := onGo(t, tangents(t, p), []any{x, v})[0]
			for i := range got {
				if want := math.Exp(x[i]) * v[i]; !(math.Abs(got[i]-want) <= 1e-14*math.Abs(want)) {
					t.Errorf("tangent %d of x·stop(eˣ) is %v, want %v", i, got[i], want)
				}
			}

			q, err := tr.apply(trace(customized))
			if err != nil {
				t.Fatal(err)
			}
			rec := graph.NewRecorder("refused")
			p0, err := rec.Apply(backends.OpTypeParameter, q.Params[0].Def.Attrs)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := graph.Replay(q, jvp.New(rec), []graph.Op{jvp.Dual(p0[0], p0[0])}); err == nil {
				t.Error("forward mode passes a custom gradient")
			}
		})
	}
}

// TestGradientsThroughMarks holds that the reverse mode of GoMLX, recorded and
// transformed, obeys the marks. By hand, u being the cotangent and c the
// identity with a gradient of 2,
//
//	x·stop(eˣ):  u·eˣ,    x·c(sin x):  u·sin x + 2u·x·cos x.
func TestGradientsThroughMarks(t *testing.T) {
	for name, tc := range map[string]struct {
		f    func(x *gx.Node) *gx.Node
		want func(x, u float64) float64
	}{
		"stop": {
			func(x *gx.Node) *gx.Node { return gx.Mul(x, gx.StopGradient(gx.Exp(x))) },
			func(x, u float64) float64 { return u * math.Exp(x) },
		},
		"custom": {
			func(x *gx.Node) *gx.Node {
				double := func(_, v *gx.Node) *gx.Node { return gx.MulScalar(v, 2) }
				return gx.Mul(x, gx.IdentityWithCustomGradient(gx.Sin(x), double))
			},
			func(x, u float64) float64 { return u*math.Sin(x) + 2*u*x*math.Cos(x) },
		},
	} {
		rec, err := graph.Trace(mlctx.New(), name, func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
			in := graph.Inputs(g, f64(4), f64(4))
			return gx.Gradient(gx.ReduceAllSum(gx.Mul(tc.f(in[0]), in[1])), in[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range transformations {
			t.Run(name+"/"+tr.name, func(t *testing.T) {
				p, err := tr.apply(rec.Program.Prune())
				if err != nil {
					t.Fatal(err)
				}
				x := draw(1, "x", p.Params[0].Shape).([]float64)
				u := draw(2, "u", p.Params[1].Shape).([]float64)
				for i, got := range onGo(t, p, []any{x, u})[0] {
					if want := tc.want(x[i], u[i]); !(math.Abs(got-want) <= 1e-14*(1+math.Abs(want))) {
						t.Errorf("entry %d is %v, want %v", i, got, want)
					}
				}
			})
		}
	}
}
