package limits_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

func signalOf(t *testing.T, layers, param string, input []int) []limits.SignalLayer {
	t.Helper()
	spec, err := models.ParseSpec(strings.NewReader(`{"layers":[` + layers + `],"parameterization":"` + param + `","input_shape":` + ints(input) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	f, err := spec.Model()
	if err != nil {
		t.Fatal(err)
	}
	l, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shapes.Make(dtypes.Float64, input...)}, limits.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Signal()
}

// TestSignal reads σ_w², σ_b² and φ back from derived limits: those of the specs,
// in any parameterization, whatever each makes of them in weights.
func TestSignal(t *testing.T) {
	dense := func(op string) string {
		return `{"op":"dense","width":32,"w_std":1.3,"b_std":0.2},` + op + `,{"op":"dense","width":32,"w_std":1.5,"b_std":0.4},` + op + `,{"op":"dense","width":2,"w_std":1.1,"b_std":0.3}`
	}
	for _, tc := range []struct {
		name, layers, param string
		input               []int
		phi                 func(float64) float64
		want                [][2]float64 // σ_w, σ_b
	}{
		{"tanh", dense(`{"op":"tanh"}`), "ntk", []int{3}, math.Tanh, [][2]float64{{1.5, 0.4}, {1.1, 0.3}}},
		{"relu, standard", dense(`{"op":"relu"}`), "standard", []int{3}, func(x float64) float64 { return max(0, x) }, [][2]float64{{1.5, 0.4}, {1.1, 0.3}}},
		{
			"erf, convolutions", `{"op":"conv","width":16,"filter":[3],"padding":"SAME","w_std":1.2,"b_std":0.1},{"op":"erf","a":1,"b":1,"c":0},{"op":"conv","width":16,"filter":[3],"padding":"SAME","w_std":1.6,"b_std":0.2},{"op":"erf","a":1,"b":1,"c":0},{"op":"flatten"},{"op":"dense","width":2,"w_std":1.1,"b_std":0.3}`,
			"ntk",
			[]int{5, 3},
			math.Erf,
			[][2]float64{{1.6, 0.2}, {1.1, 0.3}},
		},
	} {
		got := signalOf(t, tc.layers, tc.param, tc.input)
		if len(got) != len(tc.want) {
			t.Errorf("%s: %d steps, want %d: %v", tc.name, len(got), len(tc.want), got)
			continue
		}
		for i, s := range got {
			w, b := tc.want[i][0], tc.want[i][1]
			if s.Why != "" {
				t.Errorf("%s, %s: %s", tc.name, s.Weight, s.Why)
				continue
			}
			if !(math.Abs(s.WeightVariance/(w*w)-1) <= 1e-12) || !(math.Abs(s.BiasVariance/(b*b)-1) <= 1e-12) {
				t.Errorf("%s, %s: σ_w² = %.15g, σ_b² = %.15g, want %g, %g", tc.name, s.Weight, s.WeightVariance, s.BiasVariance, w*w, b*b)
			}
			for _, x := range []float64{-1.3, 0.4, 2} {
				if y := s.Activation.Value(x); !(math.Abs(y-tc.phi(x)) <= 1e-15) {
					t.Errorf("%s, %s: φ(%g) = %g, want %g", tc.name, s.Weight, x, y, tc.phi(x))
				}
			}
		}
	}
}

// TestSignalPublished holds χ_1, depth scales and phases of derived limits against
// what is published.
func TestSignalPublished(t *testing.T) {
	chain := func(op string, w, b float64) limits.SignalLayer {
		hidden := fmt.Sprintf(`{"op":"dense","width":32,"w_std":%.17g,"b_std":%.17g}`, math.Sqrt(w), math.Sqrt(b))
		return signalOf(t, hidden+","+op+","+hidden+","+op+`,{"op":"dense","width":1,"w_std":1}`, "ntk", []int{3})[0]
	}
	// He et al., arXiv 1502.01852: σ_w² = 2 keeps every variance and χ_1 = 1.
	he := chain(`{"op":"relu"}`, 2, 0)
	for _, q := range []float64{0.1, 1, 7} {
		next, err := he.Q(q)
		chi, cerr := he.Chi1(q)
		if err != nil || cerr != nil || !(math.Abs(next/q-1) <= 1e-12) || !(math.Abs(chi-1) <= 1e-12) {
			t.Errorf("He's ReLU: Q(%g) = %g, χ_1 = %g, want %g and 1", q, next, chi, q)
		}
	}
	// Schoenholz et al., arXiv 1611.01232, figure 5: tanh with σ_b² = 0.05 is at the
	// edge for σ_w² = 1.76. Below, c* = 1 and ξ_c is finite; above, c* < 1.
	for _, tc := range []struct {
		w     float64
		chaos bool
	}{{1.5, false}, {1.74, false}, {1.78, true}, {2.5, true}} {
		s := chain(`{"op":"tanh"}`, tc.w, 0.05)
		d, err := s.DepthScales()
		if err != nil {
			t.Fatal(err)
		}
		chi, err := s.Chi1(d.FixedVariance)
		if err != nil || (chi > 1) != tc.chaos || (d.FixedCorrelation < 1-1e-6) != tc.chaos {
			t.Errorf("σ_w² = %g: χ_1 = %g, c* = %g, %v; chaos is %v", tc.w, chi, d.FixedCorrelation, err, tc.chaos)
		}
	}
	// Near the edge the depth scale grows: theirs is ξ_c = −1/log χ_1 in the ordered
	// phase, where c* = 1.
	s := chain(`{"op":"tanh"}`, 1.74, 0.05)
	d, err := s.DepthScales()
	if err != nil {
		t.Fatal(err)
	}
	chi, err := s.Chi1(d.FixedVariance)
	if err != nil || !(math.Abs(d.Correlation*math.Log(chi)+1) <= 1e-6) || !(d.Correlation > 50) {
		t.Errorf("ξ_c = %g beside −1/log χ_1 = %g (%v), want them equal and above 50", d.Correlation, -1/math.Log(chi), err)
	}
}

// TestSignalIsNone where W φ(z) + b is not all that a layer does.
func TestSignalIsNone(t *testing.T) {
	for name, tc := range map[string]struct{ layers, want string }{
		"residual":   {`{"op":"dense","width":16,"w_std":1},{"op":"residual","main":[{"op":"relu"},{"op":"dense","width":16,"w_std":1}]},{"op":"relu"},{"op":"dense","width":1,"w_std":1}`, "other branches"},
		"layer norm": {`{"op":"dense","width":16,"w_std":1},{"op":"relu"},{"op":"dense","width":16,"w_std":1},{"op":"layer_norm","axis":[-1],"eps":0.01},{"op":"relu"},{"op":"dense","width":1,"w_std":1}`, "numbers of the example"},
	} {
		said := ""
		for _, s := range signalOf(t, tc.layers, "ntk", []int{3}) {
			said += s.Why + "; "
		}
		if !strings.Contains(said, tc.want) {
			t.Errorf("%s: %q does not say %q", name, said, tc.want)
		}
	}
}
