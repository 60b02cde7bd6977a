package dual_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/gontk/ntk/dual"
)

// must returns a constructor's result; its arguments are constants.
func must(f *dual.Activation, err error) *dual.Activation {
	if err != nil {
		panic(err)
	}
	return f
}

// lines is slope·x + offset + Σ jump·(x − at)₊.
func lines(name string, slope, offset float64, jumps ...[2]float64) *dual.Activation {
	var kinks []dual.Kink
	for _, j := range jumps {
		kinks = append(kinks, dual.Kink{At: j[1], Jumps: []float64{0, j[0]}})
	}
	return dual.Custom(name, func(x float64) float64 {
		y := slope*x + offset
		for _, j := range jumps {
			y += j[0] * max(x-j[1], 0)
		}
		return y
	}, func(x float64) float64 {
		y := slope
		for _, j := range jumps {
			if x >= j[1] {
				y += j[0]
			}
		}
		return y
	}, kinks...)
}

// activations are those of testdata/duals.json, by its names.
func activations() map[string]*dual.Activation {
	return map[string]*dual.Activation{
		"relu":               dual.ReLU(),
		"leaky_relu":         dual.LeakyReLU(0.1),
		"abs":                dual.Abs(),
		"abrelu":             dual.ABReLU(-0.5, 1.2),
		"erf":                dual.Erf(1.2, 0.7, 0.3),
		"sigmoid_like":       dual.SigmoidLike(),
		"gelu":               dual.GELU(),
		"sin":                dual.Sin(1.1, 0.9, 0.3),
		"rbf":                dual.RBF(0.4),
		"exp":                dual.Exp(1.1, 0.5),
		"gaussian":           dual.Gaussian(1.3, -0.5),
		"gabor":              dual.Gabor(),
		"hermite":            must(dual.Hermite(3)),
		"polynomial":         dual.Polynomial(0.3, -1, 0.5, 0.25),
		"rectified_monomial": must(dual.RectifiedMonomial(2)),
		"sign":               dual.Sign(),
		"tanh":               dual.Tanh(),
		"sigmoid":            dual.Sigmoid(),
		"softplus":           dual.Softplus(),
		"silu":               dual.SiLU(),
		"elu":                dual.ELU(1),
		"selu":               dual.SELU(),
		"gelu_tanh":          dual.GELUTanh(),
		"hard_tanh":          lines("hard_tanh", 0, -1, [2]float64{1, -1}, [2]float64{-1, 1}),
		"shifted_relu":       lines("shifted_relu", 0, 0, [2]float64{1, 0.7}),
		"hard_swish_like":    lines("hard_swish_like", 0.1, 0.2, [2]float64{1, -1.5}, [2]float64{-0.6, 0.5}, [2]float64{0.3, 2}),
	}
}

// A truth is one case of testdata/duals.json, computed with 33 digits by
// quadrature in two dimensions (testdata/duals.py): q1, q2, θ, K, K̇, √(E[φ²]E[ψ²])
// and √(E[φ'²]E[ψ'²]).
type truth [7]float64

func truths(t *testing.T) map[string][]truth {
	t.Helper()
	data, err := os.ReadFile("testdata/duals.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]truth
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDualOfEveryActivation holds K and K̇ against 33-digit quadrature: the error
// must be within the bound that comes with the result, and the bound small
// enough to be of use.
func TestDualOfEveryActivation(t *testing.T) {
	all := truths(t)
	for name, f := range activations() {
		t.Run(name, func(t *testing.T) {
			if len(all[name]) == 0 {
				t.Fatal("no cases in testdata/duals.json")
			}
			var worst, worstDot float64
			for _, c := range all[name] {
				q1, q2, theta, k, kdot, scale, scaleDot := c[0], c[1], c[2], c[3], c[4], c[5], c[6]
				r, err := f.Dual(dual.Angle(q1, q2, theta))
				if err != nil {
					t.Fatal(err)
				}
				at := fmt.Sprintf("q1=%g q2=%g θ=%g", q1, q2, theta)
				// The oracle itself is rounded to float64.
				if e := math.Abs(r.K - k); !(e <= r.KErr+0x1p-53*math.Abs(k)) {
					t.Errorf("%s: K = %.17g, want %.17g: off by %g, bound %g", at, r.K, k, e, r.KErr)
				}
				if e := math.Abs(r.Kdot - kdot); !(e <= r.KdotErr+0x1p-53*math.Abs(kdot)) {
					t.Errorf("%s: K̇ = %.17g, want %.17g: off by %g, bound %g", at, r.Kdot, kdot, e, r.KdotErr)
				}
				worst, worstDot = max(worst, r.KErr/scale), max(worstDot, r.KdotErr/max(scaleDot, 1e-300))
				reached := r.KErr <= 1e-12*scale*(1+1e-9) && r.KdotErr <= 1e-12*scaleDot*(1+1e-9)
				if reached != r.Reached {
					t.Errorf("%s: Reached = %v with errors %g and %g", at, r.Reached, r.KErr/scale, r.KdotErr/scaleDot)
				}
			}
			t.Logf("largest relative bounds: K %.2g, K̇ %.2g", worst, worstDot)
		})
	}
}
