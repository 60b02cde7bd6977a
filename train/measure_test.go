package train_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gontk/ntk/train"
)

// TestDistance compares with what is known by hand.
func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"a multiple", []float64{1, 2, 2, 4}, []float64{3, 6, 6, 12}, 0},
		{"orthogonal", []float64{1, 0, 0, 0}, []float64{0, 0, 0, 5}, 1},
		{"45 degrees", []float64{1, 0, 0, 1}, []float64{1, 0, 0, 0}, 1 - math.Sqrt2/2},
		{"opposite", []float64{1, 0, 0, 1}, []float64{-2, 0, 0, -2}, 2},
		// 1 − cos of an angle of 1e-9 is half its square, beyond 1 − (a number near 1).
		{"near", []float64{1, 0, 0, 0}, []float64{1, 1e-9, 0, 0}, 5e-19},
	} {
		got, err := train.Distance(tc.a, tc.b)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(got-tc.want) <= 1e-9*tc.want+1e-30) {
			t.Errorf("%s: %g, want %g", tc.name, got, tc.want)
		}
	}
	if _, err := train.Distance([]float64{0}, []float64{1}); err == nil {
		t.Error("a kernel that is zero has a direction")
	}
	if _, err := train.Distance([]float64{1}, []float64{1, 2}); err == nil {
		t.Error("kernels of two sizes have a distance")
	}
}

// TestCentredAlignment compares with the correlation of features: for kernels
// aaᵀ and bbᵀ it is the square of the correlation of a and b.
func TestCentredAlignment(t *testing.T) {
	const n = 7
	r := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float64, n), make([]float64, n)
	var ma, mb float64
	for i := range n {
		a[i], b[i] = 3+r.NormFloat64(), r.NormFloat64()-1
		ma, mb = ma+a[i]/n, mb+b[i]/n
	}
	k, l := make([]float64, n*n), make([]float64, n*n)
	var ab, aa, bb float64
	for i := range n {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
		for j := range n {
			k[i*n+j], l[i*n+j] = a[i]*a[j], b[i]*b[j]
		}
	}
	got, err := train.CentredAlignment(n, k, l)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "alignment", got, ab*ab/(aa*bb), 1e-12) // cancellation of the mean 3 costs a digit
	if got, err = train.CentredAlignment(n, k, k); err != nil || math.Abs(got-1) > 1e-15*n {
		t.Errorf("a kernel's alignment with itself is %g, %v", got, err)
	}
	if _, err = train.CentredAlignment(n, k, l[1:]); err == nil {
		t.Error("kernels of two sizes have an alignment")
	}
}
