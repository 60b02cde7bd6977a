package empirical_test

import (
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// TestSeparations holds for which weights Separable applies: those whose
// cotangent is, by hand, what the readout sends back times a derivative.
func TestSeparations(t *testing.T) {
	want := map[string]map[string]bool{
		"sequence through a dense layer": {"/a/dense/weights": true},
		"pooled, grouped":                {"/w": true},
		"embedding, averaged":            {"/table": true},
		// The second convolution, and not the first: its cotangent is a sum over
		// the second's filter.
		"convolution, stride 2": {"/c/conv/weights": false, "/d/conv/weights": true},
		// The embedding enters twice, the layer norm mixes features.
		"embedding, scaled and used twice": {"/table": false},
	}
	for _, net := range networks {
		if want[net.name] == nil {
			continue
		}
		f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, err := f.Plan(3, 0, empirical.Options{Way: empirical.Separable})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range p.Weights {
			expect, ok := want[net.name][w.Name]
			delete(want[net.name], w.Name)
			if ok && expect != (w.Way == "separable") {
				t.Errorf("%s: %s by %s (%s), separable should be %t", net.name, w.Name, w.Way, w.Reason, expect)
			}
		}
		for name := range want[net.name] {
			t.Errorf("%s has no weight %s", net.name, name)
		}
	}
}
