package graph

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// initialized returns a weight as GoMLX's initializers draw it, in float64.
func initialized(t *testing.T, d Distribution, dims ...int) []float64 {
	t.Helper()
	b, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	ctx := mlctx.New()
	if err := ctx.SetRNGStateFromSeed(5); err != nil {
		t.Fatal(err)
	}
	v := Weight(ctx, "w", shapes.Make(dtypes.Float64, dims...), d)
	if err := ctx.InitializeVariables(b, nil); err != nil {
		t.Fatal(err)
	}
	x, err := v.Value()
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float64](x)
}

// TestOrthogonal: WᵀW, or W Wᵀ, is τ²·max(m, n) times the identity, by plain
// loops, for every matrix that the family makes; a filter is 0 but at its centre.
func TestOrthogonal(t *testing.T) {
	const tau = 0.3
	for _, tc := range []struct {
		family Family
		dims   []int
		m, n   int
		blocks []int // that are orthogonal; others are 0
		factor float64
	}{
		{Orthogonal, []int{7, 4}, 7, 4, []int{0}, 1},
		{Orthogonal, []int{4, 7}, 4, 7, []int{0}, 1},
		{Orthogonal, []int{1, 1}, 1, 1, []int{0}, 1},
		{Orthogonal, []int{3, 2, 5}, 6, 5, []int{0}, 1},
		{OrthogonalBlocks, []int{3, 5, 5}, 5, 5, []int{0, 1, 2}, 1},
		{OrthogonalBlocks, []int{2, 2, 3, 4}, 3, 4, []int{0, 1, 2, 3}, 1},
		{DeltaOrthogonal, []int{3, 3, 4, 6}, 4, 6, []int{4}, 9},
		{DeltaOrthogonal, []int{4, 6, 4}, 6, 4, []int{2}, 4},
	} {
		d := Distribution{Family: tc.family, Tau: tau, Eta: 1}
		for how, w := range map[string][]float64{
			"float64": drawn(t, d, 1, "w", shapes.Make(dtypes.Float64, tc.dims...)),
			"float32": drawn(t, d, 1, "w", shapes.Make(dtypes.Float32, tc.dims...)),
			"graph":   initialized(t, d, tc.dims...),
		} {
			t.Run(fmt.Sprint(tc.family, tc.dims, how), func(t *testing.T) {
				tol := 1e-13 // sums of some products
				if how == "float32" {
					tol = 1e-6 // entries are rounded
				}
				squares, inside := 0.0, 0.0
				for _, v := range w {
					squares += v * v
				}
				if got := squares / float64(len(w)); !(math.Abs(got/(tau*tau)-1) <= tol) {
					t.Errorf("mean square %g, want %g", got, tau*tau)
				}
				seen := map[float64]bool{}
				for _, b := range tc.blocks {
					block := w[b*tc.m*tc.n : (b+1)*tc.m*tc.n]
					if seen[block[0]] {
						t.Errorf("block %d repeats another", b)
					}
					seen[block[0]] = true
					for _, v := range block {
						inside += v * v
					}
					want := tau * tau * tc.factor * float64(max(tc.m, tc.n))
					for i := range min(tc.m, tc.n) {
						for j := range min(tc.m, tc.n) {
							sum := 0.0
							for k := range max(tc.m, tc.n) {
								if tc.m >= tc.n {
									sum += block[k*tc.n+i] * block[k*tc.n+j]
								} else {
									sum += block[i*tc.n+k] * block[j*tc.n+k]
								}
							}
							if i == j {
								sum -= want
							}
							if !(math.Abs(sum) <= tol*want) {
								t.Errorf("block %d, entry %d %d of the product is off by %g of %g", b, i, j, sum, want)
							}
						}
					}
				}
				if !(math.Abs(inside-squares) <= 1e-12*squares) {
					t.Errorf("entries outside the orthogonal blocks have squares %g", squares-inside)
				}
			})
		}
	}
}

// TestHaar: moments of 20 000 matrices of O(3), within 5 standard errors. With
// Q as a factorization leaves it, E tr Q and E (tr Q)² would not be 0 and 1.
func TestHaar(t *testing.T) {
	const n, count = 3, 20_000
	d := Distribution{Family: OrthogonalBlocks, Tau: 1 / math.Sqrt(n), Eta: 1}
	for how, w := range map[string][]float64{
		"draw":  drawn(t, d, 3, "w", shapes.Make(dtypes.Float64, count, n, n)),
		"graph": initialized(t, d, count, n, n),
	} {
		sums := map[string]*[2]float64{}
		want := map[string]float64{
			"tr Q": 0, "(tr Q)²": 1, "det Q": 0,
			"q11": 0, "q11²": 1. / n, "q23²": 1. / n, "q11⁴": 3. / (n * (n + 2)),
			// Independent entries would have 1/n² in both.
			"q11²q12²": 1. / (n * (n + 2)), "q11²q22²": (n + 1.) / ((n - 1) * n * (n + 2)),
			"q11 q12 q21 q22": -1. / ((n - 1) * n * (n + 2)),
		}
		for b := range count {
			q := func(i, j int) float64 { return w[(b*n+i-1)*n+j-1] }
			trace := q(1, 1) + q(2, 2) + q(3, 3)
			det := q(1, 1)*(q(2, 2)*q(3, 3)-q(2, 3)*q(3, 2)) - q(1, 2)*(q(2, 1)*q(3, 3)-q(2, 3)*q(3, 1)) + q(1, 3)*(q(2, 1)*q(3, 2)-q(2, 2)*q(3, 1))
			for name, v := range map[string]float64{
				"tr Q": trace, "(tr Q)²": trace * trace, "det Q": det,
				"q11": q(1, 1), "q11²": q(1, 1) * q(1, 1), "q23²": q(2, 3) * q(2, 3), "q11⁴": math.Pow(q(1, 1), 4),
				"q11²q12²": math.Pow(q(1, 1)*q(1, 2), 2), "q11²q22²": math.Pow(q(1, 1)*q(2, 2), 2),
				"q11 q12 q21 q22": q(1, 1) * q(1, 2) * q(2, 1) * q(2, 2),
			} {
				if sums[name] == nil {
					sums[name] = new([2]float64)
				}
				sums[name][0] += v / count
				sums[name][1] += v * v / count
			}
		}
		for name, s := range sums {
			se := math.Sqrt((s[1] - s[0]*s[0]) / count)
			if !(math.Abs(s[0]-want[name]) <= 5*se) {
				t.Errorf("%s: E %s = %.5f, want %.5f ± %.5f", how, name, s[0], want[name], 5*se)
			}
		}
	}
}

func TestOrthogonalErrors(t *testing.T) {
	for _, tc := range []struct {
		family Family
		dims   []int
		want   string
	}{
		{Orthogonal, []int{3}, "graph: w: weights of shape [3] cannot be drawn from family orthogonal, which needs at least 2 axes"},
		{DeltaOrthogonal, []int{3, 3}, "graph: w: weights of shape [3 3] cannot be drawn from family delta-orthogonal, which needs at least 3 axes"},
		{"cauchy", []int{3}, `graph: w: weights of family "cauchy" cannot be drawn`},
	} {
		_, err := Draw(Distribution{Family: tc.family, Tau: 1, Eta: 1}, 1, "w", shapes.Make(dtypes.Float64, tc.dims...))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s of %v: error %v, want %q", tc.family, tc.dims, err, tc.want)
		}
	}
}
