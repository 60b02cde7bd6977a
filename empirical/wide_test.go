package empirical_test

import (
	"fmt"
	"testing"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// TestWide holds that Θ(x1, x2) is that of a plain loop of gradients whichever of
// the two has more examples, in one tile or several.
func TestWide(t *testing.T) {
	b := kerneltest.Backend(t).GoMLX
	net := networks[0]
	f := network(t, b, graph.One(net.f), net.input...)
	for _, n := range [][2]int{{2, 5}, {5, 2}, {1, 5}} {
		x1, x2 := examples(t, n[0], "x1", net.input...), examples(t, n[1], "x2", net.input...)
		want, o := loop(t, f.Context(), net.f, x1, x2)
		if o < 2 {
			t.Fatal("the network has one output: the order of axes is not seen")
		}
		for _, block := range []int{0, 2} {
			for _, way := range []empirical.Way{empirical.Materialize, empirical.Factor, empirical.Sequential, empirical.Separable} {
				g, err := f.NTK(t.Context(), empirical.Batch{x1}, empirical.Batch{x2}, empirical.Options{Outputs: empirical.Full, Way: way, Block: block})
				if err != nil {
					t.Fatal(err)
				}
				// Sums of some hundred terms in another order.
				kerneltest.Close(t, fmt.Sprint(n, " by ", way, ", block ", block), g.Values, want, 1e-12)
			}
		}
	}
}
