package empirical

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// An Estimate has the moments of an array x over independent draws, entry by
// entry: what is known of E[x] from them.
type Estimate struct {
	Draws int
	// Mean is (1/n) Σ x and M2 is Σ (x − Mean)², over n draws.
	Mean, M2 []float64
}

func newEstimate(entries int) *Estimate {
	return &Estimate{Mean: make([]float64, entries), M2: make([]float64, entries)}
}

// add takes in one more draw.
//
// Source: Welford, "Note on a method for calculating corrected sums of squares
// and products", Technometrics 4 (1962). The conversions to float64 here and in
// merge keep a product and a sum from being rounded once, as some machines can:
// the bits are the same everywhere.
func (e *Estimate) add(x []float64) {
	e.Draws++
	n := float64(e.Draws)
	for i, v := range x {
		d := v - e.Mean[i]
		e.Mean[i] += d / n
		e.M2[i] += float64(d * (v - e.Mean[i]))
	}
}

// merge returns the moments of the draws of both. It depends on their order by
// rounding only; a fixed order gives fixed bits.
//
// Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for
// computing sample variances", Stanford STAN-CS-79-773 (1979), eq. (2.1).
func merge(a, b *Estimate) *Estimate {
	switch {
	case a.Draws == 0:
		return b
	case b.Draws == 0:
		return a
	}
	c := newEstimate(len(a.Mean))
	c.Draws = a.Draws + b.Draws
	part := float64(b.Draws) / float64(c.Draws)
	weight := float64(a.Draws) * part
	for i := range c.Mean {
		d := b.Mean[i] - a.Mean[i]
		c.Mean[i] = a.Mean[i] + float64(d*part)
		c.M2[i] = a.M2[i] + b.M2[i] + float64(d*d*weight)
	}
	return c
}

// Variance returns the unbiased estimate of each entry's variance over draws,
// M2/(n − 1); infinite for a single draw, which says nothing of it.
func (e *Estimate) Variance() []float64 {
	v := slices.Clone(e.M2)
	for i := range v {
		if e.Draws < 2 {
			v[i] = math.Inf(1)
			continue
		}
		v[i] /= float64(e.Draws - 1)
	}
	return v
}

// StdErr returns the standard error of each entry of Mean, √(Variance/n).
func (e *Estimate) StdErr() []float64 {
	s := e.Variance()
	for i, v := range s {
		s[i] = math.Sqrt(v / float64(e.Draws))
	}
	return s
}

// A Law is the distribution that a mean of draws, in standard errors from what
// it estimates, is taken to have.
type Law int

// The laws of a confidence band. Student's t, with n − 1 degrees of freedom,
// allows for a standard error that is itself an estimate: with 8 draws its 95 %
// band is wider by a fifth. Both suppose the mean of n draws to be near normal.
const (
	Student Law = iota
	Gauss
)

// Band returns the limits, entry by entry, between which E[x] lies with
// probability level, such as 0.95: Mean ∓ q·StdErr for the law's quantile q at
// (1 + level)/2. Each entry is covered so, not all of them at once.
//
// It returns an error for a level outside (0, 1) and for fewer than 2 draws.
func (e *Estimate) Band(level float64, law Law) (low, high []float64, err error) {
	if !(level > 0 && level < 1) {
		return nil, nil, fmt.Errorf("empirical: a band of level %g, want one between 0 and 1, such as 0.95", level)
	}
	if e.Draws < 2 {
		return nil, nil, fmt.Errorf("empirical: a band from %d draws, want at least 2", e.Draws)
	}
	p := (1 + level) / 2
	q := distuv.StudentsT{Sigma: 1, Nu: float64(e.Draws - 1)}.Quantile(p)
	if law == Gauss {
		q = distuv.UnitNormal.Quantile(p)
	}
	low, high = slices.Clone(e.Mean), slices.Clone(e.Mean)
	for i, s := range e.StdErr() {
		low[i] -= q * s
		high[i] += q * s
	}
	return low, high, nil
}
