package predict_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/spectral"
)

// TestFalkon compares with ridge regression on Nyström features in scikit-learn,
// and with kernel ridge regression where every example is a centre; blocks and what
// is kept of them do not matter.
func TestFalkon(t *testing.T) {
	r := readReference(t)
	k, cross := machineKernels(r)
	n, m := r.Machines.N, r.Machines.M
	y := matrixOf(n, 2, r.Machines.Y)
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for name, c := range map[string]struct {
		centres []int
		want    []float64
		tol     float64
	}{
		"Nyström": {r.Machines.Centres, r.Machines.Nystrom, 1e-7},
		"all":     {all, r.Machines.RidgeWant, 1e-7},
	} {
		for _, o := range []predict.FalkonOptions{{}, {Block: 7}, {Block: 32, Memory: 8 * 32 * 90}, {Block: 20, Memory: 1 << 30}} {
			o.Ridge, o.Tol = r.Machines.Ridge, 1e-11
			stored := func(from predict.Matrix, made *int) predict.Rows {
				return func(_ context.Context, dst predict.Matrix, at int) error {
					*made += dst.Rows
					for i := range dst.Rows {
						for j, c := range c.centres {
							dst.Row(i)[j] = from.Row(at + i)[c]
						}
					}
					return nil
				}
			}
			var made, other int
			f, err := predict.NewFalkon(t.Context(), blas(t), stored(k, &made), k.Submatrix(c.centres, c.centres), y, o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Predict(t.Context(), m, stored(cross, &other))
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, name, got.Data, c.want, c.tol)
			// With n centres of n examples BᵀHB is the identity but for what is on
			// K_mm's diagonal: one iteration, and one or two for rounding.
			if name == "all" && f.Iterations > 3 {
				t.Errorf("%d iterations with every example as a centre, want 3 at most", f.Iterations)
			}
			if o.Memory == 1<<30 && made != n {
				t.Errorf("%s: %d rows made of %d, all kept", name, made, n)
			}
			if other != m {
				t.Errorf("%s: %d rows made to predict %d", name, other, m)
			}
		}
	}
}

// TestFalkonKernel uses a kernel and few iterations: the preconditioner makes them
// few, and too few are reported.
func TestFalkonKernel(t *testing.T) {
	const n = 400
	b, x := blas(t), waves(n, 3, 0)
	y := predict.NewMatrix(n, 1)
	for i := range n {
		y.Data[i] = math.Sin(2*x.Row(i)[0]) + x.Row(i)[1]*x.Row(i)[2]
	}
	idx, err := predict.Centres(n, 60, 1)
	if err != nil {
		t.Fatal(err)
	}
	k := predict.Gaussian(b, 1)
	centres := x.Select(idx)
	kmm, err := predict.Gram(t.Context(), k, centres, centres)
	if err != nil {
		t.Fatal(err)
	}
	opts := predict.FalkonOptions{Ridge: n * 1e-3, Tol: 1e-8}
	f, err := predict.NewFalkon(t.Context(), b, predict.KernelRows(k, x, centres), kmm, y, opts)
	if err != nil {
		t.Fatal(err)
	}
	// The error falls by e^{−1/2} or more in each iteration where there are centres
	// enough for the ridge (Rudi et al. 2017, theorem 1): 2·ln(2/Tol) = 38 of them.
	// Conjugate gradients on H itself take some 2 000 here.
	if f.Iterations > 38 {
		t.Errorf("%d iterations, want 38 at most", f.Iterations)
	}
	// The normal equations (KᵀK + r·K_mm)w = Kᵀy, and predictions, by plain loops.
	knm, err := predict.Gram(t.Context(), k, x, centres)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Predict(t.Context(), n, predict.KernelRows(k, x, centres))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, n)
	left, right := make([]float64, len(idx)), make([]float64, len(idx))
	for i := range n {
		for j, v := range knm.Row(i) {
			want[i] += v * f.Weights.Data[j]
		}
		for j, v := range knm.Row(i) {
			left[j] += v * want[i]
			right[j] += v * y.Data[i]
		}
	}
	for i := range idx {
		for j, v := range kmm.Row(i) {
			left[i] += opts.Ridge * v * f.Weights.Data[j]
		}
	}
	kerneltest.Close(t, "predictions", got.Data, want, 1e-12)
	kerneltest.Close(t, "normal equations", left, right, 1e-7) // ten times Tol
	opts.MaxIterations = 2
	if f, err := predict.NewFalkon(t.Context(), b, predict.KernelRows(k, x, centres), kmm, y, opts); !errors.Is(err, spectral.ErrNotConverged) || f == nil {
		t.Errorf("2 iterations: %v, want %v with the machine", err, spectral.ErrNotConverged)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := predict.NewFalkon(cancelled, b, predict.KernelRows(k, x, centres), kmm, y, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestFalkonSingular: a smooth kernel, and centres taken twice, leave nothing of the
// Cholesky factor of K_mm but what is added to its diagonal. The functions are those
// of exact kernel ridge regression on Nyström features, here by eigenvectors.
func TestFalkonSingular(t *testing.T) {
	const n, m, r = 300, 40, 0.01
	x, y := waves(n, 2, 0), waves(n, 2, 4)
	k := gaussianKernel(x, x, 1, 2)
	var idx, all []int
	for i := range m {
		idx = append(idx, 5*i)
	}
	for i := range n {
		all = append(all, i)
	}
	// f = Φ(ΦᵀΦ + r)⁻¹Φᵀy with Φ = K_nm·V·Λ^{−½} on eigenvalues above 1e-12 of the
	// largest; those left out are shrunk by (n/m)λ/r < 1e-6.
	w, v, err := native.Gonum().Eigh(m, k.Submatrix(idx, idx).Data, true)
	if err != nil {
		t.Fatal(err)
	}
	var features [][]float64
	for a := range m {
		if w[a] < 1e-12*w[m-1] {
			continue
		}
		phi := make([]float64, n)
		for i := range n {
			for b, c := range idx {
				phi[i] += k.Row(i)[c] * v[b*m+a] / math.Sqrt(w[a])
			}
		}
		features = append(features, phi)
	}
	q := len(features)
	want := make([]float64, 2*n)
	for o := range 2 {
		g, h := make([]float64, q*q), make([]float64, q)
		for a := range q {
			g[a*q+a] = r
			for i := range n {
				h[a] += features[a][i] * y.Row(i)[o]
				for b := range q {
					g[a*q+b] += features[a][i] * features[b][i]
				}
			}
		}
		c := solvePlain(q, g, h)
		for i := range n {
			for a := range q {
				want[2*i+o] += features[a][i] * c[a]
			}
		}
	}
	for name, centres := range map[string][]int{"smooth": idx, "twice": slices.Concat(idx, idx)} {
		rows := func(_ context.Context, dst predict.Matrix, from int) error {
			copy(dst.Data, k.Submatrix(all[from:from+dst.Rows], centres).Data)
			return nil
		}
		f, err := predict.NewFalkon(t.Context(), blas(t), rows, k.Submatrix(centres, centres), y, predict.FalkonOptions{Ridge: r})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := f.Predict(t.Context(), n, rows)
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, name, got.Data, want, 1e-5) // ten times Tol
	}
}

// TestFalkonJitter: what is added to the centres' kernel is as documented where that
// suffices, and raised tenfold, and reported, where an eigenvalue is below zero by
// more: here −5e-9, and Tol·r·m/n = 1e-9.
func TestFalkonJitter(t *testing.T) {
	y := matrixOf(2, 1, []float64{1, 2})
	for name, c := range map[string]struct {
		last, want float64
	}{"definite": {2, 1e-9}, "indefinite": {1 - 1e-8, 1e-8}} {
		k := matrixOf(2, 2, []float64{1, 1, 1, c.last})
		rows := func(_ context.Context, dst predict.Matrix, from int) error {
			copy(dst.Data, k.Data[2*from:])
			return nil
		}
		f, err := predict.NewFalkon(t.Context(), blas(t), rows, k, y, predict.FalkonOptions{Ridge: 1e-3, Tol: 1e-6})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		within(t, name+": jitter", f.Jitter, c.want, 1e-12)
	}
}
