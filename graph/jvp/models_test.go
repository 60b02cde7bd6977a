package jvp_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/layers/batchnorm"
	"github.com/gomlx/gomlx/pkg/ml/layers/lstm"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
)

// A model is written as a GoMLX user would.
type model struct {
	name string
	network
	noReverse bool // GoMLX has no gradient of it
}

func models() (ms []model) {
	add := func(name string, in spec, f func(ctx *mlctx.Context, x *gx.Node) *gx.Node) {
		ms = append(ms, model{name: name, network: network{func(ctx *mlctx.Context, x []*gx.Node) *gx.Node { return f(ctx, x[0]) }, []spec{in}}})
	}
	for _, name := range []string{"relu", "leaky_relu", "sigmoid", "tanh", "swish", "selu", "gelu", "gelu_approx"} {
		add("dense "+name, floats(3, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			x = activations.Apply(activations.FromName(name), layers.Dense(ctx.In("a"), x, true, 7))
			return layers.Dense(ctx.In("b"), x, true, 2)
		})
	}
	add("convolution, max-pooling", floats(2, 6, 6, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Convolution(ctx.In("c"), x).Channels(4).KernelSize(3).PadSame().Done()
		x = gx.MaxPool(activations.Relu(x)).Window(2).Done()
		return layers.Dense(ctx.In("d"), gx.Reshape(x, 2, -1), true, 3)
	})
	add("convolution, mean-pooling", floats(2, 6, 6, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Convolution(ctx.In("c"), x).Channels(4).KernelSize(2).Strides(2).NoPadding().Done()
		x = gx.MeanPool(gx.Abs(x)).Window(2).Strides(1).PadSame().Done()
		return gx.ReduceMean(x, 1, 2)
	})
	add("layer normalization", floats(3, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.LayerNormalization(ctx.In("ln"), x, -1).Done()
		return layers.Dense(ctx.In("b"), gx.Tanh(x), false, 2)
	})
	add("RMS normalization", floats(3, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return layers.Dense(ctx.In("b"), layers.RMSNorm(ctx.In("rms"), x).Done(), false, 2)
	})
	add("attention", floats(2, 4, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.MultiHeadAttention(ctx.In("mha"), x, x, x, 2, 3).Done()
		return gx.ReduceMean(x, 1)
	})
	add("causal attention", floats(2, 4, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return layers.MultiHeadAttention(ctx.In("mha"), x, x, x, 2, 3).UseCausalMask().Done()
	})
	add("embedding", integers(dtypes.Int32, 0, 6, 2, 4, 1), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Embedding(ctx.In("e"), x, dtypes.Float64, 7, 5)
		return layers.Dense(ctx.In("d"), gx.ReduceMean(gx.Tanh(x), 1), true, 3)
	})
	add("LSTM", floats(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		_, last, _ := lstm.New(ctx.In("lstm"), x, 3).Done()
		return last
	})
	add("batch normalization, written out", floats(3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.Sin(batchnorm.New(ctx.In("bn"), x, -1).UseBackendInference(false).Done())
	})
	add("batch normalization", floats(3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.Sin(batchnorm.New(ctx.In("bn"), x, -1).Done())
	})
	ms[len(ms)-1].noReverse = true
	return ms
}

// values returns what draws a model's inputs from in and its weights from
// weight, except for variances.
func (m model) values(r *rand.Rand, in func(i int) spec, weight func(dims ...int) spec) func(string, shapes.Shape) any {
	inputs := 0
	return func(name string, s shapes.Shape) any {
		switch {
		case strings.HasPrefix(name, "input:"):
			inputs++
			return in(inputs - 1).fill(r)
		case strings.Contains(name, "variance"):
			return positives(s.Dimensions...).fill(r)
		case !s.DType.IsFloat():
			return makeFlat(s.DType, s.Size())
		}
		return weight(s.Dimensions...).fill(r)
	}
}

// TestModelDifferences compares the tangent of all weights and inputs at once
// with central differences. Directions are a tenth of those of single ops: fifth
// derivatives of whole models are larger, by less than the 1e5 that this saves.
func TestModelDifferences(t *testing.T) {
	for _, m := range models() {
		t.Run(m.name, func(t *testing.T) {
			p := m.forward(t, mlctx.New())
			r := seeded(11)
			values := m.values(r, func(i int) spec { return m.in[i] }, floats)
			var xs []any
			for i, v := range p.Params {
				xs = append(xs, values(p.ParamName(i), v.Shape))
			}
			vs := directions(r, p)
			for i, v := range vs {
				vs[i] = plus(make([]float64, len(v.([]float64))), 0.1, v.([]float64))
			}
			way := floatsOf(p)
			got := compile(t, tangents(t, p, [][]int{way})).call(t, slices.Concat(xs, vs)...)[0].([]float64)
			want := differences(t, compile(t, p), xs, vs, way)[0]
			if msg := compare(got, want, tolerance); msg != "" {
				t.Errorf("output %s", msg)
			}
		})
	}
}

// TestModelLaw holds that forward and reverse mode agree on models, where
// weights and inputs are random and where they are ties and zeros.
func TestModelLaw(t *testing.T) {
	for _, m := range models() {
		if m.noReverse {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			m.checkLaw(t, lawTolerance, m.values(seeded(11), func(i int) spec { return m.in[i] }, floats))
			m.checkLaw(t, lawTolerance, m.values(seeded(12), func(i int) spec {
				if in := m.in[i]; in.dt != dtypes.Float64 {
					return in
				}
				return ties(m.in[i].dims...)
			}, ties))
		})
	}
}

// TestStopped holds that stopped gradients stop tangents, wherever they sit:
// y = stop(exp x)·x has the tangent exp(x)·v.
func TestStopped(t *testing.T) {
	n := network{func(_ *mlctx.Context, x []*gx.Node) *gx.Node {
		return gx.Mul(gx.StopGradient(gx.Exp(x[0])), x[0])
	}, []spec{floats(4)}}
	p := n.forward(t, mlctx.New())
	x, v := floats(4).fill(seeded(1)).([]float64), floats(4).fill(seeded(2)).([]float64)
	got := compile(t, tangents(t, p, [][]int{{0}})).call(t, x, v)[0].([]float64)
	exp := compile(t, ruleCase{op: backends.OpTypeExp, in: n.in}.program(t)).call(t, x)[0].([]float64)
	for i := range got {
		if got[i] != exp[i]*v[i] {
			t.Errorf("tangent %v, want %v", got[i], exp[i]*v[i])
		}
	}
}

// TestCustomGradient holds that a custom gradient is refused where a tangent
// meets it, and nowhere else.
func TestCustomGradient(t *testing.T) {
	double := func(_, v *gx.Node) *gx.Node { return gx.MulScalar(v, 2) }
	n := network{func(_ *mlctx.Context, x []*gx.Node) *gx.Node {
		return gx.Mul(x[0], gx.IdentityWithCustomGradient(gx.Sin(x[1]), double))
	}, []spec{floats(4), floats(4)}}
	p := n.forward(t, mlctx.New())
	tangents(t, p, [][]int{{0}}) // fails the test on an error
	rec := record(t)
	xs, vs := pairs(rec, p)
	_, err := graph.Replay(p, jvp.New(rec), []graph.Op{jvp.Const(xs[0]), jvp.Dual(xs[1], vs[1])})
	wantNoRule(t, err, "Identity", "custom gradient", "models_test.go:")
}
