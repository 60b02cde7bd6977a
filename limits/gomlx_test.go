package limits_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/initializers"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
)

// GoMLX's own layers carry no distributions: those of their initializers are
// recognized. He's normal has τ² = 2/in and biases of zero, so that by Cho and
// Saul, with trained biases,
//
//	K_1 = 2x·x'/d,  K = 2·k(K_1),  Θ = n·k(K_1)·1 + 2·k̇(K_1)·(x·x' + 1) + 1
//
// for one hidden layer of n units, k and k̇ being the arc-cosine duals.
func TestInitializers(t *testing.T) {
	x := [][]float64{{1, 0}, {0.5, math.Sqrt(3) / 2}}
	for _, tc := range []struct {
		name        string
		init        func(ctx *mlctx.Context) mlctx.VariableInitializer
		first, last float64 // variances τ² of the weights
	}{
		{"He", initializers.HeFn, 2.0 / 2, 2.0 / n},
		{"Xavier normal", initializers.XavierNormalFn, 2.0 / (2 + n), 2.0 / (n + 1)},
		{"Glorot uniform", initializers.GlorotUniformFn, 2.0 / (2 + n), 2.0 / (n + 1)},
		{"normal", func(ctx *mlctx.Context) mlctx.VariableInitializer { return initializers.RandomNormalFn(ctx, 0.3) }, 0.09, 0.09},
		{"uniform", func(ctx *mlctx.Context) mlctx.VariableInitializer {
			return initializers.RandomUniformFn(ctx, -0.2, 0.2)
		}, 0.04 / 3, 0.04 / 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
				// The rank of a bias makes it zero, but for RandomNormal and RandomUniform.
				ctx = ctx.WithInitializer(tc.init(ctx))
				zero := ctx.WithInitializer(initializers.Zero)
				h := relu(addBias(zero.In("a"), layers.Dense(ctx.In("a"), x, false, n)))
				return addBias(zero.In("b"), layers.Dense(ctx.In("b"), h, false, 1))
			}
			g := grams(t, graph.One(f), x, limits.Options{})
			theta := n*tc.first*kappa + n*tc.last*kappaDot*(0.5+1) + 1
			check(t, "K", g.NNGP[1], n*tc.last*tc.first*kappa)
			check(t, "Θ", g.NTK[1], theta)
		})
	}
}

func addBias(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	b := ctx.VariableWithShape("b", shapes.Make(x.DType(), x.Shape().Dim(-1))).ValueGraph(x.Graph())
	return gx.Add(x, gx.ExpandLeftToRank(b, x.Rank()))
}

func TestUnknownInitializer(t *testing.T) {
	f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		square := func(g *gx.Graph, s shapes.Shape) *gx.Node { return gx.Square(ctx.RandomNormal(g, s)) }
		h := layers.Dense(ctx.In("a").WithInitializer(square), x, false, n)
		return readout(ctx, relu(h))
	}
	in := []shapes.Shape{shapes.Make(dtypes.Float64, 2)}
	_, err := limits.Derive(mlctx.New(), graph.One(f), in, limits.Options{})
	if err == nil || !strings.Contains(err.Error(), "/a/dense/weights") {
		t.Errorf("error %v, want one that names the weight", err)
	}
	given := map[string]graph.Distribution{"/a/dense/weights": graph.Gaussian(1)}
	if _, err := limits.Derive(mlctx.New(), graph.One(f), in, limits.Options{Distributions: given}); err != nil {
		t.Error(err)
	}
}
