package empirical_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

func twoLayers(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	return layers.Dense(ctx.In("top"), gx.Tanh(layers.Dense(ctx.In("bottom"), x, true, 7)), true, 4)
}

func newNetwork(t *testing.T, f func(*mlctx.Context, *gx.Node) *gx.Node, input ...int) *empirical.Network {
	t.Helper()
	net, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(f), shapes.Make(dtypes.Float64, input...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	if err := net.Redraw(3); err != nil {
		t.Fatal(err)
	}
	return net
}

// Some outputs, in an order of their own: the rows and columns of the loop's Θ.
func TestOutputsOf(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := examples(t, 3, "x", 5)
	full, o := loop(t, net.Context(), twoLayers, x, x)
	of := []int{3, 0}
	var part []float64
	for k := range 9 {
		for _, p := range of {
			for _, q := range of {
				part = append(part, full[(k*o+p)*o+q])
			}
		}
	}
	for outputs, want := range reductions(part, 3, 3, len(of)) {
		for _, way := range []empirical.Way{empirical.Materialize, empirical.Factor, empirical.Sequential, empirical.Separable} {
			g, err := net.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Outputs: outputs, Of: of, Way: way, Block: 2})
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, outputs.String()+" by "+way.String(), g.Values, want, 1e-10) // as in TestNTKAgainstLoop
		}
	}
}

// The last layer's weights alone: Θ[o, p] = 1[o = p] h·h', with h = tanh(xW + b)
// computed by loops, and + 1 with its bias.
func TestParamsOfLastLayer(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := examples(t, 3, "x", 5)
	flat := kerneltest.Floats(t, x)
	value := func(scope, name string) []float64 {
		v, err := net.Context().GetVariableByScopeAndName(scope, name).Value()
		if err != nil {
			t.Fatal(err)
		}
		return kerneltest.Floats(t, v)
	}
	w, b := value("/bottom/dense", "weights"), value("/bottom/dense", "biases")
	h := make([]float64, 3*7)
	for n := range 3 {
		for i := range 7 {
			z := b[i]
			for j := range 5 {
				z += flat[n*5+j] * w[j*7+i]
			}
			h[n*7+i] = math.Tanh(z)
		}
	}
	for _, tc := range []struct {
		params []string
		bias   float64
	}{
		{[]string{"/top/dense/weights"}, 0},
		{[]string{"top"}, 1},
		{[]string{"/top/*/weights", "/top/dense/b*"}, 1},
	} {
		var want []float64
		for n := range 3 {
			for m := range 3 {
				k := tc.bias
				for i := range 7 {
					k += h[n*7+i] * h[m*7+i]
				}
				want = append(want, k)
			}
		}
		g, err := net.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Params: tc.params})
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, strings.Join(tc.params, " "), g.Values, want, 1e-12) // 7 summands in another order
	}
}

func TestBadSelection(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := empirical.Batch{examples(t, 2, "x", 5)}
	for _, tc := range []struct {
		opts empirical.Options
		want []string
	}{
		{empirical.Options{Of: []int{4}}, []string{"output 4", "0 to 3"}},
		{empirical.Options{Of: []int{-1}}, []string{"output -1"}},
		{empirical.Options{Of: []int{1, 1}}, []string{"output 1", "twice"}},
		{empirical.Options{Params: []string{"/botom"}}, []string{`"/botom"`, "/bottom/dense/weights"}},
		{empirical.Options{Params: []string{"[", "/top"}}, []string{`"["`, "syntax"}},
	} {
		_, err := net.NTK(t.Context(), x, nil, tc.opts)
		if err == nil || slices.ContainsFunc(tc.want, func(w string) bool { return !strings.Contains(err.Error(), w) }) {
			t.Errorf("%+v: error %v, want one with %q", tc.opts, err, tc.want)
		}
	}
}

// The last layer's weights alone are the NNGP kernel of its features: with a
// readout f = W h/√n, Θ = h·h'/n. The features are those of GoMLX's own execution.
func TestLastLayerIsNNGP(t *testing.T) {
	features := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return activations.Relu(layers.Dense(ctx.In("bottom"), gx.Tanh(layers.Dense(ctx.In("first"), x, true, 8)), true, 6))
	}
	net := newNetwork(t, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx.In("readout"), "w", shapes.Make(x.DType(), 6, 3), graph.Gaussian(1)).ValueGraph(x.Graph())
		return gx.MulScalar(gx.Dot(features(ctx, x), w), 1/math.Sqrt(6))
	}, 5)
	x1, x2 := examples(t, 4, "x1", 5), examples(t, 3, "x2", 5)
	exec := mlctx.MustNewExec(kerneltest.Backend(t).GoMLX, net.Context().Reuse(), features)
	want := gramOf(outputsAt(t, exec, x1), outputsAt(t, exec, x2), nil) // a mean over the 6 features
	for _, way := range everyWay {
		g, err := net.NTK(t.Context(), empirical.Batch{x1}, empirical.Batch{x2}, empirical.Options{Params: []string{"/readout"}, Way: way})
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, way.String(), g.Values, want, 1e-13) // 6 summands in another order
	}
}

// Weights with learning rates of their own: Θ = Σ_w η_w Θ_w, with the terms of a
// loop of gradients, which know no rates.
func TestLearningRates(t *testing.T) {
	rates := map[string]float64{"/a/w": 3, "/b/w": 0.25, "/b/shift": 2, "/c/w": 1}
	rated := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		weight := func(name string, dims ...int) *gx.Node {
			at := ctx.In(name[1:2])
			return graph.Weight(at, name[3:], shapes.Make(x.DType(), dims...), graph.Distribution{Family: graph.Normal, Tau: 0.5, Eta: rates[name]}).ValueGraph(x.Graph())
		}
		h := gx.Tanh(gx.Dot(x, weight("/a/w", 5, 4)))
		h = gx.Tanh(gx.Add(gx.Dot(h, weight("/b/w", 4, 6)), weight("/b/shift", 1, 6)))
		return gx.Dot(h, weight("/c/w", 6, 3))
	}
	net := newNetwork(t, rated, 5)
	x1, x2 := examples(t, 4, "x1", 5), examples(t, 4, "x2", 5)
	oracle := newGradientLoop(t, net.Context(), rated, x1, x2)
	var full []float64
	o := 0
	for name, eta := range rates {
		term, outputs := oracle.of(func(n string) bool { return n == name })
		if full == nil {
			full, o = make([]float64, len(term)), outputs
		}
		for i, v := range term {
			full[i] += eta * v
		}
	}
	for outputs, want := range reductions(full, 4, 4, o) {
		for _, way := range everyWay {
			for _, pairs := range []bool{false, true} {
				g, err := net.NTK(t.Context(), empirical.Batch{x1}, empirical.Batch{x2}, empirical.Options{Outputs: outputs, Way: way, Pairs: pairs, ByParameter: pairs})
				if err != nil {
					t.Fatal(err)
				}
				expect := want
				if pairs {
					expect = onDiagonal(want, 4)
				}
				kerneltest.Close(t, outputs.String()+" by "+way.String(), g.Values, expect, 1e-10) // as in TestNTKAgainstLoop
			}
		}
	}
}
