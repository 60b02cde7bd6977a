package empirical

import (
	"fmt"
	"testing"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
)

func TestScratchTime(t *testing.T) {
	for _, name := range []string{"rnn", "gru", "mlp", "myrtle5"} {
		for _, e := range models.List() {
			if e.Name != name {
				continue
			}
			in := []int{16, 16, 3}
			s, err := e.Build(models.Config{Outputs: 1000, InputShape: in})
			if err != nil {
				in = []int{16, 8}
				if s, err = e.Build(models.Config{Outputs: 1000, InputShape: in}); err != nil {
					t.Fatal(err)
				}
			}
			m, _ := s.Model()
			f, err := New(kerneltest.Backend(t).GoMLX, mlctx.New(), m, shapes.Make(dtypes.Float32, in...))
			if err != nil {
				t.Fatal(err)
			}
			x, err := graph.Draw(graph.Gaussian(1), 11, "x", shapes.Make(dtypes.Float32, append([]int{4}, in...)...))
			if err != nil {
				t.Fatal(err)
			}
			for _, opts := range []Options{{Outputs: Full, Way: Products}, {Outputs: Full, Groups: []string{"*"}}} {
				t0 := time.Now()
				p, err := f.Plan(4, 0, opts)
				if err != nil {
					fmt.Println(name, err)
					continue
				}
				planned := time.Since(t0)
				want := 0.0
				if p.products != nil {
					want = p.products.seconds(10)
				} else {
					mm, _ := f.memory(p.sel, p.ways)
					want = p.seconds(f, mm, 4, 10)
				}
				g, err := f.NTK(t.Context(), Batch{x}, nil, opts)
				if err != nil {
					fmt.Println(name, opts.Way, err)
					continue
				}
				fmt.Printf("%s by %s: plan took %v, predicted %.3g s, compile %v jacobians %v contraction %v whole %v; lanes %v block %d\n", name, p.Weights[0].Way, planned, want, g.Compile, g.Jacobians, g.Contraction, time.Since(t0), p.products, p.Block)
			}
			f.Close()
		}
	}
}
