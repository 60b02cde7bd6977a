package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A sample is the times of one side's runs.
type sample []time.Duration

// median is the middle one, or the mean of the two in the middle; at least one
// run must be there.
func (s sample) median() time.Duration {
	t := slices.Sorted(slices.Values(s))
	return (t[(len(t)-1)/2] + t[len(t)/2]) / 2
}

// spread writes the fastest and the slowest, in milliseconds.
func (s sample) spread() string {
	return millis(slices.Min(s)) + "-" + millis(slices.Max(s))
}

// millis writes a time in milliseconds with four significant digits, and no
// exponent below 10⁶ ms.
func millis(t time.Duration) string {
	ms := float64(t) / float64(time.Millisecond)
	return fmt.Sprintf("%.*f", min(3, max(0, 4-len(fmt.Sprint(int(ms))))), ms)
}

// A result is one case's outcome.
type result struct {
	name       string
	ours, peer sample
	first      time.Duration // our first call
	impl       implementation
	work       work
	rate       float64 // of the host's GEMM, FLOP/s
	difference float64 // max|Θ_ours − Θ_peer| / max|Θ_peer|
	tolerance  float64
	n          int
	// entries of Θ of either side's calls, of limits alone.
	entries, peerEntries int
	ways                 string
}

// agrees says whether both sides computed the same Θ.
func (r result) agrees() bool { return r.difference <= r.tolerance } // NaN does not

// String returns the case's line: pairs of a name and a value, of which those
// from peer_impl on may grow. Times are medians in milliseconds, ratio is ours
// divided by the peer's (below 1: ours is faster), floor the time that the
// fewest FLOPs take at the rate of the host's GEMM, gflops the planned FLOPs per second of
// ours/10⁹ (both of finite networks alone), compile the seconds by which our first call took longer.
func (r result) String() string {
	ours, peer := r.ours.median(), r.peer.median()
	fields := []string{
		r.name,
		"ours", millis(ours),
		"peer", millis(peer),
		"ratio", fmt.Sprintf("%.*f", r.digits(), r.ratio()),
	}
	if r.entries > 0 {
		fields = append(fields,
			"entry_us", fmt.Sprintf("%.3g", ours.Seconds()*1e6/float64(r.entries)),
			"peer_entry_us", fmt.Sprintf("%.3g", peer.Seconds()*1e6/float64(r.peerEntries)))
	}
	if r.work.planned > 0 {
		fields = append(fields,
			"floor", millis(time.Duration(r.work.fewest/r.rate*float64(time.Second))),
			"gflops", fmt.Sprintf("%.1f", r.work.planned/ours.Seconds()/1e9))
	}
	fields = append(fields,
		"compile", fmt.Sprintf("%.2f", max(0, r.first-ours).Seconds()),
		"peer_impl", string(r.impl),
		"spread_ours", r.ours.spread(),
		"spread_peer", r.peer.spread(),
		"difference", fmt.Sprintf("%.1e", r.difference),
		"examples", fmt.Sprint(r.n),
		"runs", fmt.Sprint(len(r.ours)),
		"gemm_gflops", fmt.Sprintf("%.0f", r.rate/1e9),
		"ways", r.ways,
	)
	if !r.agrees() {
		fields = append(fields, "MISMATCH", fmt.Sprintf("%.1e", r.tolerance))
	}
	return strings.Join(fields, " ")
}

// ratio is ours divided by the peer's: of limits, of an entry's time.
func (r result) ratio() float64 {
	x := float64(r.ours.median()) / float64(r.peer.median())
	if r.entries > 0 {
		x *= float64(r.peerEntries) / float64(r.entries)
	}
	return x
}

// digits of the ratio after the point.
func (r result) digits() int {
	if r.ratio() < 0.02 {
		return 5
	}
	return 3
}

// relativeDifference returns max|got − want| / max|want|, NaN if the sizes
// differ, if want is zero throughout, or if an entry is not a number.
func relativeDifference(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	d, top := 0.0, 0.0
	for i, w := range want {
		d = math.Max(d, math.Abs(got[i]-w)) // math.Max keeps NaN
		top = math.Max(top, math.Abs(w))
	}
	return d / top
}
