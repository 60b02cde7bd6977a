package dual_test

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/gontk/ntk/dual"
	"gonum.org/v1/gonum/integrate/quad"
)

// expect integrates f against N(0, 1): Gauss-Legendre with 20 nodes on panels
// of width 1 that end at the kinks.
func expect(f func(x float64) float64, kinks ...float64) float64 {
	sum := 0.0
	panels(kinks, func(x, w float64) { sum += w * f(x) })
	return sum
}

func panels(breaks []float64, visit func(x, w float64)) {
	const n = 20
	x, w := legendre(n)
	cuts := slices.Clone(breaks)
	for c := -10.0; c <= 10; c++ {
		cuts = append(cuts, c)
	}
	slices.Sort(cuts)
	for i, lo := range cuts[:len(cuts)-1] {
		for j := range n {
			at := lo + (cuts[i+1]-lo)*x[j]
			visit(at, (cuts[i+1]-lo)*w[j]*math.Exp(-at*at/2)/math.Sqrt(2*math.Pi))
		}
	}
}

// TestLaws: what holds for the dual of any function.
func TestLaws(t *testing.T) {
	for name, f := range activations() {
		t.Run(name, func(t *testing.T) {
			at := func(p dual.Pair) dual.Result {
				t.Helper()
				r, err := f.Dual(p)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			for _, q := range [][2]float64{{1, 1}, {0.5, 2}, {3, 3}} {
				s := math.Sqrt(q[0] * q[1])
				one, two := at(dual.Cov(q[0], q[0], q[0])), at(dual.Cov(q[1], q[1], q[1]))
				for _, rho := range []float64{-0.99, -0.4, 0, 0.3, 0.8, 0.999} {
					r := at(dual.Cov(q[0], q[1], rho*s))
					mirror := at(dual.Cov(q[1], q[0], rho*s))
					// 1e-13: the same sums in another order.
					if !(math.Abs(r.K-mirror.K) <= 1e-13*math.Sqrt(one.K*two.K)) || !(math.Abs(r.Kdot-mirror.Kdot) <= 1e-13*math.Sqrt(one.Kdot*two.Kdot)) {
						t.Errorf("q=%v ρ=%g: not symmetric: %v and %v", q, rho, r, mirror)
					}
					if !(r.K*r.K <= one.K*two.K*(1+1e-12)) || !(r.Kdot*r.Kdot <= one.Kdot*two.Kdot*(1+1e-12)) {
						t.Errorf("q=%v ρ=%g: K = %g, K̇ = %g exceed Cauchy-Schwarz", q, rho, r.K, r.Kdot)
					}
					if name == "sign" {
						continue // jumps: dK/dc is more than the program's K̇
					}
					// Differences of fourth order err by h⁴K⁗/30 and ε/h. At |ρ| near 1
					// derivatives of kinked ones grow like (1−ρ²)^{1/2−n}.
					h := 1e-3 * s * (1 - rho*rho)
					d := func(k float64) float64 { return at(dual.Cov(q[0], q[1], rho*s+k*h)).K }
					slope := (8*(d(1)-d(-1)) - (d(2) - d(-2))) / (12 * h)
					if e := math.Abs(slope - r.Kdot); !(e <= 1e-9*math.Sqrt(one.Kdot*two.Kdot)+4e-14*math.Sqrt(one.K*two.K)/h) {
						t.Errorf("q=%v ρ=%g: dK/dc = %g, K̇ = %g", q, rho, slope, r.Kdot)
					}
				}
			}
		})
	}
}

// TestDiagonal holds K and K̇ at ρ = ±1 and the moments against integrals over
// one variable by a rule of the test.
func TestDiagonal(t *testing.T) {
	for name, f := range activations() {
		for _, q := range []float64{0.1, 1, 4} {
			s := math.Sqrt(q)
			var kinks []float64
			for _, k := range f.Kinks {
				kinks = append(kinks, k.At/s)
			}
			want := expect(func(x float64) float64 { y := f.Value(s * x); return y * y }, kinks...)
			wantDot := expect(func(x float64) float64 { y := f.Slope(s * x); return y * y }, kinks...)
			mean := expect(func(x float64) float64 { return f.Value(s * x) }, kinks...)
			growth := expect(func(x float64) float64 { return f.Value(s*x) * f.Slope(s*x) * x / s }, kinks...)
			r, err := f.Dual(dual.Cov(q, q, q))
			if err != nil {
				t.Fatal(err)
			}
			m, err := f.Moments(q)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				what      string
				got, want float64
			}{
				{"K(1)", r.K, want},
				{"K̇(1)", r.Kdot, wantDot},
				{"E φ²", m.Square, want},
				{"E φ'²", m.SlopeSquare, wantDot},
				{"E φ", m.Mean, mean},
				{"dE φ²/dq", m.Growth, growth},
			} {
				// Twenty nodes a unit: 1e-13 for tanh(2x).
				if !(math.Abs(c.got-c.want) <= 1e-12*(1+math.Abs(c.want))) {
					t.Errorf("%s at q = %g: %s = %.15g, want %.15g", name, q, c.what, c.got, c.want)
				}
			}
		}
	}
}

// TestCross holds cross duals of different functions against a loop: outside u
// by Gauss-Legendre between the kinks, inside v given u likewise.
func TestCross(t *testing.T) {
	all := activations()
	all["identity"], all["one"] = dual.Identity(), dual.Constant(1)
	all["rectified_monomial(5)"], all["monomial(4)"] = must(dual.RectifiedMonomial(5)), must(dual.Monomial(4))
	for _, pair := range [][2]string{
		{"relu", "tanh"},
		{"tanh", "relu"},
		{"relu", "hard_tanh"},
		{"gelu", "silu"},
		{"identity", "selu"},
		{"one", "softplus"},
		{"one", "one"},
		{"polynomial", "relu"},
		{"sign", "erf"},
		{"elu", "shifted_relu"},
		{"identity", "identity"},
		{"monomial(4)", "gelu_tanh"},
		{"rectified_monomial(5)", "rectified_monomial(5)"},
		{"rectified_monomial(5)", "leaky_relu"},
	} {
		f, g := all[pair[0]], all[pair[1]]
		for _, q := range [][2]float64{{1, 1}, {0.5, 2}} {
			for _, rho := range []float64{-0.7, 0, 0.4, 0.9} {
				k, kdot := planeIntegral(f, g, q[0], q[1], rho)
				r, err := dual.Cross(f, g, dual.Cov(q[0], q[1], rho*math.Sqrt(q[0]*q[1])))
				if err != nil {
					t.Fatal(err)
				}
				// The loop's own error is some 1e-12 of the largest results.
				if !(math.Abs(r.K-k) <= r.KErr+2e-12*(1+math.Abs(k))) || !(math.Abs(r.Kdot-kdot) <= r.KdotErr+2e-12*(1+math.Abs(kdot))) {
					t.Errorf("%s × %s, q=%v ρ=%g: K = %.15g ± %.2g, K̇ = %.15g ± %.2g, want %.15g, %.15g", f.Name, g.Name, q, rho, r.K, r.KErr, r.Kdot, r.KdotErr, k, kdot)
				}
				if !r.Reached {
					t.Errorf("%s × %s, q=%v ρ=%g: not reached, errors %g and %g", f.Name, g.Name, q, rho, r.KErr, r.KdotErr)
				}
			}
		}
	}
}

// TestHistory: results do not depend on what was asked before, or meanwhile: a
// function's own dual is the same, to the last bit, before and after it met one
// whose series is longer, and in goroutines that share both.
func TestHistory(t *testing.T) {
	p := dual.Cov(1, 2, 0.7)
	alone := func(f *dual.Activation) dual.Result {
		r, err := f.Dual(p)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	silu, tanh := alone(dual.SiLU()), alone(dual.Tanh())
	f, g := dual.SiLU(), dual.Tanh()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 3 {
				_, err := dual.Cross(f, g, p)
				one, failed := f.Dual(p)
				two, again := g.Dual(p)
				if err = errors.Join(err, failed, again); err != nil {
					t.Error(err)
				}
				if one != silu || two != tanh {
					t.Errorf("%v and %v, want %v and %v", one, two, silu, tanh)
				}
			}
		})
	}
	group.Wait()
}

// planeIntegral is E[f(u)g(v)] and E[f'(u)g'(v)] for |ρ| < 1.
func planeIntegral(f, g *dual.Activation, q1, q2, rho float64) (k, kdot float64) {
	s := math.Sqrt(1 - rho*rho)
	var outer []float64
	for _, kink := range f.Kinks {
		outer = append(outer, kink.At/math.Sqrt(q1))
	}
	panels(outer, func(a, wa float64) {
		u := math.Sqrt(q1) * a
		fu, du := f.Value(u), f.Slope(u)
		var inner []float64
		for _, kink := range g.Kinks {
			if y := (kink.At/math.Sqrt(q2) - rho*a) / s; math.Abs(y) < 10 {
				inner = append(inner, y)
			}
		}
		panels(inner, func(b, wb float64) {
			v := math.Sqrt(q2) * (rho*a + s*b)
			k += wa * wb * fu * g.Value(v)
			kdot += wa * wb * du * g.Slope(v)
		})
	})
	return k, kdot
}

func legendre(n int) (x, w []float64) {
	x, w = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(x, w, 0, 1)
	return x, w
}
