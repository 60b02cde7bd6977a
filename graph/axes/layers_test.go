package axes_test

import (
	"fmt"
	"runtime"
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

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

type model func(ctx *mlctx.Context, x *gx.Node) *gx.Node

// record records f on one float64 input, in inference mode or in training mode.
// It allows outputs without a batch axis, which graph.Record does not.
func record(t *testing.T, f model, training bool, x shapes.Shape) *graph.Recording {
	t.Helper()
	r, err := graph.Trace(mlctx.New(), "test", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		ctx.SetTraining(g, training)
		return []*gx.Node{f(ctx, graph.Inputs(g, x)[0])}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func analyze(t *testing.T, r *graph.Recording) *axes.Analysis {
	t.Helper()
	a, err := axes.Analyze(r.Program, axes.Inputs(r))
	if err != nil {
		t.Fatal(err)
	}
	// The sizes of the factors of every axis multiply to its size.
	for _, e := range r.Program.Prune().Eqns {
		for _, v := range e.Out {
			as := a.Of(v)
			if len(as) != v.Shape.Rank() {
				t.Fatalf("%s: %d axes, want %d", e, len(as), v.Shape.Rank())
			}
			for i, ax := range as {
				if ax.Size() != v.Shape.Dimensions[i] {
					t.Errorf("%s: axis %d is %s", e, i, ax)
				}
			}
		}
	}
	return a
}

// The layers of GoMLX treat every example alike in inference mode: none may be
// reported. Want is the output's axes, by what the layers are known to do; the
// same models run in TestAgainstExecution.
var independent = []struct {
	name string
	x    shapes.Shape
	f    model
	want string
}{
	{"dense", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := activations.Gelu(layers.Dense(ctx.In("a"), x, true, 8))
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][O 4]"},
	{"dense, every axis as large as the batch", floats(2, 2), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := gx.Tanh(layers.Dense(ctx.In("a"), x, true, 2))
		return layers.Dense(ctx.In("b"), h, true, 2)
	}, "[B 2][O 2]"},
	{"dense with several output axes", floats(2, 5, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return layers.Dense(ctx.In("a"), x, true, 4, 6)
	}, "[B 2][P 5][O 4][O 6]"},
	{"residual", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Dense(ctx.In("a"), x, false, 8)
		h = gx.Add(h, layers.Dense(ctx.In("b"), activations.Relu(h), true, 8))
		return layers.Dense(ctx.In("c"), h, true, 4)
	}, "[B 2][O 4]"},
	{"convolution, flatten", floats(2, 4, 6, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Convolution(ctx.In("a"), x).Channels(8).KernelSize(3).PadSame().Done()
		h = gx.Reshape(activations.Relu(h), 2, -1)
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][O 4]"},
	{"strides, dilations, groups, 1x1", floats(2, 6, 6, 2), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Convolution(ctx.In("a"), x).Channels(4).KernelSize(1).Done()
		h = layers.Convolution(ctx.In("b"), h).Channels(6).KernelSize(2).Dilations(2).Done()
		w := ctx.VariableWithShape("w", floats(2, 2, 3, 8)).ValueGraph(x.Graph())
		h = gx.Convolve(h, w).ChannelGroupCount(2).NoPadding().Done()
		return layers.Convolution(ctx.In("d"), h).Channels(4).KernelSize(1).Strides(2).Done()
	}, "[B 2][P 2][P 2][O 4]"},
	{"pooling", floats(2, 4, 6, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Convolution(ctx.In("a"), x).Channels(8).KernelSize(3).PadSame().Done()
		h = gx.MaxPool(h).Window(2).Done()
		h = gx.MeanPool(h).Window(2).Strides(1).PadSame().Done()
		return gx.ReduceMean(h, 1, 2)
	}, "[B 2][O 8]"},
	{"layer normalization", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Dense(ctx.In("a"), x, true, 8)
		h = layers.LayerNormalization(ctx.In("ln"), h, -1).Done()
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][O 4]"},
	{"batch normalization in inference", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := batchnorm.New(ctx.In("bn"), x, -1).UseBackendInference(false).Done()
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][O 4]"},
	{"batch normalization in inference, by the backend", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := batchnorm.New(ctx.In("bn"), x, -1).UseBackendInference(true).Done()
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][O 4]"},
	{"attention", floats(2, 5, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.LayerNormalization(ctx.In("ln"), x, -1).Done()
		h := layers.MultiHeadAttention(ctx.In("mha"), x, x, x, 2, 3).Done()
		return layers.Dense(ctx.In("b"), gx.ReduceMean(h, 1), true, 4)
	}, "[B 2][O 4]"},
	{"attention, 2 heads of 2 over 2 tokens, causal", floats(2, 2, 2), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.MultiHeadAttention(ctx.In("mha"), x, x, x, 2, 2).UseCausalMask().Done()
		return layers.Dense(ctx.In("b"), h, true, 2)
	}, "[B 2][P 2][O 2]"},
	{"embedding, position table", shapes.Make(dtypes.Int32, 2, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Embedding(ctx.In("e"), gx.InsertAxes(x, -1), dtypes.Float64, 10, 8)
		table := ctx.In("p").VariableWithShape("table", floats(5, 8)).ValueGraph(x.Graph())
		h = gx.Add(h, gx.InsertAxes(table, 0))
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][P 5][O 4]"},
	{"one-hot", shapes.Make(dtypes.Int32, 2, 5), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return layers.Dense(ctx.In("b"), gx.OneHot(x, 10, dtypes.Float64), true, 4)
	}, "[B 2][P 5][O 4]"},
	{"numbers of the model's own along a width", floats(2, 5, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		waves := gx.Sin(gx.Mul(gx.Iota(x.Graph(), floats(1, 5, 8), 1), gx.Iota(x.Graph(), floats(1, 5, 8), 2)))
		h := gx.Add(layers.Dense(ctx.In("a"), x, true, 8), waves)
		return layers.Dense(ctx.In("b"), h, true, 4)
	}, "[B 2][P 5][O 4]"},
	{"class token", floats(2, 5, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Dense(ctx.In("a"), x, true, 8)
		cls := ctx.VariableWithShape("cls", floats(1, 1, 8)).ValueGraph(x.Graph())
		h = gx.Concatenate([]*gx.Node{gx.BroadcastToDims(cls, 2, 1, 8), h}, 1)
		return layers.Dense(ctx.In("b"), gx.Squeeze(gx.Slice(h, gx.AxisRange(), gx.AxisElem(0)), 1), true, 4)
	}, "[B 2][O 4]"},
	{"merge of batch and positions, and back", floats(2, 4, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Dense(ctx.In("a"), gx.Reshape(x, 8, 3), true, 6)
		h = layers.Dense(ctx.In("b"), gx.Reshape(h, 4, 12), true, 5) // two positions a row
		return gx.ReduceSum(gx.Reshape(h, 2, 2, 5), 1)
	}, "[B 2][O 5]"},
	{"[2,4] to [4,2] and back", floats(2, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.Reshape(gx.Tanh(gx.Reshape(x, 4, 2)), 2, 4)
	}, "[B 2][P 2 P 2]"},
	{"batch last, and back", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := gx.Transpose(x, 0, 1)
		w := ctx.VariableWithShape("w", floats(4, 3)).ValueGraph(x.Graph())
		return gx.Transpose(gx.Dot(w, h), 0, 1)
	}, "[B 2][O 4]"},
	{"reverse and pad of positions", floats(2, 3, 4), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := gx.Reverse(x, 1)
		h = gx.Pad(h, gx.ScalarZero(x.Graph(), x.DType()), backends.PadAxis{}, backends.PadAxis{Start: 1, End: 1})
		return gx.ReduceMax(h, 1)
	}, "[B 2][P 4]"},
	{"a constant for every example", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.Add(x, gx.Const(x.Graph(), [][]float64{{1, 2, 3}, {1, 2, 3}}))
	}, "[B 2][P 3]"},
	{"an output that depends on no input", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		b := ctx.VariableWithShape("b", floats(1, 3)).ValueGraph(x.Graph())
		return gx.BroadcastToDims(b, 2, 3)
	}, "[F 2][U 3]"},
	{"mean over the batch that no output needs", floats(2, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		mean := ctx.VariableWithShape("mean", floats(3))
		mean.SetValueGraph(gx.ReduceMean(x, 0))
		return layers.Dense(ctx.In("a"), x, true, 4)
	}, "[B 2][O 4]"},
}

func floats(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float64, dims...) }

func TestLayersDoNotMix(t *testing.T) {
	for _, tc := range independent {
		t.Run(tc.name, func(t *testing.T) {
			r := record(t, tc.f, false, tc.x)
			a := analyze(t, r)
			for _, m := range a.BatchMixing() {
				t.Errorf("reported: %s", m)
			}
			for _, c := range a.Conflicts() {
				t.Errorf("conflict: %s", c)
			}
			if got := a.Of(r.Program.Outputs[0]).String(); got != tc.want {
				t.Errorf("output axes %s, want %s\n%s", got, tc.want, r.Program)
			}
		})
	}
}

// here returns the position of the next line, as Eqn.Source prints it.
func here() string {
	_, _, line, _ := runtime.Caller(1)
	return fmt.Sprintf("axes/layers_test.go:%d", line+1)
}

// Every model here makes examples depend on one another, on their place, or on
// random bits, by construction. found lists op and kind of what must be
// reported, in order; line is set to where the first of them stands.
var mixing = []struct {
	name     string
	x        shapes.Shape
	training bool
	f        func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node
	found    []string
}{
	{"mean over the batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Sub(x, gx.ReduceAndKeep(x, gx.ReduceMean, 0))
	}, []string{"ReduceSum mixes examples"}},
	{"mean over the batch behind a gain that starts at zero", floats(2, 3), false, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		mean := gx.ReduceAndKeep(x, gx.ReduceMean, 0)
		gain := ctx.VariableWithValue("gain", 0.0).ValueGraph(x.Graph())
		return gx.Sub(x, gx.Mul(gain, mean))
	}, []string{"ReduceSum mixes examples"}},
	{"batch normalization by hand", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		mean := gx.ReduceAndKeep(x, gx.ReduceMean, 0)
		d := gx.Sub(x, mean)
		return gx.Div(d, gx.Sqrt(gx.AddScalar(gx.ReduceAndKeep(gx.Square(d), gx.ReduceMean, 0), 1e-3)))
	}, []string{"ReduceSum mixes examples", "ReduceSum mixes examples"}},
	{"batch normalization of GoMLX in training", floats(2, 3), true, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return batchnorm.New(ctx.In("bn"), x, -1).Done()
	}, []string{"BatchNormForTraining mixes examples"}},
	{"products of all pairs of examples", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.DotGeneral(x, []int{1}, nil, x, []int{1}, nil)
	}, []string{"DotGeneral mixes examples"}},
	{"attention over the batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		k := gx.DotGeneral(x, []int{1}, nil, x, []int{1}, nil)
		return gx.Dot(k, x)
	}, []string{"DotGeneral mixes examples", "DotGeneral mixes examples"}},
	{"distances of all pairs by broadcasting", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		a, b := gx.InsertAxes(x, 0), gx.InsertAxes(x, 1)
		*line = here()
		return gx.ReduceSum(gx.Square(gx.Sub(a, b)), 2)
	}, []string{"Sub mixes examples"}},
	{"softmax over the batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Softmax(x, 0)
	}, []string{"ReduceMax mixes examples", "ReduceSum mixes examples"}},
	{"reversed batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Reverse(x, 0)
	}, []string{"Reverse mixes examples"}},
	{"x plus its transpose", floats(2, 2), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Add(x, gx.Transpose(x, 0, 1))
	}, []string{"Add mixes examples"}},
	{"transposed output", floats(2, 2), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		y := gx.Transpose(x, 0, 1)
		return gx.Tanh(y)
	}, []string{"Transpose mixes examples"}},
	{"[2,4] to [4,2]", floats(2, 4), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		y := gx.Reshape(x, 4, 2)
		return gx.Tanh(y)
	}, []string{"Reshape mixes examples"}},
	{"[2,4] to [4,2], then rows", floats(2, 4), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		y := gx.Reshape(x, 4, 2)
		*line = here()
		return gx.Slice(y, gx.AxisRange(0, 2))
	}, []string{"Slice mixes examples"}},
	{"reshape that cuts across the batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		y := gx.Reshape(x, 3, 2)
		return gx.Transpose(gx.Tanh(y), 0, 1)
	}, []string{"Reshape cannot be followed"}},
	{"halves of the batch swapped", floats(4, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		y := gx.Transpose(gx.Reshape(x, 2, 2, 3), 0, 1)
		*line = here()
		return gx.Reshape(y, 4, 3)
	}, []string{"Reshape mixes examples"}},
	{"halves of the batch meet", floats(4, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		y := gx.Reshape(x, 2, 2, 3)
		*line = here()
		y = gx.Add(y, gx.Transpose(y, 0, 1))
		return gx.Reshape(y, 4, 3)
	}, []string{"Add mixes examples"}},
	{"halves of the batch averaged", floats(4, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		y := gx.Reshape(x, 2, 2, 3)
		*line = here()
		m := gx.ReduceMean(y, 1)
		return gx.Concatenate([]*gx.Node{m, m}, 0)
	}, []string{"ReduceSum mixes examples", "Concatenate mixes examples"}},
	{"window over the batch", floats(4, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		x = gx.Reshape(x, 1, 4, 3)
		*line = here()
		y := gx.SumPool(x).Window(3).Strides(1).PadSame().Done()
		return gx.Reshape(y, 4, 3)
	}, []string{"ReduceWindow mixes examples"}},
	{"convolution over the batch", floats(4, 3), false, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		y := layers.Convolution(ctx, gx.Reshape(x, 1, 4, 3)).Channels(3).KernelSize(3).PadSame().Done()
		return gx.Reshape(y, 4, 3)
	}, []string{"ConvGeneral mixes examples"}},
	{"argmax over the batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Mul(x, gx.InsertAxes(gx.ConvertDType(gx.ArgMax(x, 0), x.DType()), 0))
	}, []string{"ArgMinMax mixes examples"}},
	{"first example for all", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Sub(x, gx.Slice(x, gx.AxisElem(0)))
	}, []string{"Slice mixes examples"}},
	{"gather of examples", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Gather(x, gx.Const(x.Graph(), [][]int32{{1}, {0}}))
	}, []string{"Gather mixes examples"}},
	{"sum over examples by scatter", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Scatter(gx.Const(x.Graph(), [][]int32{{1}, {1}}), x, floats(2, 3), false, false)
	}, []string{"ScatterSum mixes examples"}},
	{"shifted batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Pad(x, gx.ScalarZero(x.Graph(), x.DType()), backends.PadAxis{Start: 1, End: -1})
	}, []string{"Pad mixes examples"}},
	{"number of the example", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Add(x, gx.Iota(x.Graph(), x.Shape(), 0))
	}, []string{"Add depends on the place in the batch"}},
	{"a constant for each example", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Mul(x, gx.Const(x.Graph(), [][]float64{{1}, {2}}))
	}, []string{"Mul depends on the place in the batch"}},
	{"zeros for one half of the batch, ones for the other", floats(4, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		zeros, ones := gx.Zeros(x.Graph(), floats(2, 3)), gx.Ones(x.Graph(), floats(2, 3))
		*line = here()
		return gx.Mul(x, gx.Concatenate([]*gx.Node{zeros, ones}, 0))
	}, []string{"Mul depends on the place in the batch"}},
	{"a weight for each example", floats(2, 3), false, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		w := ctx.VariableWithShape("w", x.Shape()).ValueGraph(x.Graph())
		*line = here()
		return gx.Mul(w, x)
	}, []string{"Mul depends on the place in the batch"}},
	{"an output counted along the batch", floats(2, 3), false, func(_ *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return gx.Iota(x.Graph(), x.Shape(), 0)
	}, []string{"Iota depends on the place in the batch"}},
	{"dropout in training", floats(2, 3), true, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		*line = here()
		return layers.DropoutStatic(ctx, x, 0.5)
	}, []string{"RNGBitGenerator draws random numbers"}},
}

func TestMixingIsFound(t *testing.T) {
	for _, tc := range mixing {
		t.Run(tc.name, func(t *testing.T) {
			var line string
			r := record(t, func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return tc.f(ctx, x, &line) }, tc.training, tc.x)
			var found []string
			mixes := analyze(t, r).BatchMixing()
			for _, m := range mixes {
				found = append(found, m.Eqn.Op.String()+" "+m.Kind.String())
			}
			if fmt.Sprint(found) != fmt.Sprint(tc.found) {
				t.Fatalf("found %q, want %q\n%v\n%s", found, tc.found, mixes, r.Program)
			}
			if got := mixes[0].Eqn.Source(); got != line {
				t.Errorf("at %q, want %q", got, line)
			}
			if s := mixes[0].String(); !strings.Contains(s, line) || !strings.Contains(s, mixes[0].Reason) {
				t.Errorf("prints %q without its line or its reason", s)
			}
		})
	}
}
