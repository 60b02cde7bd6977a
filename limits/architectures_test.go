package limits_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// Architectures of width N, 2·N where it says so; each ends with a readout.
var architectures = []struct {
	name, layers string
	input        []int
	param        string
	widths       []int
}{
	{"MLP, ReLU", `{"op":"dense","width":N,"w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"dense","width":N,"w_std":1.4,"b_std":0.1},{"op":"relu"}`, []int{5}, "ntk", []int{64, 128, 256, 512, 1024, 2048, 4096}},
	{"MLP, erf", `{"op":"dense","width":N,"w_std":1.5,"b_std":0.2},{"op":"erf","a":1,"b":1,"c":0},{"op":"dense","width":N,"w_std":1.5,"b_std":0.2},{"op":"erf","a":1,"b":1,"c":0}`, []int{5}, "ntk", dense},
	{"MLP, GELU, standard", `{"op":"dense","width":N,"w_std":1.4,"b_std":0.1},{"op":"gelu","approximate":false},{"op":"dense","width":N,"w_std":1.4,"b_std":0.1},{"op":"gelu","approximate":false}`, []int{5}, "standard", dense},
	{"one hidden layer, tanh, mean field", `{"op":"dense","width":N,"w_std":1.5,"b_std":0.2},{"op":"tanh"}`, []int{5}, "mean-field", dense},
	{"MLP, ELU, maximal update", `{"op":"dense","width":N,"w_std":1.2,"b_std":0.1},{"op":"tanh"},{"op":"dense","width":N,"w_std":1.2,"b_std":0.1},{"op":"elu","alpha":0.7}`, []int{4}, "mup", dense},
	{"residual, correlated branches", `{"op":"dense","width":N,"w_std":1.2,"b_std":0.1},{"op":"residual","main":[{"op":"relu"},{"op":"dense","width":N,"w_std":1.2,"b_std":0.1}]},{"op":"relu"}`, []int{4}, "ntk", dense},
	{"RNN, tied weights", `{"op":"rnn","width":N,"w_std":1.1,"u_std":1.2,"b_std":0.3},{"op":"global_avg_pool"}`, []int{4, 3}, "ntk", dense},
	{"GLU", `{"op":"dense","width":2N,"w_std":1.5,"b_std":0.2},{"op":"glu","activation":"sigmoid"}`, []int{5}, "ntk", dense},
	{"layer norm with gain", `{"op":"dense","width":N,"w_std":1.5,"b_std":0.2},{"op":"relu"},{"op":"layer_norm","axis":[-1],"eps":0.01,"affine":true},{"op":"dense","width":N,"w_std":1.2,"b_std":0.1},{"op":"relu"}`, []int{5}, "ntk", dense},
	{"CNN, flattened", `{"op":"conv","width":N,"filter":[3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"conv","width":N,"filter":[3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"flatten"}`, []int{5, 3}, "ntk", dense},
	{"CNN, pooled", `{"op":"conv","width":N,"filter":[3,3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"conv","width":N,"filter":[3,3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},{"op":"global_avg_pool"}`, []int{4, 4, 3}, "ntk", dense},
	{"pre-activation ResNet", `{"op":"conv","width":N,"filter":[3],"padding":"SAME","w_std":1.2,"b_std":0.1},{"op":"residual","main":[{"op":"relu"},{"op":"conv","width":N,"filter":[3],"padding":"SAME","w_std":1.2,"b_std":0.1},{"op":"relu"},{"op":"conv","width":N,"filter":[3],"padding":"SAME","w_std":1.2,"b_std":0.1}]},{"op":"relu"},{"op":"global_avg_pool"}`, []int{4, 3}, "ntk", dense},
	{"Transformer, 1/d", `{"op":"dense","width":N,"w_std":1.2,"b_std":0.1},{"op":"residual","main":[{"op":"layer_norm","axis":[-1],"eps":0.01},{"op":"self_attention","width":N,"heads":1,"n_key":N,"n_val":N,"linear_scaling":true,"mechanism":"SOFTMAX","wq_std":1.3,"wk_std":1.1,"wv_std":1.0,"wo_std":1.0,"b_std":0.1}]},{"op":"residual","main":[{"op":"layer_norm","axis":[-1],"eps":0.01},{"op":"dense","width":N,"w_std":1.2,"b_std":0.1},{"op":"relu"},{"op":"dense","width":N,"w_std":1.2,"b_std":0.1}]},{"op":"global_avg_pool"}`, []int{3, 4}, "ntk", dense},
}

var dense = []int{64, 128, 256, 512}

// ofWidth builds an architecture.
func ofWidth(layers, param string, input []int, width int) (graph.Model, error) {
	layers = strings.ReplaceAll(layers, "2N", fmt.Sprint(2*width))
	layers = strings.ReplaceAll(layers, ":N", fmt.Sprint(":", width))
	spec, err := models.ParseSpec(strings.NewReader(`{"layers":[` + layers + `,{"op":"dense","width":16,"w_std":1.1,"b_std":0.1}],"parameterization":"` + param + `","input_shape":` + ints(input) + `}`))
	if err != nil {
		return nil, err
	}
	return spec.Model()
}

// TestArchitectures draws networks of rising widths. Means less the fitted bias
// c/n, and what is extrapolated to n = ∞, are within 4 standard errors of the derived
// limit in every entry, and the deviation of a single draw falls as n^−1/2, to 0.1.
//
// Of 16 draws, n/4 of the narrowest, a score has 15 degrees of freedom and passes
// 4 once in 900 times, as one of these 600 then does. So there are 64, for which it is
// once in 6000: more of the bias beyond c/n shows at width 64, not less. K averages
// f² over 16 outputs: of few, means that are low by chance state low errors too, f²
// having a variance in proportion to its mean squared. The rows that it logs are
// those of docs/limits.md.
func TestArchitectures(t *testing.T) {
	if testing.Short() {
		t.Skip("two minutes: it draws 3000 networks of 64 to 4096 units")
	}
	for _, tc := range architectures {
		t.Run(tc.name, func(t *testing.T) {
			x := empirical.Batch{inputs(t, 3, tc.input)}
			draws := 64
			if tc.widths[len(tc.widths)-1] > 1000 {
				draws = 32 // the widest takes a second a draw
			}
			c, err := limits.Compare(t.Context(), kerneltest.Backend(t).GoMLX, func(width int) (graph.Model, error) {
				return ofWidth(tc.layers, tc.param, tc.input, width)
			}, x, limits.CompareOptions{Widths: tc.widths, Seeds: draws})
			if err != nil {
				t.Fatal(err)
			}
			if c.Refusal != nil {
				t.Fatal(c.Refusal)
			}
			var worst [2]float64
			for i, a := range []*limits.Agreement{c.NTK, c.NNGP} {
				if !(a.Fit.Offset.Max <= 4) {
					t.Errorf("%s at n = ∞ is %.2g standard errors off the limit, at (%d, %d)", a.Kernel, a.Fit.Offset.Max, a.Fit.Offset.Row, a.Fit.Offset.Col)
				}
				for _, w := range a.Widths {
					if !(w.Unbiased.Max <= 4) {
						t.Errorf("%s at width %d less c/n is %.2g standard errors off the limit", a.Kernel, w.Width, w.Unbiased.Max)
					}
					worst[i] = max(worst[i], w.Unbiased.Max)
				}
			}
			p := c.NTK.Deviation
			if !(math.Abs(p.Exponent+0.5) <= 0.1) {
				t.Errorf("deviations of a draw fall as n^(%.3f ± %.3f), want −0.5 ± 0.1", p.Exponent, p.Error)
			}
			t.Logf("| %s | %d–%d | %d | %.1f | %.1f | %.1f | %.1f | %.2f | %.3f ± %.3f |", tc.name, tc.widths[0], tc.widths[len(tc.widths)-1], draws,
				worst[0], c.NTK.Fit.Offset.Max, worst[1], c.NNGP.Fit.Offset.Max, c.NTK.Fit.Coefficient, p.Exponent, p.Error)
		})
	}
}
