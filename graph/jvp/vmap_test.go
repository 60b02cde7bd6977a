package jvp_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
	"github.com/gontk/ntk/graph/vmap"
)

const examples = 3

// A loop holds the tangents of a program, example by example, with the values
// and tangents that they belong to.
type loop struct {
	p      *graph.Program
	xs, vs [][]any // by example, then by parameter
}

// run returns the tangents of example i of the values and j of the tangents, joined.
func (l loop) run(t *testing.T, values func(example int) int) (joined []float64) {
	t.Helper()
	f := compile(t, tangents(t, l.p, [][]int{floatsOf(l.p)}))
	for j := range examples {
		y := f.call(t, slices.Concat(l.xs[values(j)], l.vs[j])...)
		joined = append(joined, y[0].([]float64)...)
	}
	return joined
}

// joined returns examples as the values of one parameter each, with the
// examples in front.
func joined(examples [][]any) (all []any) {
	for i := range examples[0] {
		flat := reflect.ValueOf(examples[0][i])
		for _, e := range examples[1:] {
			flat = reflect.AppendSlice(flat, reflect.ValueOf(e[i]))
		}
		all = append(all, flat.Interface())
	}
	return all
}

// check compares the loop with Maps over Maps in either order.
func (l loop) check(t *testing.T) {
	t.Helper()
	rec := record(t)
	in := make([]graph.Op, len(l.p.Params))
	var xs, first, vs []graph.Op // all examples, example 0, tangents
	for i, v := range l.p.Params {
		s := v.Shape.Clone()
		s.Dimensions = slices.Insert(s.Dimensions, 0, examples)
		xs = append(xs, rec.param("x", s))
		first = append(first, rec.param("first", v.Shape))
		vs = append(vs, nil)
		if s.DType.IsFloat() {
			vs[i] = rec.param("v", s)
		}
	}
	replay := func(m graph.Interpreter) graph.Op {
		out, err := graph.Replay(l.p, m, in)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	must := func(x graph.Op, err error) graph.Op {
		if err != nil {
			t.Fatal(err)
		}
		return x
	}

	inner := jvp.New(rec)
	over := vmap.New(inner, examples)
	for i := range in {
		in[i] = vmap.Mapped(jvp.Dual(xs[i], vs[i]))
	}
	vmapOverJVP := must(inner.Tangent(must(over.Out(replay(over)))))

	batch := vmap.New(rec, examples)
	outer := jvp.New(batch)
	tangent := func(i int) graph.Op {
		if vs[i] == nil {
			return nil
		}
		return vmap.Mapped(vs[i])
	}
	for i := range in {
		in[i] = jvp.Dual(vmap.Mapped(xs[i]), tangent(i))
	}
	jvpOverVmap := must(batch.Out(must(outer.Tangent(replay(outer)))))
	for i := range in {
		in[i] = jvp.Dual(vmap.Fixed(first[i]), tangent(i))
	}
	manyTangents := must(batch.Out(must(outer.Tangent(replay(outer)))))

	var operands []any
	all := joined(l.xs)
	directions := joined(l.vs)
	for i := range l.p.Params {
		operands = append(operands, all[i], l.xs[0][i])
		if vs[i] != nil {
			operands = append(operands, directions[0])
			directions = directions[1:]
		}
	}
	got := compile(t, rec.Program(vmapOverJVP, jvpOverVmap, manyTangents)).call(t, operands...)
	each := l.run(t, func(j int) int { return j })
	fixed := l.run(t, func(int) int { return 0 })
	for i, want := range [][]float64{each, each, fixed} {
		name := []string{"vmap over jvp", "jvp over vmap", "many tangents of one example"}[i]
		// Sums of a few dozen terms in another order.
		if msg := compare(got[i].([]float64), want, 1e-12); msg != "" {
			t.Errorf("%s: output %s", name, msg)
		}
	}
}

// TestVmap compares every rule and every model below and above a vmap.Map with
// a loop over examples.
func TestVmap(t *testing.T) {
	for i, c := range cases() {
		p := c.program(t)
		if len(floatsOf(p)) == 0 || !p.Outputs[0].Shape.DType.IsFloat() {
			continue
		}
		t.Run(c.name(i), func(t *testing.T) {
			l := loop{p: p}
			r := seeded(uint64(c.op))
			for range examples {
				var xs []any
				for _, s := range c.in {
					xs = append(xs, s.fill(r))
				}
				l.xs = append(l.xs, xs)
				l.vs = append(l.vs, directions(r, p))
			}
			l.check(t)
		})
	}
	for _, m := range models() {
		t.Run(m.name, func(t *testing.T) {
			p := m.forward(t, mlctx.New())
			l := loop{p: p}
			r := seeded(5)
			for range examples {
				values := m.values(r, func(i int) spec { return m.in[i] }, floats)
				var xs []any
				for i, v := range p.Params {
					xs = append(xs, values(p.ParamName(i), v.Shape))
				}
				l.xs = append(l.xs, xs)
				l.vs = append(l.vs, directions(r, p))
			}
			l.check(t)
		})
	}
}

// TestManyTangentsComputeOnce counts the products of a Jacobian by columns: the
// primal's is shared by all tangents.
func TestManyTangentsComputeOnce(t *testing.T) {
	p := ruleCase{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{1}, RC: []int{0}}, []spec{floats(2, 3), floats(3, 4)}}.program(t)
	rec := record(t)
	xs, _ := pairs(rec, p)
	s := p.Params[1].Shape.Clone()
	s.Dimensions = slices.Insert(s.Dimensions, 0, examples)
	v := rec.param("v", s)
	batch := vmap.New(rec, examples)
	m := jvp.New(batch)
	out, err := graph.Replay(p, m, []graph.Op{jvp.Const(vmap.Fixed(xs[0])), jvp.Dual(vmap.Fixed(xs[1]), vmap.Mapped(v))})
	if err != nil {
		t.Fatal(err)
	}
	if y := out[0].(*jvp.Value); y.X.(*vmap.Value).Mapped || !y.T.(*vmap.Value).Mapped {
		t.Error("want a fixed primal with a mapped tangent")
	}
	q := rec.Program()
	if n := q.Count()[backends.OpTypeDotGeneral]; n != 2 {
		t.Errorf("%d products, want 2\n%s", n, q)
	}
}
