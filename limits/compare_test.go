package limits_test

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/limits"
)

// oneHidden is f = v·φ(W x)/√n with all weights N(0, 1).
func oneHidden(then func(ctx *mlctx.Context, f *gx.Node) *gx.Node, phi func(*gx.Node) *gx.Node) func(width int) (graph.Model, error) {
	return func(width int) (graph.Model, error) {
		return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			g := x.Graph()
			w := graph.Weight(ctx, "W", shapes.Make(x.DType(), x.Shape().Dim(1), width), graph.Gaussian(1))
			v := graph.Weight(ctx, "v", shapes.Make(x.DType(), width, 1), graph.Gaussian(1))
			f := gx.Dot(phi(gx.Dot(x, w.ValueGraph(g))), v.ValueGraph(g))
			f = gx.MulScalar(f, 1/math.Sqrt(float64(width)))
			if then != nil {
				f = then(ctx, f)
			}
			return f
		}), nil
	}
}

func itself(x *gx.Node) *gx.Node { return x }

// unit is one example of length 1.
func unit() empirical.Batch { return empirical.Batch{tensors.FromValue([][]float64{{0.6, 0.8}})} }

// TestCompare holds what networks of one hidden layer say against the moments of
// their Θ, which are known at every width. With |x| = 1, h = W x normal:
//
//	linear: Θ = (1/n) Σ (h² + v²), mean 2, variance 4/n,
//	ReLU:   Θ = (1/n) Σ (h₊² + v² 1[h > 0]), mean 1, variance (4 − 1)/n
//	        from E h₊⁴ = E v⁴1[h>0] = 3/2 and E h₊² v² = 1/2,
//	K:      E f² = 1 and 1/2, Var f² = 3 E(Σ φ²/n)² − (E φ²)² = 3(1 + 2/n) − 1
//	        and 3(1/4 + 5/(4n)) − 1/4.
//
// No mean has a bias.
func TestCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("a few seconds: it draws 800 networks")
	}
	widths := []int{8, 16, 32, 64}
	for _, tc := range []struct {
		name            string
		phi             func(*gx.Node) *gx.Node
		theta, variance float64 // variance times n
		k, spread       float64 // variance of f² and its part in 1/n
		part            float64
	}{
		{"linear", itself, 2, 4, 1, 2, 6},
		{"relu", activations.Relu, 1, 3, 0.5, 0.5, 3.75},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := limits.Compare(t.Context(), kerneltest.Backend(t).GoMLX, oneHidden(nil, tc.phi), unit(), limits.CompareOptions{Widths: widths, Seeds: 100})
			if err != nil {
				t.Fatal(err)
			}
			if c.Refusal != nil || c.N != 1 || c.O != 1 || !slices.Equal(c.Widths, widths) {
				t.Fatalf("%+v", c)
			}
			for i, n := range widths {
				theta, k := c.NTK.Widths[i], c.NNGP.Widths[i]
				if math.Abs(theta.Limit[0]-tc.theta) > 1e-12 || math.Abs(k.Limit[0]-tc.k) > 1e-12 {
					t.Errorf("width %d: limits %g and %g, want %g and %g", n, theta.Limit[0], k.Limit[0], tc.theta, tc.k)
				}
				// Means of 100 draws are normal: 4 errors. Deviations of heavy tails are
				// known worse than their errors say: 5 of them, and 12 % of the value.
				for what, p := range map[string][3]float64{
					"mean of Θ":       {theta.Mean[0], 4 * theta.StdErr[0], tc.theta},
					"mean of K":       {k.Mean[0], 4 * k.StdErr[0], tc.k},
					"deviation of Θ":  {theta.Deviation, 5*theta.DeviationError + 0.12*theta.Deviation, math.Sqrt(tc.variance/float64(n)) / tc.theta},
					"noise of Θ":      {theta.Noise, 5*theta.NoiseError + 0.12*theta.Noise, math.Sqrt(tc.variance/float64(n)) / tc.theta},
					"noise of K":      {k.Noise, 5*k.NoiseError + 0.12*k.Noise, math.Sqrt(tc.spread+tc.part/float64(n)) / tc.k},
					"scores of means": {theta.Scores.Max, 0, math.Abs(theta.Mean[0]-tc.theta) / theta.StdErr[0]},
				} {
					if !(math.Abs(p[0]-p[2]) <= p[1]+1e-9) {
						t.Errorf("width %d: %s is %g, want %g within %g", n, what, p[0], p[2], p[1])
					}
				}
			}
			if p := c.NTK.Deviation; !(math.Abs(p.Exponent+0.5) <= 4*p.Error) || !(p.Error < 0.1) {
				t.Errorf("deviations fall as n^(%g ± %g), want -0.5", p.Exponent, p.Error)
			}
			if f := c.NTK.Fit; !(f.Offset.Max <= c.NTK.Expected(1)) || !(math.Abs(f.Limit[0]-tc.theta) <= 4*f.LimitError[0]) {
				t.Errorf("extrapolated to %g ± %g, want %g", f.Limit[0], f.LimitError[0], tc.theta)
			}
		})
	}
}

// TestCompareRefused compares networks without a limit: with a trainable factor,
// f = α v·W x/√n at α = 1, whose Θ = (1/n) Σ (h² + v²) + (v·h)²/n has the mean 3 at
// every width and stays random: its variance tends to 2.
func TestCompareRefused(t *testing.T) {
	factor := func(ctx *mlctx.Context, f *gx.Node) *gx.Node {
		a := graph.Weight(ctx, "alpha", shapes.Make(f.DType()), graph.Constant(1))
		return gx.Mul(f, a.ValueGraph(f.Graph()))
	}
	c, err := limits.Compare(t.Context(), kerneltest.Backend(t).GoMLX, oneHidden(factor, itself), unit(), limits.CompareOptions{Widths: []int{16, 64, 256}, Seeds: 120})
	if err != nil {
		t.Fatal(err)
	}
	if c.Refusal == nil || !errors.Is(c.Refusal, limits.ErrNoLimit) {
		t.Fatal("a trainable factor is not refused")
	}
	a := c.NTK
	if a.Growth != 0 || a.Widths[0].Limit != nil || !math.IsNaN(a.Widths[0].Deviation) {
		t.Errorf("growth %d, limit %v, deviation %g of what has no limit", a.Growth, a.Widths[0].Limit, a.Widths[0].Deviation)
	}
	if f := a.Fit; !(math.Abs(f.Limit[0]-3) <= 4*f.LimitError[0]) || !(f.LimitError[0] < 0.5) {
		t.Errorf("extrapolated to %g ± %g, want 3", f.Limit[0], f.LimitError[0])
	}
	if p := a.Noise; !(math.Abs(p.Exponent) <= 4*p.Error) || !(p.Error < 0.2) {
		t.Errorf("noise goes as n^(%g ± %g), want 0", p.Exponent, p.Error)
	}
	said := ""
	for _, v := range c.Verdicts() {
		said += v.Title + "\n"
	}
	for _, want := range []string{"No limit is derived", "stays random"} {
		if !strings.Contains(said, want) {
			t.Errorf("verdicts %q do not say %q", said, want)
		}
	}
}

// TestCompareGoesOn gives more seeds and widths to what a folder has: the same
// numbers as those of a run at once, and nothing is drawn twice.
func TestCompareGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "draws")
	run := func(dir string, seeds int, widths ...int) (*limits.Comparison, int) {
		calls := 0
		model := oneHidden(nil, activations.Relu)
		c, err := limits.Compare(t.Context(), kerneltest.Backend(t).GoMLX, model, unit(), limits.CompareOptions{
			Widths: widths, Seeds: seeds, Dir: dir, Progress: func(limits.CompareProgress) { calls++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		return c, calls
	}
	run(dir, 6, 8)
	on, calls := run(dir, 12, 16, 8)
	whole, _ := run("", 12, 8, 16)
	for i := range whole.Widths {
		a, b := on.NTK.Widths[i], whole.NTK.Widths[i]
		if !slices.Equal(a.Mean, b.Mean) || !slices.Equal(a.StdErr, b.StdErr) || a.Deviation != b.Deviation || on.NNGP.Widths[i].Noise != whole.NNGP.Widths[i].Noise {
			t.Errorf("width %d: %+v, at once %+v", a.Width, a, b)
		}
	}
	if calls < 6 {
		t.Errorf("progress was told %d times, want once for each 4 draws", calls)
	}
	// Θ of another width is of other draws, though first weights have the same place.
	if a := whole.NTK.Widths; a[0].Mean[0] == a[1].Mean[0] {
		t.Error("two widths have the same mean")
	}
}

// TestCompareDepends on the width: in the standard parameterization, a ~ N(0, 1/n),
// Θ = Σ φ(h)² + a² φ'(h)², which is n κ + 1/2 at |x| = 1 with κ = E relu² = 1/2.
func TestCompareDepends(t *testing.T) {
	model := func(width int) (graph.Model, error) {
		return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			g := x.Graph()
			w := graph.Weight(ctx, "W", shapes.Make(x.DType(), x.Shape().Dim(1), width), graph.Gaussian(1))
			v := graph.Weight(ctx, "v", shapes.Make(x.DType(), width, 1), graph.Gaussian(1/math.Sqrt(float64(width))))
			return gx.Dot(activations.Relu(gx.Dot(x, w.ValueGraph(g))), v.ValueGraph(g))
		}), nil
	}
	c, err := limits.Compare(t.Context(), kerneltest.Backend(t).GoMLX, model, unit(), limits.CompareOptions{Widths: []int{16, 32, 64, 128}, Seeds: 32})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.NTK.Widths {
		if want := float64(w.Width)/2 + 0.5; !(math.Abs(w.Limit[0]-want) <= 1e-12*want) {
			t.Errorf("width %d: Θ of the limit is %g, want %g", w.Width, w.Limit[0], want)
		}
	}
	if a := c.NTK; !(a.Fit.Offset.Max <= a.Expected(1)) || !(math.Abs(a.Deviation.Exponent+0.5) <= 4*a.Deviation.Error) {
		t.Errorf("offset of %g standard errors; deviations fall as n^(%g ± %g)", a.Fit.Offset.Max, a.Deviation.Exponent, a.Deviation.Error)
	}
}
