package diagnose

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gontk/ntk/internal/report"
)

// A summary puts the seeds of one depth together.
type summary struct {
	// condition is the geometric mean over seeds, low and high are the range;
	// bound says that at least one of them is a lower bound.
	condition, low, high float64
	bound                bool
	// λ_1, λ_min, the median, effective rank, trace and time are means over seeds,
	// minError is the largest uncertainty of an eigenvalue.
	max, min, minError   float64
	median               float64
	rank, trace, seconds float64
	// The largest rates that are stable for every seed.
	rateSum, rateMean float64
}

// summarize returns the summary of at least one seed.
func (d *Depth) summarize() summary {
	s := summary{low: math.Inf(1), rateSum: math.Inf(1), rateMean: math.Inf(1)}
	k := float64(len(d.Seeds))
	logs := 0.0
	for _, x := range d.Seeds {
		logs += math.Log(x.Condition) / k
		s.low, s.high = min(s.low, x.Condition), max(s.high, x.Condition)
		s.bound = s.bound || !x.Exact
		s.max += x.Eigenvalues[0] / k
		s.min += x.Eigenvalues[len(x.Eigenvalues)-1] / k
		s.minError = max(s.minError, x.EigenvalueError)
		s.median += x.Median / k
		s.rank += x.EffectiveRank / k
		s.trace += x.Trace / k
		s.seconds += x.Seconds
		s.rateSum, s.rateMean = min(s.rateSum, x.MaxRateSum), min(s.rateMean, x.MaxRateMean)
	}
	s.condition = math.Exp(logs)
	return s
}

// text writes the condition number, with the range where there are several seeds.
func (s summary) text(seeds int) string {
	t := report.Number(s.condition)
	if s.bound {
		t = "≥ " + t
	}
	if seeds > 1 {
		t += fmt.Sprintf(" (%s … %s)", report.Number(s.low), report.Number(s.high))
	}
	return t
}

// name returns how tables call a depth.
func (d *Depth) name() string {
	if d.Depth == 0 {
		return "own"
	}
	return fmt.Sprint(d.Depth)
}

// A share is a weight's mean part of the trace over the seeds of one depth.
type share struct {
	weight string
	part   float64
}

// shares returns the mean share of every weight, in the network's order.
func (d *Depth) shares() []share {
	var out []share
	at := map[string]int{}
	for _, s := range d.Seeds {
		for _, w := range s.Shares {
			if _, ok := at[w.Weight]; !ok {
				at[w.Weight] = len(out)
				out = append(out, share{weight: w.Weight})
			}
			out[at[w.Weight]].part += w.Part / float64(len(d.Seeds))
		}
	}
	return out
}

// top returns the largest n shares, in descending order.
func top(shares []share, n int) []share {
	sorted := slices.Clone(shares)
	slices.SortStableFunc(sorted, func(a, b share) int { return cmp.Compare(b.part, a.part) })
	return sorted[:min(n, len(sorted))]
}
