package limits

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// An Agreement compares one kernel of networks of several widths n with its
// limit, or extrapolates it where there is none. Deviations are relative to
// √(Θ_ii Θ_jj), of the limit or of the widest networks, and over entries i ≤ j.
//
// A network's Θ differs from Θ_∞ by a bias, the same for all seeds, and by noise,
//
//	Θ_s = Θ_∞ + c/n + O(1/n²) + noise_s,  sd(noise) ∝ 1/√n,
//
// so single draws deviate as n^−1/2, and a mean of M draws, off by c/n and known to
// sd/√M, leaves the limit by √(M/n) standard errors: hence the fit in 1/n. f fᵀ of
// one network does not concentrate: the noise of K does not fall with n.
type Agreement struct {
	Kernel Kernel
	// Growth is the power p for which Kernel/n^p is extrapolated where there is no
	// limit: 1 for Θ in the standard parameterization.
	Growth int
	Widths []WidthAgreement
	// Deviation fits the RMS deviation of single draws against n, and Noise their
	// standard deviation; Deviation is empty without a limit.
	Deviation, Noise Power
	// Fit says what the fit in 1/n says at n = ∞; nil with one width.
	Fit *WidthFit
}

// A WidthAgreement is that of the networks of one width. Numbers after ± in
// their names' comments are standard errors, NaN if there are too few draws.
type WidthAgreement struct {
	Width, Draws int
	// Mean is the mean over draws, [N, N], StdErr its standard error, with what
	// arithmetic loses; Limit is the derived one, nil if there is none.
	Mean, StdErr, Limit []float64
	// Deviation is the RMS deviation of single draws from the limit, over draws and
	// entries; Noise their standard deviation; Bias that of the mean over draws,
	// freed of noise: Deviation² = Bias² + Noise².
	Deviation, DeviationError float64
	Noise, NoiseError         float64
	Bias, BiasError           float64
	// Scores are (Mean − Limit)/StdErr; Unbiased the same once the fitted c/n is
	// taken away.
	Scores, Unbiased Scores
}

// Scores are deviations in standard errors, over entries.
type Scores struct {
	RMS, Max float64
	Row, Col int // where Max is
}

// score adds the deviation in standard errors of an entry.
func (s *Scores) add(z float64, row, col, entries int) {
	s.RMS = math.Sqrt(s.RMS*s.RMS + z*z/float64(entries))
	if math.Abs(z) > s.Max {
		s.Max, s.Row, s.Col = math.Abs(z), row, col
	}
}

// A WidthFit is the least squares fit a + c/n of every entry over the widths.
type WidthFit struct {
	// Limit is a and Slope c, [N, N] in units of the kernel (over n^Growth); where
	// there is a derived limit a and c are of what is above it, Limit is that of
	// the widest networks plus a.
	Limit, LimitError []float64
	// Coefficient is the RMS of c relative to the scale.
	Coefficient float64
	// Offset is a in standard errors, where there is a derived limit: how far off
	// it the extrapolated kernel is.
	Offset Scores
	// ChiSquare is the mean over entries of χ² per degree of freedom: much more than
	// 1 says that 1/n is not enough. NaN with two widths.
	ChiSquare float64
}

// newAgreement compares what is drawn at rising widths. rounding is what
// arithmetic may lose of an entry, relative to the scale.
func newAgreement(kernel Kernel, n int, drawn []*drawnKernel, rounding float64) *Agreement {
	a := &Agreement{Kernel: kernel}
	if drawn[0].limit == nil {
		a.Growth = growth(n, drawn)
	}
	list := make([]*relativeKernel, len(drawn))
	widest := drawn[len(drawn)-1]
	for i, d := range drawn {
		unit := math.Pow(float64(d.width), float64(a.Growth))
		scale := scaleOf(n, d.limit)
		if d.limit == nil {
			scale = scaleOf(n, widest.all.Mean)
			for e := range scale {
				scale[e] *= unit / math.Pow(float64(widest.width), float64(a.Growth))
			}
		}
		list[i] = newRelativeKernel(n, d, scale, rounding)
		a.Widths = append(a.Widths, list[i].agreement())
	}
	var widths, deviation, deviationError, noise, noiseError []float64
	for _, w := range a.Widths {
		widths = append(widths, float64(w.Width))
		deviation, deviationError = append(deviation, w.Deviation), append(deviationError, w.DeviationError)
		noise, noiseError = append(noise, w.Noise), append(noiseError, w.NoiseError)
	}
	a.Deviation, a.Noise = FitPower(widths, deviation, deviationError), FitPower(widths, noise, noiseError)
	if len(list) > 1 {
		a.fit(n, list)
	}
	return a
}

// growth returns the whole power of n that the diagonal grows by.
func growth(n int, drawn []*drawnKernel) int {
	var x, y []float64
	for _, d := range drawn {
		trace := 0.0
		for i := range n {
			trace += d.all.Mean[i*n+i]
		}
		x, y = append(x, float64(d.width)), append(y, trace)
	}
	p := FitPower(x, y, make([]float64, len(x))).Exponent
	if math.IsNaN(p) {
		return 0
	}
	return int(math.Round(p))
}

// scaleOf returns √(Θ_ii Θ_jj), nil for a nil matrix. Where it is 0, as for an
// input of zeros, so is the entry, and any scale does: the largest is taken.
func scaleOf(n int, m []float64) []float64 {
	if m == nil {
		return nil
	}
	largest := 0.0
	for i := range n {
		largest = max(largest, math.Abs(m[i*n+i]))
	}
	if largest == 0 {
		largest = 1
	}
	s := make([]float64, n*n)
	for i := range n {
		for j := range n {
			s[i*n+j] = math.Sqrt(math.Abs(m[i*n+i] * m[j*n+j]))
			if s[i*n+j] <= largest*1e-12 {
				s[i*n+j] = largest
			}
		}
	}
	return s
}

// Expected bounds the largest of the scores of a limit that is right: it stays
// below with probability 0.99 or more, whatever the correlations of the entries.
// With M draws a score has Student's distribution of M − 1 degrees of freedom.
func (a *Agreement) Expected(n int) float64 {
	draws := a.Widths[0].Draws
	for _, w := range a.Widths {
		draws = min(draws, w.Draws)
	}
	entries := float64(n*(n+1)) / 2
	return distuv.StudentsT{Sigma: 1, Nu: float64(draws - 1)}.Quantile(1 - 0.005/entries)
}
