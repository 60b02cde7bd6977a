package dual_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/dual"
)

// TestEdgeOfChaos holds the edges against their two conditions, integrated by
// the test, and against values known from elsewhere.
func TestEdgeOfChaos(t *testing.T) {
	for _, tc := range []struct {
		f      *dual.Activation
		bias   float64
		weight float64 // σ_w² known, NaN if not
		tol    float64
	}{
		{dual.ReLU(), 0, 2, 1e-13},
		{dual.LeakyReLU(0.3), 0, 2 / 1.09, 1e-13},
		{dual.Tanh(), 0, 1, 1e-13},
		{dual.Erf(1, 1, 0), 0, math.Pi / 4, 1e-13}, // φ'(0) = 2/√π
		// Schoenholz et al. (arXiv 1611.01232) train at σ_b² = 0.05 with the edge at
		// σ_w² = 1.76, which has three digits.
		{dual.Tanh(), 0.05, 1.76, 5e-3},
		{dual.Tanh(), 1e-9, math.NaN(), 0},
		{dual.Tanh(), 1, math.NaN(), 0},
		{dual.Erf(1, 1, 0), 0.1, math.NaN(), 0},
		{dual.SiLU(), 0.04, math.NaN(), 0},
		{dual.ELU(1), 0.04, math.NaN(), 0},
	} {
		l, q, err := dual.EdgeOfChaos(tc.f, tc.bias)
		if err != nil {
			t.Errorf("%s at σ_b² = %g: %v", tc.f.Name, tc.bias, err)
			continue
		}
		if !math.IsNaN(tc.weight) && !(math.Abs(l.WeightVariance-tc.weight) <= tc.tol) {
			t.Errorf("%s at σ_b² = %g: σ_w² = %.10g, want %g", tc.f.Name, tc.bias, l.WeightVariance, tc.weight)
		}
		if q == 0 {
			continue
		}
		s := math.Sqrt(q)
		square := expect(func(x float64) float64 { y := tc.f.Value(s * x); return y * y }, 0)
		slope := expect(func(x float64) float64 { y := tc.f.Slope(s * x); return y * y }, 0)
		if e := l.WeightVariance*slope - 1; !(math.Abs(e) <= 1e-12) {
			t.Errorf("%s at σ_b² = %g: χ_1 − 1 = %g", tc.f.Name, tc.bias, e)
		}
		if e := l.WeightVariance*square + tc.bias - q; !(math.Abs(e) <= 1e-12*q) {
			t.Errorf("%s at σ_b² = %g: Q(q*) − q* = %g", tc.f.Name, tc.bias, e)
		}
	}
}

// TestNoEdgeOfChaos: q E[φ'²] − E[φ²] is 0 for ReLU; it is below 0 for softplus,
// from −φ(0)² at q = 0 to −√(q/2π) at large ones, as ∫(σ² − 1[x>0]) dx = −1; and
// φ' = 0 for the others.
func TestNoEdgeOfChaos(t *testing.T) {
	for _, f := range []*dual.Activation{dual.ReLU(), dual.Softplus(), dual.Sign(), dual.Constant(1)} {
		if l, _, err := dual.EdgeOfChaos(f, 0.1); err == nil {
			t.Errorf("%s with σ_b² = 0.1: σ_w² = %g, want an error", f.Name, l.WeightVariance)
		} else if !strings.Contains(err.Error(), "edge of chaos") {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// TestErfLayer holds maps, fixed points and depth scales against Williams'
// closed forms, and fixed points against 20000 plain iterations.
func TestErfLayer(t *testing.T) {
	for _, l := range []dual.Layer{
		{Activation: dual.Erf(1, 1, 0), WeightVariance: 2.5, BiasVariance: 0.1}, // chaos
		{Activation: dual.Erf(1, 1, 0), WeightVariance: 0.5, BiasVariance: 0.1}, // order
	} {
		variance := func(q float64) float64 {
			return l.WeightVariance*2/math.Pi*math.Asin(2*q/(1+2*q)) + l.BiasVariance
		}
		correlation := func(q, c float64) float64 {
			return (l.WeightVariance*2/math.Pi*math.Asin(2*q*c/(1+2*q)) + l.BiasVariance) / variance(q)
		}
		q := 1.0
		for range 20000 {
			q = variance(q)
		}
		c := 0.1
		for range 20000 {
			c = correlation(q, c)
		}
		got, err := l.DepthScales()
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(got.FixedVariance-q) <= 1e-12) || !(math.Abs(got.FixedCorrelation-c) <= 1e-8) {
			t.Errorf("σ_w² = %g: q* = %.15g, c* = %.15g, want %.15g, %.15g", l.WeightVariance, got.FixedVariance, got.FixedCorrelation, q, c)
		}
		// Slopes by differences of the closed forms, good to 1e-9.
		const h = 1e-4
		xq := -1 / math.Log((8*(variance(q+h)-variance(q-h))-(variance(q+2*h)-variance(q-2*h)))/(12*h))
		slope := l.WeightVariance * 4 * q / math.Pi / math.Sqrt((1+2*q)*(1+2*q)-4*q*q*c*c) / q
		xc := -1 / math.Log(slope)
		if !(math.Abs(got.Variance/xq-1) <= 1e-8) || !(math.Abs(got.Correlation/xc-1) <= 1e-7) {
			t.Errorf("σ_w² = %g: ξ = %.10g, %.10g, want %.10g, %.10g", l.WeightVariance, got.Variance, got.Correlation, xq, xc)
		}
		if chaos := l.WeightVariance > 2; chaos != (c < 1-1e-6) {
			t.Fatalf("σ_w² = %g: the test itself is wrong about chaos, c* = %g", l.WeightVariance, c)
		}
		if at, err := l.C(q, 0.3); err != nil || !(math.Abs(at-correlation(q, 0.3)) <= 1e-14) {
			t.Errorf("C(0.3) = %g, %v, want %g", at, err, correlation(q, 0.3))
		}
	}
}

// TestFixedVarianceOfReLU: Q(q) = σ_w² q/2 + σ_b² by hand.
func TestFixedVarianceOfReLU(t *testing.T) {
	for _, tc := range []struct{ w, b, want float64 }{
		{2, 0, 1}, {1, 0, 0}, {1, 0.3, 0.6}, {1.9, 0.01, 0.2}, {0, 0.4, 0.4},
	} {
		q, err := dual.Layer{Activation: dual.ReLU(), WeightVariance: tc.w, BiasVariance: tc.b}.FixedVariance()
		if err != nil || !(math.Abs(q-tc.want) <= 1e-12) {
			t.Errorf("σ_w² = %g, σ_b² = %g: q* = %.15g, %v, want %g", tc.w, tc.b, q, err, tc.want)
		}
	}
	for _, l := range []dual.Layer{{Activation: dual.ReLU(), WeightVariance: 2.1}, {Activation: dual.ReLU(), WeightVariance: 2, BiasVariance: 0.1}} {
		if q, err := l.FixedVariance(); err == nil {
			t.Errorf("σ_w² = %g, σ_b² = %g: q* = %g, want an error: variances grow without bound", l.WeightVariance, l.BiasVariance, q)
		}
	}
	if _, err := (dual.Layer{Activation: dual.ReLU(), WeightVariance: -1}).Q(1); err == nil {
		t.Error("a negative weight variance is accepted")
	}
}
