package empirical_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/empirical"
)

// The number of draws is the first, of those that Tol is looked at after, where
// plain loops over all draws find the error small enough: for all entries, for a
// quantile, with outputs, and for given scales.
func TestMonteCarloStops(t *testing.T) {
	const most = 400
	net := newNetwork(t, oneHidden(6, 2), 3)
	x1, x2 := empirical.Batch{examples(t, 4, "x1", 3)}, empirical.Batch{examples(t, 3, "x2", 3)}
	for _, tc := range []struct {
		name string
		x2   empirical.Batch
		opts empirical.MonteCarloOptions
		tail int
		// scales returns √(Θ_nn Θ_mm) for the entry [n, m, tail].
		scale func(mean []float64, n, m, k int) float64
	}{
		{
			"all entries", nil,
			empirical.MonteCarloOptions{Tol: 0.1},
			1,
			func(mean []float64, n, m, _ int) float64 { return math.Sqrt(mean[n*4+n] * mean[m*4+m]) },
		},
		{
			"half of the entries", nil,
			empirical.MonteCarloOptions{Tol: 0.05, Quantile: 0.5},
			1,
			func(mean []float64, n, m, _ int) float64 { return math.Sqrt(mean[n*4+n] * mean[m*4+m]) },
		},
		{
			"full", nil,
			empirical.MonteCarloOptions{Tol: 0.12, Options: empirical.Options{Outputs: empirical.Full}},
			4,
			func(mean []float64, n, m, k int) float64 {
				return math.Sqrt(mean[(n*4+n)*4+k/2*3] * mean[(m*4+m)*4+k%2*3])
			},
		},
		{
			"diagonal", nil,
			empirical.MonteCarloOptions{Tol: 0.12, Options: empirical.Options{Outputs: empirical.Diagonal}},
			2,
			func(mean []float64, n, m, k int) float64 {
				return math.Sqrt(mean[(n*4+n)*2+k] * mean[(m*4+m)*2+k])
			},
		},
		{
			"x2, scales of examples", x2,
			empirical.MonteCarloOptions{Tol: 0.15, Scale1: []float64{3, 2, 4, 5}, Scale2: []float64{1, 2, 3}},
			1,
			func(_ []float64, n, m, _ int) float64 {
				return math.Sqrt([]float64{3, 2, 4, 5}[n] * []float64{1, 2, 3}[m])
			},
		},
		{
			"x2, scales of outputs", x2,
			empirical.MonteCarloOptions{
				Tol: 0.15, Options: empirical.Options{Outputs: empirical.Diagonal},
				Scale1: []float64{3, 2, 4, 5, 3, 2, 4, 5}, Scale2: []float64{1, 2, 3, 4, 5, 6},
			},
			2,
			func(_ []float64, n, m, k int) float64 {
				return math.Sqrt([]float64{3, 2, 4, 5, 3, 2, 4, 5}[n*2+k] * []float64{1, 2, 3, 4, 5, 6}[m*2+k])
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.opts.MaxDraws = most
			m, err := net.MonteCarlo(t.Context(), x1, tc.x2, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			n2 := 4
			if tc.x2 != nil {
				n2 = 3
			}
			var draws [][]float64
			want, relative := 0, 0.0
			for seed := range uint64(most) {
				if err := net.Redraw(seed); err != nil {
					t.Fatal(err)
				}
				g, err := net.NTK(t.Context(), x1, tc.x2, tc.opts.Options)
				if err != nil {
					t.Fatal(err)
				}
				draws = append(draws, g.Values)
				// At multiples of 8, then of 16, then of 32.
				n := len(draws)
				if step := map[bool]int{n <= 128: 8, n > 128 && n <= 256: 16, n > 256: 32}[true]; n < 16 || n%step != 0 {
					continue
				}
				mean, variance := twoPasses(draws)
				var rel []float64
				for i, v := range variance {
					rel = append(rel, math.Sqrt(v/float64(n))/tc.scale(mean, i/tc.tail/n2, i/tc.tail%n2, i%tc.tail))
				}
				slices.Sort(rel)
				relative = rel[len(rel)-1]
				if tc.opts.Quantile > 0 {
					relative = rel[int(math.Ceil(tc.opts.Quantile*float64(len(rel))))-1]
				}
				if relative <= tc.opts.Tol {
					want = n
					break
				}
			}
			if want < 24 || want > 320 {
				t.Fatalf("the loops end after %d draws: choose a Tol that tells", want)
			}
			if m.Draws != want || !m.Reached || !(math.Abs(m.Relative-relative) <= 1e-9*relative) {
				t.Errorf("%d draws, reached %t, with relative error %g; want %d and %g", m.Draws, m.Reached, m.Relative, want, relative)
			}
		})
	}
}

// Progress comes in order, expects no more than MaxDraws, and ends where the run does.
func TestMonteCarloProgress(t *testing.T) {
	net := newNetwork(t, oneHidden(6, 2), 3)
	var seen []empirical.MonteCarloProgress
	m, err := net.MonteCarlo(t.Context(), empirical.Batch{examples(t, 4, "x", 3)}, nil, empirical.MonteCarloOptions{
		MaxDraws: 396, Tol: 0.1, Workers: 2, Networks: maker(t, oneHidden(6, 2), 3),
		Progress: func(p empirical.MonteCarloProgress) { seen = append(seen, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range seen {
		if p.Draws != 8*(i+1) || p.Expected < p.Draws || p.Expected > 396 || p.Left < 0 || p.Elapsed <= 0 {
			t.Errorf("report %d: %+v", i, p)
		}
		// The estimate needs 1/√n to hold by then: from half-way on, within a half.
		if p.Draws >= m.Draws/2 && !(math.Abs(float64(p.Expected-m.Draws)) <= 0.5*float64(m.Draws)) {
			t.Errorf("after %d draws %d are expected, and there are %d", p.Draws, p.Expected, m.Draws)
		}
	}
	last := seen[len(seen)-1]
	if last.Draws != m.Draws || last.Expected != m.Draws || last.Left != 0 || last.Relative != m.Relative {
		t.Errorf("the last report is %+v, of %d draws with relative error %g", last, m.Draws, m.Relative)
	}
}

func TestMonteCarloBadOptions(t *testing.T) {
	net := newNetwork(t, oneHidden(3, 1), 3)
	x := empirical.Batch{examples(t, 4, "x", 3)}
	for want, c := range map[string]struct {
		x2   empirical.Batch
		opts empirical.MonteCarloOptions
	}{
		"must be nil":           {nil, empirical.MonteCarloOptions{Options: empirical.Options{Progress: func(empirical.Progress) {}}}},
		"negative counts":       {nil, empirical.MonteCarloOptions{MaxDraws: -1}},
		"at least 9":            {nil, empirical.MonteCarloOptions{MaxDraws: 8, MinDraws: 9}},
		"tolerance":             {nil, empirical.MonteCarloOptions{Tol: math.NaN()}},
		"quantile":              {nil, empirical.MonteCarloOptions{Quantile: 2}},
		"Networks makes none":   {nil, empirical.MonteCarloOptions{Workers: 2}},
		"leave them nil":        {nil, empirical.MonteCarloOptions{Scale1: []float64{1, 1, 1, 1}}},
		"has no diagonal":       {x, empirical.MonteCarloOptions{Tol: 0.1}},
		"Scale2 has 0 entries":  {x, empirical.MonteCarloOptions{Scale1: []float64{1, 1, 1, 1}}},
		"entry 1 of Scale1":     {x, empirical.MonteCarloOptions{Scale1: []float64{1, -1, 1, 1}, Scale2: []float64{1, 1, 1, 1}}},
		"shares its weights":    {nil, empirical.MonteCarloOptions{Workers: 2, Networks: func() (*empirical.Network, error) { return net, nil }}},
		"raise --memory":        {nil, empirical.MonteCarloOptions{Options: empirical.Options{Memory: 1 << 10}}},
		"output 5 is asked for": {nil, empirical.MonteCarloOptions{Options: empirical.Options{Of: []int{5}}}},
	} {
		if _, err := net.MonteCarlo(t.Context(), x, c.x2, c.opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
