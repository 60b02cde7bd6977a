package train

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/initializers"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

// heavyBallScope is where velocities are kept.
const heavyBallScope = mlctx.ScopeSeparator + "HeavyBall"

// A heavyBall is an optimizer of GoMLX.
type heavyBall struct{ rate, momentum float64 }

// HeavyBall returns gradient descent with momentum μ, which GoMLX lacks:
//
//	v ← μv + g,  θ ← θ − ηv,  v = 0 at first,
//
// with the rate η as it is, not divided by the root of the step. Velocities are
// variables of the context that are not trained, below /HeavyBall.
//
// Source: Polyak (1964); the form is that of testdata/oracles/README.md.
func HeavyBall(rate, momentum float64) optimizers.Interface { return &heavyBall{rate, momentum} }

// UpdateGraph implements optimizers.Interface.
func (h *heavyBall) UpdateGraph(ctx *mlctx.Context, _ *gx.Graph, loss *gx.Node) {
	if !loss.Shape().IsScalar() {
		panic(fmt.Errorf("train: the loss is %s, want a scalar", loss.Shape()))
	}
	h.UpdateGraphWithGradients(ctx, ctx.BuildTrainableVariablesGradientsGraph(loss), loss.DType())
}

// UpdateGraphWithGradients implements train.OptimizeWithGradients of GoMLX.
func (h *heavyBall) UpdateGraphWithGradients(ctx *mlctx.Context, grads []*gx.Node, dtype dtypes.DType) {
	if len(grads) == 0 {
		return
	}
	g := grads[0].Graph()
	rate := optimizers.LearningRateVar(ctx, dtype, h.rate).ValueGraph(g)
	optimizers.IncrementGlobalStepGraph(ctx, g, dtype)
	ctx = ctx.Checked(false)
	for i, v := range trained(ctx, g) {
		velocity := ctx.InAbsPath(heavyBallScope+v.Scope()).WithInitializer(initializers.Zero).
			VariableWithShape(v.Name()+"_velocity", v.Shape()).SetTrainable(false)
		u := gx.Add(gx.MulScalar(velocity.ValueGraph(g), h.momentum), grads[i])
		velocity.SetValueGraph(u)
		step := gx.Mul(gx.ConvertDType(rate, u.DType()), u)
		v.SetValueGraph(gx.Sub(v.ValueGraph(g), step))
	}
}

// Clear implements optimizers.Interface.
func (h *heavyBall) Clear(ctx *mlctx.Context) error {
	return ctx.InAbsPath(heavyBallScope).DeleteVariablesInScope()
}

// trained returns the variables that optimizers of GoMLX move, in the order of
// their gradients.
func trained(ctx *mlctx.Context, g *gx.Graph) []*mlctx.Variable {
	var vs []*mlctx.Variable
	for v := range ctx.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			vs = append(vs, v)
		}
	}
	return vs
}
