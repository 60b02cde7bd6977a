package limits_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// limitOf derives the limit of layers with a readout behind.
func limitOf(t *testing.T, layers, parameterization string, input ...int) *limits.Limit {
	t.Helper()
	text := `{"layers":[` + layers + `,{"op":"dense","width":3,"w_std":1.1,"b_std":0.2}],"parameterization":"` + parameterization + `","input_shape":` + ints(input) + `}`
	spec, err := models.ParseSpec(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := spec.Model()
	if err != nil {
		t.Fatal(err)
	}
	l, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shapes.Make(dtypes.Float64, input...)}, limits.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const wide = `{"op":"dense","width":64,"w_std":1.4,"b_std":0.3}`

// chains are recursions in every parameterization with each family of activations.
var chains = map[string]struct{ layers, parameterization string }{
	"relu":        {strings.Repeat(wide+`,{"op":"relu"},`, 4) + wide + `,{"op":"relu"}`, "ntk"},
	"one layer":   {wide + `,{"op":"relu"}`, "ntk"},
	"no biases":   {strings.Repeat(`{"op":"dense","width":64,"w_std":1.4},{"op":"relu"},`, 3) + `{"op":"identity"}`, "ntk"},
	"leaky, abs":  {wide + `,{"op":"leaky_relu","alpha":0.3},` + wide + `,{"op":"abs"}`, "ntk"},
	"erf":         {wide + `,{"op":"erf"},` + wide + `,{"op":"erf"}`, "ntk"},
	"standard":    {wide + `,{"op":"relu"},` + wide + `,{"op":"relu"}`, "standard"},
	"mup":         {wide + `,{"op":"relu"},` + wide + `,{"op":"relu"}`, "mup"},
	"mean-field":  {wide + `,{"op":"erf"}`, "mean-field"},
	"two readout": {wide + `,{"op":"relu"},` + wide, "ntk"},
}

// chainInputs are random, and beside them: one twice, its opposite, one near it, and
// zeros.
func chainInputs(n, d int) *tensors.Tensor {
	x := make([]float64, n*d)
	for i := range x {
		x[i] = math.Sin(1.3*float64(i*i+1)) * 1.5
	}
	for j := range d {
		x[d+j], x[2*d+j], x[3*d+j], x[4*d+j] = x[j], -x[j], x[j]*(1+1e-4*math.Cos(float64(j))), 0
	}
	return tensors.FromFlatDataAndDimensions(x, n, d)
}

// TestChain holds the compiled recursion in float32 against the exact one, which
// shares nothing with it below the plan: other formulas, pair by pair, in float64.
func TestChain(t *testing.T) {
	x1, x2 := chainInputs(21, 5), chainInputs(13, 5)
	for name, tc := range chains {
		l := limitOf(t, tc.layers, tc.parameterization, 5)
		for _, second := range []empirical.Batch{nil, {x2}} {
			for _, block := range []int{0, 6} {
				want, err := l.Gram(t.Context(), empirical.Batch{x1}, second, limits.GramOptions{Block: block})
				if err != nil {
					t.Fatal(err)
				}
				got, err := l.Gram(t.Context(), empirical.Batch{x1}, second, limits.GramOptions{Block: block, DType: dtypes.Float32})
				if err != nil {
					t.Fatal(err)
				}
				only, err := l.Gram(t.Context(), empirical.Batch{x1}, second, limits.GramOptions{Block: block, DType: dtypes.Float32, Only: limits.NTK})
				if err != nil {
					t.Fatal(err)
				}
				if only.NNGP != nil || !slices.Equal(only.NTK, got.NTK) {
					t.Errorf("%s: Θ alone is not that of both kernels", name)
				}
				if !strings.HasPrefix(got.Engine, "chain") || strings.HasPrefix(want.Engine, "chain") {
					t.Fatalf("%s: engines %q and %q", name, got.Engine, want.Engine)
				}
				// A rounding of float32 is 6e-8 of an entry, and each of up to six
				// layers has some ten.
				closeTo(t, name+", K", got.NNGP, want.NNGP, 1e-6)
				closeTo(t, name+", Θ", got.NTK, want.NTK, 2e-6)
			}
		}
	}
}

func closeTo(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	largest := slices.MaxFunc(want, func(a, b float64) int { return int(math.Copysign(1, math.Abs(a)-math.Abs(b))) })
	for i := range want {
		if off := math.Abs(got[i]-want[i]) / math.Abs(largest); !(off <= tolerance) {
			t.Errorf("%s: entry %d is %.9g, want %.9g: off by %.2g of the largest", what, i, got[i], want[i], off)
			return
		}
	}
}

// TestNoChain holds that what is no chain says why and is computed exactly.
func TestNoChain(t *testing.T) {
	for layers, why := range map[string]string{
		wide + `,{"op":"tanh"}`:                                                       "no kernel for tanh",
		wide + `,{"op":"relu"},` + wide + `,{"op":"erf"}`:                             "beside",
		wide + `,{"op":"residual","main":[{"op":"relu"},` + wide + `]},{"op":"relu"}`: "branches",
		wide + `,{"op":"relu"},{"op":"layer_norm","axis":[-1]}`:                       "factors",
	} {
		l := limitOf(t, layers, "ntk", 5)
		x := empirical.Batch{chainInputs(6, 5)}
		want, err := l.Gram(t.Context(), x, nil, limits.GramOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Gram(t.Context(), x, nil, limits.GramOptions{DType: dtypes.Float32})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got.Engine, why) || !strings.Contains(l.Explain(), why) {
			t.Errorf("%s: engine %q and Explain do not say %q", layers, got.Engine, why)
		}
		if !slices.Equal(got.NTK, want.NTK) || !slices.Equal(got.NNGP, want.NNGP) {
			t.Errorf("%s: other numbers than in float64", layers)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	for _, name := range []string{"relu", "erf"} {
		layers := strings.Repeat(`{"op":"dense","width":512,"w_std":1.4,"b_std":0.1},{"op":"`+name+`"},`, 5)
		l := benchmarkedLimit(b, layers, []int{784})
		n := 4000
		x := make([]float64, n*784)
		for i := range x {
			x[i] = math.Sin(float64(i) * math.Sqrt(float64(i)+2))
		}
		in := empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, 784)}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Gram(b.Context(), in, nil, limits.GramOptions{DType: dtypes.Float32, Only: limits.NTK}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
