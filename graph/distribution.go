package graph

import (
	"encoding/json"
	"fmt"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// A Family is the shape of a distribution.
type Family string

// Families that Draw knows.
const (
	Normal  Family = "normal"
	Uniform Family = "uniform" // on an interval around Mean, of standard deviation Tau

	// Orthogonal: a weight [m…, n], read as a matrix [m, n], is
	//
	//	Mean + τ·√max(m, n)·Q
	//
	// with Q of orthonormal columns, or rows if n > m, uniform among all such
	// (Haar's measure). Entries have standard deviation τ, as in other families.
	//
	// Source: Saxe, McClelland, Ganguli, arXiv 1312.6120.
	Orthogonal Family = "orthogonal"
	// OrthogonalBlocks: the same for a weight [k…, m, n], each of the k matrices
	// [m, n] independent of the others: heads of attention.
	OrthogonalBlocks Family = "orthogonal-blocks"
	// DeltaOrthogonal: a filter [k…, m, n] is Orthogonal at its centre ⌊k/2⌋ and
	// Mean elsewhere, scaled such that the mean square of all entries around Mean
	// is τ².
	//
	// Source: Xiao et al., arXiv 1806.05393, algorithm 1.
	DeltaOrthogonal Family = "delta-orthogonal"
)

// Independent says whether the entries of a weight of f are independent; those
// of orthogonal families are not, but at infinite width.
func (f Family) Independent() bool { return f == Normal || f == Uniform }

// A Distribution says how a weight w is drawn and trained: entries have mean
// Mean and standard deviation Tau (τ), are independent but in orthogonal
// families, and Eta (η) is the weight's learning rate relative to the others'.
// The scale s in z = s·W h is in the Program, not here.
type Distribution struct {
	Family Family  `json:"family"`
	Mean   float64 `json:"mean"`
	Tau    float64 `json:"tau"`
	Eta    float64 `json:"eta"`
}

// Gaussian returns N(0, tau²) with learning rate 1.
func Gaussian(tau float64) Distribution { return Distribution{Normal, 0, tau, 1} }

// Constant returns the distribution of a weight that starts at mean and is trained.
func Constant(mean float64) Distribution { return Distribution{Normal, mean, 0, 1} }

// Weight returns the trainable variable name of ctx's scope, tagged with d.
func Weight(ctx *mlctx.Context, name string, shape shapes.Shape, d Distribution) *mlctx.Variable {
	v := ctx.WithInitializer(d.initializer(ctx)).VariableWithShape(name, shape)
	Tag(ctx, v, d)
	return v
}

// Tag records v's distribution, so that Initialize can draw it and limits can
// be derived. It is kept among ctx's parameters, as text, so that checkpoints
// save it.
func Tag(ctx *mlctx.Context, v *mlctx.Variable, d Distribution) {
	text, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Errorf("graph: distribution of %s: %w", v.ScopeAndName(), err))
	}
	ctx.InAbsPath(mlctx.RootScope).SetParam(tagKey(v), string(text))
}

// Of returns the distribution that Tag recorded for v; without one it returns
// false and η = 1.
func Of(ctx *mlctx.Context, v *mlctx.Variable) (Distribution, bool) {
	text, ok := ctx.InAbsPath(mlctx.RootScope).GetParam(tagKey(v))
	if s, isText := text.(string); ok && isText {
		var d Distribution
		if json.Unmarshal([]byte(s), &d) == nil {
			return d, true
		}
	}
	return Distribution{Eta: 1}, false
}

func tagKey(v *mlctx.Variable) string { return "ntk_distribution " + v.ScopeAndName() }

// initializer draws d with GoMLX's generator: for programs that run the model
// without Initialize.
func (d Distribution) initializer(ctx *mlctx.Context) mlctx.VariableInitializer {
	return func(g *gx.Graph, shape shapes.Shape) *gx.Node {
		if d.Tau == 0 {
			return gx.BroadcastToShape(gx.Scalar(g, shape.DType, d.Mean), shape)
		}
		var z *gx.Node
		switch d.Family {
		case Normal:
			z = ctx.RandomNormal(g, shape)
		case Uniform: // variance of U(0,1) is 1/12
			z = gx.MulScalar(gx.AddScalar(ctx.RandomUniform(g, shape), -0.5), sqrt12)
		default:
			if err := d.Family.fits(shape.Dimensions); err != nil {
				panic(fmt.Errorf("graph: %w", err))
			}
			z = orthogonalNode(ctx, g, d.Family, shape)
		}
		return gx.AddScalar(gx.MulScalar(z, d.Tau), d.Mean)
	}
}
