package predict_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/predict"
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

func ExampleNewSVM() {
	// The points 1 and −1 on a line, K = x·x': f(x) = x, with α = ½ for both.
	k := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1, -1, -1, 1}}
	s, err := predict.NewSVM(context.Background(), k, []bool{true, false}, predict.SVMOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f %.2f %.2f\n", s.Dual, s.Bias, s.Objective)
	// Output: [0.50 -0.50] 0.00 0.50
}
