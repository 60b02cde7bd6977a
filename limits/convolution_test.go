package limits_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/limits"
)

const (
	conv = `{"op":"conv","width":32,"filter":[3,3],"padding":"SAME","w_std":1.4,"b_std":0.1},{"op":"relu"},`
	bare = `{"op":"conv","width":32,"filter":[3,3],"padding":"SAME","w_std":1.4},{"op":"relu"},`
	pool = `{"op":"global_avg_pool"}`
	flat = `{"op":"flatten"}`
)

// convolutions are recursions of every shape that the engine takes.
var convolutions = map[string]struct {
	layers, parameterization string
	input                    []int
}{
	"pooled":              {strings.Repeat(conv, 3) + pool, "ntk", []int{6, 5, 3}},
	"flattened":           {strings.Repeat(conv, 3) + flat, "ntk", []int{6, 5, 3}},
	"no biases":           {strings.Repeat(bare, 2) + pool, "ntk", []int{5, 5, 1}},
	"standard":            {strings.Repeat(conv, 2) + pool, "standard", []int{5, 5, 2}},
	"standard, flattened": {strings.Repeat(conv, 2) + flat, "standard", []int{5, 5, 2}},
	"strides, other sizes": {`{"op":"conv","width":32,"filter":[3,2],"strides":[2,1],"padding":"SAME","w_std":1.3},{"op":"leaky_relu","alpha":0.2},` +
		`{"op":"conv","width":32,"filter":[2,3],"padding":"VALID","w_std":1.2,"b_std":0.2},{"op":"abs"},` + pool, "ntk", []int{8, 6, 2}},
	// Black pixels have no variance then, but Θ.
	"biases that start at 0": {strings.Repeat(strings.ReplaceAll(conv, "0.1", "0"), 2) + pool, "standard", []int{6, 6, 2}},
	"a sequence": {`{"op":"conv","width":32,"filter":[3],"padding":"SAME","w_std":1.4},{"op":"relu"},` +
		`{"op":"conv","width":32,"filter":[3],"padding":"SAME","w_std":1.4},{"op":"relu"},` + pool, "ntk", []int{9, 2}},
}

// pictures are random, and beside them: one twice, its opposite, one near it, one
// black and one with a black part.
func pictures(n int, dims []int) *tensors.Tensor {
	d := 1
	for _, s := range dims {
		d *= s
	}
	x := make([]float64, n*d)
	for i := range x {
		x[i] = math.Sin(1.3*float64(i*i+1)) * 1.5
	}
	for j := range d {
		x[d+j], x[2*d+j], x[3*d+j], x[4*d+j] = x[j], -x[j], x[j]*(1+1e-4*math.Cos(float64(j))), 0
		if 2*j < d {
			x[5*d+j], x[6*d+j] = 0, 0
		}
	}
	return tensors.FromFlatDataAndDimensions(x, append([]int{n}, dims...)...)
}

// TestConvolution holds the compiled recursion in float32 against the exact one, which
// shares nothing with it below the plan: pairs of positions one by one, in float64.
func TestConvolution(t *testing.T) {
	for name, tc := range convolutions {
		l := limitOf(t, tc.layers, tc.parameterization, tc.input...)
		x1, x2 := pictures(11, tc.input), pictures(9, tc.input)
		for _, second := range []empirical.Batch{nil, {x2}} {
			want, err := l.Gram(t.Context(), empirical.Batch{x1}, second, limits.GramOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range []int{0, 4} {
				got, err := l.Gram(t.Context(), empirical.Batch{x1}, second, limits.GramOptions{Block: block, DType: dtypes.Float32})
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(got.Engine, "convolution") || strings.HasPrefix(want.Engine, "convolution") {
					t.Fatalf("%s: engines %q and %q", name, got.Engine, want.Engine)
				}
				// A rounding of float32 is 6e-8 of an entry, each layer has some ten,
				// and positions average them. The opposite picture has ρ = −1 in the
				// first layer, where an angle has half the digits, in both.
				closeTo(t, name+", K", got.NNGP, want.NNGP, 1e-6)
				closeTo(t, name+", Θ", got.NTK, want.NTK, 4e-6)
			}
		}
	}
}

// TestNoConvolution holds that what is no convolution says why.
func TestNoConvolution(t *testing.T) {
	for layers, why := range map[string]string{
		`{"op":"conv","width":32,"filter":[3,3],"padding":"SAME","w_std":1},{"op":"tanh"},` + pool:                              "no kernel for tanh",
		conv + `{"op":"avg_pool","window":[2,2],"strides":[2,2]},` + strings.TrimSuffix(conv, ",") + "," + pool:                 "added before the sum",
		conv + `{"op":"residual","main":[` + strings.TrimSuffix(conv, ",") + `]},` + strings.TrimSuffix(conv, ",") + "," + pool: "added before the sum",
		conv + `{"op":"layer_norm","axis":[-1]},` + strings.TrimSuffix(conv, ",") + "," + pool:                                  "factors",
		conv + `{"op":"conv","width":32,"filter":[3,3],"padding":"CIRCULAR","w_std":1},{"op":"relu"},` + pool:                   "filter",
		conv + `{"op":"conv_local","width":32,"filter":[3,3],"padding":"SAME","w_std":1},{"op":"relu"},` + pool:                 "one weight twice",
		conv + `{"op":"global_avg_pool"},{"op":"dense","width":32,"w_std":1},{"op":"relu"}`:                                     "added before the sum",
	} {
		input := []int{4, 4, 2}
		l := limitOf(t, layers, "ntk", input...)
		x := empirical.Batch{pictures(7, input)}
		got, err := l.Gram(t.Context(), x, nil, limits.GramOptions{DType: dtypes.Float32})
		if err != nil {
			t.Fatal(err)
		}
		if _, text, _ := strings.Cut(got.Engine, "no convolution: "); !strings.Contains(text, why) || !strings.Contains(l.Explain(), why) {
			t.Errorf("%s: engine %q and Explain do not say %q", layers, got.Engine, why)
		}
	}
}

// TestConvolutionTiles computes a Gram again from half of its tiles, bit by bit: sizes
// of tiles do not matter, nor which side is grouped.
func TestConvolutionTiles(t *testing.T) {
	tc := convolutions["pooled"]
	l := limitOf(t, tc.layers, tc.parameterization, tc.input...)
	x, y := empirical.Batch{pictures(13, tc.input)}, empirical.Batch{pictures(7, tc.input)}
	gram := func(x, y empirical.Batch, block int) []float64 {
		g, err := l.Gram(t.Context(), x, y, limits.GramOptions{Block: block, DType: dtypes.Float32})
		if err != nil {
			t.Fatal(err)
		}
		return g.NTK
	}
	want := gram(x, y, 16)
	if got := gram(x, y, 5); !slices.Equal(got, want) {
		closeTo(t, "tiles of 5", got, want, 1e-9) // float32 sums in another order
	}
	other := gram(y, x, 16)
	for i := range 13 {
		for j := range 7 {
			if a, b := want[i*7+j], other[j*13+i]; !(math.Abs(a-b) <= 1e-7*math.Abs(a)) {
				t.Fatalf("Θ(%d, %d) = %g, with the sides exchanged %g", i, j, a, b)
			}
		}
	}
}
