package limits_test

import (
	"fmt"
	"math"
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
	"github.com/gontk/ntk/limits"
)

type model = func(ctx *mlctx.Context, x *gx.Node) *gx.Node

// n is the width of the models here: their limits do not depend on it.
const n = 64

// s1 and s2 are √(1/n) and √(2/n).
var s1, s2 = math.Sqrt(1.0 / n), math.Sqrt(2.0 / n)

// drawn is the weight name, tagged with d, on x's graph.
func drawn(ctx *mlctx.Context, x *gx.Node, name string, d graph.Distribution, dims ...int) *gx.Node {
	return graph.Weight(ctx.Checked(false), name, shapes.Make(x.DType(), dims...), d).ValueGraph(x.Graph())
}

// normal is a weight N(0, 1) of rate 1.
func normal(ctx *mlctx.Context, x *gx.Node, name string, dims ...int) *gx.Node {
	return drawn(ctx, x, name, graph.Gaussian(1), dims...)
}

func relu(x *gx.Node) *gx.Node { return activations.Relu(x) }

// first is U x, readout v·h/√n.
func first(ctx *mlctx.Context, x *gx.Node) *gx.Node { return gx.Dot(x, normal(ctx, x, "U", 2, n)) }

func readout(ctx *mlctx.Context, h *gx.Node) *gx.Node {
	return gx.MulScalar(gx.Dot(h, normal(ctx, h, "v", n, 1)), s1)
}

func rnn(tied, last bool) model {
	return func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		u := first(ctx, x)
		h := relu(u)
		sum := h
		for i := range 2 {
			name := "W"
			if !tied {
				name = fmt.Sprint("W", i)
			}
			h = relu(gx.Add(gx.MulScalar(gx.Dot(h, normal(ctx, x, name, n, n)), s2), u))
			sum = gx.Add(sum, h)
		}
		if last {
			sum = h
		}
		return readout(ctx, sum)
	}
}

// The inputs are x = e₁ and x' = (½, √3/2), at an angle of 60°.
var plane = [][]float64{{1, 0}, {0.5, math.Sqrt(3) / 2}}

// κ = E[relu relu'] and κ̇ at 60°: Cho and Saul (NIPS 2009), eq. (3)-(6).
var kappa, kappaDot = (math.Sqrt(3)/2 + math.Pi/3) / (2 * math.Pi), 1.0 / 3

// Values of the rules for infinite-width limits, each with where it is from.
var decisive = []struct {
	name string
	f    model
	// K and Θ at (x, x) and at (x, x'); NaN is not compared.
	kxx, txx, kxy, txy float64
	from               string
}{
	{
		"1 correlated branches", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			x1 := first(ctx, x)
			x2 := gx.Add(x1, gx.MulScalar(gx.Dot(relu(x1), normal(ctx, x, "W", n, n)), s2))
			return readout(ctx, gx.Add(relu(x1), relu(x2)))
		}, 2.5683098862, 5.3183098862, 1.6789798584, 2.6486655580,
		"K(x,x) = 3/2 + (1 + 3π/4)/π by arc-cosine duals of (x1, x2); quadrature; Monte Carlo at n = 512–2048",
	},
	{"2 tied recurrence, sum of states", rnn(true, false), 7.3281778673, 16.0851990976, 5.0111699349, 8.2816046405, "quadrature; Monte Carlo at n = 2048"},
	{"2 untied recurrence, sum of states", rnn(false, false), 6.5600041, 13.6397776, nan, nan, "quadrature"},
	{"2 tied recurrence, last state", rnn(true, true), 1.5, 4.5, nan, nan, "He-ReLU layers with skips keep variance by hand"},
	{"2 untied recurrence, last state", rnn(false, true), 1.5, 4.5, nan, nan, "the same"},
	{"3 layer norm after relu", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := relu(first(ctx, x))
		return readout(ctx, layers.LayerNormalization(ctx, h, -1).LearnedGain(false).LearnedOffset(false).Epsilon(0).Done())
	}, nan, nan, (kappa - 1/(2*math.Pi)) / (0.5 - 1/(2*math.Pi)), 0.9154030777, "moments 1/√(2π), ½ of relu"},
	{"4 gain", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := gx.Mul(first(ctx, x), gx.InsertAxes(drawn(ctx, x, "gain", graph.Constant(1), n), 0))
		return readout(ctx, gx.Mul(h, h))
	}, nan, nan, 1.5, 8.5, "moments of Gaussians by hand"},
	{"5 mean field", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		fast := graph.Distribution{Family: graph.Normal, Tau: 1, Eta: n}
		h := relu(gx.Dot(x, drawn(ctx, x, "W", fast, 2, n)))
		return gx.MulScalar(gx.Dot(h, drawn(ctx, x, "a", fast, n, 1)), 1.0/n)
	}, nan, nan, kappa / n, kappa + kappaDot/2, "one hidden layer by hand: η = n cancels 1/n"},
	{"5 standard", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := relu(gx.Dot(x, normal(ctx, x, "W", 2, n)))
		return gx.Dot(h, drawn(ctx, x, "a", graph.Gaussian(s1), n, 1))
	}, nan, nan, kappa, n*kappa + 1.0/6, "one hidden layer by hand: Θ grows with n"},
	{"7 weight of zero used twice", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x1 := first(ctx, x)
		w := drawn(ctx, x, "W", graph.Constant(0), n, n)
		h2 := gx.Add(x1, gx.MulScalar(gx.Dot(relu(x1), w), s1))
		h3 := gx.Add(h2, gx.MulScalar(gx.Dot(relu(h2), w), s1))
		return readout(ctx, h3)
	}, nan, nan, 0.5, 1 + 4*kappa, "∂f/∂W = 2 v relu(x1)ᵀ at W = 0"},
	{"7 two weights of zero", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x1 := first(ctx, x)
		h2 := gx.Add(x1, gx.MulScalar(gx.Dot(relu(x1), drawn(ctx, x, "W", graph.Constant(0), n, n)), s1))
		h3 := gx.Add(h2, gx.MulScalar(gx.Dot(relu(h2), drawn(ctx, x, "W2", graph.Constant(0), n, n)), s1))
		return readout(ctx, h3)
	}, nan, nan, 0.5, 1 + 2*kappa, "∂f/∂W = v relu(x1)ᵀ at W = 0, for each"},
	{"8 GLU", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return readout(ctx, gx.Mul(first(ctx, x), relu(gx.Dot(x, normal(ctx, x, "V", 2, n)))))
	}, nan, nan, kappa / 2, kappa + kappaDot/4, "ρκ and 2ρκ + ρ²κ̇ by independence"},
	{"8 GLU, fused", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		halves := gx.Split(gx.Dot(x, normal(ctx, x, "UV", 2, 2*n)), -1, 2)
		return readout(ctx, gx.Mul(halves[0], relu(halves[1])))
	}, nan, nan, kappa / 2, kappa + kappaDot/4, "the same"},
	// Σ over 4 heads of N(0, ρ) is N(0, 4ρ): relu kernels are homogeneous.
	{"a sum over heads", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return readout(ctx, relu(gx.ReduceSum(dot(x, normal(ctx, x, "heads", 2, 4, n)), 1)))
	}, 2, 4, 4 * kappa, 4*kappa + 4*kappaDot/2, "the sum of four weights N(0, 1) is one N(0, 4) of rate 4"},
	// y = √(2/n)·W relu(u) is N(0, 2κ) and independent of u, with Θ_y = 2κ + 2κ̇ρ. K
	// is E[u²u'²] + E[uu']E[yy'] = 1 + 2ρ² + 2κρ by Isserlis, and the terms of Θ
	// beside K are (ρ + 2κ)ρ, 2ρ² and ρ(ρ + Θ_y).
	{"8 gate that is correlated", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		u := first(ctx, x)
		y := gx.MulScalar(gx.Dot(relu(u), normal(ctx, x, "W", n, n)), s2)
		return readout(ctx, gx.Mul(u, gx.Add(u, y)))
	}, 4, 11, 1.5 + kappa, 8.0/3 + 3*kappa, "moments of Gaussians by hand; at (x, x) ρ = 1, κ = ½, κ̇ = ½"},
	{"8 GLU of one weight", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		u := first(ctx, x)
		return readout(ctx, gx.Mul(u, relu(u)))
	}, nan, nan, 0.7067483358, 1.3157461168, "u·relu(u) = relu(u)²: arc-cosine kernel of order 2"},
}

var nan = math.NaN()

func TestDecisive(t *testing.T) {
	for _, tc := range decisive {
		t.Run(tc.name, func(t *testing.T) {
			g := grams(t, graph.One(tc.f), plane, limits.Options{})
			check(t, "K(x, x)", g.NNGP[0], tc.kxx)
			check(t, "Θ(x, x)", g.NTK[0], tc.txx)
			check(t, "K(x, x')", g.NNGP[1], tc.kxy)
			check(t, "Θ(x, x')", g.NTK[1], tc.txy)
		})
	}
}

// Zero inputs and biases that start at zero: relu'(0) = 1 in GoMLX, so that K̇
// is 1 at (0, 0) and E[relu'] = ½ at (0, e₁).
func TestDecisiveZeroBias(t *testing.T) {
	f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		b := drawn(ctx, x, "b", graph.Constant(0), n)
		return readout(ctx, relu(gx.Add(first(ctx, x), gx.InsertAxes(b, 0))))
	}
	g := grams(t, graph.One(f), [][]float64{{0, 0}, {1, 0}}, limits.Options{})
	check(t, "K(0, 0)", g.NNGP[0], 0)
	check(t, "K(0, e₁)", g.NNGP[1], 0)
	check(t, "Θ(0, 0)", g.NTK[0], 1)
	check(t, "Θ(0, e₁)", g.NTK[1], 0.5)
}

// dot contracts the last axis of x with the first of w.
func dot(x, w *gx.Node) *gx.Node { return gx.DotGeneral(x, []int{-1}, nil, w, []int{0}, nil) }

// attention is f = v·mean_t relu(softmax(q kᵀ/d) h V/√n) of h = relu(x E), with
// d the width or its root.
func attention(tied bool, d float64) model {
	return func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := relu(dot(x, normal(ctx, x, "E", 2, n)))
		q := gx.MulScalar(dot(h, normal(ctx, x, "Q", n, n)), s1)
		k := q
		if !tied {
			k = gx.MulScalar(dot(h, normal(ctx, x, "K", n, n)), s1)
		}
		logits := gx.MulScalar(gx.DotGeneral(q, []int{2}, []int{0}, k, []int{2}, []int{0}), 1/d)
		values := gx.MulScalar(dot(h, normal(ctx, x, "V", n, n)), s1)
		y := gx.DotGeneral(gx.Softmax(logits, -1), []int{2}, []int{0}, values, []int{1}, []int{0})
		return readout(ctx, gx.ReduceMean(relu(y), 1))
	}
}

// The values are by plain quadrature of the formulas, and Monte Carlo at n = 2048.
func TestDecisiveAttention(t *testing.T) {
	x := [][][]float64{{{1.5, 0}, {0, 1.5}, {0.9, 1.2}}, {{0.96, 0.72}, {1.2, 0}, {0, -1.2}}}
	for _, tc := range []struct {
		name     string
		tied     bool
		k, theta float64
	}{{"tied", true, 0.2561914212, 0.5855411738}, {"untied", false, 0.2486221688, 0.5665178267}} {
		t.Run(tc.name, func(t *testing.T) {
			g := grams(t, graph.One(attention(tc.tied, n)), x, limits.Options{})
			check(t, "K", g.NNGP[1], tc.k)
			check(t, "Θ", g.NTK[1], tc.theta)
		})
	}
}

// check compares with a value given to ten digits, or seven where it is printed so.
func check(t *testing.T, name string, got, want float64) {
	t.Helper()
	tol := 1e-9
	if want == 6.5600041 || want == 13.6397776 {
		tol = 1e-7
	}
	if math.IsNaN(want) {
		return
	}
	if e := math.Abs(got - want); !(e <= tol) {
		t.Errorf("%s is %.11f, want %.11f (off by %.1e)", name, got, want, e)
	}
}

// grams derives the limit of a model of one input and evaluates it on xs.
func grams(t *testing.T, f graph.Model, xs any, opts limits.Options) *limits.Grams {
	t.Helper()
	x := tensors.FromAnyValue(xs)
	l, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shapes.Make(dtypes.Float64, x.Shape().Dimensions[1:]...)}, opts)
	if err != nil {
		t.Fatal(err)
	}
	g, err := l.Gram(t.Context(), empirical.Batch{x}, nil, limits.GramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
