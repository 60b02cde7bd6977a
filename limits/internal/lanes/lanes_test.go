package lanes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gontk/ntk/dual"
)

// both runs a test with the kernels of this machine and with those in Go.
func both(t *testing.T, test func(t *testing.T, fast bool)) {
	t.Run("go", func(t *testing.T) { test(t, false) })
	t.Run("machine", func(t *testing.T) {
		if !accelerated {
			t.Skip("the processor has no AVX2: the kernels are those in Go")
		}
		test(t, true)
	})
}

// pairs of variances and correlations, 0 and ±1 among them.
func pairs() (q1, q2, minus []float64) {
	for _, a := range []float64{0, 1e-4, 0.3, 1, 2.7, 50} {
		for _, b := range []float64{0, 2e-4, 0.3, 1.1, 9} {
			for _, m := range []float64{0, 1e-12, 1e-8, 1e-4, 0.01, 0.3, 0.7, 1 - 1e-7, 1, 1.3, 1.7, 1.99, 2 - 1e-8, 2} {
				q1, q2, minus = append(q1, a), append(q2, b), append(minus, m)
			}
		}
	}
	for len(q1)%8 != 0 {
		q1, q2, minus = append(q1, 1), append(q2, 1), append(minus, 1)
	}
	return q1, q2, minus
}

func floats32(x []float64, f func(float64) float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(f(v))
	}
	return y
}

func inverse(q float64) float64 {
	if q == 0 {
		return 0
	}
	return 1 / math.Sqrt(q)
}

// TestRectify compares with the closed forms of package dual in float64, which
// get the rounded numbers that the kernels get.
func TestRectify(t *testing.T) {
	q1, q2, minus := pairs()
	for _, f := range [][2]float64{{0, 1}, {0.2, 1}, {-1, 1}, {-0.5, 1.3}, {1, 1}} {
		both(t, func(t *testing.T, fast bool) {
			s := Scales{Carried: 1.7, Theta: 0.8, Mean: 1.3, ThetaBias: 0.4}
			l := Rectifier(f[0], f[1], s)
			s1, s2 := floats32(q1, math.Sqrt), floats32(q2, math.Sqrt)
			r1, r2 := floats32(q1, inverse), floats32(q2, inverse)
			d, theta := make([]float32, len(q1)), make([]float32, len(q1))
			for i := range d {
				a, b := float64(s1[i]), float64(s2[i])
				d[i] = float32((a-b)*(a-b) + 2*a*b*minus[i])
				theta[i] = float32(i%7) - 2
			}
			in, was := append([]float32(nil), d...), append([]float32(nil), theta...)
			if fast {
				l.Rectify(d, theta, s1, r1, s2, r2)
			} else {
				l.rectify(d, theta, s1, r1, s2, r2)
			}
			phi := dual.ABReLU(f[0], f[1])
			for i := range d {
				a, b := float64(s1[i]), float64(s2[i])
				if a*b == 0 && (f != [2]float64{0, 1} || a == b) {
					continue // the slope at 0 is the caller's, but that of ReLU beside another
				}
				p := dual.Apart(a*a, b*b, max((a-b)*(a-b), min(float64(in[i]), (a+b)*(a+b))))
				r, err := phi.Dual(p)
				if err != nil {
					t.Fatal(err)
				}
				// D with all its digits from the next pair.
				next, _, err := phi.Next(p)
				if err != nil {
					t.Fatal(err)
				}
				wantD := s.Carried * next.D()
				wantT := s.Theta*(float64(was[i])+s.ThetaBias)*r.Kdot + s.Mean*r.K
				// D and (s1−s2)² err by an ulp each, so 1 − |ρ| by dv, and its root, of
				// which K̇ is 0.23 times, by as much as it changes over dv.
				// Beside ρ = −1 they err by an ulp of 2.
				v := math.Max(0, 1-math.Abs(p.Rho()))
				dv := 4e-7*v + 2e-7*(a-b)*(a-b)/max(a*b, 1e-30)
				if p.Rho() < 0 {
					dv += 4e-7
				}
				slope := 0.3 * dv / math.Sqrt(v+dv+1e-30)
				bend := (f[0] - f[1]) * (f[0] - f[1])
				tolT := (bend*slope+3e-7)*math.Abs(float64(was[i])+s.ThetaBias) + 1e-6*(math.Abs(wantT)+a*b+(a-b)*(a-b))
				tolD := 2e-6*wantD + 1e-6*float64(in[i])
				if e := math.Abs(float64(d[i]) - wantD); !(e <= tolD) {
					t.Errorf("φ %v, q1 %g, q2 %g, 1−ρ %g: D %g, want %g", f, q1[i], q2[i], minus[i], d[i], wantD)
				}
				if e := math.Abs(float64(theta[i]) - wantT); !(e <= tolT) {
					t.Errorf("φ %v, q1 %g, q2 %g, 1−ρ %g: Θ %g, want %g, off %.2g > %.2g", f, q1[i], q2[i], minus[i], theta[i], wantT, e, tolT)
				}
			}
		})
	}
}

// TestErf compares with the closed form of package dual in float64.
func TestErf(t *testing.T) {
	q1, q2, minus := pairs()
	for _, f := range [][3]float64{{1, 1, 0}, {0.7, 1.4, 0.3}, {0.5, 0.416, 0.5}} {
		both(t, func(t *testing.T, fast bool) {
			s := Scales{Carried: 1.7, Theta: 0.8, Mean: 1.3, ThetaBias: 0.4, MeanBias: 0.01}
			l := ErrorFunction(f[0], f[1], f[2], s)
			r := func(q float64) float64 { return math.Sqrt2 * f[1] / math.Sqrt(1+2*f[1]*f[1]*q) }
			r1, r2 := floats32(q1, r), floats32(q2, r)
			k, theta := make([]float32, len(q1)), make([]float32, len(q1))
			cov := make([]float64, len(q1))
			for i := range k {
				cov[i] = math.Sqrt(q1[i]*q2[i]) * (1 - minus[i])
				k[i], theta[i] = float32(cov[i]-s.MeanBias), float32(i%7)-2
			}
			was := append([]float32(nil), theta...)
			if fast {
				l.Erf(k, theta, r1, r2)
			} else {
				l.erf(k, theta, r1, r2)
			}
			phi := dual.Erf(f[0], f[1], f[2])
			for i := range k {
				got, err := phi.Dual(dual.Cov(q1[i], q2[i], cov[i]))
				if err != nil {
					t.Fatal(err)
				}
				wantK := s.Carried * got.K
				wantT := s.Theta*(float64(was[i])+s.ThetaBias)*got.Kdot + s.Mean*got.K
				// ρ errs by 4 ulp, which 1/√(1−ρ²) and asin enlarge by 1/(1−ρ²).
				rho := math.Abs(cov[i] * r(q1[i]) * r(q2[i]))
				worse := 1 + 1/(1-rho*rho)
				if e := math.Abs(float64(k[i]) - wantK); !(e <= 4e-7*worse) {
					t.Errorf("erf %v, q %g, %g, 1−ρ %g: K %g, want %g", f, q1[i], q2[i], minus[i], k[i], wantK)
				}
				if e := math.Abs(float64(theta[i]) - wantT); !(e <= 4e-7*worse*(1+math.Abs(wantT))) {
					t.Errorf("erf %v, q %g, %g, 1−ρ %g: Θ %g, want %g", f, q1[i], q2[i], minus[i], theta[i], wantT)
				}
			}
		})
	}
}

// TestSums compares with plain loops in float64, at lengths with every remainder.
func TestSums(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(g.NormFloat64())
		}
		return x
	}
	near := func(what string, got float32, want float64) {
		t.Helper()
		if !(math.Abs(float64(got)-want) <= 1e-6*(1+math.Abs(want))) { // an ulp for each term
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	for n := range 40 {
		a, b, c, y, z := draw(n), draw(n), draw(n), make([]float32, n), make([]float32, n)
		Sum2(y, a, b)
		Sum3(z, a, b, c)
		for i := range n {
			near(fmt.Sprintf("sum of two, %d of %d", i, n), y[i], float64(a[i])+float64(b[i]))
			near(fmt.Sprintf("sum of three, %d of %d", i, n), z[i], float64(a[i])+float64(b[i])+float64(c[i]))
		}
	}
	for _, n := range []int{8, 16, 72} {
		src, left, right := draw(n+2), make(Mask, n), make(Mask, n)
		for i := range n {
			left.Set(i, g.IntN(3) > 0)
			right.Set(i, g.IntN(3) > 0)
		}
		count := func(m Mask, i int) float64 { return float64(math.Float32bits(m[i]) & 1) }
		y := make([]float32, n)
		Box3(y, src, left, right)
		masked, scaled := draw(n), draw(n)
		before, unscaled := append([]float32(nil), masked...), append([]float32(nil), scaled...)
		AddMasked(masked, src[:n], left)
		AddScaled(scaled, src[:n], -1.5)
		d, m, a, b := draw(n), draw(n), draw(n), draw(n)
		d0, m0 := append([]float32(nil), d...), append([]float32(nil), m...)
		Products(d, m, a, b)
		sum := 0.0
		for i := range n {
			near("box", y[i], float64(src[i+1])+count(left, i)*float64(src[i])+count(right, i)*float64(src[i+2]))
			near("masked", masked[i], float64(before[i])+count(left, i)*float64(src[i]))
			near("scaled", scaled[i], float64(unscaled[i])-1.5*float64(src[i]))
			near("squares", d[i], float64(d0[i])+(float64(a[i])-float64(b[i]))*(float64(a[i])-float64(b[i])))
			near("products", m[i], float64(m0[i])+float64(a[i])*float64(b[i]))
			sum += float64(a[i])
		}
		if got := Total(a); !(math.Abs(got-sum) <= 1e-14*float64(n)) {
			t.Errorf("total %g, want %g", got, sum)
		}
	}
}

func BenchmarkRectify(b *testing.B) {
	const n = 1024
	l := Rectifier(0, 1, Scales{Carried: 1, Theta: 1, Mean: 1})
	s, d, t := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range s {
		s[i] = 1
	}
	for b.Loop() {
		for i := range d {
			d[i], t[i] = float32(i)/n, 1
		}
		for range 10 {
			l.Rectify(d, t, s, s, s, s)
		}
	}
	b.ReportMetric(10*n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mentries/s")
}
