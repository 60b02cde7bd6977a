package spectral

import (
	"context"
	"fmt"
	"testing"
)

// Benchmarks report what a caller with a costly operator pays for, products.

func sweep(b *testing.B, run func(op Operator) (products int, err error)) {
	for _, n := range []int{100, 400, 1600} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			op := kernel(b, n)
			products := 0
			for b.Loop() {
				p, err := run(op)
				if err != nil {
					b.Fatal(err)
				}
				products += p
			}
			b.ReportMetric(float64(products)/float64(b.N), "products/op")
		})
	}
}

func BenchmarkLanczos(b *testing.B) {
	sweep(b, func(op Operator) (int, error) {
		p, err := Lanczos(context.Background(), op, 10, LanczosOptions{})
		return p.Products, err
	})
}

func BenchmarkLOBPCG(b *testing.B) {
	sweep(b, func(op Operator) (int, error) {
		p, err := LOBPCG(context.Background(), op, 10, LOBPCGOptions{})
		return p.Products, err
	})
}

func BenchmarkQuadrature(b *testing.B) {
	sweep(b, func(op Operator) (int, error) {
		q, err := LanczosQuadrature(context.Background(), op, QuadratureOptions{})
		return q.Products, err
	})
}

func BenchmarkTrace(b *testing.B) {
	for _, e := range estimators {
		b.Run(e.name, func(b *testing.B) {
			sweep(b, func(op Operator) (int, error) {
				got, err := e.run(context.Background(), op, TraceOptions{})
				return got.Products, err
			})
		})
	}
}

// BenchmarkOrthonormalize has the one cost that is not the operator's, per
// number: some 8·k²·n operations.
func BenchmarkOrthonormalize(b *testing.B) {
	const n = 20000
	for _, k := range []int{10, 40, 160} {
		b.Run(fmt.Sprintf("k=%d", k), func(b *testing.B) {
			w := zeros(k, n)
			for b.Loop() {
				for i := range k {
					gaussian(row(w, i), 0, probeStream, i)
				}
				orthonormalize(zeros(0, n), w, 0)
			}
		})
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, rank := range []int{0, 40} {
		b.Run(fmt.Sprintf("rank=%d", rank), func(b *testing.B) {
			sweep(b, func(op Operator) (int, error) {
				ctx, o, made := context.Background(), SolveOptions{Tol: 1e-8}, 0
				if rank > 0 {
					l, err := Nystrom(ctx, op, rank, NystromOptions{})
					if err != nil {
						return 0, err
					}
					if o.Preconditioner, err = l.Preconditioner(1e-3); err != nil {
						return 0, err
					}
					made = l.Products
				}
				s, err := Solve(ctx, op, 1e-3, waves(op.Dim(), 4), 4, o)
				if err != nil {
					return 0, err
				}
				return made + s.Products, nil
			})
		})
	}
}
