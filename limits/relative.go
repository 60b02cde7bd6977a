package limits

import (
	"math"

	"github.com/gontk/ntk/empirical"
)

// A relativeKernel has the entries i ≤ j of a drawn kernel over their scale.
type relativeKernel struct {
	n      int
	drawn  *drawnKernel
	scale  []float64 // [N, N]
	rows   []int     // of entries
	cols   []int
	mean   []float64 // over draws
	stderr []float64 // of mean, with rounding
	limit  []float64 // nil if there is none
}

func newRelativeKernel(n int, d *drawnKernel, scale []float64, rounding float64) *relativeKernel {
	r := &relativeKernel{n: n, drawn: d, scale: scale}
	se := d.all.StdErr()
	for i := range n {
		for j := i; j < n; j++ {
			e := i*n + j
			r.rows, r.cols = append(r.rows, i), append(r.cols, j)
			r.mean = append(r.mean, d.all.Mean[e]/scale[e])
			r.stderr = append(r.stderr, math.Hypot(se[e]/scale[e], rounding))
			if d.limit != nil {
				r.limit = append(r.limit, d.limit[e]/scale[e])
			}
		}
	}
	return r
}

// at returns the index of an entry in [N, N].
func (r *relativeKernel) at(e int) int { return r.rows[e]*r.n + r.cols[e] }

// squares returns the mean over the draws of a group and over entries of the
// squared deviation from a reference.
func (r *relativeKernel) squares(g *empirical.Estimate, from []float64) float64 {
	sum := 0.0
	for e, t := range from {
		k := r.at(e)
		d := g.Mean[k]/r.scale[k] - t
		sum += g.M2[k]/(r.scale[k]*r.scale[k])/float64(g.Draws) + d*d
	}
	return sum / float64(len(from))
}

// spread returns the RMS deviation of single draws from a reference and its
// standard error, from how groups of draws differ; NaN with one group.
func (r *relativeKernel) spread(from []float64) (rms, stderr float64) {
	m := float64(r.drawn.all.Draws)
	mean, variance := 0.0, 0.0
	list := make([]float64, len(r.drawn.groups))
	for i, g := range r.drawn.groups {
		list[i] = r.squares(g, from)
		mean += list[i] * float64(g.Draws) / m
	}
	for i, g := range r.drawn.groups {
		variance += float64(g.Draws) / m * (list[i] - mean) * (list[i] - mean) / float64(len(list)-1)
	}
	rms = math.Sqrt(mean)
	return rms, math.Sqrt(variance) / (2 * rms)
}

// bias returns the RMS over entries of E[Θ] − limit and its standard error,
//
//	mean_e [(Mean − Limit)² − Var/M],
//
// which noise does not raise; 0 if it is negative. The error is the jackknife's
// over groups, which sees nothing of it where there is no bias, and that of the
// squared noise of Mean as if all entries had the same.
func (r *relativeKernel) bias() (rms, stderr float64) {
	all := r.drawn.all
	m := float64(all.Draws)
	square := func(left float64, mean, m2 func(k int) float64) float64 {
		sum := 0.0
		for e, t := range r.limit {
			k := r.at(e)
			d := mean(k)/r.scale[k] - t
			sum += d*d - m2(k)/(r.scale[k]*r.scale[k])/((left-1)*left)
		}
		return sum / float64(len(r.limit))
	}
	whole := square(m, func(k int) float64 { return all.Mean[k] }, func(k int) float64 { return all.M2[k] })
	var left []float64
	average := 0.0
	for _, g := range r.drawn.groups {
		rest := m - float64(g.Draws)
		if rest < 2 {
			return math.Sqrt(max(0, whole)), math.NaN()
		}
		// The moments of all draws but those of g.
		mean := func(k int) float64 {
			return all.Mean[k] - float64(g.Draws)*(g.Mean[k]-all.Mean[k])/rest
		}
		m2 := func(k int) float64 {
			d := g.Mean[k] - all.Mean[k]
			return max(0, all.M2[k]-g.M2[k]-d*d*float64(g.Draws)*m/rest)
		}
		left = append(left, square(rest, mean, m2))
		average += left[len(left)-1] / float64(len(r.drawn.groups))
	}
	variance := 0.0
	for i, g := range r.drawn.groups {
		variance += (left[i] - average) * (left[i] - average) * (m - float64(g.Draws)) / m
	}
	noise := 0.0
	for _, se := range r.stderr {
		noise += se * se / float64(len(r.stderr))
	}
	sd := math.Hypot(math.Sqrt(variance), math.Sqrt2*noise)
	rms = math.Sqrt(max(0, whole))
	if sd == 0 {
		return rms, 0
	}
	return rms, sd / (2 * math.Sqrt(max(whole, sd)))
}

// agreement fills in what one width alone says.
func (r *relativeKernel) agreement() WidthAgreement {
	d := r.drawn
	w := WidthAgreement{
		Width: d.width, Draws: d.all.Draws, Mean: d.all.Mean, StdErr: make([]float64, len(d.all.Mean)), Limit: d.limit,
		Deviation: math.NaN(), DeviationError: math.NaN(), Bias: math.NaN(), BiasError: math.NaN(),
	}
	for e, se := range r.stderr {
		i, j := r.rows[e], r.cols[e]
		w.StdErr[i*r.n+j] = se * r.scale[i*r.n+j]
		w.StdErr[j*r.n+i] = w.StdErr[i*r.n+j]
	}
	w.Noise, w.NoiseError = r.spread(r.mean)
	m := float64(d.all.Draws)
	w.Noise *= math.Sqrt(m / (m - 1)) // the mean is of the same draws
	w.NoiseError *= math.Sqrt(m / (m - 1))
	if r.limit == nil {
		return w
	}
	w.Deviation, w.DeviationError = r.spread(r.limit)
	w.Bias, w.BiasError = r.bias()
	for e := range r.mean {
		w.Scores.add((r.mean[e]-r.limit[e])/r.stderr[e], r.rows[e], r.cols[e], len(r.mean))
	}
	return w
}
