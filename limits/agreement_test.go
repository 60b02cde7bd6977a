package limits

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gontk/ntk/empirical"
)

// A law says how synthetic kernels of width n are drawn: [2, 2], with entries
// limit + bias/n + noise/√n·(common + own), where common is one normal number of
// a draw and own one of an entry.
type law struct {
	limit       [4]float64
	bias, noise float64
	growth      int // everything times n^growth
}

// moments are those of draws, by the two-pass formulas.
func moments(draws [][]float64) *empirical.Estimate {
	e := &empirical.Estimate{Draws: len(draws), Mean: make([]float64, 4), M2: make([]float64, 4)}
	for k := range 4 {
		for _, d := range draws {
			e.Mean[k] += d[k] / float64(len(draws))
		}
		for _, d := range draws {
			e.M2[k] += (d[k] - e.Mean[k]) * (d[k] - e.Mean[k])
		}
	}
	return e
}

// draw draws kernels of every width, in groups of 4 but for a shorter last one.
func (l law) draw(random *rand.Rand, draws int, widths ...int) []*drawnKernel {
	var list []*drawnKernel
	for _, n := range widths {
		d := &drawnKernel{width: n}
		unit := math.Pow(float64(n), float64(l.growth))
		var all [][]float64
		for range draws {
			x := make([]float64, 4)
			common := random.NormFloat64()
			for k := range x {
				x[k] = unit * (l.limit[k] + l.bias/float64(n) + l.noise/math.Sqrt(float64(n))*(common+random.NormFloat64()))
			}
			x[2] = x[1] // symmetric
			all = append(all, x)
		}
		for from := 0; from < draws; from += 4 {
			d.groups = append(d.groups, moments(all[from:min(from+4, draws)]))
		}
		d.all = moments(all)
		if l.growth == 0 {
			d.limit = l.limit[:]
		}
		list = append(list, d)
	}
	return list
}

// synthetic has the scale 1 in all entries: √(Θ_ii Θ_jj) of its limit is 1.
var synthetic = law{limit: [4]float64{1, 0.3, 0.3, 1}, bias: -1.5, noise: 0.8}

// TestAgreementRecovers compares what is said of drawn kernels with the law that
// they were drawn by.
func TestAgreementRecovers(t *testing.T) {
	widths := []int{16, 32, 64, 128, 256}
	a := newAgreement(NTK, 2, synthetic.draw(rand.New(rand.NewPCG(1, 2)), 402, widths...), 1e-12)
	near := func(what string, got, stderr, want float64) {
		t.Helper()
		// Errors from 100 groups are known to 7 %: 4 of them are 4.3 at most.
		if !(math.Abs(got-want) <= 4.3*stderr) || !(stderr < 0.2*math.Abs(want)+0.1) {
			t.Errorf("%s is %g ± %g, want %g", what, got, stderr, want)
		}
	}
	for _, w := range a.Widths {
		n := float64(w.Width)
		noise, bias := 0.8*math.Sqrt(2/n), 1.5/n
		near("noise", w.Noise, w.NoiseError, noise)
		near("deviation", w.Deviation, w.DeviationError, math.Hypot(noise, bias))
		near("bias", w.Bias, w.BiasError, bias)
		if w.Draws != 402 || len(w.Mean) != 4 {
			t.Errorf("width %d: %d draws of %d entries", w.Width, w.Draws, len(w.Mean))
		}
	}
	near("power of the noise", a.Noise.Exponent, a.Noise.Error, -0.5)
	near("c", a.Fit.Coefficient, 0.12, 1.5) // three equal entries: the error of c is 0.1
	for e, v := range a.Fit.Limit {
		near("limit", v, a.Fit.LimitError[e], synthetic.limit[e])
	}
	expected := a.Expected(2)
	if !(a.Fit.Offset.Max <= expected) {
		t.Errorf("offset of %g standard errors, want at most %g", a.Fit.Offset.Max, expected)
	}
	// The bias at width 16 is 1.5/16 = 0.094, the error of the mean 0.8·√(2/16/402)
	// = 0.0141: 6.6 standard errors, which c/n takes away.
	if w := a.Widths[0]; !(w.Scores.Max > 5) || !(w.Unbiased.Max <= 4) {
		t.Errorf("scores of %g with the bias and of %g without, want more than 5 and at most 4", w.Scores.Max, w.Unbiased.Max)
	}
	if !(math.Abs(a.Fit.ChiSquare-1) < 0.8) { // of 3 degrees of freedom, half of it in common
		t.Errorf("χ² of %g per degree of freedom", a.Fit.ChiSquare)
	}
}

// TestAgreementNotices wrong limits: off by a factor, and of an entry alone.
func TestAgreementNotices(t *testing.T) {
	for name, wrong := range map[string][]float64{"factor": {1.2, 0.36, 0.36, 1.2}, "entry": {1, 0.4, 0.4, 1}} {
		drawn := synthetic.draw(rand.New(rand.NewPCG(3, 4)), 200, 64, 128, 256, 512)
		for _, d := range drawn {
			d.limit = wrong
		}
		a := newAgreement(NTK, 2, drawn, 1e-12)
		if !(a.Fit.Offset.Max > a.Expected(2)) {
			t.Errorf("%s: offset of %g standard errors, want more than %g", name, a.Fit.Offset.Max, a.Expected(2))
		}
		if name == "entry" && (a.Fit.Offset.Row != 0 || a.Fit.Offset.Col != 1) {
			t.Errorf("the wrong entry is (%d, %d), want (0, 1)", a.Fit.Offset.Row, a.Fit.Offset.Col)
		}
	}
}

// TestAgreementErrors: over many comparisons standard errors are the standard
// deviations of what they are of, to 20 %: 300 give a deviation to 4 %, and errors
// of 8 groups scatter by a fourth each, a little below the truth on average.
func TestAgreementErrors(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const runs = 300
	type tally struct{ sum, square, error float64 }
	found := map[string]*tally{}
	add := func(name string, v, stderr float64) {
		if found[name] == nil {
			found[name] = &tally{}
		}
		f := found[name]
		f.sum += v / runs
		f.square += v * v / runs
		f.error += stderr * stderr / runs
	}
	for range runs {
		a := newAgreement(NTK, 2, synthetic.draw(random, 32, 32, 64, 128), 1e-12)
		w := a.Widths[0]
		add("deviation", w.Deviation, w.DeviationError)
		add("noise", w.Noise, w.NoiseError)
		add("bias", w.Bias*w.Bias, 2*w.BiasError*w.Bias)
		add("limit", a.Fit.Limit[0], a.Fit.LimitError[0])
	}
	for name, f := range found {
		if name == "bias" {
			continue // Bias is cut at 0, where its error has another meaning
		}
		sd := math.Sqrt(f.square - f.sum*f.sum)
		if r := math.Sqrt(f.error) / sd; !(math.Abs(r-1) <= 0.2) {
			t.Errorf("%s: standard errors are %.2f of the deviation %g over runs", name, r, sd)
		}
	}
}

// TestAgreementGrowth extrapolates Θ/n where Θ grows with n and has no limit.
func TestAgreementGrowth(t *testing.T) {
	l := synthetic
	l.growth = 1
	a := newAgreement(NTK, 2, l.draw(rand.New(rand.NewPCG(7, 8)), 100, 32, 64, 128, 256), 1e-12)
	if a.Growth != 1 || a.scaled() != "Θ/n" {
		t.Fatalf("growth %d, %s, want 1", a.Growth, a.scaled())
	}
	for e, v := range a.Fit.Limit {
		if !(math.Abs(v-l.limit[e]) <= 4*a.Fit.LimitError[e]) || !(a.Fit.LimitError[e] < 0.1) {
			t.Errorf("entry %d extrapolates to %g ± %g, want %g", e, v, a.Fit.LimitError[e], l.limit[e])
		}
	}
}

func TestFitPower(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		name         string
		x, y, stderr []float64
		want         Power
	}{
		// Exact laws: errors come from those of the points. Equal relative errors r
		// at log x = 0, L, 2L give r/√(2L²).
		{"three points", []float64{1, 4, 16}, []float64{3, 1.5, 0.75}, []float64{0.3, 0.15, 0.075}, Power{-0.5, 0.1 / math.Sqrt2 / math.Log(4)}},
		{"two points", []float64{1, math.E}, []float64{1, math.E * math.E}, []float64{0.1, 0.1 * math.E * math.E}, Power{2, 0.1 * math.Sqrt2}},
		{"a point that is 0", []float64{1, 2, 4}, []float64{1, 0, 0.25}, []float64{0.1, 0.1, 0.025}, Power{-1, 0.1 * math.Sqrt2 / math.Log(4)}},
		{"no errors", []float64{1, math.E, math.E * math.E}, []float64{1, math.E, 1}, []float64{nan, nan, nan}, Power{0, math.Sqrt(2./3) / math.Sqrt2}},
		{"two points, no errors", []float64{1, 2}, []float64{1, 2}, []float64{0, 0}, Power{1, nan}},
		{"one point", []float64{1}, []float64{1}, []float64{0.1}, Power{nan, nan}},
		// Scatter of χ² = 6 with one degree of freedom raises the error by √6.
		{"scatter", []float64{1, math.E, math.E * math.E}, []float64{1, math.Exp(0.3), 1}, []float64{0.1, 0.1 * math.Exp(0.3), 0.1}, Power{0, 0.1 / math.Sqrt2 * math.Sqrt(6)}},
	} {
		got := FitPower(tc.x, tc.y, tc.stderr)
		for _, p := range [][2]float64{{got.Exponent, tc.want.Exponent}, {got.Error, tc.want.Error}} {
			if math.IsNaN(p[0]) != math.IsNaN(p[1]) || math.Abs(p[0]-p[1]) > 1e-12 {
				t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
			}
		}
	}
}
