package models

import (
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/batchnorm"

	"github.com/gontk/ntk/graph"
)

// Standardize returns (x − mean)/√(var + eps), the moments being those over
// axes, the variance biased.
func Standardize(x *gx.Node, eps float64, axes ...int) *gx.Node {
	centred := gx.Sub(x, gx.ReduceAndKeep(x, gx.ReduceMean, axes...))
	variance := gx.ReduceAndKeep(gx.Square(centred), gx.ReduceMean, axes...)
	return gx.Div(centred, gx.Sqrt(gx.AddScalar(variance, eps)))
}

// LayerNorm standardizes x over axes, which must not include the batch; with
// affine it multiplies by scale and adds shift, one of each per channel.
//
// Shapes: x [n, …, c], scale, shift [c]. The variables are scale, which starts
// at 1, and shift, which starts at 0, of ctx's scope.
func LayerNorm(ctx *mlctx.Context, x *gx.Node, eps float64, affine bool, axes ...int) *gx.Node {
	return affineOf(ctx, Standardize(x, eps, axes...), affine)
}

// GroupNorm standardizes each example over its positions and the channels of
// one group, of which there are so many, of equal size and adjacent channels.
// The rest is as in [LayerNorm].
//
// Source: Wu, He, arXiv 1803.08494.
func GroupNorm(ctx *mlctx.Context, x *gx.Node, groups int, eps float64, affine bool) *gx.Node {
	dims := x.Shape().Dimensions
	last := len(dims) - 1
	if groups < 1 || dims[last]%groups != 0 {
		panic(fmt.Errorf("models: group norm: %d groups do not divide %d channels", groups, dims[last]))
	}
	split := append(append([]int{}, dims[:last]...), groups, dims[last]/groups)
	var axes []int
	for i := 1; i < last; i++ {
		axes = append(axes, i)
	}
	y := Standardize(gx.Reshape(x, split...), eps, append(axes, last+1)...)
	return affineOf(ctx, gx.Reshape(y, dims...), affine)
}

// RMSNorm is GoMLX's x/√(mean(x²) + eps) over axes; with affine it multiplies by
// scale [c], which starts at 1.
//
// Source: Zhang, Sennrich, arXiv 1910.07467, eq. (4).
func RMSNorm(ctx *mlctx.Context, x *gx.Node, eps float64, affine bool, axes ...int) *gx.Node {
	// GoMLX's own scale has no recorded distribution, and the shape of the axes.
	y := layers.RMSNorm(ctx, x).WithEpsilon(eps).WithNormalizationAxes(axes...).WithScale(false).Done()
	if !affine {
		return y
	}
	return gx.Mul(y, perChannel(ctx, y, "scale", 1))
}

// BatchNorm standardizes x over all axes but the last, by the statistics of the
// batch at hand: examples interact. The rest is as in [LayerNorm].
func BatchNorm(ctx *mlctx.Context, x *gx.Node, eps float64, affine bool) *gx.Node {
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i
	}
	return affineOf(ctx, Standardize(x, eps, axes...), affine)
}

// BatchNormRunning is [BatchNorm] in graphs that train, where it also updates
// running averages of the moments, and in others standardizes by those:
//
//	(x − mean)/√(variance + eps),
//
// so that examples do not interact. GoMLX keeps the averages, the variables mean
// and variance [c] of ctx's scope, which start at 0 and 1.
func BatchNormRunning(ctx *mlctx.Context, x *gx.Node, eps float64, affine bool) *gx.Node {
	running := batchnorm.New(ctx, x, -1).CurrentScope().Epsilon(eps).
		Center(false).Scale(false).UseBackendInference(false).Done()
	for name, start := range runningStarts {
		graph.Tag(ctx, ctx.GetVariable(name), graph.Constant(start))
	}
	if ctx.IsTraining(x.Graph()) {
		// GoMLX stops the gradient of the batch's moments; only its update of
		// the averages is wanted.
		return BatchNorm(ctx, x, eps, affine)
	}
	return affineOf(ctx, running, affine)
}

// runningStarts are the variables of GoMLX's batch norm and their first values.
var runningStarts = map[string]float64{"mean": 0, "variance": 1, "avg_weight": 0}

func affineOf(ctx *mlctx.Context, x *gx.Node, affine bool) *gx.Node {
	if !affine {
		return x
	}
	return gx.Add(gx.Mul(x, perChannel(ctx, x, "scale", 1)), perChannel(ctx, x, "shift", 0))
}

// perChannel returns the trained vector name, which starts at start, to
// combine with x.
func perChannel(ctx *mlctx.Context, x *gx.Node, name string, start float64) *gx.Node {
	return gx.ExpandLeftToRank(weight(ctx, x, name, graph.Constant(start), x.Shape().Dim(-1)), x.Rank())
}
