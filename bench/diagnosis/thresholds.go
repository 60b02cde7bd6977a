package main

import "math"

// trained is what may be left of the loss for a network to have trained.
const trained = 0.1

// Thresholds are what may be left by the kernel, and by what factor gradients may grow
// or shrink, for the verdict to be that a network trains.
type thresholds struct{ left, growth float64 }

// trains is the verdict by thresholds.
func (t thresholds) trains(v *verdict) bool {
	if v.Judged.Left == nil || *v.Judged.Left > t.left {
		return false
	}
	if g := v.Judged.Growth; g != nil { // one hidden layer has none
		return math.Max(*g, 1 / *g) < t.growth
	}
	return true
}

// truth is what training says.
func (v *verdict) truth() bool { return v.Trained != nil && *v.Trained <= trained }

// agreement counts the networks that the verdict is right about.
func (t thresholds) agreement(list []*verdict) (n int) {
	for _, v := range list {
		if t.trains(v) == v.truth() {
			n++
		}
	}
	return n
}

// candidates to choose from: three to a decade.
var (
	lefts   = []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5}
	growths = []float64{10, 1e2, 1e3, 1e4, 1e5, 1e6, 1e8, 1e12, math.Inf(1)}
)

// fit returns the thresholds that agree with most; of equal ones the middle, in the
// order of the candidates.
func fit(list []*verdict) thresholds {
	most := -1
	var best []thresholds
	for _, l := range lefts {
		for _, g := range growths {
			t := thresholds{l, g}
			switch n := t.agreement(list); {
			case n > most:
				most, best = n, []thresholds{t}
			case n == most:
				best = append(best, t)
			}
		}
	}
	return best[len(best)/2]
}

// halves splits networks: every other one of the grid, by turns in each depth, so that
// each half has every depth, activation and variance.
func halves(list []*verdict) (first, second []*verdict) {
	for i, v := range list {
		if (i+i/6)%2 == 0 {
			first = append(first, v)
		} else {
			second = append(second, v)
		}
	}
	return first, second
}
