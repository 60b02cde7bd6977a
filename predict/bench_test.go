package predict_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gontk/ntk/predict"
)

// BenchmarkFalkon trains on n examples with 20 features and 2 000 centres, as much
// as √n·log n of 50 000.
func BenchmarkFalkon(b *testing.B) {
	blas := blas(b)
	for _, n := range []int{12500, 25000, 50000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, y := waves(n, 20, 0), waves(n, 10, 1)
			idx, err := predict.Centres(n, 2000, 1)
			if err != nil {
				b.Fatal(err)
			}
			k, centres := predict.Gaussian(blas, 3), x.Select(idx)
			for b.Loop() {
				kmm, err := predict.Gram(context.Background(), k, centres, centres)
				if err != nil {
					b.Fatal(err)
				}
				f, err := predict.NewFalkon(context.Background(), blas, predict.KernelRows(k, x, centres), kmm, y, predict.FalkonOptions{Ridge: float64(n) * 1e-6})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(f.Iterations), "iterations")
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "examples/s")
		})
	}
}

// BenchmarkSVM trains ten classes one against one.
func BenchmarkSVM(b *testing.B) {
	for _, n := range []int{500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x := waves(n, 8, 0)
			k := gaussianKernel(x, x, 1, 1)
			labels := make([]int, n)
			for i := range labels {
				labels[i] = i % 10
			}
			for b.Loop() {
				if _, err := predict.NewOneVsOne(context.Background(), k, labels, 10, predict.SVMOptions{Tol: 1e-3}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "examples/s")
		})
	}
}
