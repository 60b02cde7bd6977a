package limits_test

import (
	"math"
	"strconv"
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
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// Networks of width 256 whose limits no other oracle here has.
var finite = []struct {
	name, layers string
	input        []int
	param        string // and behind a slash the initializer, if it is not normal
}{
	{"recurrence, tanh", `{"op":"rnn","width":256,"w_std":1.1,"u_std":1.2,"b_std":0.3},{"op":"global_avg_pool"}`, []int{4, 3}, "ntk"},
	{"recurrence, last state, standard", `{"op":"rnn","width":256,"w_std":1.1,"u_std":1.2,"b_std":0.3,"output":"last","activation":"relu"}`, []int{3, 3}, "standard"},
	{"a product of correlated branches, with a gain", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"prod","branches":[[],[{"op":"residual","main":[{"op":"tanh"},{"op":"dense","width":256,"w_std":1.2,"b_std":0.1}]},{"op":"rms_norm","axis":[-1],"eps":0.01,"affine":true}]]}`, []int{4}, "ntk"},
	{"GLU", `{"op":"dense","width":512,"w_std":1.5,"b_std":0.2},{"op":"glu","activation":"sigmoid"}`, []int{5}, "ntk"},
	{"layer norm with gain and offset, relu", `{"op":"dense","width":256,"w_std":1.5,"b_std":0.2},{"op":"relu"},{"op":"layer_norm","axis":[-1],"eps":0.01,"affine":true},{"op":"relu"}`, []int{5}, "ntk"},
	{"RMS norm with gain, gelu", `{"op":"dense","width":256,"w_std":1.5,"b_std":0.2},{"op":"rms_norm","axis":[-1],"eps":0.01,"affine":true},{"op":"gelu","approximate":true}`, []int{5}, "ntk"},
	{"group norm", `{"op":"conv","width":256,"filter":[3],"padding":"SAME","w_std":1.5,"b_std":0.1},{"op":"relu"},{"op":"group_norm","groups":2,"eps":0.01,"affine":true},{"op":"global_avg_pool"}`, []int{4, 3}, "ntk"},
	{"grouped and dilated convolution", `{"op":"conv","width":256,"filter":[3],"padding":"SAME","w_std":1.5,"b_std":0.1},{"op":"relu"},{"op":"conv","width":256,"filter":[2],"dilation":[2],"groups":2,"padding":"SAME","w_std":1.5,"b_std":0.1},{"op":"relu"},{"op":"global_avg_pool"}`, []int{5, 3}, "ntk"},
	{"class token, position table, softplus", `{"op":"dense","width":256,"w_std":1.3,"b_std":null},{"op":"class_token","std":0.7},{"op":"position_embedding","std":0.5},{"op":"softplus"},{"op":"global_avg_pool"}`, []int{3, 4}, "ntk"},
	{"attention with biases, positions and a mask", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"relu"},{"op":"self_attention","width":256,"heads":2,"n_key":256,"n_val":128,"linear_scaling":true,"causal":true,"mechanism":"SOFTMAX","wq_std":1.3,"wk_std":1.1,"wv_std":1.0,"wo_std":1.0,"b_std":0.1,"pos_emb":"SUM","w_pos_emb_std":0.6,"val_pos_emb":true},{"op":"swish"},{"op":"global_avg_pool"}`, []int{3, 4}, "ntk"},
	{"maximal update", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"tanh"},{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"elu","alpha":0.7}`, []int{4}, "mup"},
	{"sums of unlike branches", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"residual","main":[{"op":"tanh"}],"shortcut":[{"op":"dense","width":256,"w_std":0.8,"b_std":0.1},{"op":"relu"}]}`, []int{4}, "ntk"},
	{"wide parts of unlike kinds, normalized together", `{"op":"concat","axis":-1,"branches":[[{"op":"dense","width":192,"w_std":1.5,"b_std":0.1},{"op":"relu"}],[{"op":"dense","width":128,"w_std":1.2,"b_std":0.2},{"op":"cos","a":1,"b":1,"c":0.4}]]},{"op":"layer_norm","axis":[-1],"eps":0.01,"affine":true}`, []int{4}, "ntk"},
	{"waves along the width, and layer norm", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"position_embedding","std":1.5,"kind":"waves"},{"op":"residual","main":[{"op":"layer_norm","axis":[-1],"eps":0.01,"affine":true},{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"relu"},{"op":"dense","width":256,"w_std":1.2,"b_std":0.1}],"shortcut":[]},{"op":"global_avg_pool"}`, []int{5, 4}, "ntk"},
	{"embedding", `{"op":"embedding","vocabulary":3,"width":256,"w_std":1.2},{"op":"position_embedding","std":0.5},{"op":"relu"},{"op":"global_avg_pool"}`, []int{4}, "ntk"},
	{"selu", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"selu"},{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"leaky_relu","alpha":0.2}`, []int{4}, "standard"},
	{"orthogonal matrices", `{"op":"dense","width":256,"w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"dense","width":256,"w_std":1.4,"b_std":0.1},{"op":"tanh"},{"op":"dense","width":128,"w_std":1.4},{"op":"relu"}`, []int{5}, "ntk/orthogonal"},
	{"orthogonal filters", `{"op":"conv","width":256,"filter":[3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"conv","width":256,"filter":[3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"global_avg_pool"}`, []int{5, 3}, "standard/orthogonal"},
	{"an orthogonal recurrence", `{"op":"rnn","width":256,"w_std":1.1,"u_std":1.2,"b_std":0.3,"activation":"relu"},{"op":"global_avg_pool"}`, []int{4, 3}, "ntk/orthogonal"},
	{"orthogonal heads", `{"op":"dense","width":256,"w_std":1.2,"b_std":0.1},{"op":"relu"},{"op":"self_attention","width":256,"heads":2,"n_key":256,"n_val":128,"linear_scaling":true,"mechanism":"SOFTMAX","wq_std":1.3,"wk_std":1.1,"wv_std":1.0,"wo_std":1.0,"b_std":0.1},{"op":"relu"},{"op":"global_avg_pool"}`, []int{3, 4}, "ntk/orthogonal"},
}

// TestMonteCarlo compares architectures of package models with finite networks.
func TestMonteCarlo(t *testing.T) {
	for _, tc := range finite {
		t.Run(tc.name, func(t *testing.T) {
			param, initializer, _ := strings.Cut(tc.param, "/")
			text := `{"layers":[` + tc.layers + `,{"op":"dense","width":16,"w_std":1.1,"b_std":0.1}],"parameterization":"` + param + `","initializer":"` + initializer + `","input_shape":` + ints(tc.input) + `}`
			spec, err := models.ParseSpec(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			f, err := spec.Model()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, f, inputs(t, 3, tc.input))
		})
	}
}

// GoMLX's own layers, with the distributions of their initializers.
func TestMonteCarloGoMLX(t *testing.T) {
	for _, tc := range []struct {
		name  string
		input []int
		f     model
	}{
		{"dense and layer norm", []int{5}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := layers.Dense(ctx.In("a"), x, true, 256)
			h = activations.Gelu(layers.LayerNormalization(ctx.In("ln"), h, -1).Done())
			h = layers.Dense(ctx.In("b"), h, true, 256)
			return layers.Dense(ctx.In("c"), layers.LayerNormalization(ctx.In("ln2"), activations.Relu(h), -1).Done(), true, 16)
		}},
		{"convolution and mean pool", []int{6, 6, 3}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := layers.Convolution(ctx.In("a"), x).Channels(256).KernelSize(3).PadSame().Done()
			h = gx.MeanPool(activations.Swish(h)).Window(2).Done()
			h = layers.Convolution(ctx.In("b"), h).Channels(256).KernelSize(2).Strides(2).NoPadding().Done()
			return layers.Dense(ctx.In("c"), gx.Reshape(activations.LeakyRelu(h), x.Shape().Dim(0), -1), true, 16)
		}},
		// Logits are scaled by 1/√d twice: it is 1/d attention.
		{"attention", []int{3, 4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := activations.Relu(layers.Dense(ctx.In("a"), x, true, 256))
			h = gx.Add(h, layers.MultiHeadAttention(ctx.In("b"), h, h, h, 2, 256).Done())
			return layers.Dense(ctx.In("c"), gx.ReduceMean(h, 1), true, 16)
		}},
		{"residual network", []int{4}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := layers.Dense(ctx.In("a"), x, true, 256)
			for i := range 2 {
				y := layers.Dense(ctx.Inf("b%d", i), activations.Selu(layers.RMSNorm(ctx.Inf("n%d", i), h).Done()), true, 256)
				h = gx.Add(h, gx.MulScalar(y, 0.5))
			}
			return layers.Dense(ctx.In("c"), gx.Tanh(h), true, 16)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { compare(t, graph.One(tc.f), inputs(t, 3, tc.input)) })
	}
}

// compare holds the limit's Θ against the mean over finite networks of width
// 256, which differs from it by O(1/n): 8/n of the scale √(Θ_ii Θ_jj) is allowed
// for that, besides five standard errors of the mean over draws. A wrong factor
// is off by far more.
func compare(t *testing.T, f graph.Model, xs *tensors.Tensor) {
	t.Helper()
	if testing.Short() {
		t.Skip("some seconds a model: it draws and differentiates finite networks")
	}
	const draws = 24
	shape := shapes.Make(dtypes.Float64, xs.Shape().Dimensions[1:]...)
	l, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shape}, limits.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := empirical.Batch{xs}
	g, err := l.Gram(t.Context(), x, nil, limits.GramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	net, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), f, shape)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	size := g.N1 * g.N1
	mean, square := make([]float64, size), make([]float64, size)
	for seed := range draws {
		if err := net.Redraw(uint64(seed)); err != nil {
			t.Fatal(err)
		}
		e, err := net.NTK(t.Context(), x, nil, empirical.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values {
			mean[i] += v / float64(draws)
			square[i] += v * v / float64(draws)
		}
	}
	worst := 0.0
	for i := range g.N1 {
		for j := range g.N1 {
			k := g.N1*i + j
			se := math.Sqrt(max(0, square[k]-mean[k]*mean[k]) / float64(draws-1))
			scale := math.Sqrt(g.NTK[(g.N1+1)*i] * g.NTK[(g.N1+1)*j])
			off := math.Abs(mean[k] - g.NTK[k])
			worst = max(worst, off/scale)
			if !(off <= 5*se+8.0/256*scale) {
				t.Errorf("Θ[%d, %d] is %.4g, %d networks have %.4g ± %.2g", i, j, g.NTK[k], draws, mean[k], se)
			}
		}
	}
	t.Logf("worst: %.2g of the scale", worst)
}

func ints(dims []int) string {
	var b strings.Builder
	b.WriteString("[")
	for i, d := range dims {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(strconv.Itoa(d))
	}
	return b.String() + "]"
}

// inputs draws count examples.
func inputs(t *testing.T, count int, dims []int) *tensors.Tensor {
	t.Helper()
	x, err := graph.Draw(graph.Gaussian(1), 1, "x", shapes.Make(dtypes.Float64, append([]int{count}, dims...)...))
	if err != nil {
		t.Fatal(err)
	}
	return x
}
