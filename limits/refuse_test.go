package limits_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
)

// tokens is [n, T, 2] → [n, T, width] by a weight that all tokens share.
func tokens(ctx *mlctx.Context, x *gx.Node) *gx.Node { return dot(x, normal(ctx, x, "E", 2, n)) }

// here returns the position of the next line as errors print it.
func here() string {
	_, _, line, _ := runtime.Caller(1)
	return fmt.Sprintf("limits/refuse_test.go:%d", line+1)
}

// Models without a limit, or whose limit is not that of the rules; each is
// wrong by an argument that is given where it is not plain.
var refusals = []struct {
	name  string
	input []int
	f     func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node
	op    string
	want  string // of the reason
}{
	// Θ has the term (v·W relu)², whose deviation is √2 of its mean at every n.
	{"a trainable scalar (ReZero)", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		x1 := first(ctx, x)
		y := gx.MulScalar(gx.Dot(relu(x1), normal(ctx, x, "W", n, n)), s2)
		alpha := drawn(ctx, x, "alpha", graph.Constant(0.5))
		*line = here()
		return readout(ctx, gx.Add(x1, gx.Mul(alpha, y)))
	}, "Mul", "a trainable or random number is shared by a whole width"},
	// n·Θ is 12c² and not 8c².
	{"a mean for readout", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := gx.Dot(relu(first(ctx, x)), normal(ctx, x, "W", n, n))
		*line = here()
		return gx.ReduceAndKeep(relu(gx.MulScalar(h, s2)), gx.ReduceMean, -1)
	}, "", "the output is a mean along a width"},
	{"W and its transpose", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		w := normal(ctx, x, "W", n, n)
		h := gx.MulScalar(gx.Dot(first(ctx, x), w), s1)
		wt := gx.Transpose(w, 0, 1)
		*line = here()
		return readout(ctx, gx.MulScalar(gx.Dot(h, wt), s1))
	}, "DotGeneral", "contracted on different axes"},
	{"W and its transpose by the axes of the product", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		w := normal(ctx, x, "W", n, n)
		h := gx.MulScalar(gx.DotGeneral(first(ctx, x), []int{1}, nil, w, []int{0}, nil), s1)
		*line = here()
		return readout(ctx, gx.MulScalar(gx.DotGeneral(h, []int{1}, nil, w, []int{1}, nil), s1))
	}, "DotGeneral", "contracted on different axes"},
	{"a nonlinearity of a sum that is not Gaussian", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		g2 := gx.Dot(x, normal(ctx, x, "V", 2, n))
		*line = here()
		h := activations.Relu(gx.Add(relu(first(ctx, x)), g2))
		return readout(ctx, gx.MulScalar(gx.Dot(h, normal(ctx, x, "W", n, n)), s1))
	}, "Max", "a function of several Gaussians"},
	{"a residual block with its activation behind", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(first(ctx, x))
		y := gx.MulScalar(gx.Dot(h, normal(ctx, x, "W", n, n)), s2)
		*line = here()
		return readout(ctx, activations.Relu(gx.Add(h, y)))
	}, "Max", "a function of several Gaussians"},
	{"batch normalization in training", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := first(ctx, x)
		*line = here()
		return readout(ctx, relu(gx.Sub(h, gx.ReduceAndKeep(h, gx.ReduceMean, 0))))
	}, "ReduceSum", "mixes examples"},
	{"max-pool", []int{4, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := gx.Reshape(relu(tokens(ctx, x)), 2, 4, 1, n)
		*line = here()
		h = gx.MaxPool(h).WindowPerAxis(2, 1).Done()
		return readout(ctx, gx.ReduceMean(h, 1, 2))
	}, "ReduceWindow", "max-pool"},
	{"a maximum over all positions", []int{4, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(tokens(ctx, x))
		*line = here()
		return readout(ctx, gx.ReduceMax(h, 1))
	}, "ReduceMax", "an extremum along positions"},
	{"a softmax along a width", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := first(ctx, x)
		*line = here()
		return readout(ctx, gx.Softmax(h, -1))
	}, "ReduceMax", "an extremum along a width"},
	{"a nonlinearity behind the readout", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		y := readout(ctx, relu(first(ctx, x)))
		*line = here()
		return gx.Tanh(y)
	}, "Tanh", "not linear in a readout weight"},
	{"a readout that is fed back", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		v := normal(ctx, x, "V", n, n)
		h := relu(gx.MulScalar(gx.Dot(first(ctx, x), v), s2))
		*line = here()
		return gx.MulScalar(gx.Dot(h, v), s1)
	}, "DotGeneral", "is used above the readout too"},
	{"logits scaled by 1/√d", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, _ *string) *gx.Node {
		return attention(true, 8)(ctx, x) // √64
	}, "DotGeneral", "|c|√n = 1"},
	{"logits scaled by 1/√d, of independent weights", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, _ *string) *gx.Node {
		return attention(false, 8)(ctx, x)
	}, "DotGeneral", "|c|√n = 1"},
	{"a nonlinearity of pooled activations", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := gx.ReduceMean(relu(tokens(ctx, x)), 1)
		*line = here()
		return readout(ctx, activations.Relu(h))
	}, "Max", "a sum over positions"},
	{"token mixing", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := tokens(ctx, x)
		*line = here()
		h = gx.DotGeneral(h, []int{1}, nil, normal(ctx, x, "mix", 3, 3), []int{0}, nil) // [n, width, T]
		return readout(ctx, gx.ReduceMean(relu(h), 2))
	}, "DotGeneral", "contracts positions only"},
	{"a depthwise convolution", []int{5, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(tokens(ctx, x))
		*line = here()
		h = gx.Convolve(h, normal(ctx, x, "F", 3, 1, n)).ChannelGroupCount(n).NoPadding().Done()
		return readout(ctx, gx.ReduceMean(relu(h), 1))
	}, "ConvGeneral", "contracts positions only"},
	{"tied embeddings", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		table := normal(ctx, x, "E", 5, n)
		h := gx.Gather(table, gx.ConvertDType(gx.Slice(x, gx.AxisRange(), gx.AxisRange(0, 1)), dtypes.Int32))
		*line = here()
		return gx.MulScalar(gx.DotGeneral(relu(h), []int{1}, nil, table, []int{1}, nil), s1)
	}, "DotGeneral", "looked up elsewhere"},
	{"a weight with a mean", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		w := drawn(ctx, x, "W", graph.Distribution{Family: graph.Normal, Mean: 0.1, Tau: 1, Eta: 1}, n, n)
		*line = here()
		return readout(ctx, relu(gx.MulScalar(gx.Dot(relu(first(ctx, x)), w), s1)))
	}, "DotGeneral", "has mean 0.1"},
	{"a delta-orthogonal filter", []int{5, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(tokens(ctx, x))
		w := drawn(ctx, x, "F", graph.Distribution{Family: graph.DeltaOrthogonal, Tau: 1, Eta: 1}, 3, n, n)
		*line = here()
		h = gx.Convolve(h, w).NoPadding().Done()
		return readout(ctx, gx.ReduceMean(relu(h), 1))
	}, "ConvGeneral", "delta-orthogonal"},
	{"weight normalization", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		w := normal(ctx, x, "W", 2, n)
		*line = here()
		square := gx.Square(w)
		w = gx.Div(w, gx.Sqrt(gx.ReduceAndKeep(square, gx.ReduceSum, 0)))
		return readout(ctx, relu(gx.Dot(x, w)))
	}, "Mul", "a norm of weights"},
	{"a skip from the input onto a width", []int{n}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(gx.Dot(x, normal(ctx, x, "S", n, n)))
		*line = here()
		return readout(ctx, gx.Add(x, h))
	}, "Add", "an axis of data"},
	{"logits with a trainable bias of positions", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(tokens(ctx, x))
		logits := gx.MulScalar(gx.DotGeneral(h, []int{2}, []int{0}, h, []int{2}, []int{0}), 1.0/n)
		bias := gx.InsertAxes(drawn(ctx, x, "bias", graph.Constant(0), 3, 3), 0)
		*line = here()
		a := gx.Softmax(gx.Add(logits, bias), -1)
		return readout(ctx, gx.ReduceMean(gx.DotGeneral(a, []int{2}, []int{0}, h, []int{1}, []int{0}), 1))
	}, "Add", "a trainable or random number without a width"},
	{"a trainable temperature", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(tokens(ctx, x))
		logits := gx.MulScalar(gx.DotGeneral(h, []int{2}, []int{0}, h, []int{2}, []int{0}), 1.0/n)
		*line = here()
		logits = gx.Mul(logits, drawn(ctx, x, "beta", graph.Constant(1)))
		return readout(ctx, gx.ReduceMean(gx.DotGeneral(gx.Softmax(logits, -1), []int{2}, []int{0}, h, []int{1}, []int{0}), 1))
	}, "Mul", "a trainable or random number without a width"},
	{"instance normalization", []int{4, 2}, func(ctx *mlctx.Context, x *gx.Node, _ *string) *gx.Node {
		h := tokens(ctx, x)
		h = gx.Sub(h, gx.ReduceAndKeep(h, gx.ReduceMean, 1))
		h = gx.Div(h, gx.Sqrt(gx.ReduceAndKeep(gx.Square(h), gx.ReduceMean, 1)))
		return readout(ctx, gx.ReduceMean(relu(h), 1))
	}, "", "a sum over positions"},
	{"a nonlinearity of waves along the width", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		waves := gx.Iota(x.Graph(), shapes.Make(x.DType(), 1, 1, n), 2)
		h := gx.Add(tokens(ctx, x), waves)
		*line = here()
		h = activations.Relu(h)
		return readout(ctx, gx.ReduceMean(h, 1))
	}, "Max", "vary along a width"},
	{"channels shuffled", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		u := first(ctx, x)
		shuffled := gx.Reshape(gx.Transpose(gx.Reshape(u, 2, 8, 8), 1, 2), 2, n)
		_ = line // any of the ops on either may be named
		return readout(ctx, relu(gx.Add(u, shuffled)))
	}, "", "one width"},
	{"noise", []int{2}, func(ctx *mlctx.Context, x *gx.Node, _ *string) *gx.Node {
		h := first(ctx, x)
		return readout(ctx, gx.Add(h, ctx.RandomNormal(x.Graph(), h.Shape())))
	}, "RNGBitGenerator", "random"},
	{"a narrow gate", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := tokens(ctx, x)
		gate := gx.Sigmoid(gx.MulScalar(dot(h, normal(ctx, x, "g", n, 1)), s1))
		*line = here()
		return readout(ctx, gx.ReduceMean(gx.Mul(h, gate), 1))
	}, "Mul", "shared by a whole width"},
	{"outputs at every position", []int{3, 2}, func(ctx *mlctx.Context, x *gx.Node, _ *string) *gx.Node {
		return dot(relu(tokens(ctx, x)), normal(ctx, x, "v", n, 1))
	}, "DotGeneral", "3 positions"},
	{"slices that overlap", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		u := gx.Dot(x, normal(ctx, x, "U", 2, 2*n))
		a := gx.Slice(u, gx.AxisRange(), gx.AxisRange(0, n))
		*line = here()
		b := gx.Slice(u, gx.AxisRange(), gx.AxisRange(n/2, n/2+n))
		return readout(ctx, gx.Mul(a, relu(b)))
	}, "Slice", "overlap"},
	// Entry i of one product meets entry i + n/2 of the other.
	{"a weight whole and in part", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		v := normal(ctx, x, "v", n, 1)
		h := relu(first(ctx, x))
		y := gx.Dot(h, v)
		half := gx.Slice(h, gx.AxisRange(), gx.AxisRange(0, n/2))
		part := gx.Slice(v, gx.AxisRange(n/2, n))
		*line = here()
		return gx.Add(y, gx.Dot(half, part))
	}, "DotGeneral", "another part of a width"},
	{"a weight forwards and backwards", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		v := normal(ctx, x, "v", n, 1)
		y := gx.Dot(relu(first(ctx, x)), v)
		h := relu(gx.Dot(x, normal(ctx, x, "V", 2, n)))
		turned := gx.Reverse(v, 0)
		*line = here()
		return gx.Add(y, gx.Dot(h, turned))
	}, "DotGeneral", "in another order"},
	// A mean over 4 heads of relu is neither sure nor Gaussian.
	{"a mean of activations over heads", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := relu(dot(x, normal(ctx, x, "heads", 2, 4, n)))
		*line = here()
		return readout(ctx, gx.ReduceMean(h, 1))
	}, "ReduceSum", "neither a mean nor Gaussian"},
	{"a sum along a width that is no mean", []int{2}, func(ctx *mlctx.Context, x *gx.Node, line *string) *gx.Node {
		h := first(ctx, x)
		*line = here()
		m := gx.ReduceAndKeep(h, gx.ReduceSum, -1)
		return readout(ctx, relu(gx.Sub(h, gx.MulScalar(m, s1))))
	}, "ReduceSum", "is no mean"},
}

func TestRefusals(t *testing.T) {
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			line := ""
			f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return tc.f(ctx, x, &line) }
			_, err := limits.Derive(mlctx.New(), graph.One(f), []shapes.Shape{shapes.Make(dtypes.Float64, tc.input...)}, limits.Options{})
			var r *limits.Refusal
			if !errors.As(err, &r) || !errors.Is(err, limits.ErrNoLimit) {
				t.Fatalf("error %v, want a refusal", err)
			}
			t.Log(err)
			if tc.op != "" && r.Op != tc.op {
				t.Errorf("it names %s, want %s", r.Op, tc.op)
			}
			if !strings.Contains(r.Reason, tc.want) {
				t.Errorf("the reason is %q, want %q in it", r.Reason, tc.want)
			}
			if line != "" && r.Source != line {
				t.Errorf("it names %s, want %s", r.Source, line)
			}
			if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, "ntk ") {
				t.Errorf("error %q: want one line with the Monte Carlo command", text)
			}
		})
	}
}
