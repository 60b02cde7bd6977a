package dual_test

import (
	"fmt"
	"testing"

	"github.com/gontk/ntk/dual"
)

// BenchmarkSeries expands at a variance that was not asked for before.
func BenchmarkSeries(b *testing.B) {
	for _, newF := range []func() *dual.Activation{dual.Tanh, dual.SiLU, dual.SELU} {
		for _, q := range []float64{0.1, 1, 4, 100} {
			b.Run(fmt.Sprintf("%s/q=%g", newF().Name, q), func(b *testing.B) {
				var s *dual.Series
				for b.Loop() {
					var err error
					if s, err = newF().Series(q); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(s.A)), "orders")
			})
		}
	}
}

// BenchmarkDual evaluates pairs of variances whose series are kept.
func BenchmarkDual(b *testing.B) {
	for _, f := range []*dual.Activation{dual.ReLU(), dual.GELU(), dual.Tanh(), dual.SELU()} {
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Dual(dual.Cov(1, 0.8, 0.3)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
		})
	}
}
