package predict_test

import (
	"math"
	"testing"

	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
)

// The second-difference matrix of size n has the eigenvalues 2 − 2cos(kπ/(n+1)).
func TestSpectrum(t *testing.T) {
	const n = 25
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = 2
		if i > 0 {
			a[i*n+i-1], a[(i-1)*n+i] = -1, -1
		}
	}
	s, err := predict.NewSpectrum(t.Context(), native.Gonum(), n, a)
	if err != nil {
		t.Fatal(err)
	}
	for k := 1; k <= n; k++ {
		want := 2 - 2*math.Cos(float64(k)*math.Pi/(n+1))
		if got := s.Values[n-k]; !(math.Abs(got-want) <= s.Rounding) {
			t.Errorf("λ_%d = %g, want %g", k, got, want)
		}
	}
	kappa, exact := s.Condition()
	want := (1 + math.Cos(math.Pi/(n+1))) / (1 - math.Cos(math.Pi/(n+1)))
	if !exact || !(math.Abs(kappa-want) <= 1e-11*want) {
		t.Errorf("condition %g (exact %v), want %g", kappa, exact, want)
	}
	if got, want := s.MaxStableRate(1), 2/s.Max(); got != want {
		t.Errorf("largest stable rate %g, want %g", got, want)
	}
}

// A matrix of rank 1 has an infinite condition number: what is printed is a bound.
func TestSingular(t *testing.T) {
	s, err := predict.NewSpectrum(t.Context(), native.Gonum(), 3, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	if kappa, exact := s.Condition(); exact || !(kappa > 1e14) {
		t.Errorf("condition %g, exact %v; want a bound above 1e14", kappa, exact)
	}
	if !s.PSD() {
		t.Errorf("λ_min %g is not explained by rounding %g", s.Min(), s.Uncertainty())
	}
	if r := s.EffectiveRank(); !(math.Abs(r-1) < 1e-12) {
		t.Errorf("effective rank %g, want 1", r)
	}
}

func TestSpectrumRefuses(t *testing.T) {
	for _, a := range [][]float64{{1, 2, 3}, {1, math.NaN(), 0, 1}} {
		if _, err := predict.NewSpectrum(t.Context(), native.Gonum(), 2, a); err == nil {
			t.Errorf("%v: no error", a)
		}
	}
}

func TestFlatten(t *testing.T) {
	const n, o = 2, 3
	theta := make([]float64, n*n*o*o)
	for i := range theta {
		theta[i] = float64(i)
	}
	got := predict.Flatten(theta, n, o)
	for i := range n {
		for j := range n {
			for p := range o {
				for q := range o {
					if want := theta[((i*n+j)*o+p)*o+q]; got[(i*o+p)*n*o+j*o+q] != want {
						t.Fatalf("entry (%d,%d),(%d,%d) is %g, want %g", i, p, j, q, got[(i*o+p)*n*o+j*o+q], want)
					}
				}
			}
		}
	}
}
