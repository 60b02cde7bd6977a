package empirical_test

import (
	"testing"

	"github.com/gontk/ntk/empirical"
)

// The times of the weights are parts of the contraction's, one for each line of
// the plan, and gone where tiles are those of an earlier run.
func TestTimes(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := empirical.Batch{examples(t, 40, "x", 5)}
	for _, pairs := range []bool{false, true} {
		g, err := net.NTK(t.Context(), x, nil, empirical.Options{Outputs: empirical.Full, Pairs: pairs})
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Times) != len(g.Plan.Weights) {
			t.Fatalf("%d times of %d weights", len(g.Times), len(g.Plan.Weights))
		}
		sum := 0.0
		for i, w := range g.Times {
			plan := g.Plan.Weights[i]
			if w.Weight != plan.Name || w.Predicted != plan.Contraction || !(w.Actual > 0) || !(plan.Contraction <= plan.Seconds) {
				t.Errorf("times %+v of the plan's line %+v", w, plan)
			}
			sum += w.Actual
		}
		if whole := g.Contraction.Seconds(); sum > whole {
			t.Errorf("the weights took %g s of the contraction's %g s", sum, whole)
		}
	}
}
