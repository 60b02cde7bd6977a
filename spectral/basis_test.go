package spectral

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrthonormalize has rows that all but a 1e-13th depend on what came before,
// where one or two projections leave rounding instead of orthogonality.
func TestOrthonormalize(t *testing.T) {
	const n, p, b = 200, 30, 6
	r := rand.New(rand.NewPCG(1, 2))
	noise := func() []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	v := zeros(p, n)
	for i := range p {
		copy(row(v, i), noise())
	}
	if kept, _, _ := orthonormalize(zeros(0, n), v, 0); kept != p {
		t.Fatalf("%d of %d random rows kept", kept, p)
	}
	w := zeros(b, n)
	for j := range b {
		extra := noise()
		for l := range n {
			w.Data[j*n+l] = 1e-13 * extra[l]
			for i := range p {
				w.Data[j*n+l] += v.Data[i*n+l] * math.Cos(float64(i*j+i))
			}
		}
	}
	copy(row(w, 3), row(w, 1)) // and one that depends in full
	before := slices.Clone(w.Data)
	kept, c, rr := orthonormalize(v, w, 1e-14)
	if kept != b-1 {
		t.Errorf("%d rows kept, want %d", kept, b-1)
	}
	checkOrthonormal(t, n, slices.Concat(v.Data, w.Data[:kept*n]), 4e-14) // √(n·p)·ε is 2e-14
	sum := make([]float64, b*n)
	for j := range b {
		for l := range n {
			for i := range p {
				sum[j*n+l] += c.Data[i*c.Stride+j] * v.Data[i*n+l]
			}
			for i := range kept {
				sum[j*n+l] += rr.Data[i*rr.Stride+j] * w.Data[i*n+l]
			}
		}
	}
	closeTo(t, "C·v + R·q", sum, before, 1e-13) // of 1, but for the dropped 1e-14

	near := zeros(4, n) // rows that differ from each other by 1e-10
	first := noise()
	for j := range near.Rows {
		for l, x := range noise() {
			near.Data[j*n+l] = first[l] + 1e-10*x
		}
	}
	if kept, _, _ = orthonormalize(zeros(0, n), near, 0); kept != near.Rows {
		t.Errorf("%d of %d independent rows kept", kept, near.Rows)
	}
	checkOrthonormal(t, n, near.Data, 4e-14)
}

func checkOrthonormal(t *testing.T, n int, rows []float64, tol float64) {
	t.Helper()
	for i := range len(rows) / n {
		for j := range i + 1 {
			dot, want := 0.0, 0.0
			for l := range n {
				dot += rows[i*n+l] * rows[j*n+l]
			}
			if i == j {
				want = 1
			}
			if !(math.Abs(dot-want) <= tol) {
				t.Errorf("rows %d and %d have product %g, want %g", i, j, dot, want)
			}
		}
	}
}
