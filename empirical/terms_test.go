package empirical_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/tiles"
)

// A gradientLoop holds the Jacobians of a loop of gradients, all weights' columns one
// after the other.
type gradientLoop struct {
	ctx    *mlctx.Context
	j1, j2 [][]float64
	n1, n2 int
}

func newGradientLoop(t *testing.T, ctx *mlctx.Context, f func(*mlctx.Context, *gx.Node) *gx.Node, x1, x2 *tensors.Tensor) gradientLoop {
	t.Helper()
	jac := func(x *tensors.Tensor) (rows [][]float64) {
		for n := range x.Shape().Dimensions[0] {
			one, err := empirical.Batch{x}.Rows(n)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, jacobian(t, ctx, f, one[0])...)
		}
		return rows
	}
	o := gradientLoop{ctx, jac(x1), nil, x1.Shape().Dimensions[0], x2.Shape().Dimensions[0]}
	if o.j2 = o.j1; x2 != x1 {
		o.j2 = jac(x2)
	}
	return o
}

// of returns Θ of the weights that belong says.
func (r gradientLoop) of(belongs func(name string) bool) (full []float64, o int) {
	some := func(rows [][]float64) (kept [][]float64) {
		for _, row := range rows {
			var part []float64
			at := 0
			for v := range r.ctx.IterVariables() {
				if !v.Trainable {
					continue
				}
				if belongs(v.ScopeAndName()) {
					part = append(part, row[at:at+v.Shape().Size()]...)
				}
				at += v.Shape().Size()
			}
			kept = append(kept, part)
		}
		return kept
	}
	return products(some(r.j1), some(r.j2), r.n1, r.n2)
}

// The term of every weight against a loop over its gradients alone, and Θ
// against the sum of them in their order, bit for bit: of Gram matrices and
// pairs, whole and in uneven tiles.
func TestTermsAgainstLoop(t *testing.T) {
	for _, net := range networks {
		if !slices.Contains([]string{"MLP", "recurrent, tied along positions", "gain and layer norm", "pooled, grouped"}, net.name) {
			continue
		}
		if testing.Short() && net.name != "gain and layer norm" {
			continue // seconds each
		}
		t.Run(net.name, func(t *testing.T) {
			f := newNetwork(t, net.f, net.input...)
			x1, x2 := examples(t, 5, "x1", net.input...), examples(t, 5, "x2", net.input...)
			for _, second := range []*tensors.Tensor{nil, x2} {
				b2, other := empirical.Batch(nil), x1
				if second != nil {
					b2, other = empirical.Batch{second}, second
				}
				oracle := newGradientLoop(t, f.Context(), net.f, x1, other)
				for _, pairs := range []bool{false, true} {
					for i, outputs := range []empirical.Outputs{empirical.Full, empirical.Mean, empirical.Diagonal} {
						opts := empirical.Options{Outputs: outputs, Block: []int{2, 0, 3}[i], ByParameter: true, Pairs: pairs}
						g, err := f.NTK(t.Context(), empirical.Batch{x1}, b2, opts)
						if err != nil {
							t.Fatal(err)
						}
						sum := make([]float64, len(g.Values))
						for _, term := range g.Terms {
							full, o := oracle.of(func(name string) bool { return name == term.Name })
							n2 := 5
							if pairs {
								full, n2 = onDiagonal(full, 5), 1
							}
							want := reductions(full, 5, n2, o)[outputs]
							kerneltest.Close(t, outputs.String()+": "+term.Name, term.Values, want, 1e-10) // as in TestNTKAgainstLoop
							for k, x := range term.Values {
								sum[k] += x
							}
						}
						kerneltest.Close(t, outputs.String()+": sum of terms", g.Values, sum, 0)
						opts.ByParameter = false
						plain, err := f.NTK(t.Context(), empirical.Batch{x1}, b2, opts)
						if err != nil {
							t.Fatal(err)
						}
						// Sums of float64 in another order.
						kerneltest.Close(t, outputs.String()+": without terms", g.Values, plain.Values, 1e-14)
					}
				}
			}
		})
	}
}

// Groups by pattern, and the weights that none of them has.
func TestGroups(t *testing.T) {
	threeLayers := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := gx.Tanh(twoLayers(ctx, x))
		return gx.Add(h, graph.Weight(ctx.In("end"), "shift", shapes.Make(x.DType(), 1, 4), graph.Gaussian(1)).ValueGraph(x.Graph()))
	}
	net := newNetwork(t, threeLayers, 5)
	x := examples(t, 4, "x", 5)
	g, err := net.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Groups: []string{"top", "/bottom/*/weights"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name    string
		weights []string
	}{
		{"top", []string{"/top/dense/biases", "/top/dense/weights"}},
		{"/bottom/*/weights", []string{"/bottom/dense/weights"}},
		{empirical.Others, []string{"/bottom/dense/biases", "/end/shift"}},
	}
	if len(g.Terms) != len(want) {
		t.Fatalf("%d terms, want %d", len(g.Terms), len(want))
	}
	oracle := newGradientLoop(t, net.Context(), threeLayers, x, x)
	for i, term := range g.Terms {
		weights := slices.Sorted(slices.Values(term.Weights))
		if term.Name != want[i].name || !slices.Equal(weights, want[i].weights) {
			t.Errorf("term %d is %s of %v, want %s of %v", i, term.Name, weights, want[i].name, want[i].weights)
		}
		full, o := oracle.of(func(name string) bool { return slices.Contains(weights, name) })
		kerneltest.Close(t, term.Name, term.Values, reductions(full, 4, 4, o)[empirical.Mean], 1e-10)
	}
	for _, tc := range []struct {
		groups []string
		want   []string
	}{
		{[]string{"top", "/*/dense/weights"}, []string{`"top"`, `"/*/dense/weights"`, "/top/dense/weights"}},
		{[]string{"/topp"}, []string{`"/topp"`, "no weight"}},
	} {
		_, err := net.Plan(4, 0, empirical.Options{Groups: tc.groups})
		if err == nil || slices.ContainsFunc(tc.want, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
			t.Errorf("%v: error %v, want one with %q", tc.groups, err, tc.want)
		}
	}
}

// A tile counts as done only if Θ and every term have it.
func TestTermsStore(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := empirical.Batch{examples(t, 5, "x", 5)}
	opts := empirical.Options{ByParameter: true, Block: 2}
	whole, err := net.NTK(t.Context(), x, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	stores := map[string]tiles.Writer{}
	writes := 0
	keep := func(name string) func(tiles.Spec) (tiles.Writer, error) {
		return func(s tiles.Spec) (tiles.Writer, error) {
			m, err := tiles.NewMemory(s)
			if stores[name] == nil {
				stores[name] = lasting{m}
			}
			return &failing{Writer: stores[name], after: 12, writes: &writes}, err
		}
	}
	opts.Writer = keep("Θ")
	opts.TermWriter = func(term empirical.Term, s tiles.Spec) (tiles.Writer, error) { return keep(term.Name)(s) }
	// 6 tiles of 5 arrays, and the 13th write fails: two tiles are whole.
	if _, err := net.NTK(t.Context(), x, nil, opts); err == nil {
		t.Fatal("a store that is full is no error")
	}
	writes = -100
	if _, err := net.NTK(t.Context(), x, nil, opts); err != nil {
		t.Fatal(err)
	}
	if got := writes + 100; got != 4*5 {
		t.Errorf("going on wrote %d tiles, want 4 tiles of 5 arrays", got)
	}
	for _, term := range whole.Terms {
		m := stores[term.Name].(lasting).Memory
		kerneltest.Close(t, term.Name, m.Data().([]float64), term.Values, 0)
	}
}

// lasting is a store that can be closed and gone on with.
type lasting struct{ *tiles.Memory }

func (lasting) Close() error { return nil }

// Terms in float32 add up to Θ as those in float64 do: they are summed in float64.
func TestTermsFloat32(t *testing.T) {
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(twoLayers), shapes.Make(dtypes.Float32, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := tensors.FromFlatDataAndDimensions(narrow(kerneltest.Floats(t, examples(t, 6, "x", 5))), 6, 5)
	g, err := f.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{ByParameter: true, Block: 4})
	if err != nil {
		t.Fatal(err)
	}
	sum := make([]float64, len(g.Values))
	for _, term := range g.Terms {
		for k, v := range term.Values {
			sum[k] += v
		}
	}
	kerneltest.Close(t, "sum of terms", g.Values, sum, 0)
}
