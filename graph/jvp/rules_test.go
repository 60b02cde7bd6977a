package jvp_test

import (
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
)

// tolerance of what is compared with central differences: see differences. The
// largest fifth derivative is that of 1/x at 0.5, 7680: 3e-10.
const tolerance = 1e-9

// TestRules compares every rule with central differences, with a tangent on
// every subset of the operands.
func TestRules(t *testing.T) {
	for i, c := range cases() {
		t.Run(c.name(i), func(t *testing.T) {
			p := c.program(t)
			ways := subsets(floatsOf(p))
			if len(ways) == 0 || !p.Outputs[0].Shape.DType.IsFloat() {
				checkNoTangent(t, p)
				return
			}
			f := compile(t, p)
			xs := c.values()
			vs := directions(seeded(2), p)
			got := compile(t, tangents(t, p, ways)).call(t, append(xs, vs...)...)
			for w, way := range ways {
				for i, want := range differences(t, f, xs, vs, way) {
					if msg := compare(got[w*len(p.Outputs)+i].([]float64), want, tolerance); msg != "" {
						t.Errorf("%+v: tangents of operands %v: output %d %s", c.attrs, way, i, msg)
					}
				}
			}
		})
	}
}

// checkNoTangent checks that the tangents of p's outputs are nil.
func checkNoTangent(t *testing.T, p *graph.Program) {
	t.Helper()
	rec := record(t)
	xs, vs := pairs(rec, p)
	in := make([]graph.Op, len(xs))
	for i, x := range xs {
		in[i] = jvp.Dual(x, vs[i])
	}
	e := p.Outputs[0].Def
	out, err := jvp.New(rec).Apply(e.Op, e.Attrs, in...)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(e.Out) {
		t.Errorf("%d outputs, want %d", len(out), len(e.Out))
	}
	for i, o := range out {
		if v := o.(*jvp.Value); v.T != nil {
			t.Errorf("output %d has the tangent %v, want none", i, v.T)
		}
	}
}

// TestSecondDerivatives compares a Map over a Map with central differences of
// first derivatives, which TestRules has checked.
func TestSecondDerivatives(t *testing.T) {
	for i, c := range cases() {
		p := c.program(t)
		operands := floatsOf(p)
		if len(operands) == 0 || !p.Outputs[0].Shape.DType.IsFloat() {
			continue
		}
		t.Run(c.name(i), func(t *testing.T) {
			rec := record(t)
			xs, vs := pairs(rec, p)
			inner := jvp.New(rec)
			outer := jvp.New(inner)
			in, ws := make([]graph.Op, len(xs)), make([]graph.Op, len(xs))
			for _, k := range operands {
				ws[k] = rec.param("w", p.Params[k].Shape)
			}
			for k, x := range xs {
				in[k] = jvp.Const(jvp.Const(x))
				if vs[k] != nil {
					in[k] = jvp.Dual(jvp.Dual(x, ws[k]), jvp.Const(vs[k]))
				}
			}
			out, err := graph.Replay(p, outer, in)
			if err != nil {
				t.Fatal(err)
			}
			first, err := outer.Tangent(out[0])
			if err != nil {
				t.Fatal(err)
			}
			second, err := inner.Tangent(first)
			if err != nil {
				t.Fatal(err)
			}
			x, v, w := c.values(), directions(seeded(2), p), directions(seeded(3), p)
			got := compile(t, rec.Program(second)).call(t, append(append(x, v...), w...)...)[0]

			jacobian := compile(t, tangents(t, p, [][]int{operands}))
			still := directions(seeded(4), p)
			for _, flat := range still { // v does not move
				clear(flat.([]float64))
			}
			want := differences(t, jacobian, append(x, v...), append(w, still...), operands)[0]
			if msg := compare(got.([]float64), want, tolerance); msg != "" {
				t.Errorf("%+v: output %s", c.attrs, msg)
			}
		})
	}
}

// TestZeroTangentsCostNothing counts the ops that a tangent adds.
func TestZeroTangentsCostNothing(t *testing.T) {
	rec := record(t)
	x := rec.param("x", shapes.Make(dtypes.Float64, 2, 3))
	w := rec.param("w", shapes.Make(dtypes.Float64, 3, 4))
	v := rec.param("v", shapes.Make(dtypes.Float64, 3, 4))
	m := jvp.New(rec)
	o := graph.Ops{It: m}
	y := o.DotGeneral(o.Do(backends.OpTypeTanh, nil, jvp.Const(x)), []int{1}, nil, jvp.Dual(w, v), []int{0}, nil)
	stopped := o.Do(backends.OpTypeIdentity, graph.IdentityAttrs{Stop: true}, y)
	if s := stopped.(*jvp.Value); s.T != nil {
		t.Error("a stopped value has a tangent")
	}
	p := rec.Program(y.(*jvp.Value).X, y.(*jvp.Value).T).Prune()
	n := p.Count()
	if n[backends.OpTypeTanh] != 1 || n[backends.OpTypeDotGeneral] != 2 || len(p.Eqns) != 6 {
		t.Errorf("want 3 parameters, a Tanh and two products, got\n%s", p)
	}
}

// TestHalfPrecision records tangents of 16 bits: there are no such constants.
func TestHalfPrecision(t *testing.T) {
	rec := record(t)
	x := rec.param("x", shapes.Make(dtypes.BFloat16, 2, 3))
	v := rec.param("v", shapes.Make(dtypes.BFloat16, 2, 3))
	m := jvp.New(rec)
	out, err := m.Apply(backends.OpTypeErf, nil, jvp.Dual(x, v))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []graph.Op{out[0], jvp.Const(x)} {
		y, err := m.Tangent(o)
		if err != nil {
			t.Fatal(err)
		}
		if s := rec.Shape(y); !s.Equal(rec.Shape(x)) {
			t.Errorf("tangent is %s, want %s", s, rec.Shape(x))
		}
	}
}
