package limits_test

import (
	"fmt"
	"math"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
)

// Twenty He layers of relu at a small angle ε: the angle θ_l of a layer obeys
//
//	cos θ_{l+1} = cos θ_l + (sin θ_l − θ_l cos θ_l)/π,
//
// so that θ_{l+1} = θ_l·(1 − θ_l/3π + O(θ²)), whence, as d(1/θ)/dl = 1/3π,
// 1/θ_20 = 1/ε + 20/3π up to O(20 ε). Θ of layer l+1 is Θ_l·(1 − θ_l/π) + cos
// θ_{l+1}, and K stays at cos θ. Without distances Θ is
// off by 1e-7.
func TestSmallAngles(t *testing.T) {
	const depth, eps = 20, 1e-6
	f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := first(ctx, x)
		for i := range depth - 1 {
			h = gx.MulScalar(gx.Dot(relu(h), normal(ctx, x, fmt.Sprint("W", i), n, n)), s2)
		}
		return gx.MulScalar(readout(ctx, relu(h)), math.Sqrt2)
	}
	g := grams(t, graph.One(f), [][]float64{{1, 0}, {math.Cos(eps), math.Sin(eps)}}, limits.Options{})
	theta, ntk := eps, 1.0 // cos ε = 1 to rounding
	for range depth {
		ntk = ntk*(1-theta/math.Pi) + 1
		theta = 1 / (1/theta + 1/(3*math.Pi))
	}
	// Terms of order θ² in each of 20 layers: 21·20·1e-12; rounding adds 1e-14.
	if e := math.Abs(g.NTK[1] - ntk); !(e <= 1e-9*1e-3*21) {
		t.Errorf("Θ is %.15g, want %.15g (off by %.2g)", g.NTK[1], ntk, e)
	}
	if e := math.Abs(g.NTK[0] - (depth + 1)); !(e <= 1e-12) {
		t.Errorf("Θ(x, x) is %.15g, want %d", g.NTK[0], depth+1)
	}
}
