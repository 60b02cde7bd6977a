package dual_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/dual"
)

// TestPairKeepsSmallAngles sets angles in all four ways and reads them back;
// sizes of 1e-9 are lost by a correlation, which is 1 − 5e-19 there.
func TestPairKeepsSmallAngles(t *testing.T) {
	const eps = 0x1p-52
	for _, theta := range []float64{1e-9, 1e-6, 0.01, 1, 1.5} {
		for _, q := range [][2]float64{{1, 1}, {0.3, 0.3}, {2, 3}} {
			g := math.Sqrt(q[0] * q[1])
			h := math.Sin(theta / 2)
			gap := math.Pow(math.Sqrt(q[0])-math.Sqrt(q[1]), 2)
			far := gap + 4*g*h*h // E[(u−v)²], E[(u+v)²] of the mirror image
			// Where q1 ≠ q2, gap hides the angle: ε·gap/4g(θ/2)² relative.
			tol := 8*eps + 8*eps*gap/(g*theta*theta)
			for name, p := range map[string]dual.Pair{
				"Angle": dual.Angle(q[0], q[1], theta),
				"Apart": dual.Apart(q[0], q[1], far),
			} {
				if e := math.Abs(p.Theta()/theta - 1); !(e <= tol) && tol < 1 {
					t.Errorf("%s(%v, θ=%g): θ = %g, off by %g, want ≤ %g", name, q, theta, p.Theta(), e, tol)
				}
				if e := math.Abs(p.D() - far); !(e <= 8*eps*far) {
					t.Errorf("%s(%v, θ=%g): D = %g, want %g", name, q, theta, p.D(), far)
				}
			}
			if p := dual.Sum(q[0], q[1], far); !(math.Abs(p.S()-far) <= 8*eps*far && math.Abs(p.Rho()+math.Cos(theta)) <= 8*eps*(1+gap/g)) {
				t.Errorf("Sum(%v, %g): S = %g, ρ = %g, want ρ = %g", q, far, p.S(), p.Rho(), -math.Cos(theta))
			}
			c := g * math.Cos(theta)
			if p := dual.Cov(q[0], q[1], c); !(math.Abs(p.C()-c) <= 8*eps*g) {
				t.Errorf("Cov(%v, %g): C = %g", q, c, p.C())
			}
		}
	}
}

func TestPairRefusesWhatIsNoCovariance(t *testing.T) {
	relu := dual.ReLU()
	for _, tc := range []struct {
		name, says string
		pair       dual.Pair
	}{
		{"negative variance", "expected finite ones ≥ 0", dual.Cov(-1, 1, 0)},
		{"NaN variance", "expected finite ones ≥ 0", dual.Cov(math.NaN(), 1, 0)},
		{"infinite variance", "expected finite ones ≥ 0", dual.Cov(math.Inf(1), 1, 0)},
		{"covariance too large", "expected |ρ| ≤ 1", dual.Cov(1, 1, 1.1)},
		{"covariance too small", "expected |ρ| ≤ 1", dual.Cov(1, 4, -2.1)},
		{"NaN covariance", "expected |ρ| ≤ 1", dual.Cov(1, 1, math.NaN())},
		{"covariance with a constant", "expected |ρ| ≤ 1", dual.Cov(0, 1, 0.1)},
		{"distance too small", "expected |ρ| ≤ 1", dual.Apart(1, 9, 1)},
		{"angle beyond π", "expected |ρ| ≤ 1", dual.Angle(1, 1, 4)},
	} {
		_, err := relu.Dual(tc.pair)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v, want one that says %q", tc.name, err, tc.says)
		}
	}
	// A float32 Gram matrix exceeds by rounding.
	if r, err := relu.Dual(dual.Cov(1, 1, 1.0000001)); err != nil || r.K != 0.5 {
		t.Errorf("ρ = 1.0000001: K = %g, %v, want 0.5", r.K, err)
	}
}

// TestZeroVariance: the program's φ(0) and φ'(0), with GoMLX's ReLU'(0) = 1.
func TestZeroVariance(t *testing.T) {
	for _, tc := range []struct {
		f       *dual.Activation
		q1, q2  float64
		k, kdot float64
	}{
		{dual.ReLU(), 0, 0, 0, 1},
		{dual.ReLU(), 0, 2, 0, 0.5},
		{dual.Abs(), 0, 0, 0, 1},
		{dual.LeakyReLU(0.25), 3, 0, 0, 0.625},
		{dual.Sign(), 0, 0, 0, 0},
		{dual.Cos(1, 1, 0), 0, 2, math.Exp(-1), 0}, // E cos v = e^{−q/2}
		{dual.Exp(1, 1), 2, 0, math.E, math.E},
		{dual.Sigmoid(), 0, 3, 0.25, math.NaN()}, // E sigmoid = ½ by symmetry
	} {
		r, err := tc.f.Dual(dual.Cov(tc.q1, tc.q2, 0))
		if err != nil {
			t.Fatal(err)
		}
		// Means are one quadrature of 1e-15.
		if !(math.Abs(r.K-tc.k) <= 1e-14) || !math.IsNaN(tc.kdot) && !(math.Abs(r.Kdot-tc.kdot) <= 1e-14) {
			t.Errorf("%s at q = %g, %g: K = %g, K̇ = %g, want %g and %g", tc.f.Name, tc.q1, tc.q2, r.K, r.Kdot, tc.k, tc.kdot)
		}
	}
}
