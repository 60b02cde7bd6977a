package main

import (
	"math"
	"testing"

	"github.com/gontk/ntk/diagnose"
)

func judged(left, growth, trained float64) *verdict {
	v := &verdict{Judged: diagnose.Judgement{Left: &left, Growth: &growth}}
	if !math.IsNaN(trained) {
		v.Trained = &trained
	}
	return v
}

// TestFit has networks that 0.1 and 1e4 tell apart, by hand.
func TestFit(t *testing.T) {
	list := []*verdict{
		judged(0.06, 1, 0.01), judged(0.09, 5e3, 0.05), judged(0.15, 1, 0.3), judged(0.01, 2e4, math.NaN()), judged(0.01, 1e-5, 0.9),
	}
	got := fit(list)
	if got != (thresholds{0.1, 1e4}) || got.agreement(list) != 5 {
		t.Errorf("thresholds %+v agree with %d of 5, want 0.1 and 1e4 with all", got, got.agreement(list))
	}
	if n := (thresholds{0.01, 10}).agreement(list); n != 3 {
		t.Errorf("0.01 and 10 agree with %d, want 3", n)
	}
}

// TestHalves has every variance of each depth in one half or the other, by turns.
func TestHalves(t *testing.T) {
	all := grid()
	if len(all) < 60 {
		t.Errorf("%d networks", len(all))
	}
	var list []*verdict
	for _, n := range all {
		list = append(list, &verdict{Network: n})
	}
	first, second := halves(list)
	if len(first) != len(second) {
		t.Errorf("halves of %d and %d", len(first), len(second))
	}
	for _, half := range [][]*verdict{first, second} {
		seen := map[float64]int{}
		for _, v := range half {
			seen[v.Network.Variance]++
		}
		for v, n := range seen {
			if n != len(all)/12 {
				t.Errorf("σ_w² = %g is %d times in a half", v, n)
			}
		}
	}
	if mean, factor := logMean([]float64{10, 1000}); math.Abs(mean-100) > 1e-10 || math.Abs(factor-100/math.Pow(10, 1)) > 1e-10 {
		t.Errorf("mean %g, factor %g, want 100 and 10", mean, factor)
	}
}
