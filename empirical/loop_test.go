package empirical_test

import (
	"context"
	"errors"
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

// Networks as a user writes them, with GoMLX's own layers.
var networks = []struct {
	name  string
	input []int
	f     func(ctx *mlctx.Context, x *gx.Node) *gx.Node
}{
	{"MLP", []int{6}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = gx.Tanh(layers.Dense(ctx.In("a"), x, true, 9))
		return layers.Dense(ctx.In("b"), x, true, 3)
	}},
	{"one output, no bias", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return layers.Dense(ctx.In("b"), gx.Tanh(layers.Dense(ctx.In("a"), x, false, 5)), false, 1)
	}},
	{"sequence through a dense layer", []int{5, 4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = gx.Tanh(layers.Dense(ctx.In("a"), x, true, 7)) // T = 5 positions
		return layers.Dense(ctx.In("b"), gx.ReduceMean(x, 1), true, 2)
	}},
	{"weight on the left, shared batch axes", []int{2, 3, 4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		g := x.Graph()
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 5, 2, 4), graph.Gaussian(1)).ValueGraph(g)
		x = gx.Einsum("ihd,bhtd->bhti", w, x) // h is a batch axis of the product
		return gx.ReduceSum(gx.Tanh(x), 1, 2)
	}},
	{"weight scaled, transposed and reshaped", []int{6}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 2, 2, 6), graph.Gaussian(1)).ValueGraph(x.Graph())
		w = gx.Transpose(gx.Reshape(gx.MulScalar(w, 0.5), 4, 6), 0, 1)
		return gx.Tanh(gx.Dot(x, w))
	}},
	{"tied weights", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 4, 4), graph.Gaussian(0.5)).ValueGraph(x.Graph())
		return gx.Dot(gx.Tanh(gx.Dot(x, w)), w)
	}},
	{"recurrent, tied along positions", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		u := graph.Weight(ctx, "u", shapes.Make(x.DType(), 4, 6), graph.Gaussian(0.5)).ValueGraph(x.Graph())
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 6, 6), graph.Gaussian(0.5)).ValueGraph(x.Graph())
		h := gx.Tanh(gx.Dot(x, u))
		for range 3 {
			h = gx.Tanh(gx.Add(gx.Dot(h, w), gx.Dot(x, u)))
		}
		return gx.Slice(h, gx.AxisRange(), gx.AxisRange(0, 3))
	}},
	{"one weight in two layouts", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 4, 4), graph.Gaussian(0.5)).ValueGraph(x.Graph())
		return gx.Dot(gx.Tanh(gx.Dot(x, w)), gx.Transpose(w, 0, 1))
	}},
	{"a stopped use counts 0", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 4, 3), graph.Gaussian(1)).ValueGraph(x.Graph())
		v := graph.Weight(ctx, "v", shapes.Make(x.DType(), 4, 3), graph.Gaussian(1)).ValueGraph(x.Graph())
		return gx.Mul(gx.Dot(x, gx.StopGradient(w)), gx.Dot(x, v))
	}},
	{"gain and layer norm", []int{6}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.LayerNormalization(ctx.In("n"), layers.Dense(ctx.In("a"), x, true, 5), -1).Done()
		return layers.Dense(ctx.In("b"), gx.Sin(x), true, 2)
	}},
	{"embedding, scaled and used twice", []int{5}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "table", shapes.Make(x.DType(), 6, 3), graph.Gaussian(1)).ValueGraph(x.Graph())
		w = gx.MulScalar(w, 0.5)
		// Some indices are outside the table: their rows have no gradient.
		idx := gx.ConvertDType(gx.MulScalar(x, 4), dtypes.Int32)
		first := gx.Gather(w, gx.ExpandAxes(idx, -1), false)
		last := gx.Gather(w, gx.ExpandAxes(gx.Slice(idx, gx.AxisRange(), gx.AxisRange(0, 2)), -1), false)
		h := gx.Tanh(gx.Concatenate([]*gx.Node{first, last}, 1))
		return layers.Dense(ctx.In("o"), gx.ReduceSum(h, 1), true, 2)
	}},
	{"gather of parts of rows", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "table", shapes.Make(x.DType(), 3, 3), graph.Gaussian(1)).ValueGraph(x.Graph())
		idx := gx.ConvertDType(gx.MulScalar(gx.Reshape(x, -1, 2, 2), 2), dtypes.Int32)
		return gx.Mul(gx.Gather(w, idx, false), gx.ReduceSum(gx.Reshape(x, -1, 2, 2), -1))
	}},
	{"convolution, stride 2", []int{7, 6, 2}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Convolution(ctx.In("c"), x).Channels(4).KernelSize(3).Strides(2).NoPadding().Done()
		// Odd filters: GoMLX's own gradient of even ones is wrong, see graph/convvjp.go.
		x = layers.Convolution(ctx.In("d"), gx.Tanh(x)).Channels(3).KernelSize(3).Strides(1).PadSame().Done()
		return layers.Dense(ctx.In("o"), gx.ReduceMean(gx.Tanh(x), 1, 2), true, 2)
	}},
	// Below global pooling and a linear readout cotangents are separable.
	{"pooled, grouped", []int{4, 5, 4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 3, 3, 2, 6), graph.Gaussian(0.3)).ValueGraph(x.Graph())
		x = gx.Convolve(activations.Relu(x), w).ChannelGroupCount(2).Strides(1).PadSame().Done()
		x = gx.Where(gx.IsNonNegative(x), gx.MulScalar(x, 1.5), gx.DivScalar(gx.Neg(x), 3))
		return layers.Dense(ctx.In("o"), gx.ReduceMean(x, 1, 2), true, 3)
	}},
	// Each example is a batch of two images for the convolution.
	{"images in parts", []int{2, 4, 4, 2}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		y := gx.Reshape(x, -1, 4, 4, 2)
		y = gx.Tanh(layers.Convolution(ctx.In("c"), y).Channels(3).KernelSize(3).PadSame().Done())
		y = gx.ReduceMean(gx.Reshape(y, x.Shape().Dimensions[0], 2, 4, 4, 3), 1, 2, 3)
		return layers.Dense(ctx.In("o"), y, true, 2)
	}},
	{"embedding, averaged", []int{5}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "table", shapes.Make(x.DType(), 6, 3), graph.Gaussian(1)).ValueGraph(x.Graph())
		idx := gx.ConvertDType(gx.Abs(gx.MulScalar(x, 2)), dtypes.Int32)
		h := gx.Sin(gx.Gather(w, gx.ExpandAxes(idx, -1), false))
		return layers.Dense(ctx.In("o"), gx.ReduceSum(h, 1), true, 2)
	}},
}

// loop computes Θ from gx.Gradient of one output of one example at a time: an
// oracle without recording, vmap, factors or contraction.
func loop(t *testing.T, ctx *mlctx.Context, f func(*mlctx.Context, *gx.Node) *gx.Node, x1, x2 *tensors.Tensor) (full []float64, o int) {
	t.Helper()
	r := newGradientLoop(t, ctx, f, x1, x2)
	return products(r.j1, r.j2, r.n1, r.n2)
}

// jointLoop is loop for a function of whole batches.
func jointLoop(t *testing.T, ctx *mlctx.Context, f func(*mlctx.Context, *gx.Node) *gx.Node, x1, x2 *tensors.Tensor) (full []float64, o int) {
	t.Helper()
	return products(jacobian(t, ctx, f, x1), jacobian(t, ctx, f, x2), x1.Shape().Dimensions[0], x2.Shape().Dimensions[0])
}

// jacobian returns, for each output of f(x), its gradient with respect to all
// trainable weights, one after the other.
func jacobian(t *testing.T, ctx *mlctx.Context, f func(*mlctx.Context, *gx.Node) *gx.Node, x *tensors.Tensor) (rows [][]float64) {
	t.Helper()
	exec := mlctx.MustNewExec(kerneltest.Backend(t).GoMLX, ctx.Reuse(), func(ctx *mlctx.Context, x, pick *gx.Node) []*gx.Node {
		y := f(ctx, x)
		loss := gx.ReduceAllSum(gx.Mul(y, pick))
		outs := []*gx.Node{y}
		return append(outs, ctx.BuildTrainableVariablesGradientsGraph(loss)...)
	})
	n := x.Shape().Dimensions[0]
	o := outputsOf(t, ctx, f, x) / n
	for k := range n * o {
		pick := make([]float64, n*o)
		pick[k] = 1
		var row []float64
		out, err := exec.Exec(x, tensors.FromFlatDataAndDimensions(pick, n, o))
		oracleRuns(t, err)
		for _, g := range out[1:] {
			row = append(row, kerneltest.Floats(t, g)...)
		}
		rows = append(rows, row)
	}
	return rows
}

// oracleRuns ends a test for an error of GoMLX's own gradient, the oracle: it is
// skipped where the gradient needs an op that the pure Go backend lacks. XLA
// drops what is scattered outside, that backend fails.
func oracleRuns(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "not implemented in SimpleGo"), strings.Contains(err.Error(), "index out of range"):
		t.Skip("GoMLX's own gradient, the oracle, needs an op that its pure Go backend lacks: ", err)
	default:
		t.Fatal(err)
	}
}

// products returns Θ, [n1, n2, o, o], of two Jacobians.
func products(j1, j2 [][]float64, n1, n2 int) (full []float64, o int) {
	o = len(j1) / n1
	for n := range n1 {
		for m := range n2 {
			for p := range o {
				for q := range o {
					s := 0.0
					for k, a := range j1[n*o+p] {
						s += a * j2[m*o+q][k]
					}
					full = append(full, s)
				}
			}
		}
	}
	return full, o
}

func outputsOf(t *testing.T, ctx *mlctx.Context, f func(*mlctx.Context, *gx.Node) *gx.Node, x *tensors.Tensor) int {
	t.Helper()
	rec, err := graph.Record(ctx, graph.One(f), x.Shape())
	if err != nil {
		t.Fatal(err)
	}
	return rec.Program.Outputs[0].Shape.Size()
}

func examples(t *testing.T, n int, name string, dims ...int) *tensors.Tensor {
	t.Helper()
	x, err := graph.Draw(graph.Gaussian(1), 11, name, shapes.Make(dtypes.Float64, append([]int{n}, dims...)...))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Every reduction, x2 nil and not, whole and in uneven tiles.
func TestNTKAgainstLoop(t *testing.T) {
	for _, net := range networks {
		t.Run(net.name, func(t *testing.T) {
			ctx := mlctx.New()
			f, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Redraw(5); err != nil {
				t.Fatal(err)
			}
			x1, x2 := examples(t, 5, "x1", net.input...), examples(t, 3, "x2", net.input...)
			for _, second := range []*tensors.Tensor{nil, x2} {
				b2, other := empirical.Batch(nil), x1
				if second != nil {
					b2, other = empirical.Batch{second}, second
				}
				full, o := loop(t, ctx, net.f, x1, other)
				n2 := other.Shape().Dimensions[0]
				for _, way := range []empirical.Way{empirical.Materialize, empirical.Factor, empirical.Sequential, empirical.Separable} {
					block := []int{2, 0, 3, 2}[way-1]
					for outputs, want := range reductions(full, 5, n2, o) {
						g, err := f.NTK(t.Context(), empirical.Batch{x1}, b2, empirical.Options{Outputs: outputs, Way: way, Block: block})
						if err != nil {
							t.Fatalf("%s by %s: %v", outputs, way, err)
						}
						// Sums in another order, of up to a few hundred terms: 1e-12; the
						// promise is 1e-10.
						kerneltest.Close(t, outputs.String()+" by "+way.String(), g.Values, want, 1e-10)
					}
				}
			}
		})
	}
}

// reductions cuts every reduction out of the full array with plain loops.
func reductions(full []float64, n1, n2, o int) map[empirical.Outputs][]float64 {
	trace, mean, pseudo := make([]float64, n1*n2), make([]float64, n1*n2), make([]float64, n1*n2)
	var diagonal []float64
	for k := range n1 * n2 {
		for _, x := range full[k*o*o : (k+1)*o*o] {
			pseudo[k] += x / float64(o)
		}
		for p := range o {
			d := full[(k*o+p)*o+p]
			trace[k] += d
			mean[k] += d / float64(o)
			diagonal = append(diagonal, d)
		}
	}
	return map[empirical.Outputs][]float64{
		empirical.Full: full, empirical.Trace: trace, empirical.Mean: mean, empirical.Diagonal: diagonal,
		empirical.Pseudo: pseudo,
	}
}

// float32 is within 1e-5·max|Θ| of the float64 network with the same weights,
// and the sampled estimate of that error is of its size.
func TestFloat32(t *testing.T) {
	for _, net := range networks {
		t.Run(net.name, func(t *testing.T) {
			f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(net.f), shapes.Make(dtypes.Float32, net.input...))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			x64 := examples(t, 4, "x", net.input...)
			x32 := tensors.FromFlatDataAndDimensions(narrow(kerneltest.Floats(t, x64)), x64.Shape().Dimensions...)
			wide, err := empirical.Batch{x32}.Rows(0, 1, 2, 3)
			if err != nil {
				t.Fatal(err)
			}
			g, err := f.NTK(t.Context(), wide, nil, empirical.Options{Outputs: empirical.Full})
			if err != nil {
				t.Fatal(err)
			}
			f64, err := f.Float64()
			if err != nil {
				t.Fatal(err)
			}
			defer f64.Close()
			same := tensors.FromFlatDataAndDimensions(widen(narrow(kerneltest.Floats(t, x64))), x64.Shape().Dimensions...)
			want, err := f64.NTK(t.Context(), empirical.Batch{same}, nil, empirical.Options{Outputs: empirical.Full})
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, "float32", g.Values, want.Values, 1e-5)
			p, err := f.Precision(t.Context(), empirical.Batch{x32}, g, empirical.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Examples != 4 || !(p.Max <= 1e-5*p.Scale) || p.RMS > p.Max {
				t.Errorf("precision %+v", p)
			}
		})
	}
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Laws of a Gram matrix, and that tiles agree with the whole bit for bit where
// their blocks are those of the whole.
func TestLaws(t *testing.T) {
	net := networks[0]
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := examples(t, 7, "x", net.input...)
	before := kerneltest.Floats(t, x)
	g, err := f.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Block: 3})
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Symmetric(t, "Θ", 7, g.Values)
	kerneltest.PSD(t, "Θ", 7, g.Values, 1e-13)
	kerneltest.Close(t, "inputs after NTK", kerneltest.Floats(t, x), before, 0)
	sum := 0.0
	for _, s := range g.Shares {
		sum += s.Trace
	}
	trace := 0.0
	for i := range 7 {
		trace += g.Values[i*7+i]
	}
	// The shares add the same numbers in another order.
	kerneltest.Close(t, "sum of shares", []float64{sum}, []float64{trace * float64(g.O)}, 1e-13)
}

func TestRefusals(t *testing.T) {
	dense := networks[0].f
	for _, tc := range []struct {
		name string
		f    func(ctx *mlctx.Context, x *gx.Node) *gx.Node
		want []string
	}{
		{"mean over the batch, behind a gain of zero", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			gain := graph.Weight(ctx, "g", shapes.Make(x.DType(), 1, 6), graph.Constant(0)).ValueGraph(x.Graph())
			return dense(ctx, gx.Add(x, gx.Mul(gain, gx.ReduceAndKeep(x, gx.ReduceMean, 0))))
		}, []string{"interact", "ReduceSum", "loop_test.go:"}},
		{"rank 1", func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return gx.ReduceSum(dense(ctx, x), 1) }, []string{"rank 2"}},
		{"no weights", func(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.Tanh(x) }, []string{"no trainable weight"}},
		{"no gradient", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Rsqrt(gx.Exp(dense(ctx, x)))
		}, []string{"Rsqrt"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(tc.f), shapes.Make(dtypes.Float64, 6))
			if err == nil {
				_, err = f.NTK(t.Context(), empirical.Batch{examples(t, 2, "x", 6)}, nil, empirical.Options{})
			}
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v; want one with %q", err, want)
				}
			}
		})
	}
}

func TestBadCalls(t *testing.T) {
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(networks[0].f), shapes.Make(dtypes.Float64, 6))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := examples(t, 3, "x", 6)
	if _, err := f.NTK(t.Context(), empirical.Batch{examples(t, 3, "x", 5)}, nil, empirical.Options{}); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("wrong width: %v", err)
	}
	if _, err := f.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Memory: 100}); err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("100 bytes of memory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.NTK(ctx, empirical.Batch{x}, nil, empirical.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
