package dual_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
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

// TestSeriesOfClosedForms tells functions that have a closed form as custom ones,
// at random pairs: the series must agree within the bounds of both. Steep ones
// need not reach 1e-12, but say so.
func TestSeriesOfClosedForms(t *testing.T) {
	all := activations()
	steep := map[string]*dual.Activation{
		"steep erf": dual.Erf(1, 30, 0), "steep gaussian": dual.Gaussian(1, -200), "steep sin": dual.Sin(1, 8, 0.3),
	}
	maps.Copy(all, steep)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		if f.Family == "" || name == "polynomial" || name == "hermite" || name == "exp" {
			continue // no closed form, or not below the reach of a mesh at all q
		}
		g := dual.Custom("a custom "+name, f.Value, f.Slope, f.Kinks...)
		for range 60 {
			q1 := math.Pow(10, 4*random.Float64()-2.5)
			q2 := q1 * math.Pow(4, random.Float64()-0.5)
			if random.IntN(2) == 0 {
				q2 = q1
			}
			p := dual.Angle(q1, q2, math.Pi*math.Pow(random.Float64(), 2))
			want, err := f.Dual(p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.Dual(p)
			if err != nil {
				t.Fatal(err)
			}
			at := fmt.Sprintf("%s at q = %g, %g, θ = %g", name, q1, q2, p.Theta())
			if e := math.Abs(got.K - want.K); !(e <= got.KErr+want.KErr) {
				t.Errorf("%s: K off by %g, bounds %g and %g", at, e, got.KErr, want.KErr)
			}
			if e := math.Abs(got.Kdot - want.Kdot); !(e <= got.KdotErr+want.KdotErr) {
				t.Errorf("%s: K̇ off by %g, bounds %g and %g", at, e, got.KdotErr, want.KdotErr)
			}
			if steep[name] == nil && !got.Reached {
				t.Errorf("%s: not reached, bounds %g and %g", at, got.KErr, got.KdotErr)
			}
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
	// The bound follows where little is left of 1 − 4bq, and where exponents are
	// large; 20 digits by mpmath from the doubles given here.
	q := 0.4999999
	r, err := dual.Gaussian(1, 0.5).Dual(dual.Angle(q, q, 0.01))
	if want := 199.20810151518970518; err != nil || !(math.Abs(r.K-want) <= r.KErr && r.KErr <= 1e-6*want) {
		t.Errorf("exp(x²/2) at q = %g: K = %.17g ± %g, %v, want %.17g", q, r.K, r.KErr, err, want)
	}
	if want := 3952475.5510264097581; !(math.Abs(r.Kdot-want) <= r.KdotErr) {
		t.Errorf("exp(x²/2) at q = %g: K̇ = %.17g ± %g, want %.17g", q, r.Kdot, r.KdotErr, want)
	}
	r, err = dual.Exp(1, 17).Dual(dual.Angle(1.1, 0.7, 0.9))
	if want := 2.638451871665059941e181; err != nil || !(math.Abs(r.K-want) <= r.KErr) {
		t.Errorf("exp(17x): K = %.17g ± %g, %v, want %.17g", r.K, r.KErr, err, want)
	}
	// Below 1/4b it is finite: E[exp((u²+v²)/2)] = ((1−q)² − c²)^{−1/2}.
	r, err = dual.Gaussian(1, 0.5).Dual(dual.Cov(0.4, 0.4, 0.1))
	if want := 1 / math.Sqrt(0.36-0.01); err != nil || !(math.Abs(r.K-want) <= 1e-14) {
		t.Errorf("exp(x²/2) at q = 0.4: K = %g, %v, want %g", r.K, err, want)
	}
}

// TestHermitePolynomials: K = ρⁿ and K̇ = nρ^{n−1} at unit variances, 0 between
// different ones, up to degrees whose powers of x cancel to nothing. At other
// variances h_2 = (x²−1)/√2 has K = c² + (q1−1)(q2−1)/2.
func TestHermitePolynomials(t *testing.T) {
	for _, n := range []int{0, 1, 3, 30, 80} {
		for _, rho := range []float64{-1, -0.99, 0.3, 1} {
			f, p := must(dual.Hermite(n)), dual.Cov(1, 1, rho)
			r, err := f.Dual(p)
			if err != nil {
				t.Fatal(err)
			}
			k, kdot := math.Pow(rho, float64(n)), float64(n)*math.Pow(rho, float64(n-1))
			if !(math.Abs(r.K-k) <= r.KErr) || !(math.Abs(r.Kdot-kdot) <= r.KdotErr) || !r.Reached {
				t.Errorf("degree %d, ρ = %g: K = %.15g, K̇ = %.15g, reached %v, want %.15g, %.15g", n, rho, r.K, r.Kdot, r.Reached, k, kdot)
			}
			if r, err = dual.Cross(f, must(dual.Hermite(20)), p); err != nil || !(math.Abs(r.K) <= r.KErr) {
				t.Errorf("degrees %d and 20: K = %g, %v, want 0", n, r.K, err)
			}
		}
	}
	r, err := must(dual.Hermite(2)).Dual(dual.Cov(0.3, 2, 0.5))
	if want := 0.25 - 0.7/2; err != nil || !(math.Abs(r.K-want) <= r.KErr) {
		t.Errorf("degree 2 at q = 0.3 and 2: K = %g, %v, want %g", r.K, err, want)
	}
	// The same polynomial told by powers of x says what it has lost.
	c := []float64{1}
	var before []float64
	for k := range 40 { // He_{k+1} = x·He_k − k·He_{k−1}
		next := append([]float64{0}, c...)
		for i, v := range before {
			next[i] -= float64(k) * v
		}
		before, c = c, next
	}
	p := dual.Cov(1, 1, 0.5)
	if r, err = dual.Polynomial(c...).Dual(p); err != nil {
		t.Fatal(err)
	}
	want := math.Gamma(41) * math.Pow(0.5, 40)
	if e := math.Abs(r.K - want); !(e <= r.KErr) || r.Reached {
		t.Errorf("He_40 by powers: K = %g ± %g, reached %v, off by %g", r.K, r.KErr, r.Reached, e)
	}
}

// TestSameFunction: two constructions of a function meet in closed form.
func TestSameFunction(t *testing.T) {
	p := dual.Angle(1, 2, 1e-5)
	one, err := dual.Cross(dual.ReLU(), dual.ABReLU(0, 1), p)
	if err != nil {
		t.Fatal(err)
	}
	if one.Order != 0 || !one.Reached {
		t.Errorf("ReLU × ReLU by a series of order %d", one.Order)
	}
}
