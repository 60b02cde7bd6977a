package empirical_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

type layerFn = func(ctx *mlctx.Context, x *gx.Node) *gx.Node

// network makes a Network in float64 with drawn weights.
func network(t *testing.T, b backends.Backend, model graph.Model, input ...int) *empirical.Network {
	t.Helper()
	f, err := empirical.New(b, mlctx.New(), model, shapes.Make(dtypes.Float64, input...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.Redraw(5); err != nil {
		t.Fatal(err)
	}
	return f
}

func pureGo(t *testing.T) backends.Backend {
	t.Helper()
	b, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

func polynomial(t *testing.T, f *empirical.Network, degree int) graph.Model {
	t.Helper()
	m, err := f.Taylor(degree)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// valueAndGradient returns model(x) and, by weight, GoMLX's gradient of
// Σ sin(model(x)), in the context's trained variables.
func valueAndGradient(t *testing.T, b backends.Backend, ctx *mlctx.Context, model graph.Model, x []float64, dims ...int) map[string][]float64 {
	t.Helper()
	all, err := evaluate(t, b, ctx, model, x, dims...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// oracle is valueAndGradient of a network as its user wrote it.
func oracle(t *testing.T, b backends.Backend, ctx *mlctx.Context, f layerFn, x []float64, dims ...int) map[string][]float64 {
	t.Helper()
	all, err := evaluate(t, b, ctx, graph.One(f), x, dims...)
	oracleRuns(t, err)
	return all
}

func evaluate(t *testing.T, b backends.Backend, ctx *mlctx.Context, model graph.Model, x []float64, dims ...int) (map[string][]float64, error) {
	t.Helper()
	var names []string
	out, err := mlctx.ExecOnceN(b, ctx.Checked(false), func(ctx *mlctx.Context, x *gx.Node) []*gx.Node {
		y := model(ctx, []*gx.Node{x})[0]
		grads := ctx.BuildTrainableVariablesGradientsGraph(gx.ReduceAllSum(gx.Sin(y)))
		for v := range ctx.IterVariables() {
			if v.Trainable && v.InUseByGraph(y.Graph()) {
				names = append(names, v.ScopeAndName())
			}
		}
		return append(grads, y)
	}, tensors.FromFlatDataAndDimensions(x, dims...))
	if err != nil {
		return nil, err
	}
	all := map[string][]float64{}
	for i, name := range append(names, "value") {
		all[name] = kerneltest.Floats(t, out[i])
	}
	return all, nil
}

// compare compares all results together: some gradients are 0 up to rounding.
func compare(t *testing.T, got, want map[string][]float64, tol float64) {
	t.Helper()
	if len(got) != len(want) || len(want) < 2 {
		t.Errorf("%d results, want %d", len(got), len(want))
	}
	var x, y []float64
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if len(got[name]) != len(want[name]) {
			t.Fatalf("%s has %d entries, want %d", name, len(got[name]), len(want[name]))
		}
		x, y = append(x, got[name]...), append(y, want[name]...)
	}
	kerneltest.Close(t, "value and gradient", x, y, tol)
}

// moved returns a context with f's weights moved by step·N(0, 1), the same for
// every step.
func moved(t *testing.T, f *empirical.Network, step float64) *mlctx.Context {
	t.Helper()
	ctx := mlctx.New()
	r := rand.New(rand.NewPCG(3, 4))
	for v := range f.Context().IterVariables() {
		if !v.Shape().DType.IsFloat() { // GoMLX's random state
			continue
		}
		x := kerneltest.Floats(t, v.MustValue())
		for i := range x {
			if z := r.NormFloat64(); v.Trainable {
				x[i] += step * z
			}
		}
		ctx.InAbsPath(v.Scope()).VariableWithValue(v.Name(), tensors.FromFlatDataAndDimensions(x, v.Shape().Dimensions...)).SetTrainable(v.Trainable)
	}
	return ctx
}

// TestLinearizeAtOrigin holds that at θ0 value and gradient are f's, by GoMLX.
func TestLinearizeAtOrigin(t *testing.T) {
	b := kerneltest.Backend(t).GoMLX
	for i, net := range append(append(networks[:len(networks):len(networks)], deepNetworks...), struct {
		name  string
		input []int
		f     layerFn
	}{"batch norm of a whole batch", []int{5}, trained}) {
		t.Run(net.name, func(t *testing.T) {
			if testing.Short() && i%4 != 2 {
				t.Skip("XLA takes seconds to compile its programs")
			}
			f := network(t, b, graph.One(net.f), net.input...)
			x := kerneltest.Floats(t, examples(t, 3, "x", net.input...))
			dims := append([]int{3}, net.input...)
			want := oracle(t, b, moved(t, f, 0), net.f, x, dims...)
			got := valueAndGradient(t, b, mlctx.New(), polynomial(t, f, 1), x, dims...)
			compare(t, got, want, 1e-12) // sums of some hundred terms in another order
		})
	}
}

// TestTaylorIsExact holds that a polynomial of degree d in the weights is its
// Taylor polynomial of degree d anywhere, value and gradient, and that of degree
// d−1 is not. The oracle is the network itself at other weights.
func TestTaylorIsExact(t *testing.T) {
	dense := func(depth int) layerFn {
		return func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			for i := range depth {
				x = layers.Dense(ctx.In(fmt.Sprint("layer", i)), x, false, 3)
			}
			return x
		}
	}
	square := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.Square(layers.Dense(ctx.In("a"), x, true, 3))
	}
	b := pureGo(t)
	for _, tc := range []struct {
		name   string
		f      layerFn
		degree int
	}{{"linear", dense(1), 1}, {"two layers", dense(2), 2}, {"square", square, 2}, {"three layers", dense(3), 3}} {
		t.Run(tc.name, func(t *testing.T) {
			f := network(t, b, graph.One(tc.f), 4)
			x := kerneltest.Floats(t, examples(t, 3, "x", 4))
			want := valueAndGradient(t, b, moved(t, f, 1), graph.One(tc.f), x, 3, 4)
			compare(t, valueAndGradient(t, b, moved(t, f, 1), polynomial(t, f, tc.degree), x, 3, 4), want, 1e-12) // sums of some dozens of terms
			if tc.degree == 1 {
				return
			}
			less := valueAndGradient(t, b, moved(t, f, 1), polynomial(t, f, tc.degree-1), x, 3, 4)
			if math.Abs(less["value"][0]-want["value"][0]) < 1e-3 {
				t.Errorf("degree %d gives %g, as if the network were no more; it gives %g", tc.degree-1, less["value"], want["value"])
			}
		})
	}
}

// TestTaylorOrder holds that what a polynomial of degree d is off by goes with
// the distance from θ0 to the power d+1: halving it divides by 2^(d+1).
func TestTaylorOrder(t *testing.T) {
	b := pureGo(t)
	for _, net := range append(networks[:1:1], deepNetworks[0]) {
		for degree := 1; degree <= 3; degree++ {
			if testing.Short() && degree > 2 {
				continue
			}
			t.Run(fmt.Sprint(net.name, degree), func(t *testing.T) {
				f := network(t, b, graph.One(net.f), net.input...)
				x := kerneltest.Floats(t, examples(t, 2, "x", net.input...))
				dims := append([]int{2}, net.input...)
				model := polynomial(t, f, degree)
				off := func(step float64) map[string]float64 {
					got := valueAndGradient(t, b, moved(t, f, step), model, x, dims...)
					sum := map[string]float64{}
					for name, y := range oracle(t, b, moved(t, f, step), net.f, x, dims...) {
						for i := range y {
							sum[name] += math.Abs(got[name][i] - y[i])
						}
					}
					return sum
				}
				// So far out, rounding of 1e-14 is a millionth of degree 3's 1e-8.
				far, near := off(1e-2), off(5e-3)
				for name := range far {
					// The next order adds a share of the step, some per cent.
					want := math.Exp2(float64(degree))
					if name == "value" {
						want *= 2 // gradients are off by one power less, in all but d sin(y)
					}
					if near[name] < 1e-13 { // attention does not depend on its keys' bias
						continue
					}
					if ratio := far[name] / near[name]; !(ratio > 0.8*want) || name == "value" && !(ratio < 1.25*want) {
						t.Errorf("%s is off by %g, at half the distance by %g: ratio %g, want %g", name, far[name], near[name], ratio, want)
					}
				}
			})
		}
	}
}

// An even filter, of which GoMLX's own gradient is wrong, and max-pooling, whose
// gradient pure Go lacks, trained in pure Go: central differences are the oracle.
func TestLinearizeInPureGo(t *testing.T) {
	b := pureGo(t)
	f := network(t, b, graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = gx.Tanh(layers.Convolution(ctx.In("c"), x).Channels(3).KernelSize(2).Strides(1).NoPadding().Done())
		x = gx.MaxPool(layers.Convolution(ctx.In("d"), x).Channels(2).KernelSize(2).Strides(1).NoPadding().Done()).Window(2).Done()
		return layers.Dense(ctx.In("o"), gx.Reshape(x, -1, 8), true, 2)
	}), 6, 6, 1)
	x := kerneltest.Floats(t, examples(t, 2, "x", 6, 6, 1))
	model := polynomial(t, f, 1)
	loss := func(step float64) (s float64) {
		for _, y := range valueAndGradient(t, b, moved(t, f, step), model, x, 2, 6, 6, 1)["value"] {
			s += math.Sin(y)
		}
		return s
	}
	grads := valueAndGradient(t, b, moved(t, f, 0), model, x, 2, 6, 6, 1)
	slope := 0.0
	start, end := moved(t, f, 0), moved(t, f, 1)
	for name, g := range grads {
		if name == "value" {
			continue
		}
		at := strings.LastIndex(name, "/")
		p, q := start.GetVariableByScopeAndName(name[:at], name[at+1:]), end.GetVariableByScopeAndName(name[:at], name[at+1:])
		from, to := kerneltest.Floats(t, p.MustValue()), kerneltest.Floats(t, q.MustValue())
		for i := range g {
			slope += g[i] * (to[i] - from[i])
		}
	}
	const h = 1e-4
	want := (loss(h) - loss(-h)) / (2 * h)
	// Central differences err by h²·f‴/6 ≈ 1e-8·(Σ slopes³ of some units), relative.
	if !(math.Abs(slope-want) <= 1e-6*math.Abs(want)) {
		t.Errorf("slope %g along a direction, differences give %g", slope, want)
	}
	// f_lin is linear: twice the step, twice the change.
	y0 := grads["value"]
	y1 := valueAndGradient(t, b, moved(t, f, 1), model, x, 2, 6, 6, 1)["value"]
	y2 := valueAndGradient(t, b, moved(t, f, 2), model, x, 2, 6, 6, 1)["value"]
	for i := range y0 {
		y1[i], y2[i] = 2*(y1[i]-y0[i]), y2[i]-y0[i]
	}
	kerneltest.Close(t, "change", y2, y1, 1e-12)
}

// TestLinearizedTraining trains f_lin by GoMLX's gradient descent and compares
// with the dynamics that follow from the plain loop's J:
//
//	θ ← θ − ηJᵀ(f_lin − y)/size,  f_lin ← f_lin − (η/size) JJᵀ(f_lin − y).
func TestLinearizedTraining(t *testing.T) {
	const n, steps, rate = 4, 5, 0.3
	b := kerneltest.Backend(t).GoMLX
	net := networks[0]
	f := network(t, b, graph.One(net.f), net.input...)
	x := examples(t, n, "x", net.input...)
	y0 := valueAndGradient(t, b, moved(t, f, 0), graph.One(net.f), kerneltest.Floats(t, x), n, 6)["value"]
	y := probes(1, 1, len(y0))
	theta, o := loop(t, f.Context(), net.f, x, x)
	a, size := asMatrix(empirical.Full, theta, n, o)

	model := polynomial(t, f, 1)
	ctx := mlctx.New()
	sgd := optimizers.StochasticGradientDescent().WithDecay(false).WithLearningRate(rate)
	step, err := mlctx.NewExec(b, ctx.Checked(false), func(ctx *mlctx.Context, x, y *gx.Node) *gx.Node {
		g := x.Graph()
		ctx.SetTraining(g, true)
		out := model(ctx, []*gx.Node{x})[0]
		sgd.UpdateGraph(ctx, g, gx.MulScalar(gx.ReduceAllSum(gx.Square(gx.Sub(out, y))), 0.5/float64(size)))
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	want := append([]float64(nil), y0...)
	for i := range steps {
		got, err := step.Exec(tensors.FromFlatDataAndDimensions(kerneltest.Floats(t, x), n, 6), tensors.FromFlatDataAndDimensions(y, n, o))
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, fmt.Sprint("after ", i, " steps"), kerneltest.Floats(t, got[0]), want, 1e-12) // sums of some hundred terms
		residual := make([]float64, size)
		for k := range residual {
			residual[k] = want[k] - y[k]
		}
		for k, d := range times(a, size, size, residual, 1) {
			want[k] -= rate / float64(size) * d
		}
	}
	if math.Abs(want[0]-y0[0]) < 1e-2 {
		t.Errorf("training moved output 0 by %g only: nothing was checked", want[0]-y0[0])
	}
	for v := range f.Context().IterVariables() {
		if !v.Trainable {
			continue
		}
		if trained := ctx.GetVariableByScopeAndName(v.Scope(), v.Name()); trained == nil || !trained.Trainable {
			t.Errorf("variable %s is not trained under its name", v.ScopeAndName())
		}
	}
}

// The oracle is neural-tangents' linearize, trained by the same steps; see
// testdata/oracles/README.md.
func TestLinearizedOracle(t *testing.T) {
	b := kerneltest.Backend(t).GoMLX
	for _, c := range kerneltest.Oracles(t, "evolution") {
		t.Run(c.Name, func(t *testing.T) {
			f, err := oracleNetwork(t, c)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			arrays := c.Arrays(t)
			model := polynomial(t, f, 1)
			ctx := mlctx.New()
			eval := func(x *tensors.Tensor) []float64 {
				return kerneltest.Floats(t, mlctx.MustExecOnce(b, ctx.Checked(false), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
					return model(ctx, []*gx.Node{x})[0]
				}, tensors.FromFlatDataAndDimensions(kerneltest.Floats(t, x), x.Shape().Dimensions...)))
			}
			grad, err := mlctx.NewExec(b, ctx.Checked(false), func(ctx *mlctx.Context, x, y *gx.Node) []*gx.Node {
				out := model(ctx, []*gx.Node{x})[0]
				size := float64(out.Shape().Size())
				loss := gx.DivScalar(gx.ReduceAllSum(gx.Square(gx.Sub(out, y))), 2*size)
				if strings.Contains(c.Loss, "log_softmax") {
					loss = gx.Neg(gx.DivScalar(gx.ReduceAllSum(gx.Mul(gx.LogSoftmax(out, -1), y)), size))
				}
				return ctx.BuildTrainableVariablesGradientsGraph(loss)
			})
			if err != nil {
				t.Fatal(err)
			}
			x, y := arrays["x_train"], arrays["y_train"]
			velocity := map[string][]float64{}
			done := 0
			var train, test []float64
			wanted := kerneltest.Floats(t, arrays["steps"])
			for _, s := range wanted {
				for ; done < int(s); done++ {
					g, err := grad.Exec(x, y)
					if err != nil {
						t.Fatal(err)
					}
					i := 0
					for v := range ctx.IterVariables() {
						if !v.Trainable {
							continue
						}
						w, d, m := kerneltest.Floats(t, v.MustValue()), kerneltest.Floats(t, g[i]), velocity[v.ScopeAndName()]
						if m == nil {
							m = make([]float64, len(w))
							velocity[v.ScopeAndName()] = m
						}
						for k := range w {
							m[k] = c.Momentum*m[k] + d[k]
							w[k] -= c.LearningRate * m[k]
						}
						if err := v.SetValue(tensors.FromFlatDataAndDimensions(w, v.Shape().Dimensions...)); err != nil {
							t.Fatal(err)
						}
						i++
					}
				}
				train, test = append(train, eval(x)...), append(test, eval(arrays["x_test"])...)
			}
			c.Check(t, "lin_train", train, arrays["lin_train"])
			c.Check(t, "lin_test", test, arrays["lin_test"])
		})
	}
}

func TestTaylorRefusals(t *testing.T) {
	b := pureGo(t)
	f := network(t, b, graph.One(networks[0].f), 6)
	if _, err := f.Taylor(0); err == nil || !strings.Contains(err.Error(), "degree 0") {
		t.Errorf("degree 0: %v", err)
	}
	custom := network(t, b, graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.IdentityWithCustomGradient(layers.Dense(ctx.In("a"), x, true, 2), func(_, v *gx.Node) *gx.Node { return v })
	}), 6)
	if _, err := custom.Linearize(); !errors.Is(err, graph.ErrNoRule) || !strings.Contains(err.Error(), "taylor_test.go:") {
		t.Errorf("a custom gradient: %v, want %v with its line", err, graph.ErrNoRule)
	}

	model := polynomial(t, f, 1)
	build := func(ctx *mlctx.Context, f func(x, y *gx.Node) *gx.Node, dims ...int) error {
		_, err := mlctx.ExecOnce(b, ctx.Checked(false), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return f(x, model(ctx, []*gx.Node{x})[0])
		}, tensors.FromShape(shapes.Make(dtypes.Float64, dims...)))
		return err
	}
	value := func(_, y *gx.Node) *gx.Node { return y }
	ctx := mlctx.New()
	if err := build(ctx, value, 2, 6); err != nil {
		t.Errorf("a good call: %v", err)
	}
	if err := build(ctx, value, 2, 5); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("wrong width: %v, want %v", err, empirical.ErrShape)
	}
	err := build(ctx, func(x, y *gx.Node) *gx.Node { return gx.Gradient(gx.ReduceAllSum(y), x)[0] }, 2, 6)
	if err == nil || !strings.Contains(err.Error(), "input 0") {
		t.Errorf("a gradient of the input: %v", err)
	}
	if err := f.Redraw(6); err != nil {
		t.Fatal(err)
	}
	model = polynomial(t, f, 1)
	if err := build(ctx, value, 2, 6); err == nil || !strings.Contains(err.Error(), "another context") {
		t.Errorf("two origins in one context: %v", err)
	}
}
