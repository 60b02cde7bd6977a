package spectral

import (
	"context"
	"math"
	"slices"
	"testing"
)

func quadrature(t testing.TB, op Operator, o QuadratureOptions) *Quadrature {
	t.Helper()
	q, err := LanczosQuadrature(context.Background(), op, o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestQuadratureDegree: with entries ±1 and a diagonal matrix every probe has
// zᵀ·f(A)·z = Σ f(λ_i), and 8 nodes integrate degree 15, but not 16, exactly.
func TestQuadratureDegree(t *testing.T) {
	d := make([]float64, 50)
	for i := range d {
		d[i] = math.Cos(float64(i))
	}
	q := quadrature(t, diagonal(t, d), QuadratureOptions{Steps: 8, Probes: 3})
	for degree := range 17 {
		want := 0.0
		for _, x := range d {
			want += math.Pow(x, float64(degree))
		}
		got, err := q.Trace(func(x float64) float64 { return math.Pow(x, float64(degree)) })
		if err != nil {
			t.Fatal(err)
		}
		e := math.Abs(got.Value - want)
		if degree < 16 && !(e <= 1e-12) { // 50 terms of size 1
			t.Errorf("degree %d: %.15g, want %.15g", degree, got.Value, want)
		}
		if degree == 16 && e <= 1e-6 {
			t.Errorf("degree 16 came out exact, to %g, which 8 nodes cannot do", e)
		}
	}
}

// TestQuadratureSpecial has matrices whose Krylov spaces end at once.
func TestQuadratureSpecial(t *testing.T) {
	zero := diagonal(t, make([]float64, 20))
	below, stderr, err := quadrature(t, zero, QuadratureOptions{}).Cumulative(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "fraction of zeros not above 0", []float64{below, stderr}, []float64{1, 0}, 1e-15)
	for _, c := range []struct {
		name  string
		op    Operator
		trace float64 // of A + I squared
	}{
		{"zero", zero, 20},
		{"twice the identity", diagonal(t, constant(20, 2)), 180},
		{"one number", diagonal(t, []float64{-3}), 4},
		{"two numbers", diagonal(t, []float64{1, 2}), 13},
	} {
		q := quadrature(t, c.op, QuadratureOptions{})
		got, err := q.Trace(func(x float64) float64 { return (x + 1) * (x + 1) })
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, c.name, []float64{got.Value, got.Error}, []float64{c.trace, 0}, 1e-12)
	}
}

// TestQuadratureSciPy compares tr log(1+A) and tr exp(A) with LAPACK through
// SciPy, within 4 standard errors, and by unit vectors to rounding; 60 nodes make
// the quadrature itself exact.
func TestQuadratureSciPy(t *testing.T) {
	want := scipy(t).Kernel
	q := quadrature(t, kernel(t, want.N), QuadratureOptions{Probes: 79})
	whole := quadrature(t, kernel(t, want.N), QuadratureOptions{Probes: 80})
	for _, c := range []struct {
		name string
		f    func(float64) float64
		want float64
	}{{"log(1+λ)", math.Log1p, want.LogDet1Plus}, {"exp", math.Exp, want.TraceExp}} {
		got, err := q.Trace(c.f)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(got.Value-c.want) <= 4*got.Error) || got.Error > 0.3*c.want {
			t.Errorf("tr %s: %g ± %g, want %g", c.name, got.Value, got.Error, c.want)
		}
		if got, err = whole.Trace(c.f); err != nil {
			t.Fatal(err)
		}
		// λ_1 = 28 is exact to some ten ε, of which exp makes 28 times as much.
		closeTo(t, "tr "+c.name+" by unit vectors", []float64{got.Value / c.want, got.Error}, []float64{1, 0}, 1e-11)
	}
}

// TestQuadratureCoverage: over many seeds, the true value must lie within
// Student's 95% interval as often as it claims. Off-diagonal sums of a Wishart
// matrix are near Gaussian, so the interval is right to a percent or so.
func TestQuadratureCoverage(t *testing.T) {
	const trials, probes, student = 400, 10, 2.262 // t_{9, 0.975}
	a := gram(t, 60, 120, 7)
	all := lapack(t, a)
	const x, width = 1, 0.2
	var logs, density, below float64
	for _, v := range all {
		logs += math.Log(v + 0.1)
		z := (x - v) / width
		density += math.Exp(-z*z/2) / (width * math.Sqrt(2*math.Pi)) / 60
		below += (1 + math.Erf(z/math.Sqrt2)) / 2 / 60
	}
	var hits [3]int
	for seed := range uint64(trials) {
		q := quadrature(t, a, QuadratureOptions{Probes: probes, Steps: 30, Seed: seed})
		e, err := q.Trace(func(x float64) float64 { return math.Log(x + 0.1) })
		if err != nil {
			t.Fatal(err)
		}
		d, dErr, err := q.Density(x, width)
		if err != nil {
			t.Fatal(err)
		}
		c, cErr, err := q.Cumulative(x, width)
		if err != nil {
			t.Fatal(err)
		}
		for i, off := range []float64{(e.Value - logs) / e.Error, (d - density) / dErr, (c - below) / cErr} {
			if math.Abs(off) <= student {
				hits[i]++
			}
		}
	}
	// 400 trials have a standard deviation of 1.1% around 95%.
	for i, name := range []string{"trace", "density", "cumulative"} {
		if f := float64(hits[i]) / trials; !(f >= 0.905 && f <= 0.99) {
			t.Errorf("%s: the 95%% interval holds the true value in %.1f%% of %d seeds", name, 100*f, trials)
		} else {
			t.Logf("%s: covered %.1f%%", name, 100*f)
		}
	}
}

// TestDensity: it is a density, the cumulative one is its integral, and both
// agree with the closed form of the Laplacian's smoothed spectrum.
func TestDensity(t *testing.T) {
	const n, width, h = 200, 0.15, 0.01
	q := quadrature(t, laplacian(t, n), QuadratureOptions{Probes: 20, Steps: 80})
	sum := 0.0
	for x := -1.0; x < 5; x += h {
		d, e, err := q.Density(x, width)
		if err != nil {
			t.Fatal(err)
		}
		sum += h * d
		want, below := 0.0, 0.0
		for _, v := range laplacianValues(n) {
			z := (x - v) / width
			want += math.Exp(-z*z/2) / (width * math.Sqrt(2*math.Pi)) / n
			below += math.Erfc(-z/math.Sqrt2) / 2 / n
		}
		c, cErr, err := q.Cumulative(x+h/2, width)
		if err != nil {
			t.Fatal(err)
		}
		// The midpoint sum of a Gaussian is exact to exp(−2(πσ/h)²).
		if math.Abs(c-sum) > 1e-3 {
			t.Errorf("at %g the density integrates to %g, the cumulative density is %g", x, sum, c)
		}
		// 5 standard errors, of 20 probes at 600 correlated points.
		if math.Abs(d-want) > 5*e+1e-6 || math.Abs(c-below) > 5*cErr+want*h {
			t.Errorf("at %g: density %g ± %g, want %g; cumulative %g ± %g, want %g", x, d, e, want, c, cErr, below)
		}
	}
	for _, c := range []struct{ x, want float64 }{{-1, 0}, {5, 1}} {
		got, _, err := q.Cumulative(c.x, 0)
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, "fraction below", []float64{got}, []float64{c.want}, 1e-12)
	}
}

// TestQuadratureBatch: batches change rounding only.
func TestQuadratureBatch(t *testing.T) {
	a := gram(t, 40, 60, 1)
	one := quadrature(t, vecOnly{a}, QuadratureOptions{Steps: 12, Probes: 7, Seed: 5})
	many := quadrature(t, a, QuadratureOptions{Steps: 12, Probes: 7, Batch: 3, Seed: 5})
	again := quadrature(t, a, QuadratureOptions{Steps: 12, Probes: 7, Batch: 3, Seed: 5})
	for i := range one.Nodes {
		// Nodes in the middle of few steps are well conditioned.
		closeTo(t, "nodes", many.Nodes[i], one.Nodes[i], 1e-10)
		if !slices.Equal(many.Nodes[i], again.Nodes[i]) || !slices.Equal(many.Weights[i], again.Weights[i]) {
			t.Error("the same seed gave other bits")
		}
	}
	if slices.Equal(one.Nodes[0], one.Nodes[1]) {
		t.Error("two probes are the same")
	}
	if one.Products != 84 || many.Products != 84 {
		t.Errorf("%d and %d products, want 84", one.Products, many.Products)
	}
}
