package empirical_test

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// Networks that are known to fail at one op for the last example only.
func TestFirstNotFinite(t *testing.T) {
	dot := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := ctx.In("layer").VariableWithValue("w", [][]float64{{1, 0}, {0, 1}}).ValueGraph(x.Graph())
		return gx.Dot(x, w)
	}
	for _, tc := range []struct {
		name string
		f    func(ctx *mlctx.Context, x *gx.Node) *gx.Node
		x    [][]float64
		want []string // nil: all is finite
	}{
		{"finite", dot, [][]float64{{1, 2}}, nil},
		{"log of a negative number", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Log(dot(ctx, x))
		}, [][]float64{{1, 2}, {3, -4}}, []string{"example 1", "Log gives NaN", "[-4, 3]", "the output", "debugnan_test.go", "/layer/w"}},
		{"slope of a root at 0", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Sqrt(dot(ctx, x))
		}, [][]float64{{1, 2}, {4, 0}}, []string{"example 1", "Inf", "the gradient"}},
		{"overflow", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Exp(gx.MulScalar(dot(ctx, x), 1e3))
		}, [][]float64{{0, 0}, {1, 0}}, []string{"example 1", "Exp gives +Inf", "the output"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			net, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(tc.f), shapes.Make(dtypes.Float64, 2))
			if err != nil {
				t.Fatal(err)
			}
			defer net.Close()
			got, err := net.FirstNotFinite(t.Context(), empirical.Batch{tensors.FromValue(tc.x)})
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == nil {
				if got != nil {
					t.Errorf("%s, want nothing", got)
				}
				return
			}
			if got == nil {
				t.Fatal("nothing is found")
			}
			for _, w := range tc.want {
				if !strings.Contains(got.String(), w) {
					t.Errorf("%q lacks %q", got, w)
				}
			}
		})
	}
}
