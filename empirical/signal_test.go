package empirical_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/machine"
)

// signalNet is f(x) = V·tanh(½ W x + b), of dimensions 3, 4 and o.
func signalNet(o int) graph.Model {
	return graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		weight := func(name string, dims ...int) *gx.Node {
			return graph.Weight(ctx, name, shapes.Make(x.DType(), dims...), graph.Gaussian(1)).ValueGraph(x.Graph())
		}
		z := gx.Add(gx.MulScalar(gx.Dot(x, weight("w", 3, 4)), 0.5), gx.ExpandLeftToRank(weight("b", 4), 2))
		return gx.Dot(gx.Tanh(z), weight("v", 4, o))
	})
}

// values are those of a variable of f.
func values(t *testing.T, f *empirical.Network, name string) []float64 {
	t.Helper()
	v, err := f.Context().GetVariableByScopeAndName("/", name).Value()
	if err != nil {
		t.Fatal(err)
	}
	x, err := graph.Floats(v)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d entries, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tol) {
			t.Errorf("%s, entry %d: %g, want %g", what, i, got[i], want[i])
		}
	}
}

// TestSignal compares with plain loops over the same weights: for one output the
// gradient at z is v ⊙ (1 − tanh²), for two that of ∂f/∂x is computed as well.
func TestSignal(t *testing.T) {
	const n, tol = 5, 1e-13 // sums of a dozen numbers near 1
	for _, o := range []int{1, 2} {
		f, err := empirical.New(pureGo(t), mlctx.New(), signalNet(o), shapes.Make(dtypes.Float64, 3))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Redraw(11); err != nil {
			t.Fatal(err)
		}
		x := probes(4, n, 3)
		p, err := f.SignalProbe(n, false, 0)
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Measure(t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, 3)}, true)
		if err != nil {
			t.Fatal(err)
		}
		w, b, v := values(t, f, "w"), values(t, f, "b"), values(t, f, "v")
		z, y, slope := make([]float64, n*4), make([]float64, n*o), make([]float64, n*4)
		for i := range n {
			for j := range 4 {
				z[i*4+j] = b[j]
				for k := range 3 {
					z[i*4+j] += 0.5 * x[i*3+k] * w[k*4+j]
				}
				h := math.Tanh(z[i*4+j])
				slope[i*4+j] = 1 - h*h
				for k := range o {
					y[i*o+k] += h * v[j*o+k]
				}
			}
		}
		gram := func(a []float64, d int) []float64 {
			g := make([]float64, n*n)
			for i := range n {
				for j := range n {
					for k := range d {
						g[i*n+j] += a[i*d+k] * a[j*d+k] / float64(d)
					}
				}
			}
			return g
		}
		if len(s.Layers) != 2 || s.Layers[0].Weight != "/w" || s.Layers[1].Weight != "/v" || !slices.Equal(s.Layers[0].Shape, []int{4}) {
			t.Fatalf("layers %+v", p.Layers())
		}
		near(t, "Gram matrix of the first layer", s.Layers[0].Gram, gram(z, 4), tol)
		near(t, "Gram matrix of the output", s.Layers[1].Gram, gram(y, o), tol)
		// The gradient at the output is u itself.
		near(t, "gradient at the output", []float64{s.Layers[1].Gradient}, []float64{1}, tol)
		if o == 1 {
			want := 0.0
			for i := range n {
				for j := range 4 {
					want += math.Pow(v[j]*slope[i*4+j], 2) / n
				}
			}
			near(t, "gradient at the first layer", []float64{s.Layers[0].Gradient}, []float64{want}, tol)
		}
		for i := range n {
			jac := make([]float64, o*3) // Σ_j v[j, k] slope ½ w[l, j]
			for k := range o {
				for l := range 3 {
					for j := range 4 {
						jac[k*3+l] += 0.5 * v[j*o+k] * slope[i*4+j] * w[l*4+j]
					}
				}
			}
			want := make([]float64, o*o)
			for a := range o {
				for c := range o {
					for l := range 3 {
						want[a*o+c] += jac[a*3+l] * jac[c*3+l]
					}
				}
			}
			near(t, "∂f/∂x (∂f/∂x)ᵀ", s.Jacobian[i], want, tol)
		}
		p.Close()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSignalRefuses what it cannot measure.
func TestSignalRefuses(t *testing.T) {
	f, err := empirical.New(pureGo(t), mlctx.New(), signalNet(1), shapes.Make(dtypes.Float64, 3))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.SignalProbe(100, false, 100); !errors.Is(err, machine.ErrBudget) {
		t.Errorf("100 bytes: %v", err)
	}
	p, err := f.SignalProbe(100, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Examples() != 16 {
		t.Errorf("measured on %d examples, want 16", p.Examples())
	}
	if _, err := p.Measure(t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions(make([]float64, 3), 1, 3)}, false); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("one example: %v", err)
	}
	x := make([]float64, 16*3)
	x[4] = math.Inf(1)
	if _, err := p.Measure(t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions(x, 16, 3)}, false); !errors.Is(err, empirical.ErrNotFinite) {
		t.Errorf("an infinite input: %v", err)
	}
}
