package empirical_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// Networks that add to networks what forward mode has rules of its own for.
var deepNetworks = []struct {
	name  string
	input []int
	f     func(ctx *mlctx.Context, x *gx.Node) *gx.Node
}{
	{"attention", []int{4, 6}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.MultiHeadAttention(ctx.In("mha"), x, x, x, 2, 3).Done()
		return layers.Dense(ctx.In("o"), gx.ReduceMean(x, 1), true, 2)
	}},
	{"max-pooling", []int{4, 4, 2}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = activations.Relu(layers.Convolution(ctx.In("c"), x).Channels(3).KernelSize(3).PadSame().Done())
		x = gx.MaxPool(x).Window(2).Done()
		return layers.Dense(ctx.In("o"), gx.Reshape(x, -1, 12), true, 2)
	}},
	{"residual", []int{5}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Dense(ctx.In("in"), x, true, 6)
		for _, scope := range []string{"a", "b"} {
			h := layers.LayerNormalization(ctx.In(scope).In("norm"), x, -1).Done()
			x = gx.Add(x, layers.Dense(ctx.In(scope), activations.Relu(h), true, 6))
		}
		return layers.Dense(ctx.In("o"), x, true, 3)
	}},
}

// probes draws k vectors of length n.
func probes(seed uint64, k, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	v := make([]float64, k*n)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	return v
}

// times multiplies a matrix, row-major, with each of k vectors by plain loops.
func times(a []float64, rows, cols int, v []float64, k int) []float64 {
	out := make([]float64, k*rows)
	for j := range k {
		for i := range rows {
			for c := range cols {
				out[j*rows+i] += a[i*cols+c] * v[j*cols+c]
			}
		}
	}
	return out
}

// asMatrix arranges Θ [n, n, o, o] (Full) as [n·o, n·o], index (n, o), and what
// other reductions leave as their operators have it.
func asMatrix(outputs empirical.Outputs, theta []float64, n, o int) (a []float64, dim int) {
	switch outputs {
	case empirical.Full:
		a = make([]float64, n*o*n*o)
		for i := range n {
			for j := range n {
				for p := range o {
					for q := range o {
						a[(i*o+p)*n*o+j*o+q] = theta[((i*n+j)*o+p)*o+q]
					}
				}
			}
		}
		return a, n * o
	case empirical.Diagonal:
		a = make([]float64, n*o*n*o)
		for i := range n {
			for j := range n {
				for p := range o {
					a[(i*o+p)*n*o+j*o+p] = theta[(i*n+j)*o+p]
				}
			}
		}
		return a, n * o
	}
	return theta, n
}

// TestOperatorAgainstLoop multiplies by Θ of a plain loop of gradients, for every
// reduction, in whole and ragged minibatches, one vector and several.
func TestOperatorAgainstLoop(t *testing.T) {
	for i, net := range append(networks, deepNetworks...) {
		t.Run(net.name, func(t *testing.T) {
			if testing.Short() && i > 0 && i%4 != 2 {
				t.Skip("XLA takes seconds to compile its programs")
			}
			ctx := mlctx.New()
			f, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Redraw(5); err != nil {
				t.Fatal(err)
			}
			const n = 5
			x := examples(t, n, "x1", net.input...)
			full, o := loop(t, ctx, net.f, x, x)
			reduced := reductions(full, n, n, o)
			for outputs, block := range map[empirical.Outputs]int{
				empirical.Full: 2, empirical.Mean: 0, empirical.Trace: 3, empirical.Diagonal: 2, empirical.Pseudo: 2,
			} {
				if testing.Short() && outputs != empirical.Full && outputs != empirical.Mean && net.name != "MLP" {
					continue // the same programs
				}
				theta := reduced[outputs]
				op, err := f.Operator(t.Context(), empirical.Batch{x}, empirical.OperatorOptions{Outputs: outputs, Block: block})
				if err != nil {
					t.Fatal(err)
				}
				a, dim := asMatrix(outputs, theta, n, o)
				if op.Dim() != dim {
					t.Fatalf("%s: dimension %d, want %d", outputs, op.Dim(), dim)
				}
				v := probes(1, 3, dim)
				got := make([]float64, dim)
				if err := op.MulVec(t.Context(), got, v[:dim]); err != nil {
					t.Fatal(err)
				}
				// Sums in another order, of up to a few hundred terms: 1e-12; the
				// promise is 1e-10.
				kerneltest.Close(t, outputs.String(), got, times(a, dim, dim, v[:dim], 1), 1e-10)
				if outputs == empirical.Full || outputs == empirical.Mean {
					got = make([]float64, 3*dim)
					if err := op.MulMat(t.Context(), got, v, 3); err != nil {
						t.Fatal(err)
					}
					kerneltest.Close(t, outputs.String()+", 3 vectors", got, times(a, dim, dim, v, 3), 1e-10)
				}
				if err := op.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// open makes an operator on n drawn examples of a network, in float64.
func open(t *testing.T, f func(ctx *mlctx.Context, x *gx.Node) *gx.Node, n int, opts empirical.OperatorOptions, input ...int) (*empirical.Operator, *mlctx.Context, *tensors.Tensor) {
	t.Helper()
	ctx := mlctx.New()
	net, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(f), shapes.Make(dtypes.Float64, input...))
	if err != nil {
		t.Fatal(err)
	}
	if err := net.Redraw(5); err != nil {
		t.Fatal(err)
	}
	x := examples(t, n, "x1", input...)
	op, err := net.Operator(t.Context(), empirical.Batch{x}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(op.Close(), net.Close()); err != nil {
			t.Error(err)
		}
	})
	return op, ctx, x
}

// JVP and VJP against the plain loop's J, and against each other: ⟨Ju, v⟩ = ⟨u, Jᵀv⟩.
func TestDirectional(t *testing.T) {
	for _, net := range append(networks[:1:1], deepNetworks...) {
		t.Run(net.name, func(t *testing.T) {
			if testing.Short() && net.name == "attention" {
				t.Skip("XLA takes seconds to compile its programs")
			}
			op, ctx, x := open(t, net.f, 5, empirical.OperatorOptions{Outputs: empirical.Full, Block: 2}, net.input...)
			var j []float64
			for n := range 5 {
				one, err := empirical.Batch{x}.Rows(n)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range jacobian(t, ctx, net.f, one[0]) {
					j = append(j, row...)
				}
			}
			rows, cols := op.Dim(), op.Parameters()
			if len(j) != rows*cols {
				t.Fatalf("J is %d × %d, the loop's has %d entries", rows, cols, len(j))
			}
			u, v := probes(1, 1, cols), probes(2, 1, rows)
			ju, jv := make([]float64, rows), make([]float64, cols)
			if err := errors.Join(op.JVP(t.Context(), ju, u), op.VJP(t.Context(), jv, v)); err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, "Ju", ju, times(j, rows, cols, u, 1), 1e-10) // as in TestOperatorAgainstLoop
			transposed := make([]float64, len(j))
			for r := range rows {
				for c := range cols {
					transposed[c*rows+r] = j[r*cols+c]
				}
			}
			kerneltest.Close(t, "Jᵀv", jv, times(transposed, cols, rows, v, 1), 1e-10)
			left, right := times(ju, 1, rows, v, 1), times(u, 1, cols, jv, 1)
			kerneltest.Close(t, "⟨Ju, v⟩ and ⟨u, Jᵀv⟩", left, right, 1e-12) // two sums of some hundred terms
		})
	}
}

// TestOperatorIsGram compares with the Gram matrix that NTK computes from
// factors: chosen outputs and weights, learning rates, and a joint batch.
func TestOperatorIsGram(t *testing.T) {
	rated := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx.In("a"), "w", shapes.Make(x.DType(), 6, 4), graph.Distribution{Family: graph.Normal, Tau: 0.5, Eta: 3}).ValueGraph(x.Graph())
		return layers.Dense(ctx.In("b"), gx.Tanh(gx.Dot(x, w)), true, 3)
	}
	for _, tc := range []struct {
		name  string
		f     func(ctx *mlctx.Context, x *gx.Node) *gx.Node
		input int
		opts  empirical.OperatorOptions
	}{
		{"chosen outputs", networks[0].f, 6, empirical.OperatorOptions{Outputs: empirical.Full, Of: []int{2, 0}}},
		{"one output of three", networks[0].f, 6, empirical.OperatorOptions{Of: []int{1}, Block: 3}},
		{"two, pseudo", networks[0].f, 6, empirical.OperatorOptions{Outputs: empirical.Pseudo, Of: []int{2, 0}}},
		{"chosen weights", networks[0].f, 6, empirical.OperatorOptions{Outputs: empirical.Trace, Params: []string{"/a/*"}}},
		{"learning rates", rated, 6, empirical.OperatorOptions{Outputs: empirical.Full}},
		{"joint", batchNorm, 5, empirical.OperatorOptions{Outputs: empirical.Full, Joint: true}},
		{"joint, GoMLX's batch norm in training", trained, 5, empirical.OperatorOptions{Joint: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			op, ctx, x := open(t, tc.f, 7, tc.opts, tc.input)
			net, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(tc.f), shapes.Make(dtypes.Float64, tc.input))
			if err != nil {
				t.Fatal(err)
			}
			defer net.Close()
			g, err := net.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{
				Outputs: tc.opts.Outputs, Of: tc.opts.Of, Params: tc.opts.Params, Joint: tc.opts.Joint,
			})
			if err != nil {
				t.Fatal(err)
			}
			a, dim := asMatrix(tc.opts.Outputs, g.Values, 7, g.O)
			v, got := probes(3, 2, dim), make([]float64, 2*dim)
			if err := op.MulMat(t.Context(), got, v, 2); err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, "Θv", got, times(a, dim, dim, v, 2), 1e-10) // as in TestOperatorAgainstLoop
		})
	}
}

// bothPrecisions returns a network in float32 and in float64, with the same weights.
func bothPrecisions(t *testing.T, net func(*mlctx.Context, *gx.Node) *gx.Node, input ...int) (f, wide *empirical.Network) {
	t.Helper()
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(net), shapes.Make(dtypes.Float32, input...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	wide, err = f.Float64()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wide.Close() })
	return f, wide
}

// In float32 a product is within 1e-5 of that in float64 with the same weights.
func TestOperatorFloat32(t *testing.T) {
	net := networks[0]
	f, wide := bothPrecisions(t, net.f, net.input...)
	x := narrow(kerneltest.Floats(t, examples(t, 9, "x", net.input...)))
	v := probes(1, 1, 9)
	var got [2][]float64
	for i, n := range []*empirical.Network{f, wide} {
		b := empirical.Batch{tensors.FromFlatDataAndDimensions(x, 9, 6)}
		if i == 1 {
			b = empirical.Batch{tensors.FromFlatDataAndDimensions(widen(x), 9, 6)}
		}
		op, err := n.Operator(t.Context(), b, empirical.OperatorOptions{Block: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer op.Close()
		got[i] = make([]float64, 9)
		if err := op.MulVec(t.Context(), got[i], v); err != nil {
			t.Fatal(err)
		}
	}
	kerneltest.Close(t, "float32", got[0], got[1], 1e-5)
}

// Indices beside floats: the loop of gradients takes one input, so the oracle is
// NTK, which has factors for embeddings.
func TestOperatorOfTwoInputs(t *testing.T) {
	model := func(ctx *mlctx.Context, in []*gx.Node) []*gx.Node {
		h := layers.Embedding(ctx.In("e"), gx.ExpandAxes(in[1], -1), dtypes.Float64, 5, 3)
		return []*gx.Node{layers.Dense(ctx.In("o"), gx.Tanh(gx.Add(h, in[0])), true, 2)}
	}
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), model, shapes.Make(dtypes.Float64, 3), shapes.Make(dtypes.Int32))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := empirical.Batch{examples(t, 5, "x", 3), tensors.FromValue([]int32{0, 3, 3, 1, 4})}
	g, err := f.NTK(t.Context(), x, nil, empirical.Options{Outputs: empirical.Full})
	if err != nil {
		t.Fatal(err)
	}
	op, err := f.Operator(t.Context(), x, empirical.OperatorOptions{Outputs: empirical.Full, Block: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	a, dim := asMatrix(empirical.Full, g.Values, 5, 2)
	v, got := probes(1, 1, dim), make([]float64, dim)
	if err := op.MulVec(t.Context(), got, v); err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "Θv", got, times(a, dim, dim, v, 1), 1e-10) // as in TestOperatorAgainstLoop
}

func TestOperatorBadCalls(t *testing.T) {
	net := networks[0]
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := empirical.Batch{examples(t, 5, "x", 6)}
	if _, err := f.Operator(t.Context(), empirical.Batch{examples(t, 3, "x", 5)}, empirical.OperatorOptions{}); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("wrong width: %v", err)
	}
	if _, err := f.Operator(t.Context(), x, empirical.OperatorOptions{Memory: 100}); err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("100 bytes of memory: %v", err)
	}
	norm, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(batchNorm), shapes.Make(dtypes.Float64, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer norm.Close()
	if _, err := norm.Operator(t.Context(), empirical.Batch{examples(t, 3, "x", 5)}, empirical.OperatorOptions{}); !errors.Is(err, empirical.ErrInteract) {
		t.Errorf("examples that interact: %v, want %v", err, empirical.ErrInteract)
	}

	var steps []empirical.Progress
	ctx, cancel := context.WithCancel(t.Context())
	op, err := f.Operator(ctx, x, empirical.OperatorOptions{Block: 2, Progress: func(p empirical.Progress) {
		steps = append(steps, p)
		if len(steps) == 8 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	v, dst := probes(1, 1, 5), make([]float64, 5)
	if err := op.MulVec(ctx, dst[:4], v); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("short result: %v", err)
	}
	if err := op.VJP(ctx, dst, v); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("short direction: %v", err)
	}
	// Three minibatches of 2 there and back.
	if err := op.MulVec(ctx, dst, v); err != nil || len(steps) != 6 || steps[5].Done != 6 || steps[5].Total != 6 {
		t.Errorf("error %v, progress %v; want 6 steps of 6", err, steps)
	}
	if err := op.MulVec(ctx, dst, v); !errors.Is(err, context.Canceled) || len(steps) != 8 {
		t.Errorf("canceled after step 8: %v, %d steps", err, len(steps))
	}
	v[3] = 1e308
	for range 2 {
		for i := range v {
			v[i] *= 1e10
		}
	}
	if err := op.MulVec(t.Context(), dst, v); !errors.Is(err, empirical.ErrNotFinite) {
		t.Errorf("an infinite vector: %v", err)
	}
}

// TestOperatorFollowsWeights holds that a product uses the weights that the
// network has by then.
func TestOperatorFollowsWeights(t *testing.T) {
	net := networks[0]
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := empirical.Batch{examples(t, 4, "x", 6)}
	op, err := f.Operator(t.Context(), x, empirical.OperatorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	v, got := probes(1, 1, 4), make([]float64, 4)
	for seed := range uint64(2) {
		if err := errors.Join(f.Redraw(seed), op.MulVec(t.Context(), got, v)); err != nil {
			t.Fatal(err)
		}
		g, err := f.NTK(t.Context(), x, nil, empirical.Options{})
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, "Θv", got, times(g.Values, 4, 4, v, 1), 1e-10)
	}
}
