package predict_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/spectral"
)

// TestKernels compares with scikit-learn's pairwise kernels and its Matérn kernel.
func TestKernels(t *testing.T) {
	r := readReference(t).Machines
	x := matrixOf(3, 4, waves(r.N, 4, 0).Data[:12])
	xs := matrixOf(3, 4, waves(r.M, 4, 2).Data[:12])
	b := blas(t)
	linear := make([]float64, 9)
	for i := range 3 {
		for j := range 3 {
			for c := range 4 {
				linear[i*3+j] += xs.Row(i)[c] * x.Row(j)[c] / 4
			}
		}
	}
	for name, c := range map[string]struct {
		kernel predict.Kernel
		want   []float64
	}{
		"linear":     {predict.Linear(b), linear},
		"polynomial": {predict.Polynomial(b, 3, 0.4, 1.2), r.Polynomial},
		"Gaussian":   {predict.Gaussian(b, 0.7), r.Gaussian},
		"Laplace":    {predict.Laplace(b, 0.7), r.Laplace},
	} {
		got, err := predict.Gram(t.Context(), c.kernel, xs, x)
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, name, got.Data, c.want, 1e-14)
		self, err := predict.Gram(t.Context(), c.kernel, x, x)
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.PSD(t, name, 3, self.Data, 1e-15)
	}
	// Close together far from the origin: the distance is exact where squares cancel.
	near := matrixOf(1, 2, []float64{1000, 1000})
	far := matrixOf(2, 2, []float64{1000, 1000, 1000, 1000 + 0x1p-20})
	got, err := predict.Gram(t.Context(), predict.Laplace(b, 1), near, far)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "near points", got.Data, []float64{1, math.Exp(-0x1p-20)}, 1e-15)
	for name, k := range map[string]predict.Kernel{"length": predict.Gaussian(b, 0), "degree": predict.Polynomial(b, 0, 1, 1)} {
		if _, err := predict.Gram(t.Context(), k, x, x); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s of 0: %v", name, err)
		}
	}
	if _, err := predict.Gram(t.Context(), predict.Linear(b), x, far); err == nil {
		t.Error("4 and 2 features: no error")
	}
}

// machineKernels are the matrices of testdata/sklearn_values.py.
func machineKernels(r reference) (k, cross predict.Matrix) {
	x, xs := waves(r.Machines.N, 4, 0), waves(r.Machines.M, 4, 2)
	length := math.Sqrt(1 / (2 * r.Machines.Gamma))
	k, cross = gaussianKernel(x, x, 1, length), gaussianKernel(xs, x, 1, length)
	for i, v := range k.Data {
		k.Data[i] = float64(float32(v)) // what LIBSVM keeps
	}
	return k, cross
}

// TestSVM compares with scikit-learn's SVC on a precomputed kernel, both to a
// tolerance of 1e-9: dual objectives, biases, decisions and predictions.
func TestSVM(t *testing.T) {
	r := readReference(t)
	k, cross := machineKernels(r)
	for _, c := range r.Machines.SVM {
		o, err := predict.NewOneVsOne(t.Context(), k, r.Machines.Labels, r.Machines.Classes, predict.SVMOptions{C: c.C, Tol: 1e-9})
		if err != nil {
			t.Fatal(err)
		}
		for p, want := range c.Pairs {
			s := o.Pairs[p]
			within(t, "dual objective", s.Objective, want.Objective, 1e-9)
			// Violations of 1e-9 are what is left to the bias.
			if !(math.Abs(s.Bias-want.Bias) <= 1e-8) || s.Support != want.Support {
				t.Errorf("C %g, pair %d: bias %g with %d support vectors, want %g with %d", c.C, p, s.Bias, s.Support, want.Bias, want.Support)
			}
		}
		d, err := o.Decisions(cross)
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, fmt.Sprintf("decisions at C %g", c.C), d.Data, c.Decisions, 1e-8)
		got, err := o.Predict(cross)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.Predict) {
			t.Errorf("C %g: predictions %v, want %v", c.C, got, c.Predict)
		}
	}
}

// TestSVMOptimal checks the conditions of Karush, Kuhn and Tucker, and equal primal
// and dual objectives, from the solution alone; also where C bounds nothing, where
// it bounds all, and with examples twice.
func TestSVMOptimal(t *testing.T) {
	const n = 40
	x := waves(n, 2, 0)
	for i := range n / 4 {
		copy(x.Row(n-1-i), x.Row(i)) // twice, by chance with either label
	}
	k := gaussianKernel(x, x, 1, 0.7)
	positive := make([]bool, n)
	y := make([]float64, n)
	for i := range positive {
		positive[i] = math.Sin(7*x.Row(i)[0]+float64(i)) > 0
		y[i] = -1
		if positive[i] {
			y[i] = 1
		}
	}
	for _, c := range []float64{1e-3, 1, 30} {
		s, err := predict.NewSVM(t.Context(), k, positive, predict.SVMOptions{C: c})
		if err != nil {
			t.Fatal(err)
		}
		f, err := s.Decision(k)
		if err != nil {
			t.Fatal(err)
		}
		var sum, norm, loss float64
		for i, d := range s.Dual {
			a := d * y[i]
			sum += d
			norm += d * (f[i] - s.Bias)
			loss += max(0, 1-y[i]*f[i])
			margin := y[i]*f[i] - 1
			// The tolerance of 1e-6 is that of violations.
			if a < 0 || a > c || a == 0 && margin < -2e-6 || a == c && margin > 2e-6 || a > 0 && a < c && math.Abs(margin) > 2e-6 {
				t.Errorf("C %g: α_%d = %g with a margin of 1 + %g", c, i, a, margin)
			}
		}
		if !(math.Abs(sum) <= 1e-13*c*n) {
			t.Errorf("C %g: Σ α y = %g", c, sum)
		}
		if primal := norm/2 + c*loss; !(math.Abs(primal-s.Objective) <= 1e-5*primal) {
			t.Errorf("C %g: primal objective %g, dual %g", c, primal, s.Objective)
		}
	}
}

// TestRidge compares with scikit-learn's KernelRidge, and leave-one-out with leaving
// each out.
func TestRidge(t *testing.T) {
	r := readReference(t)
	k, cross := machineKernels(r)
	y := matrixOf(r.Machines.N, 2, r.Machines.Y)
	w, err := predict.Ridge(t.Context(), blas(t), k, y, r.Machines.Ridge)
	if err != nil {
		t.Fatal(err)
	}
	f := make([]float64, r.Machines.M*2)
	for i := range r.Machines.M {
		for j := range r.Machines.N {
			for o := range 2 {
				f[i*2+o] += cross.Row(i)[j] * w.Row(j)[o]
			}
		}
	}
	kerneltest.Close(t, "predictions", f, r.Machines.RidgeWant, 1e-11)
	path, err := predict.NewRidgePath(t.Context(), blas(t), k, y)
	if err != nil {
		t.Fatal(err)
	}
	again, err := path.Weights(r.Machines.Ridge)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "weights of the path", again.Data, w.Data, 1e-11)
	loo, err := path.LeaveOneOut(r.Machines.Ridge)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 17, 89} {
		var rest []int
		for j := range r.Machines.N {
			if j != i {
				rest = append(rest, j)
			}
		}
		w, err := predict.Ridge(t.Context(), blas(t), k.Submatrix(rest, rest), y.Select(rest), r.Machines.Ridge)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, 2)
		for a, j := range rest {
			for o := range want {
				want[o] += k.Row(i)[j] * w.Row(a)[o]
			}
		}
		kerneltest.Close(t, "one left out", loo.Row(i), want, 1e-10)
	}
}

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
	opts := predict.FalkonOptions{Ridge: 1e-3, Tol: 1e-8}
	f, err := predict.NewFalkon(t.Context(), b, predict.KernelRows(k, x, centres), kmm, y, opts)
	if err != nil {
		t.Fatal(err)
	}
	if f.Iterations > 60 {
		t.Errorf("%d iterations, want fewer than centres", f.Iterations)
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

func TestMachinesRefuse(t *testing.T) {
	id := matrixOf(2, 2, []float64{1, 0, 0, 1})
	y := matrixOf(2, 1, []float64{1, 2})
	b := blas(t)
	svm := func(positive []bool, o predict.SVMOptions) func() error {
		return func() error { _, err := predict.NewSVM(t.Context(), id, positive, o); return err }
	}
	for name, c := range map[string]struct {
		run  func() error
		says string
	}{
		"one class": {svm([]bool{true, true}, predict.SVMOptions{}), "both classes"},
		"C":         {svm([]bool{true, false}, predict.SVMOptions{C: -1}), "C -1"},
		"iterations": {func() error {
			_, err := predict.NewSVM(t.Context(), gaussianKernel(waves(9, 1, 0), waves(9, 1, 0), 1, 1), []bool{true, false, true, false, true, false, true, false, true}, predict.SVMOptions{MaxIterations: 1})
			return err
		}, "MaxIterations"},
		"labels": {func() error {
			_, err := predict.NewOneVsOne(t.Context(), id, []int{0, 5}, 3, predict.SVMOptions{})
			return err
		}, "label 1 is 5"},
		"same labels": {func() error {
			_, err := predict.NewOneVsOne(t.Context(), id, []int{1, 1}, 3, predict.SVMOptions{})
			return err
		}, "fewer than two"},
		"no ridge": {func() error {
			_, err := predict.NewFalkon(t.Context(), b, nil, id, y, predict.FalkonOptions{})
			return err
		}, "ridge 0"},
		"centres":  {func() error { _, err := predict.Centres(3, 4, 1); return err }, "4 centres of 3"},
		"accuracy": {func() error { _, err := predict.Accuracy([]int{1}, nil); return err }, "0 labels"},
	} {
		if err := c.run(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, c.says)
		}
	}
}
