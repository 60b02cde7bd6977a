package empirical_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// oneHidden returns f(x) = n^(−1/2) Σ_i a_i relu(w_i·x), o of them, with a and w
// from N(0, 1).
func oneHidden(n, o int) func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	return func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		g, d := x.Graph(), x.Shape().Dimensions[1]
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), d, n), graph.Gaussian(1)).ValueGraph(g)
		a := graph.Weight(ctx, "a", shapes.Make(x.DType(), n, o), graph.Gaussian(1)).ValueGraph(g)
		return gx.MulScalar(gx.Dot(activations.Relu(gx.Dot(x, w)), a), 1/math.Sqrt(float64(n)))
	}
}

// arcCosine returns E relu(u)relu(v) and E relu'(u)relu'(v) for u = w·x, v = w·y
// with w from N(0, 1) (Cho and Saul, NIPS 2009, eqs. (3) to (6)).
func arcCosine(x, y []float64) (k, dot float64) {
	xx, yy, xy := inner(x, x), inner(y, y), inner(x, y)
	cos := math.Max(-1, math.Min(1, xy/math.Sqrt(xx*yy)))
	theta := math.Acos(cos)
	return math.Sqrt(xx*yy) * (math.Sin(theta) + (math.Pi-theta)*cos) / (2 * math.Pi), (math.Pi - theta) / (2 * math.Pi)
}

func inner(x, y []float64) (s float64) {
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

func rowsOf(t *testing.T, x *tensors.Tensor) [][]float64 {
	d := x.Shape().Dimensions[1]
	return slices.Collect(slices.Chunk(kerneltest.Floats(t, x), d))
}

// withinErrors fails unless each mean is within 4 standard errors of want.
// Seeds are fixed: a pass stays one.
func withinErrors(t *testing.T, name string, e *empirical.Estimate, want []float64) {
	t.Helper()
	se := e.StdErr()
	for i, m := range e.Mean {
		if !(math.Abs(m-want[i]) <= 4*se[i]) || !(se[i] > 0) {
			t.Errorf("%s: entry %d is %g ± %g, want %g", name, i, m, se[i], want[i])
		}
	}
}

// f(x) = w·x: Θ is x xᵀ whatever w is, and the NNGP has mean x·x' and variance
// |x|²|x'|² + (x·x')².
func TestMonteCarloLinear(t *testing.T) {
	net := newNetwork(t, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := graph.Weight(ctx, "w", shapes.Make(x.DType(), 3, 1), graph.Gaussian(1)).ValueGraph(x.Graph())
		return gx.Dot(x, w)
	}, 3)
	x := examples(t, 4, "x", 3)
	m, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, empirical.MonteCarloOptions{MaxDraws: 400, NNGP: true})
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, x)
	var gram, variance []float64
	for _, a := range rows {
		for _, b := range rows {
			gram = append(gram, inner(a, b))
			variance = append(variance, inner(a, a)*inner(b, b)+inner(a, b)*inner(a, b))
		}
	}
	kerneltest.Close(t, "Θ", m.Theta.Mean, gram, 1e-14)
	for i, v := range m.Theta.Variance() {
		if v != 0 {
			t.Errorf("variance %d of a constant Θ is %g", i, v)
		}
	}
	withinErrors(t, "NNGP", m.NNGP, gram)
	for i, v := range m.NNGP.Variance() {
		// Products of normals have kurtosis up to that of χ²₁, 15: the variance of
		// 400 draws errs by √(14/400) = 0.19 of itself, at most; 4 times that.
		if !(math.Abs(v-variance[i]) <= 0.76*variance[i]) {
			t.Errorf("variance %d of the NNGP is %g, want %g", i, v, variance[i])
		}
	}
	if m.Draws != 400 || m.Relative != 0 || m.Reached {
		t.Errorf("%d draws with relative error %g, reached %t; want 400, 0 and false without a Tol", m.Draws, m.Relative, m.Reached)
	}
}

// One hidden layer of relu: with the arc-cosine kernels κ and κ' of x and x',
// E Θ = κ + (x·x')κ' and E f f' = κ, exactly, at every width.
func TestMonteCarloReluMean(t *testing.T) {
	draws := 1000
	if testing.Short() {
		draws = 200
	}
	for _, width := range []int{1, 8} {
		net := newNetwork(t, oneHidden(width, 2), 3)
		x1, x2 := examples(t, 4, "x1", 3), examples(t, 3, "x2", 3)
		for _, second := range []*tensors.Tensor{nil, x2} {
			b2, other := empirical.Batch(nil), x1
			if second != nil {
				b2, other = empirical.Batch{second}, second
			}
			m, err := net.MonteCarlo(t.Context(), empirical.Batch{x1}, b2, empirical.MonteCarloOptions{MaxDraws: draws, NNGP: true, First: 77})
			if err != nil {
				t.Fatal(err)
			}
			var theta, nngp []float64
			for _, a := range rowsOf(t, x1) {
				for _, b := range rowsOf(t, other) {
					k, dot := arcCosine(a, b)
					theta = append(theta, k+inner(a, b)*dot)
					nngp = append(nngp, k)
				}
			}
			withinErrors(t, "Θ", m.Theta, theta)
			withinErrors(t, "NNGP", m.NNGP, nngp)
		}
	}
}

// Bands of 95 % cover the exact mean of one hidden layer 93 to 97 times in 100.
func TestMonteCarloCoverage(t *testing.T) {
	reps, slack := 1000, 0.02
	if testing.Short() { // half a minute
		// Fewer repetitions tell less: 4·√(0.95·0.05/100) = 0.087 for entries that
		// hang together entirely.
		reps, slack = 100, 0.087
	}
	const draws = 32
	net := newNetwork(t, oneHidden(32, 1), 3)
	x := examples(t, 3, "x", 3)
	var want []float64
	for _, a := range rowsOf(t, x) {
		for _, b := range rowsOf(t, x) {
			k, dot := arcCosine(a, b)
			want = append(want, k+inner(a, b)*dot)
		}
	}
	covered := 0
	for rep := range reps {
		m, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, empirical.MonteCarloOptions{MaxDraws: draws, First: uint64(rep * draws)})
		if err != nil {
			t.Fatal(err)
		}
		low, high, err := m.Theta.Band(0.95, empirical.Student)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if low[i] <= w && w <= high[i] {
				covered++
			}
		}
	}
	got := float64(covered) / float64(reps*len(want))
	t.Logf("covered %.4f of %d repetitions", got, reps)
	if !(math.Abs(got-0.95) <= slack) {
		t.Errorf("95 %% bands cover %.4f, want 0.95 ± %g", got, slack)
	}
}

// Every draw by hand: Redraw, NTK and GoMLX's own forward pass, and two passes
// over what they give. All reductions, weights that only GoMLX can draw, joint
// batches.
func TestMonteCarloAgainstDraws(t *testing.T) {
	const draws, first = 11, 40
	for _, tc := range []struct {
		name string
		f    func(ctx *mlctx.Context, x *gx.Node) *gx.Node
		opts empirical.Options
	}{
		{"mean", oneHidden(5, 3), empirical.Options{}},
		{"full, in blocks", oneHidden(5, 3), empirical.Options{Outputs: empirical.Full, Block: 2}},
		{"diagonal of some", oneHidden(5, 3), empirical.Options{Outputs: empirical.Diagonal, Of: []int{2, 0}}},
		{"one weight", oneHidden(5, 3), empirical.Options{Params: []string{"/w"}}},
		{"untagged weights", twoLayers, empirical.Options{Outputs: empirical.Trace}},
		{"joint", batchNorm, empirical.Options{Joint: true, Block: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			net := newNetwork(t, tc.f, 4)
			exec := forwardOf(t, net, tc.f)
			for _, second := range []*tensors.Tensor{nil, examples(t, 3, "x2", 4)} {
				x1 := examples(t, 5, "x1", 4)
				b2, other := empirical.Batch(nil), x1
				if second != nil {
					b2, other = empirical.Batch{second}, second
				}
				var thetas, nngps [][]float64
				for s := range draws {
					if err := net.Redraw(first + uint64(s)); err != nil {
						t.Fatal(err)
					}
					g, err := net.NTK(t.Context(), empirical.Batch{x1}, b2, tc.opts)
					if err != nil {
						t.Fatal(err)
					}
					thetas = append(thetas, g.Values)
					nngps = append(nngps, gramOf(outputsAt(t, exec, x1), outputsAt(t, exec, other), tc.opts.Of))
				}
				m, err := net.MonteCarlo(t.Context(), empirical.Batch{x1}, b2, empirical.MonteCarloOptions{
					Options: tc.opts, NNGP: true, First: first, MaxDraws: draws, BlockDraws: 4,
				})
				if err != nil {
					t.Fatal(err)
				}
				if m.Draws != draws || m.Theta.Draws != draws || m.NNGP.Draws != draws {
					t.Errorf("%d draws, %d of Θ and %d of the NNGP, want %d", m.Draws, m.Theta.Draws, m.NNGP.Draws, draws)
				}
				for name, c := range map[string]struct {
					e *empirical.Estimate
					x [][]float64
				}{"Θ": {m.Theta, thetas}, "NNGP": {m.NNGP, nngps}} {
					mean, variance := twoPasses(c.x)
					// In float64; draws are of the order of what is compared.
					kerneltest.Close(t, name, c.e.Mean, mean, 1e-12)
					kerneltest.Close(t, "variance of "+name, c.e.Variance(), variance, 1e-12)
				}
			}
		})
	}
}

func twoPasses(draws [][]float64) (mean, variance []float64) {
	n := float64(len(draws))
	mean, variance = make([]float64, len(draws[0])), make([]float64, len(draws[0]))
	for i := range mean {
		for _, x := range draws {
			mean[i] += x[i] / n
		}
		for _, x := range draws {
			variance[i] += (x[i] - mean[i]) * (x[i] - mean[i]) / (n - 1)
		}
	}
	return mean, variance
}

// forwardOf runs the model by GoMLX alone, on the weights of net's context.
func forwardOf(t *testing.T, net *empirical.Network, f func(*mlctx.Context, *gx.Node) *gx.Node) *mlctx.Exec {
	t.Helper()
	exec := mlctx.MustNewExec(kerneltest.Backend(t).GoMLX, net.Context().Reuse(), f)
	t.Cleanup(exec.Finalize)
	return exec
}

func outputsAt(t *testing.T, exec *mlctx.Exec, x *tensors.Tensor) [][]float64 {
	t.Helper()
	out, err := exec.Exec(x)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(kerneltest.Floats(t, out[0]), out[0].Shape().Dimensions[1]))
}

// gramOf returns the mean over outputs of y1 y2ᵀ.
func gramOf(y1, y2 [][]float64, of []int) (k []float64) {
	if of == nil {
		for o := range y1[0] {
			of = append(of, o)
		}
	}
	for _, a := range y1 {
		for _, b := range y2 {
			s := 0.0
			for _, o := range of {
				s += a[o] * b[o] / float64(len(of))
			}
			k = append(k, s)
		}
	}
	return k
}

// Batch sizes change rounding only: in float32, by 1e-6·max|Θ|.
func TestMonteCarloBlocksOfExamples(t *testing.T) {
	net, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(oneHidden(64, 2)), shapes.Make(dtypes.Float32, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	x := tensors.FromFlatDataAndDimensions(narrow(kerneltest.Floats(t, examples(t, 7, "x", 5))), 7, 5)
	var want *empirical.Moments
	for _, block := range []int{0, 1, 2, 3} {
		m, err := net.MonteCarlo(t.Context(), empirical.Batch{x}, nil, empirical.MonteCarloOptions{
			Options: empirical.Options{Block: block}, MaxDraws: 24, NNGP: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = m
			continue
		}
		kerneltest.Close(t, "Θ", m.Theta.Mean, want.Theta.Mean, 1e-6)
		kerneltest.Close(t, "standard error of Θ", m.Theta.StdErr(), want.Theta.StdErr(), 1e-5) // of differences
		kerneltest.Close(t, "NNGP", m.NNGP.Mean, want.NNGP.Mean, 1e-6)
	}
}
