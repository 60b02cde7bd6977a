package dual_test

import (
	"math"
	"testing"

	"github.com/gontk/ntk/dual"
)

// TestTwentyReLULayers: an angle of 1e-6 after 20 layers of √2·ReLU. With
// δ = θ²: a layer takes θ² to θ² − 2θ³/3π + O(θ⁴), the start of its series, so
// 20 layers leave θ(1 − 20θ/3π) = 9.99997878e-7.
func TestTwentyReLULayers(t *testing.T) {
	f := dual.ABReLU(0, math.Sqrt2)
	p := dual.Angle(1, 1, 1e-6)
	for range 20 {
		var err error
		if p, _, err = f.Next(p); err != nil {
			t.Fatal(err)
		}
	}
	want := 1e-6 * (1 - 20*1e-6/(3*math.Pi))
	// Terms of the next order are θ² = 1e-12 relative; 20 layers of rounding add 1e-14.
	if e := math.Abs(p.Theta()/want - 1); !(e <= 1e-10) {
		t.Errorf("θ = %.12g, want %.12g", p.Theta(), want)
	}
	if e := math.Abs(p.Theta() - 9.99997878e-7); !(e <= 5e-16) {
		t.Errorf("θ = %.12g, want 9.99997878e-7", p.Theta())
	}
	if e := math.Abs(p.Q1() - 1); !(e <= 1e-13) {
		t.Errorf("q = %.15g, want 1", p.Q1())
	}
}

// TestNextDistance holds E[(φ(u)−φ(v))²] at small angles, and E[(φ(u)+φ(v))²]
// near π, against the integral itself. With v = u cos θ + w sin θ the difference
// is formed under the integral, where nothing cancels; kinks cut it.
func TestNextDistance(t *testing.T) {
	for name, f := range activations() {
		if name == "sign" || name == "hard_tanh" || name == "hard_swish_like" || name == "shifted_relu" {
			continue // below, and in TestNextOfSign
		}
		for _, q := range [][2]float64{{1, 1}, {1, 2}} {
			for _, theta := range []float64{1e-7, 1e-3, 0.3, 2, math.Pi - 0.2, math.Pi - 1e-3} {
				next, _, err := f.Next(dual.Angle(q[0], q[1], theta))
				if err != nil {
					t.Fatal(err)
				}
				sign, angle, got := 1.0, theta, next.D()
				if theta > 1.6 {
					sign, angle, got = -1, math.Pi-theta, next.S()
				}
				want := distance(f, q[0], q[1], angle, sign)
				// The loop's difference of φ(u) and φ(v) is rounded by ε/θ of it.
				if e := math.Abs(got - want); !(e <= (1e-12+1e-15/angle)*want) {
					t.Errorf("%s q=%v θ=%g: distance %.15g, want %.15g (%g)", name, q, theta, got, want, e/want)
				}
			}
		}
	}
}

// distance is E[(φ(u) − sign·φ(v))²] with v = sign·√q2(x cos θ + y sin θ) in
// polar coordinates, in sectors between the rays where u or v is 0.
func distance(f *dual.Activation, q1, q2, theta, sign float64) float64 {
	cuts := []float64{-math.Pi / 2, theta - math.Pi/2, math.Pi / 2, theta + math.Pi/2, 1.5 * math.Pi}
	const n = 40
	ax, aw := legendre(n)
	sum := 0.0
	for i, lo := range cuts[:4] {
		for j := range n {
			a := lo + (cuts[i+1]-lo)*ax[j]
			cu, cv := math.Sqrt(q1)*math.Cos(a), sign*math.Sqrt(q2)*math.Cos(a-theta)
			for panel := range 8 {
				for k := range n {
					r := 1.4 * (float64(panel) + ax[k])
					d := f.Value(r*cu) - sign*f.Value(r*cv)
					sum += (cuts[i+1] - lo) * aw[j] * 1.4 * aw[k] * r * math.Exp(-r*r/2) / (2 * math.Pi) * d * d
				}
			}
		}
	}
	return sum
}

// TestNextOfSign: the signs of u and v differ with probability θ/π, so that
// 1 − ρ' = 2θ/π.
func TestNextOfSign(t *testing.T) {
	for _, theta := range []float64{1e-9, 0.1, 3, math.Pi - 1e-9} {
		p, _, err := dual.Sign().Next(dual.Angle(2, 3, theta))
		if err != nil {
			t.Fatal(err)
		}
		if e := math.Abs(p.D() - 4*theta/math.Pi); !(e <= 1e-15*theta) {
			t.Errorf("θ = %g: D = %g, want %g", theta, p.D(), 4*theta/math.Pi)
		}
		if e := math.Abs(p.S() - 4*(math.Pi-theta)/math.Pi); !(e <= 1e-15*(math.Pi-theta)) {
			t.Errorf("θ = %g: S = %g, want %g", theta, p.S(), 4*(math.Pi-theta)/math.Pi)
		}
	}
}

// TestNextIsDual: C of the next pair is K, everywhere.
func TestNextIsDual(t *testing.T) {
	for name, f := range activations() {
		for _, q := range [][2]float64{{1, 1}, {1, 2}, {0, 1}, {0, 0}} {
			for _, theta := range []float64{0, 0.1, 0.7, 2, 3, math.Pi} {
				next, r, err := f.Next(dual.Angle(q[0], q[1], theta))
				if err != nil {
					t.Fatal(err)
				}
				// Both carry the rounding of their own path, and their own bound.
				if tol := 4*r.KErr + 1e-13*math.Sqrt(next.Q1()*next.Q2()); !(math.Abs(next.C()-r.K) <= tol) {
					t.Errorf("%s q=%v θ=%g: C = %.15g, K = %.15g", name, q, theta, next.C(), r.K)
				}
			}
		}
	}
}
