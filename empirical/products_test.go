package empirical_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// NTK-vector products against a loop of gradients: every network in Full, one of
// them in every reduction, x2 nil and not, in uneven tiles, with learning rates,
// chosen weights and outputs, and with fewer lanes than outputs.
func TestProductsAgainstLoop(t *testing.T) {
	for _, net := range networks {
		if testing.Short() && !slices.Contains([]string{"MLP", "tied weights", "pooled, grouped"}, net.name) {
			continue // seconds each
		}
		t.Run(net.name, func(t *testing.T) {
			f := newNetwork(t, net.f, net.input...)
			x1, x2 := examples(t, 5, "x1", net.input...), examples(t, 3, "x2", net.input...)
			for _, second := range []*tensors.Tensor{nil, x2} {
				b2, other := empirical.Batch(nil), x1
				if second != nil {
					b2, other = empirical.Batch{second}, second
				}
				full, o := loop(t, f.Context(), net.f, x1, other)
				for outputs, want := range reductions(full, 5, other.Shape().Dimensions[0], o) {
					if net.name != "MLP" && outputs != empirical.Full {
						continue
					}
					g, err := f.NTK(t.Context(), empirical.Batch{x1}, b2, empirical.Options{Outputs: outputs, Way: empirical.Products, Block: 2})
					if err != nil {
						t.Fatal(err)
					}
					kerneltest.Close(t, outputs.String(), g.Values, want, 1e-10) // as in TestNTKAgainstLoop
					if second == nil && outputs == empirical.Mean {
						kerneltest.Symmetric(t, "Θ", 5, g.Values)
					}
				}
			}
		})
	}
}

// Chosen weights and outputs, and a budget that holds few lanes at a time.
func TestProductsOfSome(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := examples(t, 4, "x", 5)
	oracle := newGradientLoop(t, net.Context(), twoLayers, x, x)
	full, o := oracle.of(func(name string) bool { return strings.HasPrefix(name, "/bottom") })
	of := []int{3, 0, 1}
	var want []float64
	for k := range 16 {
		for _, p := range of {
			for _, q := range of {
				want = append(want, full[(k*o+p)*o+q])
			}
		}
	}
	opts := empirical.Options{Outputs: empirical.Full, Of: of, Params: []string{"/bottom"}, Way: empirical.Products}
	plan, err := net.Plan(4, 0, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int64{0, plan.Bytes - 1, plan.Bytes * 2 / 3} {
		opts.Memory = memory
		g, err := net.NTK(t.Context(), empirical.Batch{x}, nil, opts)
		if err != nil {
			t.Fatal(err)
		}
		if memory != 0 && g.Plan.Bytes > memory {
			t.Errorf("%d bytes of a budget of %d", g.Plan.Bytes, memory)
		}
		kerneltest.Close(t, "Θ", g.Values, want, 1e-10)
		if g.Plan.Weights[0].Way != "products" || g.Shares != nil {
			t.Errorf("by %s, shares %v", g.Plan.Weights[0].Way, g.Shares)
		}
	}
	opts.Memory = 500
	if _, err := net.NTK(t.Context(), empirical.Batch{x}, nil, opts); err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("500 bytes of memory: %v", err)
	}
	opts.Memory = 0
	for _, change := range []func(*empirical.Options){
		func(o *empirical.Options) { o.Pairs = true },
		func(o *empirical.Options) { o.Joint = true },
		func(o *empirical.Options) { o.ByParameter = true },
	} {
		o := opts
		change(&o)
		p, err := net.Plan(4, 0, o)
		if err != nil {
			t.Fatal(err)
		}
		if w := p.Weights[0]; w.Way == "products" || !strings.Contains(w.Reason, "products") {
			t.Errorf("%+v goes by %s (%s)", o, w.Way, w.Reason)
		}
	}
}

// Where the budget holds no Jacobian of one example, plans choose products
// unasked. f(x) = tanh(W)ᵀx has no product as its gradient, and
//
//	Θ[n, m, o, p] = δ_op Σ_i x_ni x_mi (1 - tanh²W_io)².
func TestProductsChosen(t *testing.T) {
	const d, o, n = 4, 64, 3
	f := newNetwork(t, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx.In("a"), "w", shapes.Make(x.DType(), d, o), graph.Gaussian(1)).ValueGraph(x.Graph())
		return gx.Dot(x, gx.Tanh(w))
	}, d)
	x := examples(t, n, "x", d)
	xs := tensors.MustCopyFlatData[float64](x)
	w := tensors.MustCopyFlatData[float64](f.Context().InAbsPath("/a").GetVariable("w").MustValue())
	full := make([]float64, n*n*o*o)
	for a := range n {
		for b := range n {
			for p := range o {
				for i := range d {
					tanh := math.Tanh(w[i*o+p])
					full[((a*n+b)*o+p)*o+p] += xs[a*d+i] * xs[b*d+i] * (1 - tanh*tanh) * (1 - tanh*tanh)
				}
			}
		}
	}
	for outputs, want := range reductions(full, n, n, o) {
		if outputs == empirical.Pseudo {
			continue // one row: its Jacobian is no larger than the parameters
		}
		large, err := f.Plan(n, 0, empirical.Options{Outputs: outputs, Block: 1})
		if err != nil {
			t.Fatal(err)
		}
		if way := large.Weights[0].Way; way != "materialize" {
			t.Errorf("%s: by %s where the budget is ample", outputs, way)
		}
		g, err := f.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Outputs: outputs, Memory: large.Bytes - 1})
		if err != nil {
			t.Fatal(err)
		}
		if w := g.Plan.Weights[0]; w.Way != "products" || !strings.Contains(w.Reason, "budget") {
			t.Errorf("%s: by %s (%s)", outputs, w.Way, w.Reason)
		}
		kerneltest.Close(t, outputs.String(), g.Values, want, 1e-12) // rounding alone
	}
}

// Where the budget holds no Jacobian of one example, plans choose the way that
// keeps least, here 128·8 + 4·8 numbers for 4·128·8 of a Jacobian and 16·(128 +
// 4·8) of its factors, of
//
//	f(x) = Vᵀ sin(h),  h_k = Σ_t tanh(W_kᵀ x_t),
//	∂f_o/∂W_jk = V_ko cos(h_k) Σ_t (1 - tanh²(W_kᵀ x_t)) x_tj,  ∂f_o/∂V_ko = sin(h_k).
func TestLeanWays(t *testing.T) {
	const n, T, j, k, o = 20, 16, 128, 8, 4
	f := newNetwork(t, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx.In("a"), "w", shapes.Make(x.DType(), j, k), graph.Gaussian(1./j)).ValueGraph(x.Graph())
		v := graph.Weight(ctx.In("b"), "w", shapes.Make(x.DType(), k, o), graph.Gaussian(1)).ValueGraph(x.Graph())
		h := gx.Tanh(gx.DotGeneral(x, []int{2}, nil, w, []int{0}, nil)) // [n, T, k]
		return gx.Dot(gx.Sin(gx.ReduceSum(h, 1)), v)
	}, T, j)
	x := examples(t, n, "x", T, j)
	xs := tensors.MustCopyFlatData[float64](x)
	w := tensors.MustCopyFlatData[float64](f.Context().InAbsPath("/a").GetVariable("w").MustValue())
	v := tensors.MustCopyFlatData[float64](f.Context().InAbsPath("/b").GetVariable("w").MustValue())
	// G[k, j] = cos(h_k) Σ_t (1 - tanh²) x_tj and sin(h_k) of each example.
	grads, sines := make([][k][j]float64, n), make([][k]float64, n)
	for a := range n {
		for c := range k {
			h := 0.0
			for s := range T {
				at := xs[(a*T+s)*j:][:j]
				z := 0.0
				for i, y := range at {
					z += w[i*k+c] * y
				}
				tanh := math.Tanh(z)
				h += tanh
				for i, y := range at {
					grads[a][c][i] += (1 - tanh*tanh) * y
				}
			}
			for i := range j {
				grads[a][c][i] *= math.Cos(h)
			}
			sines[a][c] = math.Sin(h)
		}
	}
	want := make([]float64, n*n)
	for a := range n {
		for b := range n {
			for c := range k {
				dot, v2 := 0.0, 0.0
				for i := range j {
					dot += grads[a][c][i] * grads[b][c][i]
				}
				for p := range o {
					v2 += v[c*o+p] * v[c*o+p]
				}
				want[a*n+b] += v2*dot/o + sines[a][c]*sines[b][c]
			}
		}
	}
	large, err := f.Plan(n, 0, empirical.Options{Block: 1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Memory: large.Bytes - 1})
	if err != nil {
		t.Fatal(err)
	}
	if before, after := large.Weights[0], g.Plan.Weights[0]; before.Way != "materialize" || after.Way != "separable" || !strings.Contains(after.Reason, "budget") {
		t.Errorf("by %s, and with less memory by %s (%s)", before.Way, after.Way, after.Reason)
	}
	if g.Plan.Bytes >= large.Bytes {
		t.Errorf("%d bytes, not fewer than %d", g.Plan.Bytes, large.Bytes)
	}
	kerneltest.Close(t, "Θ", g.Values, want, 1e-12) // rounding alone
}
