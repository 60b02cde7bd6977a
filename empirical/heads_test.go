package empirical_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// twoHeads returns a policy [batch, 3] and, without a name, a map [batch, 2, 2]
// of a common trunk.
func twoHeads(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
	h := gx.Tanh(layers.Dense(ctx.In("trunk"), inputs[0], true, 6))
	policy := layers.Dense(ctx.In("policy"), h, true, 3).WithAlias("policy")
	m := gx.Sin(layers.Dense(ctx.In("map"), h, false, 4))
	return []*gx.Node{policy, gx.Reshape(m, -1, 2, 2)}
}

// sevenOutputs is what twoHeads returns, in one array.
func sevenOutputs(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	ys := twoHeads(ctx, []*gx.Node{x})
	return gx.Concatenate([]*gx.Node{ys[0], gx.Reshape(ys[1], -1, 4)}, 1)
}

func newHeads(t *testing.T, model graph.Model) *empirical.Network {
	t.Helper()
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), model, shapes.Make(dtypes.Float64, 5))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Redraw(3); err != nil {
		t.Fatal(err)
	}
	return f
}

// cut returns rows and columns from…from+size−1 of the output axes, [O, O].
func cut(full []float64, o, from1, size1, from2, size2 int) (block []float64) {
	for at := 0; at < len(full); at += o * o {
		for p := range size1 {
			block = append(block, full[at+(from1+p)*o+from2:][:size2]...)
		}
	}
	return block
}

// Θ of two heads of different sizes, each with itself and with the other, and of
// one of them alone, against a loop of gradients.
func TestHeads(t *testing.T) {
	f := newHeads(t, twoHeads)
	if got := f.Heads(); len(got) != 2 || got[0].Name != "policy" || got[0].From != 0 || got[0].Outputs != 3 ||
		got[1].Name != "1" || got[1].From != 3 || got[1].Outputs != 4 || f.Outputs() != 7 {
		t.Fatalf("heads %+v of %d outputs", got, f.Outputs())
	}
	x1, x2 := examples(t, 5, "x1", 5), examples(t, 3, "x2", 5)
	full, o := loop(t, f.Context(), sevenOutputs, x1, x2)
	b1, b2 := empirical.Batch{x1}, empirical.Batch{x2}
	for _, way := range append(everyWay, empirical.Auto) {
		g, err := f.NTK(t.Context(), b1, b2, empirical.Options{Outputs: empirical.Full, Way: way, Block: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			a, b                       string
			from1, size1, from2, size2 int
		}{
			{"policy", "policy", 0, 3, 0, 3},
			{"policy", "1", 0, 3, 3, 4},
			{"1", "0", 3, 4, 0, 3}, // by place
			{"1", "1", 3, 4, 3, 4},
		} {
			got, err := g.Block(tc.a, tc.b)
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, tc.a+" and "+tc.b+" by "+way.String(), got, cut(full, o, tc.from1, tc.size1, tc.from2, tc.size2), 1e-10) // as in TestNTKAgainstLoop
		}
	}
	for outputs, want := range reductions(cut(full, o, 3, 4, 3, 4), 5, 3, 4) {
		g, err := f.NTK(t.Context(), b1, b2, empirical.Options{Outputs: outputs, Heads: []string{"1"}})
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, outputs.String()+" of one head", g.Values, want, 1e-10)
		if g.O != 4 && outputs != empirical.Pseudo {
			t.Errorf("%d outputs, want 4", g.O)
		}
	}
	// Of both, in another order.
	g, err := f.NTK(t.Context(), b1, b2, empirical.Options{Outputs: empirical.Full, Heads: []string{"1", "policy"}})
	if err != nil {
		t.Fatal(err)
	}
	if g.Heads[0].Name != "1" || g.Heads[0].From != 0 || g.Heads[1].From != 4 {
		t.Errorf("heads %+v", g.Heads)
	}
	got, err := g.Block("policy", "1")
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "policy and 1, in another order", got, cut(full, o, 0, 3, 3, 4), 1e-10)
	diagonal, err := f.NTK(t.Context(), b1, b2, empirical.Options{Outputs: empirical.Diagonal})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = diagonal.Block("1", "1"); err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "diagonal of 1", got, reductions(cut(full, o, 3, 4, 3, 4), 5, 3, 4)[empirical.Diagonal], 1e-10)
}

// What else there is of a network with heads: as a joint function, as pairs, as
// an operator, as a mean over initializations, in float64.
func TestHeadsElsewhere(t *testing.T) {
	f := newHeads(t, twoHeads)
	x := examples(t, 4, "x", 5)
	b := empirical.Batch{x}
	full, o := loop(t, f.Context(), sevenOutputs, x, x)
	opts := empirical.Options{Outputs: empirical.Full, Heads: []string{"policy"}, Joint: true}
	want := cut(full, o, 0, 3, 0, 3)
	g, err := f.NTK(t.Context(), b, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "joint", g.Values, want, 1e-10)
	opts.Joint, opts.Pairs = false, true
	if g, err = f.NTK(t.Context(), b, nil, opts); err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "pairs", g.Values, onDiagonal(want, 4), 1e-10)

	op, err := f.Operator(t.Context(), b, empirical.OperatorOptions{Outputs: empirical.Full, Heads: []string{"policy"}})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	a, dim := asMatrix(empirical.Full, want, 4, 3)
	v, y := probes(3, 1, dim), make([]float64, dim)
	if err := op.MulVec(t.Context(), y, v); err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "operator", y, times(a, dim, dim, v, 1), 1e-10)

	m, err := f.MonteCarlo(t.Context(), b, nil, empirical.MonteCarloOptions{
		Options: empirical.Options{Outputs: empirical.Full, Heads: []string{"policy"}}, NNGP: true, First: 3, MaxDraws: 1, MinDraws: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "one draw", m.Theta.Mean, want, 1e-10)
	exec := mlctx.MustNewExec(kerneltest.Backend(t).GoMLX, f.Context().Reuse(), sevenOutputs)
	y1 := outputsAt(t, exec, x)
	kerneltest.Close(t, "NNGP of one draw", m.NNGP.Mean, gramOf(y1, y1, []int{0, 1, 2}), 1e-10)
}

// The linearized network has the same heads. At θ0 its values and gradients are
// the network's own.
func TestHeadsLinearized(t *testing.T) {
	f := newHeads(t, twoHeads)
	lin, err := f.Linearize()
	if err != nil {
		t.Fatal(err)
	}
	x := kerneltest.Floats(t, examples(t, 4, "x", 5))
	b := kerneltest.Backend(t).GoMLX
	joint := func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		ys := lin(ctx, x)
		if len(ys) != 2 || !slices.Equal(ys[1].Shape().Dimensions, []int{4, 2, 2}) {
			t.Errorf("%d outputs, the second one %s", len(ys), ys[len(ys)-1].Shape())
		}
		return []*gx.Node{gx.Concatenate([]*gx.Node{ys[0], gx.Reshape(ys[1], 4, 4)}, 1)}
	}
	compare(t, valueAndGradient(t, b, moved(t, f, 0), joint, x, 4, 5), oracle(t, b, f.Context(), sevenOutputs, x, 4, 5), 1e-12)
}

func TestHeadsRefusals(t *testing.T) {
	f := newHeads(t, twoHeads)
	x := empirical.Batch{examples(t, 2, "x", 5)}
	for _, tc := range []struct {
		opts empirical.Options
		want []string
	}{
		{empirical.Options{Heads: []string{"value"}}, []string{`"value"`, "policy, 1"}},
		{empirical.Options{Heads: []string{"2"}}, []string{`"2"`, "has 2"}},
		{empirical.Options{Heads: []string{"policy", "0"}}, []string{`"policy"`, "twice"}},
		{empirical.Options{Heads: []string{"policy"}, Of: []int{1}}, []string{"one of them"}},
		{empirical.Options{Of: []int{7}}, []string{"output 7", "0 to 6"}},
	} {
		_, err := f.NTK(t.Context(), x, nil, tc.opts)
		if err == nil || slices.ContainsFunc(tc.want, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
			t.Errorf("%+v: error %v, want one with %q", tc.opts, err, tc.want)
		}
	}
	for outputs, want := range map[empirical.Outputs]string{empirical.Mean: "sums over outputs", empirical.Diagonal: "take full"} {
		g, err := f.NTK(t.Context(), x, nil, empirical.Options{Outputs: outputs})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Block("policy", "1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a block of %s: error %v, want one with %q", outputs, err, want)
		}
	}
	g, err := f.NTK(t.Context(), x, nil, empirical.Options{Outputs: empirical.Full, Of: []int{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Block("policy", "policy"); err == nil {
		t.Error("single outputs have blocks of heads")
	}
	backend := kerneltest.Backend(t).GoMLX
	for name, model := range map[string]graph.Model{
		"output 1": func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
			y := twoLayers(ctx, x[0])
			return []*gx.Node{y, gx.ReduceSum(y, 1)}
		},
		"Int32": func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
			y := twoLayers(ctx, x[0])
			return []*gx.Node{y, gx.ConvertDType(y, dtypes.Int32)}
		},
		"batch": func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
			y := twoLayers(ctx, x[0])
			return []*gx.Node{y, gx.Transpose(y, 0, 1)}
		},
	} {
		if _, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float64, 5)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
	// Examples that interact in the second head only.
	mixed := newHeads(t, func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		return []*gx.Node{twoLayers(ctx, x[0]), batchNorm(ctx.In("other"), x[0])}
	})
	if _, err := mixed.NTK(t.Context(), x, nil, empirical.Options{Heads: []string{"0"}}); !errors.Is(err, empirical.ErrInteract) {
		t.Errorf("a head whose examples interact: %v", err)
	}
}
