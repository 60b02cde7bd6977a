package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

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
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// weightRate is the learning rate of the weights' own in linear.
const weightRate = 1.5

// linear is f_o(x) = Σ_i w_io x_i with w_io = 0.1·(i+1)·(−1)^o at first.
func linear(d, o int) graph.Model {
	return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), d, o), graph.Distribution{Family: graph.Normal, Eta: weightRate})
		return gx.Dot(x, w.ValueGraph(x.Graph()))
	})
}

// TestSteps compares optimizers and losses with loops over plain numbers.
func TestSteps(t *testing.T) {
	const n, d, o, steps, rate, mu = 4, 3, 2, 6, 0.2, 0.7
	x := []float64{1, 0.5, -2, 0.3, 1, 0.7, -1, 2, 0.1, 0.4, -0.6, 1.1}
	y := []float64{1, 0, 0, 1, 0.3, 0.7, 1, 0}
	for name, update := range map[string]func(w, g, m, v []float64, k int){
		"sgd": func(w, g, _, _ []float64, _ int) {
			for i := range w {
				w[i] -= rate * g[i]
			}
		},
		"momentum": func(w, g, m, _ []float64, _ int) {
			for i := range w {
				m[i] = mu*m[i] + g[i]
				w[i] -= rate * m[i]
			}
		},
		// Kingma and Ba, algorithm 1, with GoMLX's ε.
		"adam": func(w, g, m, v []float64, k int) {
			for i := range w {
				m[i] = 0.9*m[i] + 0.1*g[i]
				v[i] = 0.999*v[i] + 0.001*g[i]*g[i]
				mh, vh := m[i]/(1-math.Pow(0.9, float64(k+1))), v[i]/(1-math.Pow(0.999, float64(k+1)))
				w[i] -= rate * mh / (math.Sqrt(vh) + 1e-7)
			}
		},
	} {
		for _, kind := range []string{"mse", "xent"} {
			for over, divisor := range map[string]float64{"entries": n * o, "examples": n, "sum": 1} {
				t.Run(name+" "+kind+" "+over, func(t *testing.T) {
					loss, err := train.ParseLoss(kind, over)
					if err != nil {
						t.Fatal(err)
					}
					opt := map[string]train.Optimizer{"sgd": train.SGD(rate), "momentum": train.Momentum(rate, mu), "adam": train.Adam(rate)}[name]
					ctx := mlctx.New()
					w := []float64{0.1, -0.1, 0.2, -0.2, 0.3, -0.3}
					ctx.VariableWithValue("w", tensors.FromFlatDataAndDimensions(append([]float64(nil), w...), d, o))
					tr := trainer(t, ctx, linear(d, o), train.Options{Optimizer: opt.New(), Loss: loss}, dtypes.Float64, d)
					m, v := make([]float64, d*o), make([]float64, d*o)
					for k := range steps {
						got, err := tr.Step(t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, d)}, predict.Matrix{Rows: n, Cols: o, Data: y})
						if err != nil {
							t.Fatal(err)
						}
						want, g := plainLoss(kind, divisor, x, y, w, n, d, o)
						near(t, fmt.Sprint("loss ", k), got, want, 1e-12)
						for i := range g {
							g[i] *= weightRate
						}
						update(w, g, m, v, k)
					}
					if err := tr.Sync(); err != nil {
						t.Fatal(err)
					}
					// A dozen sums in another order, six times.
					kerneltest.Close(t, "weights", kerneltest.Floats(t, ctx.GetVariable("w").MustValue()), w, 1e-12)
				})
			}
		}
	}
}

// plainLoss returns the loss of f = xW and its gradient.
func plainLoss(kind string, divisor float64, x, y, w []float64, n, d, o int) (loss float64, g []float64) {
	g = make([]float64, d*o)
	for i := range n {
		f, residual := make([]float64, o), make([]float64, o)
		sum, targets := 0.0, 0.0
		for c := range o {
			for j := range d {
				f[c] += x[i*d+j] * w[j*o+c]
			}
			sum += math.Exp(f[c])
			targets += y[i*o+c]
		}
		for c := range o {
			if kind == "mse" {
				residual[c] = f[c] - y[i*o+c]
				loss += residual[c] * residual[c] / 2 / divisor
			} else {
				residual[c] = targets*math.Exp(f[c])/sum - y[i*o+c]
				loss -= y[i*o+c] * (f[c] - math.Log(sum)) / divisor
			}
			for j := range d {
				g[j*o+c] += residual[c] * x[i*d+j] / divisor
			}
		}
	}
	return loss, g
}

// TestGoMLX holds that GoMLX's optimizers do to a network what they do when GoMLX
// builds and runs the step: convolutions with odd filters, which GoMLX
// differentiates right.
func TestGoMLX(t *testing.T) {
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = gx.Tanh(layers.Convolution(ctx.In("c"), x).Channels(3).KernelSize(3).PadSame().Done())
		return layers.Dense(ctx.In("d"), gx.Reshape(x, x.Shape().Dimensions[0], -1), true, 2)
	})
	b := kerneltest.Backend(t)
	if b.Kind == "go" {
		t.Skip("GoMLX's pure Go backend lacks Reverse, which its gradient of a convolution needs")
	}
	x, err := graph.Draw(graph.Gaussian(1), 3, "x", shapes.Make(dtypes.Float64, 4, 5, 5, 1))
	if err != nil {
		t.Fatal(err)
	}
	y := []float64{1, 0, 0, 1, 0.5, -0.5, 2, 1}
	for name, opt := range map[string]train.Optimizer{"sgd": train.SGD(0.1), "adam": train.Adam(0.01)} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := mlctx.New(), mlctx.New()
			for _, ctx := range []*mlctx.Context{ours, theirs} {
				if _, err := graph.Record(ctx, model, x.Shape()); err != nil {
					t.Fatal(err)
				}
				if err := graph.Initialize(ctx, 7, false); err != nil {
					t.Fatal(err)
				}
			}
			tr := trainer(t, ours, model, train.Options{Optimizer: opt.New()}, dtypes.Float64, 5, 5, 1)
			o := opt.New()
			step, err := mlctx.NewExec(b.GoMLX, theirs.Checked(false), func(ctx *mlctx.Context, x, y *gx.Node) *gx.Node {
				ctx.SetTraining(x.Graph(), true)
				loss := gx.MulScalar(gx.ReduceAllMean(gx.Square(gx.Sub(model(ctx, []*gx.Node{x})[0], y))), 0.5)
				o.UpdateGraph(ctx, x.Graph(), loss)
				return loss
			})
			if err != nil {
				t.Fatal(err)
			}
			for k := range 5 {
				got, err := tr.Step(t.Context(), empirical.Batch{x}, predict.Matrix{Rows: 4, Cols: 2, Data: y})
				if err != nil {
					t.Fatal(err)
				}
				want, err := step.Exec(tensors.FromFlatDataAndDimensions(kerneltest.Floats(t, x), 4, 5, 5, 1), tensors.FromFlatDataAndDimensions(y, 4, 2))
				if err != nil {
					t.Fatal(err)
				}
				near(t, fmt.Sprint("loss ", k), got, kerneltest.Floats(t, want[0])[0], 1e-12)
			}
			if err := tr.Sync(); err != nil {
				t.Fatal(err)
			}
			compared := 0
			for v := range theirs.IterVariables() {
				if !v.Shape().DType.IsFloat() {
					continue
				}
				w := ours.GetVariableByScopeAndName(v.Scope(), v.Name())
				if w == nil {
					t.Errorf("variable %s is missing", v.ScopeAndName())
					continue
				}
				// Adam divides by roots of squares: 1e-12 of gradients near 0 shows.
				kerneltest.Close(t, v.ScopeAndName(), kerneltest.Floats(t, w.MustValue()), kerneltest.Floats(t, v.MustValue()), 1e-10)
				compared++
			}
			if compared < 5 { // 4 weights and the rate at least
				t.Errorf("%d variables compared", compared)
			}
		})
	}
}

// plain is an optimizer that takes no gradients.
type plain struct{ optimizers.Interface }

// TestRefused holds that a Trainer says what it cannot do.
func TestRefused(t *testing.T) {
	x := empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{1, 2, 3, 4}, 2, 2)}
	y := predict.Matrix{Rows: 2, Cols: 1, Data: []float64{1, 2}}
	model, sgd := linear(2, 1), train.SGD(0.1).New()
	stopped := errors.New("stopped")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	for _, tc := range []struct {
		name  string
		ctx   context.Context
		model graph.Model
		opts  train.Options
		x     empirical.Batch
		y     predict.Matrix
		want  string
	}{
		{"an optimizer without gradients", t.Context(), model, train.Options{Optimizer: plain{sgd}}, x, y, "takes no gradients"},
		{"targets of another shape", t.Context(), model, train.Options{Optimizer: sgd}, x, predict.NewMatrix(2, 3), "targets are 2 × 3, want 2 × 1"},
		{"inputs of another shape", t.Context(), model, train.Options{Optimizer: sgd}, empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{1, 2}, 2, 1)}, y, "input 0 is"},
		{"no weight", t.Context(), graph.One(gxIdentity), train.Options{Optimizer: sgd}, x, y, "no trainable weight"},
		{"an op without a gradient", t.Context(), graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return gx.Floor(model(ctx, []*gx.Node{x})[0]) }), train.Options{Optimizer: sgd}, x, y, "op Floor has no gradient"},
		{"a batch that is gone", t.Context(), graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return gx.ReduceAllSum(model(ctx, []*gx.Node{x})[0]) }), train.Options{Optimizer: sgd}, x, y, "keep the batch axis"},
		{"a budget", t.Context(), model, train.Options{Optimizer: sgd, Memory: 8}, x, y, "memory budget"},
		{"a rate that is too large", t.Context(), model, train.Options{Optimizer: train.SGD(1e200).New()}, x, y, "diverged"},
		{"a context that has ended", ended, model, train.Options{Optimizer: sgd}, x, y, "stopped"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := trainer(t, mlctx.New(), tc.model, tc.opts, dtypes.Float64, 2)
			var err error
			for range 4 { // a rate that is too large shows then
				if _, err = tr.Step(tc.ctx, tc.x, tc.y); err != nil {
					break
				}
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func gxIdentity(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.ReduceSum(x, 1) }

func trainer(t *testing.T, ctx *mlctx.Context, model graph.Model, opts train.Options, dt dtypes.DType, input ...int) *train.Trainer {
	t.Helper()
	tr, err := train.New(kerneltest.Backend(t).GoMLX, ctx, model, opts, shapes.Make(dt, input...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

// TestNormInTraining holds that a step in training mode moves the running averages
// of a batch norm, as GoMLX does: mean ← 0.5·mean + 0.5·(mean of the batch).
func TestNormInTraining(t *testing.T) {
	model := graph.InTraining(graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		average := ctx.VariableWithValue("average", []float64{0, 0}).SetTrainable(false)
		if ctx.IsTraining(x.Graph()) {
			average.SetValueGraph(gx.MulScalar(gx.Add(average.ValueGraph(x.Graph()), gx.ReduceMean(x, 0)), 0.5))
		}
		return linear(2, 1)(ctx, []*gx.Node{x})[0]
	}))
	ctx := mlctx.New()
	tr := trainer(t, ctx, model, train.Options{Optimizer: train.SGD(0.1).New()}, dtypes.Float64, 2)
	for range 2 {
		x := empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{1, 2, 3, 6}, 2, 2)}
		if _, err := tr.Step(t.Context(), x, predict.Matrix{Rows: 2, Cols: 1, Data: []float64{1, 2}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Sync(); err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "averages", kerneltest.Floats(t, ctx.GetVariable("average").MustValue()), []float64{1.5, 3}, 1e-15)
}

// TestReload holds that a Trainer that is given other weights goes on as one that was
// made with them.
func TestReload(t *testing.T) {
	x := empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{1, 2, 3, 6}, 2, 2)}
	y := predict.Matrix{Rows: 2, Cols: 1, Data: []float64{1, 2}}
	losses := func(tr *train.Trainer) (l [3]float64) {
		t.Helper()
		for i := range l {
			var err error
			if l[i], err = tr.Step(t.Context(), x, y); err != nil {
				t.Fatal(err)
			}
		}
		return l
	}
	ctx := mlctx.New()
	w := ctx.VariableWithValue("w", tensors.FromFlatDataAndDimensions([]float64{1, -1}, 2, 1))
	tr := trainer(t, ctx, linear(2, 1), train.Options{Optimizer: train.SGD(0.01).New()}, dtypes.Float64, 2)
	first := losses(tr)
	for _, start := range [][]float64{{2, 0.5}, {1, -1}} {
		if err := w.SetValue(tensors.FromFlatDataAndDimensions(slices.Clone(start), 2, 1)); err != nil {
			t.Fatal(err)
		}
		if err := tr.Reload(); err != nil {
			t.Fatal(err)
		}
		got := losses(tr)
		// By hand: Σ(f − y)²/4 of f = (w_1 + 2w_2, 3w_1 + 6w_2).
		a := start[0] + 2*start[1]
		near(t, "loss after Reload", got[0], ((a-1)*(a-1)+(3*a-2)*(3*a-2))/4, 1e-15)
		if start[0] == 1 && got != first {
			t.Errorf("the same weights again: losses %v, want %v", got, first)
		}
		if tr.Steps() != len(got) {
			t.Errorf("%d steps, want %d", tr.Steps(), len(got))
		}
	}
}
