package graph_test

import (
	"strings"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// TestGradientNamesTheOp holds that of the ops that GoMLX cannot differentiate
// the one is named that is in the way, and none where none is.
func TestGradientNamesTheOp(t *testing.T) {
	w := func(ctx *mlctx.Context, scope string, x *gx.Node) *gx.Node {
		return gx.Mul(x, ctx.In(scope).VariableWithShape("w", f64(4)).ValueGraph(x.Graph()))
	}
	for _, tc := range []struct {
		name string
		f    func(ctx *mlctx.Context, x *gx.Node) *gx.Node
		want []string // in the error, none if there is no error
	}{
		{"floor of a weight", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Floor(w(ctx, "a", x))
		}, []string{"op Floor", "graph/gradient_test.go:", "nearest weight /a/w"}},
		{"two ops, two weights", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Reverse(w(ctx, "b", gx.Ceil(w(ctx, "a", x))), 0)
		}, []string{"op Reverse", "nearest weight /b/w"}},
		{"reverse before the weights", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return w(ctx, "a", gx.Reverse(x, 0))
		}, nil},
		{"stopped", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Mul(w(ctx, "a", x), gx.StopGradient(gx.Floor(w(ctx, "b", x))))
		}, nil},
		{"behind a comparison", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			y := w(ctx, "a", x)
			return gx.Where(gx.GreaterThan(gx.Floor(y), y), y, gx.Neg(y))
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := mlctx.New()
			_, err := graph.Trace(ctx, "t", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
				loss := gx.ReduceAllSum(tc.f(ctx, graph.Inputs(g, f64(4))[0]))
				var wrt []*gx.Node
				for v := range ctx.IterVariables() {
					wrt = append(wrt, v.ValueGraph(g))
				}
				return graph.Gradient(loss, wrt...)
			})
			if (err == nil) != (tc.want == nil) {
				t.Fatalf("error %v, want it to say %q", err, tc.want)
			}
			for _, s := range tc.want {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q lacks %q", err, s)
				}
			}
		})
	}
}
