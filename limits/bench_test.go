package limits_test

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// networks that users take limits of, from small to large.
var benchmarked = []struct {
	name, layers string
	input        []int
	examples     int
}{
	{"mlp5-relu", strings.Repeat(`{"op":"dense","width":512,"w_std":1.4,"b_std":0.1},{"op":"relu"},`, 5), []int{784}, 64},
	{"mlp5-tanh", strings.Repeat(`{"op":"dense","width":512,"w_std":1.4,"b_std":0.1},{"op":"tanh"},`, 5), []int{784}, 64},
	{"cnn3-flatten-32", strings.Repeat(`{"op":"conv","width":128,"filter":[3,3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},`, 3) + `{"op":"flatten"},`, []int{32, 32, 3}, 4},
	{"cnn2-pool-16", strings.Repeat(`{"op":"conv","width":128,"filter":[3,3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},`, 2) + `{"op":"global_avg_pool"},`, []int{16, 16, 3}, 2},
}

func benchmarkedLimit(b *testing.B, layers string, input []int) *limits.Limit {
	b.Helper()
	text := `{"layers":[` + layers + `{"op":"dense","width":1,"w_std":1,"b_std":0.1}],"parameterization":"ntk","input_shape":` + ints(input) + `}`
	spec, err := models.ParseSpec(strings.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	f, err := spec.Model()
	if err != nil {
		b.Fatal(err)
	}
	l, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shapes.Make(dtypes.Float64, input...)}, limits.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func BenchmarkDerive(b *testing.B) {
	for _, tc := range benchmarked {
		b.Run(tc.name, func(b *testing.B) {
			for b.Loop() {
				benchmarkedLimit(b, tc.layers, tc.input)
			}
		})
	}
}

func BenchmarkGram(b *testing.B) {
	for _, tc := range benchmarked {
		b.Run(tc.name, func(b *testing.B) {
			l := benchmarkedLimit(b, tc.layers, tc.input)
			x, err := graph.Draw(graph.Gaussian(1), 1, "x", shapes.Make(dtypes.Float64, append([]int{tc.examples}, tc.input...)...))
			if err != nil {
				b.Fatal(err)
			}
			y := tensors.FromFlatDataAndDimensions(tensors.MustCopyFlatData[float64](x), x.Shape().Dimensions...)
			b.ResetTimer()
			for b.Loop() {
				if _, err := l.Gram(b.Context(), empirical.Batch{x}, empirical.Batch{y}, limits.GramOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(tc.examples*tc.examples*b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
