package graph_test

import (
	"os"
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
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/graph"
)

func pureGo(t *testing.T) backends.Backend {
	t.Helper()
	b, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// models are written as a GoMLX user would.
var models = []struct {
	name  string
	shape []int
	f     func(ctx *mlctx.Context, x *gx.Node) *gx.Node
}{
	{"dense", []int{3, 5}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = activations.Relu(layers.Dense(ctx.In("a"), x, true, 7))
		return layers.Dense(ctx.In("b"), x, true, 2)
	}},
	{"layer norm", []int{3, 6}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.LayerNormalization(ctx.In("ln"), x, -1).Done()
		return layers.Dense(ctx.In("b"), gx.Tanh(x), false, 2)
	}},
	{"attention", []int{2, 4, 6}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.MultiHeadAttention(ctx.In("mha"), x, x, x, 2, 3).Done()
		return gx.ReduceMean(x, 1)
	}},
	{"convolution", []int{2, 6, 6, 3}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Convolution(ctx.In("c"), x).Channels(4).KernelSize(3).Strides(1).PadSame().Done()
		x = gx.MaxPool(x).Window(2).Done()
		return gx.ReduceMean(x, 1, 2)
	}},
}

// Record then Compile gives, bit for bit, what GoMLX itself computes on the
// same backend: the oracle is context.Exec.
func TestRecordEmitsTheSame(t *testing.T) {
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) {
			b := pureGo(t)
			ctx := mlctx.New()
			shape := shapes.Make(dtypes.Float64, m.shape...)
			rec, err := graph.Record(ctx, graph.One(m.f), shape)
			if err != nil {
				t.Fatal(err)
			}
			if err := graph.Initialize(ctx, 3, false); err != nil {
				t.Fatal(err)
			}
			x, err := graph.Draw(graph.Gaussian(1), 1, "x", shape)
			if err != nil {
				t.Fatal(err)
			}
			want := mlctx.MustExecOnce(b, ctx.Reuse(), m.f, x)
			got := execute(t, b, rec, x)
			if !got.Equal(want) {
				t.Errorf("recorded:\n%v\nGoMLX:\n%v", got, want)
			}
		})
	}
}

func execute(t *testing.T, b backends.Backend, rec *graph.Recording, x *tensors.Tensor) *tensors.Tensor {
	t.Helper()
	ex, err := graph.Compile(b, rec.Program.Prune(), nil)
	if err != nil {
		t.Fatal(err)
	}
	in := make([]backends.Buffer, len(rec.Program.Params))
	for i, p := range rec.Program.Params {
		v := x
		for _, w := range rec.Variables {
			if w.Value == p {
				v = w.MustValue()
			}
		}
		v.MustConstFlatData(func(flat any) {
			if in[i], err = b.BufferFromFlatData(0, flat, v.Shape()); err != nil {
				t.Fatal(err)
			}
		})
	}
	out, err := ex.Execute(in, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	y, err := tensors.FromBuffer(b, out[0])
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// Stopped and custom gradients are marked wherever GoMLX has them, and nowhere else.
func TestRecordMarksGradients(t *testing.T) {
	double := func(_, v *gx.Node) *gx.Node { return gx.MulScalar(v, 2) }
	rec, err := graph.Record(mlctx.New(), graph.One(func(_ *mlctx.Context, x *gx.Node) *gx.Node {
		a := gx.StopGradient(gx.Exp(x))
		b := gx.IdentityWithCustomGradient(gx.Sin(x), double)
		return gx.Add(gx.Add(a, b), x)
	}), shapes.Make(dtypes.Float32, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range rec.Program.Eqns {
		if a, ok := e.Attrs.(graph.IdentityAttrs); ok {
			switch e.In[0].Def.Op {
			case backends.OpTypeExp:
				if a != (graph.IdentityAttrs{Stop: true}) {
					t.Errorf("StopGradient is recorded as %+v", a)
				}
			case backends.OpTypeSin:
				if a != (graph.IdentityAttrs{Custom: true}) {
					t.Errorf("a custom gradient is recorded as %+v", a)
				}
			}
			got = append(got, e.In[0].Def.Op.String())
		}
	}
	if s := strings.Join(got, " "); s != "Exp Sin" {
		t.Errorf("marks behind %q, want \"Exp Sin\"", s)
	}
}

func TestDistributionIsRecorded(t *testing.T) {
	ctx := mlctx.New()
	d := graph.Distribution{Family: graph.Uniform, Mean: 1, Tau: 0.25, Eta: 3}
	rec, err := graph.Record(ctx, graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		tagged := graph.Weight(ctx.In("deep").In("er"), "w", shapes.Make(x.DType(), 3), d).ValueGraph(x.Graph())
		plain := ctx.In("deep").VariableWithShape("w", shapes.Make(x.DType(), 3)).ValueGraph(x.Graph())
		return gx.Mul(gx.Mul(x, gx.Reshape(tagged, 1, 3)), gx.Reshape(plain, 1, 3))
	}), shapes.Make(dtypes.Float32, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range rec.Variables {
		want := v.Scope() == "/deep/er"
		if v.Tagged != want || (want && v.Distribution != d) {
			t.Errorf("%s: tagged %v with %+v", v.ScopeAndName(), v.Tagged, v.Distribution)
		}
	}
	if len(rec.Variables) != 2 {
		t.Errorf("%d variables, want 2", len(rec.Variables))
	}
}

// Errors say where in the user's code the op stands.
func TestErrorsNameTheSource(t *testing.T) {
	rec, err := graph.Record(mlctx.New(), graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = layers.Dense(ctx.In("first"), x, false, 4)
		return gx.Sin(x)
	}), shapes.Make(dtypes.Float32, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	_, err = graph.Rewrite(rec.Program, func(r *graph.Recorder) graph.Interpreter { return refuseSin{r} })
	for _, want := range []string{"Sin", "record_test.go:", "/first/dense/weights"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %q", err, want)
		}
	}
}

type refuseSin struct{ *graph.Recorder }

func (r refuseSin) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) ([]graph.Op, error) {
	if op == backends.OpTypeSin {
		return nil, graph.NoRule("the test", op, "")
	}
	return r.Recorder.Apply(op, attrs, in...)
}

func TestModelErrors(t *testing.T) {
	x := shapes.Make(dtypes.Float32, 2, 3)
	for _, tc := range []struct {
		name, want string
		f          func(ctx *mlctx.Context, x *gx.Node) *gx.Node
	}{
		{"sum over the batch", "first axis must be the batch", func(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.ReduceAllSum(x) }},
		{"no output", "is nil", func(*mlctx.Context, *gx.Node) *gx.Node { return nil }},
		{"shapes", "building model", func(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.Dot(x, x) }},
	} {
		if _, err := graph.Record(mlctx.New(), graph.One(tc.f), x); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
}

// The golden file was written by hand from the model's definition.
func TestProgramPrints(t *testing.T) {
	rec, err := graph.Record(mlctx.New(), graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 3, 2), graph.Gaussian(1)).ValueGraph(x.Graph())
		return gx.StopGradient(gx.MulScalar(gx.Dot(x, w), 0.5))
	}), shapes.Make(dtypes.Float32, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/program.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.Program.String(); got != string(want) {
		t.Errorf("printed:\n%s\nwant:\n%s", got, want)
	}
}
