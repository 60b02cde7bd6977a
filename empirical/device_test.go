package empirical_test

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
)

// apart opens XLA's CPU plugin as a device with memory of its own, as a GPU has.
func apart(t *testing.T) backends.Backend {
	t.Helper()
	b := kerneltest.Backend(t)
	switch b.Kind {
	case native.KindGo:
		t.Skip("pure Go computes in the host's memory")
	case native.KindXLACUDA:
		return b.GoMLX
	}
	d, err := backends.NewWithConfig("xla:" + b.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Finalize)
	if d.HasSharedBuffers() {
		t.Fatal("the backend shares its memory with the host: nothing would be tested")
	}
	return d
}

// TestDevice holds Θ that is contracted on a device with memory of its own against
// plain loops of gradients: every reduction, x2 nil and not, whole and in uneven
// tiles, pairs, and the terms of weights.
func TestDevice(t *testing.T) {
	d := apart(t)
	for _, net := range networks {
		if testing.Short() && net.name != "MLP" {
			continue // seconds each
		}
		t.Run(net.name, func(t *testing.T) {
			ctx := mlctx.New()
			f, err := empirical.New(d, ctx, graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Redraw(5); err != nil {
				t.Fatal(err)
			}
			x1, x2 := examples(t, 5, "x1", net.input...), examples(t, 3, "x2", net.input...)
			for _, second := range []empirical.Batch{nil, {x2}} {
				n2, other := 5, x1
				if second != nil {
					n2, other = 3, x2
				}
				full, o := loop(t, ctx, net.f, x1, other)
				for outputs, want := range reductions(full, 5, n2, o) {
					opts := empirical.Options{Outputs: outputs, Block: map[bool]int{true: 2}[outputs != empirical.Full]}
					opts.ByParameter = outputs == empirical.Diagonal
					what := fmt.Sprint(outputs, ", x2 ", second != nil)
					g, err := f.NTK(t.Context(), empirical.Batch{x1}, second, opts)
					if err != nil {
						t.Fatal(what, ": ", err)
					}
					for _, w := range g.Plan.Weights {
						if w.Way != empirical.Materialize.String() {
							t.Errorf("%s: weight %s goes by %s", what, w.Name, w.Way)
						}
					}
					// As between ways: sums in another order.
					kerneltest.Close(t, what, g.Values, want, 1e-10)
					if opts.ByParameter {
						sum := make([]float64, len(want))
						for _, term := range g.Terms {
							for i, x := range term.Values {
								sum[i] += x
							}
						}
						kerneltest.Close(t, what+", sum of terms", sum, want, 1e-10)
					}
					if second != nil || outputs == empirical.Pseudo { // the shares of its one output
						continue
					}
					trace := 0.0
					for n := range 5 {
						for p := range o {
							trace += full[((n*5+n)*o+p)*o+p]
						}
					}
					shares := 0.0
					for _, s := range g.Shares {
						shares += s.Trace
					}
					kerneltest.Close(t, what+", shares", []float64{shares}, []float64{trace}, 1e-10)
					opts.ByParameter, opts.Pairs = false, true
					if g, err = f.NTK(t.Context(), empirical.Batch{x1}, nil, opts); err != nil {
						t.Fatal(what, ", pairs: ", err)
					}
					kerneltest.Close(t, what+", pairs", g.Values, onDiagonal(want, 5), 1e-10)
				}
			}
		})
	}
}
