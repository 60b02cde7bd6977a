package kerneltest

import (
	"math"
	"testing"

	"github.com/gontk/ntk/internal/native"
)

// Symmetric fails unless a, row-major [n, n], is exactly its transpose.
func Symmetric(t testing.TB, name string, n int, a []float64) {
	t.Helper()
	for i := range n {
		for j := range i {
			if a[i*n+j] != a[j*n+i] {
				t.Errorf("%s: entries [%d, %d] and [%d, %d] are %g and %g; want equal", name, i, j, j, i, a[i*n+j], a[j*n+i])
				return
			}
		}
	}
}

// PSD fails if an eigenvalue of a, row-major [n, n], is below −tol·λ_1.
func PSD(t testing.TB, name string, n int, a []float64, tol float64) {
	t.Helper()
	w, _, err := native.Gonum().Eigh(n, a, false)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if !(w[0] >= -tol*math.Abs(w[n-1])) {
		t.Errorf("%s: smallest eigenvalue %g, largest %g; want none below −%g of it", name, w[0], w[n-1], tol)
	}
}

// Close fails unless got is within tol·max|want| of want everywhere. NaN fails.
func Close(t testing.TB, name string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d entries, want %d", name, len(got), len(want))
		return
	}
	top := 0.0
	for _, x := range want {
		top = math.Max(top, math.Abs(x))
	}
	for i := range want {
		if e := math.Abs(got[i] - want[i]); !(e <= tol*top) {
			t.Errorf("%s: entry %d is %.15g, want %.15g; off by %.2g of the largest, want ≤ %g", name, i, got[i], want[i], e/top, tol)
			return
		}
	}
}
