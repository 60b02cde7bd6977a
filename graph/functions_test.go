package graph_test

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// functions are those of pkg/core/graph that models are written with besides
// layers: they make ops that no layer makes, or make them otherwise.
func functions() (ls []layer) {
	add := func(name string, f func(x *gx.Node) *gx.Node) *layer {
		ls = append(ls, one(name, f64(2, 3, 4), func(_ *mlctx.Context, x *gx.Node) *gx.Node { return f(x) }))
		return &ls[len(ls)-1]
	}
	const rsqrt, expm1, clamp = "Rsqrt", "Expm1", "Clamp"
	positive := func(x *gx.Node) *gx.Node { return gx.AddScalar(gx.Square(x), 0.5) }

	add("Softmax", func(x *gx.Node) *gx.Node { return gx.Softmax(x, -1) })
	add("LogSoftmax", func(x *gx.Node) *gx.Node { return gx.LogSoftmax(x, 1, 2) })
	add("MaskedSoftmax", func(x *gx.Node) *gx.Node {
		return gx.MaskedSoftmax(x, gx.GreaterThan(x, gx.Scalar(x.Graph(), x.DType(), -2)), -1)
	})
	add("Softplus", gx.Softplus)
	add("LogAddExp", func(x *gx.Node) *gx.Node { return gx.LogAddExp(x, gx.Square(x)) })
	add("L1Norm", func(x *gx.Node) *gx.Node { return gx.L1Norm(x, -1) })
	add("L2Normalize", func(x *gx.Node) *gx.Node { return gx.L2Normalize(x, -1) })
	add("L2NormalizeWithEpsilon", func(x *gx.Node) *gx.Node { return gx.L2NormalizeWithEpsilon(x, 1e-2, 1, 2) })
	add("CosineSimilarity", func(x *gx.Node) *gx.Node { return gx.CosineSimilarity(x, gx.Sin(x), -1) })
	add("Variance", func(x *gx.Node) *gx.Node { return gx.Variance(x, 1) })
	add("Skewness", func(x *gx.Node) *gx.Node { return gx.Skewness(x, 2) })
	add("CumSum", func(x *gx.Node) *gx.Node { return gx.CumSum(x, 1) })
	add("ConsecutiveDifference", func(x *gx.Node) *gx.Node { return gx.ConsecutiveDifference(x, 2, true) })
	add("ShiftLeft", func(x *gx.Node) *gx.Node { return gx.ShiftLeft(x, 1, 2.5) })
	add("ShiftRight", func(x *gx.Node) *gx.Node { return gx.ShiftRight(x, 2, -1) })
	add("Shift", func(x *gx.Node) *gx.Node { return gx.Shift(x, 1, gx.ShiftDirRight, 1) })
	add("GrowLeft", func(x *gx.Node) *gx.Node { return gx.GrowLeft(gx.GrowRight(x, 1, 2, 0), 2, 1, 7) })
	add("TakeLowerTriangular", func(x *gx.Node) *gx.Node { return gx.TakeLowerTriangular(x, 0) })
	add("TakeUpperTriangular", func(x *gx.Node) *gx.Node { return gx.TakeUpperTriangular(x, 1) })
	add("Stack", func(x *gx.Node) *gx.Node { return gx.Stack([]*gx.Node{x, gx.Sin(x)}, 1) })
	add("Split", func(x *gx.Node) *gx.Node {
		p := gx.Split(x, -1, 2)
		return gx.Mul(p[0], p[1])
	})
	add("Einsum", func(x *gx.Node) *gx.Node { return gx.Einsum("bij,bkj->bki", x, gx.Sin(x)) })
	add("MatMul", func(x *gx.Node) *gx.Node { return gx.MatMul(x, gx.Transpose(x, 1, 2)) })
	add("ReduceMultiply", func(x *gx.Node) *gx.Node { return gx.ReduceMultiply(x, 2) }).noReverse = "ReduceProduct"
	add("ReduceMax", func(x *gx.Node) *gx.Node { return gx.ReduceMax(x, 1) })
	add("ReduceMin", func(x *gx.Node) *gx.Node { return gx.ReduceMin(x, 1) })
	add("MaskedReduceMean", func(x *gx.Node) *gx.Node { return gx.MaskedReduceMean(x, gx.IsNonNegative(x), 1) })
	add("MaskedReduceMax", func(x *gx.Node) *gx.Node { return gx.MaskedReduceMax(x, gx.IsNonNegative(gx.AddScalar(x, 3)), 1) })
	add("OneHot of ArgMax", func(x *gx.Node) *gx.Node {
		return gx.Mul(x, gx.OneHot(gx.ArgMax(x, -1), 4, dtypes.Float64))
	})
	r := add("Reverse", func(x *gx.Node) *gx.Node { return gx.Reverse(x, 1, 2) })
	r.lacks, r.noReverse = noReverse, "Reverse"
	add("Clip", func(x *gx.Node) *gx.Node { return gx.ClipScalar(x, -0.5, 0.5) })
	add("MirroredLog1p", gx.MirroredLog1p)
	add("SignPlusOrMinus", func(x *gx.Node) *gx.Node { return gx.Mul(x, gx.SignPlusOrMinus(gx.AddScalar(x, 0.1))) })
	add("Rsqrt", func(x *gx.Node) *gx.Node { return gx.Rsqrt(positive(x)) }).noReverse = rsqrt
	add("Expm1", gx.Expm1).noReverse = expm1
	add("Clamp", func(x *gx.Node) *gx.Node {
		s := func(v float64) *gx.Node { return gx.Scalar(x.Graph(), x.DType(), v) }
		return gx.Clamp(s(-1), x, s(1))
	}).noReverse = clamp
	add("Pow", func(x *gx.Node) *gx.Node { return gx.Pow(positive(x), gx.Sin(x)) })
	add("Mod", func(x *gx.Node) *gx.Node { return gx.ModScalar(gx.AddScalar(x, 0.05), 10) }).noReverse = "Rem"
	add("Gather of positions", func(x *gx.Node) *gx.Node {
		x = gx.Transpose(x, 0, 1)
		return gx.Transpose(gx.Gather(x, gx.Const(x.Graph(), [][]int32{{2}, {0}, {2}, {1}})), 0, 1)
	})
	for _, nearest := range []bool{false, true} {
		name := map[bool]string{false: "Interpolate", true: "Interpolate nearest"}[nearest]
		add(name, func(x *gx.Node) *gx.Node {
			c := gx.Interpolate(x, gx.NoInterpolation, gx.NoInterpolation, 6)
			if nearest {
				c = c.Nearest()
			}
			return c.Done()
		})
	}
	return ls
}
