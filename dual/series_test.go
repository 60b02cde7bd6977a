package dual_test

import (
	"math"
	"testing"

	"github.com/gontk/ntk/dual"
)

// TestOrders: orders that K̇ needs for 1e-12 at ρ = 1, found elsewhere with
// normalized Hermite functions and another quadrature: 124 and 466 for tanh at
// q = 1 and 4, 39 and 121 for SiLU. The last relative 1e-12 is where counts
// scatter by a few orders.
func TestOrders(t *testing.T) {
	for _, tc := range []struct {
		f      *dual.Activation
		q      float64
		orders int
	}{
		{dual.Tanh(), 1, 124}, {dual.Tanh(), 4, 466}, {dual.SiLU(), 1, 39}, {dual.SiLU(), 4, 121},
	} {
		s, err := tc.f.Series(tc.q)
		if err != nil {
			t.Fatal(err)
		}
		wd := expect(func(x float64) float64 { d := tc.f.Slope(math.Sqrt(tc.q) * x); return d * d })
		sum, n := 0.0, 0
		for ; n < len(s.B) && wd-sum > 1e-12*wd; n++ {
			sum += s.B[n] * s.B[n]
		}
		if n < tc.orders-6 || n > tc.orders+6 {
			t.Errorf("%s at q = %g: %d orders for 1e-12, want about %d", tc.f.Name, tc.q, n, tc.orders)
		}
		if !s.Reached {
			t.Errorf("%s at q = %g: not reached with %d orders", tc.f.Name, tc.q, len(s.A))
		}
	}
}

// TestSeriesCoefficients: the generating function of Hermite polynomials.
func TestSeriesCoefficients(t *testing.T) {
	// e^{x√q·b} = e^{qb²/2} Σ (b√q)^k/√k! h_k; tell it as a custom function.
	f := dual.Custom("e", func(x float64) float64 { return math.Exp(0.7 * x) }, func(x float64) float64 { return 0.7 * math.Exp(0.7*x) })
	s, err := f.Series(2)
	if err != nil {
		t.Fatal(err)
	}
	want := math.Exp(0.49)
	for k := range min(len(s.A), 40) {
		if k > 0 {
			want *= 0.7 * math.Sqrt2 / math.Sqrt(float64(k))
		}
		// Sums of 1400 terms, √E[φ²] = 2.7.
		if !(math.Abs(s.A[k]-want) <= 1e-14) || !(math.Abs(s.B[k]-0.7*want) <= 1e-14) {
			t.Errorf("a_%d = %.17g, b = %.17g, want %.17g and 0.7 of it", k, s.A[k], s.B[k], want)
		}
	}
}

// TestNotReached: a kink that was not told leaves an algebraic tail, which is
// reported, bounds the error, and does not shrink the result's bound by luck.
func TestNotReached(t *testing.T) {
	relu := dual.ReLU()
	quiet := dual.Custom("a ReLU that hides its kink", relu.Value, relu.Slope)
	for _, theta := range []float64{0.01, 0.3, 1.5, 3} {
		p := dual.Angle(1, 1, theta)
		want, err := relu.Dual(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := quiet.Dual(p)
		if err != nil {
			t.Fatal(err)
		}
		if e := math.Abs(got.K - want.K); !(e <= got.KErr) {
			t.Errorf("θ = %g: K off by %g, bound %g", theta, e, got.KErr)
		}
		if e := math.Abs(got.Kdot - want.Kdot); !(e <= got.KdotErr) {
			t.Errorf("θ = %g: K̇ off by %g, bound %g", theta, e, got.KdotErr)
		}
		if theta == 0.01 && (got.Reached || got.KdotErr < 1e-4) {
			t.Errorf("θ = %g: Reached = %v with bound %g, though the tail of 2048 orders is 1e-2", theta, got.Reached, got.KdotErr)
		}
	}
	if s, err := dual.Tanh().Series(100); err != nil || s.Reached {
		t.Errorf("tanh at q = 100: Reached = %v, %v; its series needs more than 2048 orders", s.Reached, err)
	}
}

// TestInfiniteExpectations are refused, not computed.
func TestInfiniteExpectations(t *testing.T) {
	for _, f := range []*dual.Activation{
		dual.Gaussian(1, 0.5),
		dual.Custom("exp(x²/2)", func(x float64) float64 { return math.Exp(x * x / 2) }, func(x float64) float64 { return x * math.Exp(x*x/2) }),
	} {
		if r, err := f.Dual(dual.Cov(0.6, 0.6, 0.1)); err == nil {
			t.Errorf("%s at q = 0.6: K = %g, want an error: E[φ²] is infinite", f.Name, r.K)
		}
	}
	// Below 1/4b it is finite: E[exp((u²+v²)/2)] = ((1−q)² − c²)^{−1/2}.
	r, err := dual.Gaussian(1, 0.5).Dual(dual.Cov(0.4, 0.4, 0.1))
	if want := 1 / math.Sqrt(0.36-0.01); err != nil || !(math.Abs(r.K-want) <= 1e-14) {
		t.Errorf("exp(x²/2) at q = 0.4: K = %g, %v, want %g", r.K, err, want)
	}
}
