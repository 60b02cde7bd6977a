package predict_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/spectral"
)

// solvePlain solves a·x = b by Gauss's elimination with pivots.
func solvePlain(n int, a, b []float64) []float64 {
	for c := range n {
		p := c
		for i := c; i < n; i++ {
			if math.Abs(a[i*n+c]) > math.Abs(a[p*n+c]) {
				p = i
			}
		}
		for j := range n {
			a[c*n+j], a[p*n+j] = a[p*n+j], a[c*n+j]
		}
		b[c], b[p] = b[p], b[c]
		for i := c + 1; i < n; i++ {
			f := a[i*n+c] / a[c*n+c]
			for j := c; j < n; j++ {
				a[i*n+j] -= f * a[c*n+j]
			}
			b[i] -= f * b[c]
		}
	}
	for c := n - 1; c >= 0; c-- {
		for j := c + 1; j < n; j++ {
			b[c] -= a[c*n+j] * b[j]
		}
		b[c] /= a[c*n+c]
	}
	return b
}

// TestComplete compares with kernel regression on pairs (i, j), written out.
func TestComplete(t *testing.T) {
	const m, n, r = 6, 5, 0.1
	z, zr := waves(n, 3, 0), waves(m, 3, 2)
	columns, rows := gaussianKernel(z, z, 1, 1), gaussianKernel(zr, zr, 1, 1)
	y := waves(m, n, 4)
	known := make([]bool, m*n)
	for e := range known {
		known[e] = e%3 != 0 && e/n != 4 // nothing of row 4
	}
	for i := range n { // rows 0 and 3 alike
		known[3*n+i] = known[i]
	}
	for e, is := range known {
		if !is {
			y.Data[e] = math.NaN() // must not be read
		}
	}
	identity := predict.NewMatrix(m, m)
	for i := range m {
		identity.Row(i)[i] = 1
	}
	for name, rowKernel := range map[string]predict.Matrix{"columns": identity, "both": rows} {
		kernel := func(e, g int) float64 { return rowKernel.Row(e / n)[g/n] * columns.Row(e % n)[g%n] }
		var places []int
		for e, is := range known {
			if is {
				places = append(places, e)
			}
		}
		a, b := make([]float64, len(places)*len(places)), make([]float64, len(places))
		for i, e := range places {
			b[i] = y.Data[e]
			for j, g := range places {
				a[i*len(places)+j] = kernel(e, g)
			}
			a[i*len(places)+i] += r
		}
		w := solvePlain(len(places), a, b)
		want := make([]float64, m*n)
		for e := range want {
			for i, g := range places {
				want[e] += kernel(e, g) * w[i]
			}
		}
		got, err := predict.CompleteBoth(t.Context(), blas(t), rowKernel, columns, y, known, r, spectral.SolveOptions{Tol: 1e-13})
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, name+", by conjugate gradients", got.Data, want, 1e-11)
		if name == "both" {
			continue
		}
		if got, err = predict.Complete(t.Context(), blas(t), columns, y, known, r); err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, name, got.Data, want, 1e-12)
		for j, v := range got.Row(4) {
			if v != 0 {
				t.Errorf("entry %d of a row of which nothing is known is %g, want 0", j, v)
			}
		}
	}
	if got, err := predict.Complete(t.Context(), blas(t), columns, y, known, 0); err != nil {
		t.Fatal(err)
	} else {
		for e, is := range known {
			// The condition number of K is some 1e3.
			if is && !(math.Abs(got.Data[e]-y.Data[e]) < 1e-12) {
				t.Errorf("known entry %d is %g, was %g", e, got.Data[e], y.Data[e])
			}
		}
	}
	for name, c := range map[string]struct {
		run  func() error
		says string
	}{
		"flags": {func() error {
			_, err := predict.Complete(t.Context(), blas(t), columns, y, known[1:], r)
			return err
		}, "flags"},
		"NaN": {func() error {
			_, err := predict.Complete(t.Context(), blas(t), columns, y, append([]bool{true}, known[1:]...), r)
			return err
		}, "[0, 0] is NaN"},
		"columns": {func() error { _, err := predict.Complete(t.Context(), blas(t), rows, y, known, r); return err }, "kernel of columns"},
		"ridge": {func() error {
			_, err := predict.CompleteBoth(t.Context(), blas(t), rows, columns, y, known, 0, spectral.SolveOptions{})
			return err
		}, "ridge 0"},
	} {
		if err := c.run(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
}

// TestCompletionKernel checks the kernel that completion rests on: a wide network
// f(Z) = A·φ(BZ)/√k, φ = √2·ReLU, has the NTK 1{i = i'}·κ(z_j, z_j') at entries
// (i, j), κ in closed form (Cho, Saul 2009; Jacot et al. 2018).
func TestCompletionKernel(t *testing.T) {
	const m, n, p, k = 2, 2, 3, 100000
	z := waves(n, p, 1)
	r := rand.New(rand.NewPCG(5, 6))
	got := make([]float64, m*n*m*n)
	for range k {
		var a [m]float64
		var b [p]float64
		for i := range a {
			a[i] = r.NormFloat64()
		}
		for i := range b {
			b[i] = r.NormFloat64()
		}
		var h, on [n]float64
		for j := range n {
			u := 0.0
			for c, v := range z.Row(j) {
				u += v * b[c]
			}
			if u > 0 {
				h[j], on[j] = math.Sqrt2*u, math.Sqrt2
			}
		}
		for e := range m * n {
			for g := range m * n {
				inner := 0.0
				for c, v := range z.Row(e % n) {
					inner += v * z.Row(g % n)[c]
				}
				s := a[e/n] * a[g/n] * on[e%n] * on[g%n] * inner // ∂f/∂B
				if e/n == g/n {
					s += h[e%n] * h[g%n] // ∂f/∂A
				}
				got[e*m*n+g] += s / k
			}
		}
	}
	want := make([]float64, len(got))
	for e := range m * n {
		for g := range m * n {
			if e/n != g/n {
				continue
			}
			var inner, s1, s2 float64
			for c, v := range z.Row(e % n) {
				w := z.Row(g % n)[c]
				inner, s1, s2 = inner+v*w, s1+v*v, s2+w*w
			}
			a := math.Acos(min(1, max(-1, inner/math.Sqrt(s1*s2))))
			want[e*m*n+g] = math.Sqrt(s1*s2)*(math.Sin(a)+(math.Pi-a)*math.Cos(a))/math.Pi + inner*(math.Pi-a)/math.Pi
		}
	}
	// Entries scatter by some 3/√k of the largest: 0.01; four of these.
	kerneltest.Close(t, "kernel", got, want, 0.04)
}
