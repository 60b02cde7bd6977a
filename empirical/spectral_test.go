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
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"gonum.org/v1/gonum/mat"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/spectral"
)

var _ spectral.BlockOperator = (*empirical.Operator)(nil)

// spectralCases are operators with the Gram matrices that NTK computes from
// factors, which share no program with them.
var spectralCases = []struct {
	name    string
	outputs empirical.Outputs
	n       int
}{
	{"mean", empirical.Mean, 40},
	{"full", empirical.Full, 16}, // 48 rows
}

func spectralNetwork(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	x = gx.Tanh(layers.Dense(ctx.In("a"), x, true, 12))
	return layers.Dense(ctx.In("b"), x, true, 3)
}

// operatorAndGram returns Θ(x, x) twice, in float64.
func operatorAndGram(t *testing.T, outputs empirical.Outputs, n int) (*empirical.Operator, *mat.SymDense) {
	t.Helper()
	op, ctx, x := open(t, spectralNetwork, n, empirical.OperatorOptions{Outputs: outputs, Block: 16}, 6)
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(spectralNetwork), shapes.Make(dtypes.Float64, 6))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, err := f.NTK(t.Context(), empirical.Batch{x}, nil, empirical.Options{Outputs: outputs})
	if err != nil {
		t.Fatal(err)
	}
	a, dim := asMatrix(outputs, g.Values, n, g.O)
	return op, mat.NewSymDense(dim, a)
}

// TestSpectral runs spectral's methods on Θ as an operator, and compares with
// what gonum's dense solvers make of its Gram matrix. The two agree to 1e-10 of
// the largest entry, as [empirical.Operator] promises, so to dim·1e-10 of λ_1.
func TestSpectral(t *testing.T) {
	for _, c := range spectralCases {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.outputs != empirical.Mean {
				t.Skip("XLA takes seconds to compile a program for each number of vectors")
			}
			ctx := t.Context()
			op, gram := operatorAndGram(t, c.outputs, c.n)
			dim := op.Dim()
			var dense mat.EigenSym
			if !dense.Factorize(gram, true) {
				t.Fatal("gonum found no eigenvalues")
			}
			values := dense.Values(nil)
			slices.Reverse(values)
			top := values[0]

			const k = 6
			pairs, err := spectral.Lanczos(ctx, op, k, spectral.LanczosOptions{})
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, "eigenvalues by Lanczos", pairs.Values, values[:k], 1e-9)
			var u mat.Dense
			dense.VectorsTo(&u)
			for i := range k {
				// The eigenvalue is simple: an error e turns its vector by e/gap.
				gap := values[i] - values[i+1]
				if i > 0 {
					gap = min(gap, values[i-1]-values[i])
				}
				v := mat.NewVecDense(dim, pairs.Vectors[i*dim:][:dim])
				cosine := math.Abs(mat.Dot(v, u.ColView(dim-1-i)))
				if e := 1e-9 * top / gap; !(1-cosine <= e*e+1e-12) {
					t.Errorf("vector %d has a cosine of 1 − %.2g with the dense one, want 1 − %.2g at most", i, 1-cosine, e*e+1e-12)
				}
			}
			pairs, err = spectral.LOBPCG(ctx, op, k, spectral.LOBPCGOptions{})
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, "eigenvalues by LOBPCG", pairs.Values, values[:k], 1e-9) // Tol is 1e-8, squared over gaps

			// A ridge of λ_1/1000: residuals of 1e-10·‖b‖ move x by up to 1000
			// times that of it.
			rho := top / 1000
			b := probes(4, 2, dim)
			shifted := mat.NewSymDense(dim, nil)
			shifted.CopySym(gram)
			for i := range dim {
				shifted.SetSym(i, i, gram.At(i, i)+rho)
			}
			var factor mat.Cholesky
			if !factor.Factorize(shifted) {
				t.Fatal("gonum's Cholesky failed")
			}
			want := make([]float64, 2*dim)
			for j := range 2 {
				if err := factor.SolveVecTo(mat.NewVecDense(dim, want[j*dim:][:dim]), mat.NewVecDense(dim, b[j*dim:][:dim])); err != nil {
					t.Fatal(err)
				}
			}
			low, err := spectral.Nystrom(ctx, op, 12, spectral.NystromOptions{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := low.Preconditioner(rho)
			if err != nil {
				t.Fatal(err)
			}
			for name, o := range map[string]spectral.SolveOptions{"CG": {}, "CG with Nyström": {Preconditioner: m}} {
				s, err := spectral.Solve(ctx, op, rho, b, 2, o)
				if err != nil {
					t.Fatal(err)
				}
				kerneltest.Close(t, name, s.X, want, 1e-7)
			}

			// 4 standard errors, with 30 products for 40 or 48 rows.
			for name, estimate := range map[string]func() (spectral.Estimate, error){
				"Hutch++": func() (spectral.Estimate, error) {
					return spectral.HutchPP(ctx, op, spectral.TraceOptions{Products: 30})
				},
				"Hutchinson": func() (spectral.Estimate, error) {
					return spectral.Hutchinson(ctx, op, spectral.TraceOptions{Products: 30})
				},
				"quadrature": func() (spectral.Estimate, error) {
					q, err := spectral.LanczosQuadrature(ctx, op, spectral.QuadratureOptions{Steps: 8})
					if err != nil {
						return spectral.Estimate{}, err
					}
					return q.Trace(func(x float64) float64 { return x })
				},
			} {
				got, err := estimate()
				if err != nil {
					t.Fatal(err)
				}
				if !(math.Abs(got.Value-mat.Trace(gram)) <= 4*got.Error && got.Error < mat.Trace(gram)/2) {
					t.Errorf("%s: a trace of %g ± %g, want %g", name, got.Value, got.Error, mat.Trace(gram))
				}
			}
			exact, err := spectral.HutchPP(ctx, op, spectral.TraceOptions{Products: dim})
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, "trace by unit vectors", []float64{exact.Value}, []float64{mat.Trace(gram)}, 1e-10)
		})
	}
}

// TestSpectralFloat32 states the noise of float32 products, and gets eigenvalues
// of the float64 Gram matrix to it.
func TestSpectralFloat32(t *testing.T) {
	const n = 24
	f, wide := bothPrecisions(t, spectralNetwork, 6)
	x := narrow(kerneltest.Floats(t, examples(t, n, "x", 6)))
	g, err := wide.NTK(t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions(widen(x), n, 6)}, nil, empirical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var dense mat.EigenSym
	if !dense.Factorize(mat.NewSymDense(n, g.Values), false) {
		t.Fatal("gonum found no eigenvalues")
	}
	values := dense.Values(nil)
	slices.Reverse(values)
	op, err := f.Operator(t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, 6)}, empirical.OperatorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	pairs, err := spectral.Lanczos(t.Context(), op, 4, spectral.LanczosOptions{Noise: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "eigenvalues", pairs.Values, values[:4], 1e-5) // as the Operator promises
}
