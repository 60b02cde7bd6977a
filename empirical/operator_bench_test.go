package empirical_test

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// BenchmarkOperator multiplies Θ of an MLP 784-512-512-10 with a vector, as all
// outputs and as their mean, which takes ten passes in one.
func BenchmarkOperator(b *testing.B) {
	f, err := empirical.New(kerneltest.Backend(b).GoMLX, mlctx.New(), graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		for _, scope := range []string{"a", "b"} {
			x = activations.Relu(layers.Dense(ctx.In(scope), x, true, 512))
		}
		return layers.Dense(ctx.In("c"), x, true, 10)
	}), shapes.Make(dtypes.Float32, 784))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{1000, 10000, 60000} {
		x := make([]float32, n*784)
		for i, v := range probes(1, n, 784) {
			x[i] = float32(v)
		}
		data := empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, 784)}
		for _, outputs := range []empirical.Outputs{empirical.Full, empirical.Mean} {
			b.Run(fmt.Sprintf("N=%d/%s", n, outputs), func(b *testing.B) {
				op, err := f.Operator(b.Context(), data, empirical.OperatorOptions{Outputs: outputs})
				if err != nil {
					b.Fatal(err)
				}
				defer op.Close()
				v, dst := probes(2, 1, op.Dim()), make([]float64, op.Dim())
				if err := op.MulVec(b.Context(), dst, v); err != nil { // compiles
					b.Fatal(err)
				}
				for b.Loop() {
					if err := op.MulVec(b.Context(), dst, v); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "examples/s")
			})
		}
	}
}
