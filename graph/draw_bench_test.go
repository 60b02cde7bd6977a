package graph

import (
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// The users' price of a weight: nanoseconds for each number, by family and dtype.
func BenchmarkDraw(b *testing.B) {
	const n = 1 << 20
	for _, family := range []Family{Normal, Uniform} {
		for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			b.Run(string(family)+"/"+dtype.String(), func(b *testing.B) {
				d := Distribution{Family: family, Tau: 0.5, Eta: 1}
				for b.Loop() {
					t, err := Draw(d, 1, "/w", shapes.Make(dtype, n))
					if err != nil {
						b.Fatal(err)
					}
					t.FinalizeAll()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N), "ns/number")
			})
		}
	}
}
