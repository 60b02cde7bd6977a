package spectral

import (
	"math"
	"slices"
)

// missed is the probability that the search for copies may err by.
const missed = 1e-9

// A search is for copies of repeated eigenvalues that Lanczos missed.
type search struct {
	aside     int       // k rows are set aside during the search, 0 otherwise
	values    []float64 // their eigenvalues
	steps     int       // since it began
	restarted bool      // since it began
	clean     bool      // it ended and found nothing
}

// beginSearch sets the k leading Ritz vectors aside and goes on from random
// vectors. Their residuals, small as they are, are forgotten.
func (l *lanczos) beginSearch() {
	l.shrink(l.k)
	l.search = search{aside: l.k, values: slices.Clone(l.theta[:l.k])}
	l.f = 0
	l.fill(fillStream)
	l.g = zeros(l.f, l.p)
}

// searched says whether the search is over: it found an eigenvalue that belongs
// to the leading ones, so that the whole goes on, or none can be left. Either way
// the Ritz vectors of the whole are the better ones.
func (l *lanczos) searched() (bool, error) {
	last := l.search.values[l.k-1]
	limit := l.acc.limit(last, l.norm)
	found := l.theta[0] > last+2*limit
	l.search.clean = !found && l.nothingMissed(last-l.theta[0], limit)
	if !found && !l.search.clean {
		return false, nil
	}
	l.search.aside = 0
	return l.search.clean, l.look()
}

// nothingMissed judges the largest Ritz value of B, a gap below the last
// eigenvalue found. One that is missed is larger than that by the limit or more.
func (l *lanczos) nothingMissed(gap, limit float64) bool {
	// A Ritz vector with residual r has a component of r/(μ−θ) at most along the
	// eigenvector of a missed μ. As a random vector's component is some 1/√n, one
	// that small says that there is none. Tol would be too large for this.
	if l.residual(0) <= max(l.acc.noise*l.norm, 1e-9*(gap+limit)) {
		return true
	}
	if l.search.restarted || gap <= 0 {
		return false
	}
	last := l.search.values[l.k-1]
	eps := gap / (last - l.low)
	return 1.648*math.Sqrt(float64(l.n))*math.Exp(-math.Sqrt(eps)*float64(2*l.search.steps-1)) <= missed
}
