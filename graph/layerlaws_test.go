package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
	"github.com/gontk/ntk/graph/cost"
	"github.com/gontk/ntk/graph/jvp"
	"github.com/gontk/ntk/graph/lower"
	"github.com/gontk/ntk/graph/vmap"
	"github.com/gontk/ntk/internal/native"
)

// trace records l and gives its variables random values, not those that they
// start with: zeros and ones would hide mistakes.
func (l layer) trace(t *testing.T) (*mlctx.Context, *graph.Recording) {
	t.Helper()
	ctx := mlctx.New()
	rec, err := graph.Trace(ctx, l.name, func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		ctx.SetTraining(g, l.training)
		return l.f(ctx, graph.Inputs(g, l.in...))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := graph.Initialize(ctx, 3, false); err != nil {
		t.Fatal(err)
	}
	for v := range ctx.IterVariables() {
		if v.Shape().DType.IsFloat() {
			if err := v.SetValue(toTensor(v.Shape(), draw(1, v.ParameterName(), v.Shape()))); err != nil {
				t.Fatal(err)
			}
		}
	}
	rec.Program = rec.Program.Prune()
	return ctx, rec
}

// draw returns the values of a parameter: standard normal, or indices below 4.
func draw(seed uint64, name string, s shapes.Shape) any {
	r := rand.New(rand.NewPCG(seed, uint64(len(name))<<8+uint64(name[len(name)-1])))
	switch s.DType {
	case dtypes.Float64:
		x := make([]float64, s.Size())
		for i := range x {
			x[i] = r.NormFloat64()
			if strings.Contains(name, "variance") {
				x[i] = 0.5 + math.Abs(x[i])
			}
		}
		return x
	case dtypes.Int32:
		x := make([]int32, s.Size())
		for i := range x {
			x[i] = int32(r.IntN(4))
		}
		return x
	}
	panic(fmt.Errorf("no values of %s", s))
}

func toTensor(s shapes.Shape, flat any) *tensors.Tensor {
	if x, ok := flat.([]float64); ok {
		return tensors.FromFlatDataAndDimensions(x, s.Dimensions...)
	}
	return tensors.FromFlatDataAndDimensions(flat.([]int32), s.Dimensions...)
}

// operands returns the values of rec's parameters: those of the seed, and of
// random states what the context has.
func operands(seed uint64, rec *graph.Recording) []any {
	in := make([]any, len(rec.Program.Params))
	for i, p := range rec.Program.Params {
		if slices.Contains([]dtypes.DType{dtypes.Float64, dtypes.Int32}, p.Shape.DType) {
			in[i] = draw(seed, rec.Program.ParamName(i), p.Shape)
		}
	}
	for _, v := range rec.Variables {
		if i := slices.Index(rec.Program.Params, v.Value); in[i] == nil {
			v.MustValue().MustConstFlatData(func(flat any) {
				in[i] = slices.Clone(flat.([]uint64))
			})
		}
	}
	return in
}

// run executes p, lowered by need, on flat values of its parameters.
func run(t *testing.T, b backends.Backend, need lower.Set, p *graph.Program, in []any) [][]float64 {
	t.Helper()
	ex, err := graph.Compile(b, p, func(it graph.Interpreter) graph.Interpreter { return lower.New(it, need) })
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	defer ex.Finalize()
	buffers := make([]backends.Buffer, len(in))
	for i, flat := range in {
		if buffers[i], err = b.BufferFromFlatData(0, flat, p.Params[i].Shape); err != nil {
			t.Fatal(err)
		}
	}
	results, err := ex.Execute(buffers, nil, 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	out := make([][]float64, len(results))
	for i, r := range results {
		out[i] = make([]float64, p.Outputs[i].Shape.Size())
		if err := b.BufferToFlatData(r, out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// onGo executes p on the pure-Go backend, lowered to what that has.
func onGo(t *testing.T, p *graph.Program, in []any) [][]float64 {
	t.Helper()
	return run(t, pureGo(t), lower.SimpleGo(), p, in)
}

// TestLayersRecordIdentically holds that what is recorded and emitted again is,
// bit for bit, what GoMLX computes itself: the oracle is context.Exec on the
// same backend.
func TestLayersRecordIdentically(t *testing.T) {
	xla, xlaErr := native.Open(native.Options{Backend: native.XLA})
	for _, l := range gomlxLayers() {
		identical := func(t *testing.T, b backends.Backend) {
			ctx, rec := l.trace(t)
			in := operands(1, rec)
			got := run(t, b, lower.Set{}, rec.Program, in)
			var args []any
			for _, v := range rec.Inputs {
				args = append(args, toTensor(v.Shape, in[slices.Index(rec.Program.Params, v)]))
			}
			want := mlctx.MustExecOnceN(b, ctx.Checked(false), func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
				ctx.SetTraining(x[0].Graph(), l.training)
				return l.f(ctx, x)
			}, args...)
			for i := range want {
				want[i].MustConstFlatData(func(flat any) {
					if !slices.Equal(got[i], flat.([]float64)) {
						t.Errorf("output %d is %v, GoMLX has %v", i, got[i], flat)
					}
				})
			}
		}
		t.Run("go/"+l.name, func(t *testing.T) {
			if l.lacks != "" {
				t.Skipf("GoMLX's pure-Go backend cannot run it: %s", l.lacks)
			}
			identical(t, pureGo(t))
		})
		t.Run("xla/"+l.name, func(t *testing.T) {
			switch {
			case xlaErr != nil:
				t.Skipf("there is no XLA: %v", xlaErr)
			case testing.Short() && l.lacks == "":
				t.Skip("compiled twice; in pure Go it is checked")
			}
			identical(t, xla.GoMLX)
			// What the pure-Go backend computes, lowered, is the same up to rounding.
			_, rec := l.trace(t)
			in := operands(1, rec)
			if slices.ContainsFunc(rec.Program.Eqns, func(e *graph.Eqn) bool { return e.Op == backends.OpTypeRNGBitGenerator }) {
				return // each backend draws its own
			}
			want := run(t, xla.GoMLX, lower.XLA(), rec.Program, in)
			for o, got := range onGo(t, rec.Program, in) {
				if msg := differ(got, want[o], 1e-13); msg != "" {
					t.Errorf("output %d of pure Go and of XLA %s", o, msg)
				}
			}
		})
	}
}

// examples of a Map: an odd number, and none of the layers' sizes by chance alone.
const examples = 3

// TestLayersUnderVmap compares a Map over the inputs, and one over the weights,
// with a loop. Sums of at most some dozens of terms may be in another order.
func TestLayersUnderVmap(t *testing.T) {
	for _, l := range gomlxLayers() {
		t.Run(l.name, func(t *testing.T) {
			_, rec := l.trace(t)
			p := rec.Program
			all := make([][]any, examples)
			for e := range all {
				all[e] = operands(uint64(2+e), rec)
			}
			for way, mapped := range map[string]func(i int) bool{
				"inputs": func(i int) bool { return slices.Contains(rec.Inputs, p.Params[i]) },
				"weights": func(i int) bool {
					return !slices.Contains(rec.Inputs, p.Params[i]) && p.Params[i].Shape.DType.IsFloat()
				},
			} {
				one := func(e int) []any { // the operands of an example
					in := slices.Clone(all[0])
					for i := range in {
						if mapped(i) {
							in[i] = all[e][i]
						}
					}
					return in
				}
				q, in, any := mapOver(t, p, all, mapped)
				if !any {
					continue
				}
				got := onGo(t, q, in)
				for o := range got {
					var want []float64
					for e := range examples {
						want = append(want, onGo(t, p, one(e))[o]...)
					}
					if msg := differ(got[o], want, 1e-12); msg != "" {
						t.Errorf("%s mapped: output %d %s", way, o, msg)
					}
				}
			}
		})
	}
}

// mapOver records p under a Map over the parameters that mapped picks, and
// returns it with their values.
func mapOver(t *testing.T, p *graph.Program, all [][]any, mapped func(i int) bool) (q *graph.Program, in []any, any bool) {
	t.Helper()
	rec := graph.NewRecorder(p.Name)
	m := vmap.New(rec, examples)
	xs := make([]graph.Op, len(p.Params))
	in = slices.Clone(all[0])
	for i, v := range p.Params {
		s := v.Shape.Clone()
		if mapped(i) {
			s.Dimensions = slices.Insert(s.Dimensions, 0, examples)
			for _, more := range all[1:] {
				in[i] = reflect.AppendSlice(reflect.ValueOf(in[i]), reflect.ValueOf(more[i])).Interface()
			}
		}
		x, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: p.ParamName(i), Shape: s})
		if err != nil {
			t.Fatal(err)
		}
		xs[i] = vmap.Fixed(x[0])
		if mapped(i) {
			xs[i], any = vmap.Mapped(x[0]), true
		}
	}
	out, err := graph.Replay(p, m, xs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		if out[i], err = m.Out(out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return rec.Program(out...), in, any
}

// TestLayersForward compares tangents of all floats at once with central
// differences and, by ⟨u, Jv⟩ = ⟨Jᵀu, v⟩, with GoMLX's gradient.
func TestLayersForward(t *testing.T) {
	for _, l := range gomlxLayers() {
		t.Run(l.name, func(t *testing.T) {
			ctx, rec := l.trace(t)
			p := rec.Program
			x := operands(1, rec)
			var vs []any
			var floats []int
			for i, v := range p.Params {
				if v.Shape.DType.IsFloat() {
					// A tenth of what is drawn: it enters the error to the fifth power.
					d := draw(9, p.ParamName(i), v.Shape).([]float64)
					for j := range d {
						d[j] /= 10
					}
					floats, vs = append(floats, i), append(vs, d)
				}
			}
			got := onGo(t, tangents(t, p), slices.Concat(x, vs))
			if !l.stops {
				for o, want := range differences(t, p, x, vs, floats) {
					// Truncation: fifth derivatives of up to 3e4, times h⁴/30
					// = 3e-14; rounding: 2ε/h = 4e-13 of the function.
					if msg := differ(got[o], want, 1e-9); msg != "" {
						t.Errorf("tangent of output %d %s", o, msg)
					}
				}
			}
			l.checkAdjoint(t, ctx, p, x, vs, floats, got)
		})
	}
}

// tangents records the tangents of p's outputs. Parameters are p's and then the
// tangents of those that are floats.
func tangents(t *testing.T, p *graph.Program) *graph.Program {
	t.Helper()
	rec := graph.NewRecorder(p.Name)
	m := jvp.New(rec)
	param := func(name string, s shapes.Shape) graph.Op {
		x, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: s})
		if err != nil {
			t.Fatal(err)
		}
		return x[0]
	}
	xs := make([]graph.Op, len(p.Params))
	for i, v := range p.Params {
		xs[i] = param(p.ParamName(i), v.Shape)
	}
	for i, v := range p.Params {
		if v.Shape.DType.IsFloat() {
			xs[i] = jvp.Dual(xs[i], param("tangent", v.Shape))
		} else {
			xs[i] = jvp.Const(xs[i])
		}
	}
	out, err := graph.Replay(p, m, xs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		if out[i], err = m.Tangent(out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return rec.Program(out...)
}

// differences returns the slopes of p's outputs at x in the direction vs, from
// four points h and 2h away.
func differences(t *testing.T, p *graph.Program, x, vs []any, floats []int) [][]float64 {
	t.Helper()
	const h = 1e-3
	slopes := make([][]float64, len(p.Outputs))
	for _, at := range []struct{ step, weight float64 }{{-2, 1}, {-1, -8}, {1, 8}, {2, -1}} {
		in := slices.Clone(x)
		for k, i := range floats {
			moved := slices.Clone(x[i].([]float64))
			for j := range moved {
				moved[j] += at.step * h * vs[k].([]float64)[j]
			}
			in[i] = moved
		}
		for o, y := range onGo(t, p, in) {
			if slopes[o] == nil {
				slopes[o] = make([]float64, len(y))
			}
			for j := range y {
				slopes[o][j] += at.weight / (12 * h) * y[j]
			}
		}
	}
	return slopes
}

// checkAdjoint checks ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ for a random u, Jᵀu being GoMLX's
// gradient, recorded and lowered; or that GoMLX has none, for the reason given.
func (l layer) checkAdjoint(t *testing.T, ctx *mlctx.Context, p *graph.Program, x, vs []any, floats []int, jv [][]float64) {
	t.Helper()
	rec, err := graph.Trace(ctx, l.name, func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		ctx.SetTraining(g, l.training)
		var loss *gx.Node
		for o, y := range l.f(ctx, graph.Inputs(g, l.in...)) {
			term := gx.ReduceAllSum(gx.Mul(y, gx.Parameter(g, fmt.Sprintf("cotangent:%d", o), y.Shape())))
			if loss == nil {
				loss = term
			} else {
				loss = gx.Add(loss, term)
			}
		}
		var params []*gx.Node
		for _, i := range floats {
			params = append(params, g.GetParameterByName(p.ParamName(i)))
		}
		return gx.Gradient(loss, params...)
	})
	if l.noReverse != "" {
		if err == nil || !strings.Contains(err.Error(), l.noReverse) {
			t.Errorf("GoMLX's gradient: error %v, want one that names %s", err, l.noReverse)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	left, right, scale := 0.0, 0.0, 1.0
	in := slices.Clone(x)
	for o, tangent := range jv {
		u := draw(uint64(20+o), "u", p.Outputs[o].Shape).([]float64)
		in = append(in, u)
		for j := range u {
			left += u[j] * tangent[j]
		}
	}
	for k, g := range onGo(t, rec.Program.Prune(), in) {
		for j, v := range vs[k].([]float64) {
			right += g[j] * v
			scale += math.Abs(g[j] * v)
		}
	}
	if !(math.Abs(left-right) <= 1e-12*scale) {
		t.Errorf("⟨u, Jv⟩ = %v, ⟨Jᵀu, v⟩ = %v", left, right)
	}
}

// TestLayersHaveRules holds that axes are followed through every op of every
// layer, that examples mix where they do and nowhere else, and that every op
// costs something. That vmap, jvp and lower have rules, the tests above show.
func TestLayersHaveRules(t *testing.T) {
	for _, l := range gomlxLayers() {
		t.Run(l.name, func(t *testing.T) {
			_, rec := l.trace(t)
			a, err := axes.Analyze(rec.Program, axes.Inputs(rec))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range a.BatchMixing() {
				if !l.mixes || m.Kind == axes.Unfollowed {
					t.Errorf("reported: %s\n%s", m, rec.Program)
				}
			}
			if l.mixes && len(a.BatchMixing()) == 0 {
				t.Errorf("examples interact unnoticed\n%s", rec.Program)
			}
			for _, c := range a.Conflicts() {
				// That a width meets data is a finding, not a gap.
				if strings.Contains(c.Reason, "no rule") {
					t.Errorf("%s", c)
				}
			}
			for _, e := range rec.Program.Eqns {
				c := cost.Of(e)
				switch e.Op {
				case backends.OpTypeParameter, backends.OpTypeConstant, backends.OpTypeIdentity:
					continue
				}
				_, sums := e.Attrs.(graph.ReduceAttrs)
				if c.Bytes <= 0 || (sums || graph.IsUnary(e.Op) || graph.IsBinary(e.Op)) && c.FLOPs+c.Transcendentals <= 0 {
					t.Errorf("%s costs %+v", e, c)
				}
			}
		})
	}
}

// differ returns how got is off want by more than tol, relative to the largest
// entry of want but no less than 1, or nothing.
func differ(got, want []float64, tol float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("has %d entries, want %d", len(got), len(want))
	}
	scale := 1.0
	for _, x := range want {
		scale = max(scale, math.Abs(x))
	}
	for i := range got {
		if e := math.Abs(got[i] - want[i]); !(e <= tol*scale) {
			return fmt.Sprintf("differs at %d: %v, want %v", i, got[i], want[i])
		}
	}
	return ""
}
