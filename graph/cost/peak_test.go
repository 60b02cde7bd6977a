package cost_test

import (
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
)

// TestPeakOfOutputs counts by hand, in float32 entries, what is alive at once:
// outputs from the start.
func TestPeakOfOutputs(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    func(x, w *gx.Node) []*gx.Node // x [2, 3], w [3, 5]
		want int64
	}{
		// x, w and the product.
		{"an output", func(x, w *gx.Node) []*gx.Node { return []*gx.Node{gx.Dot(x, w)} }, 6 + 15 + 10},
		// The output [2, 2] is there from the start, beside the product.
		{"an output and a temporary", func(x, w *gx.Node) []*gx.Node {
			y := gx.Dot(x, w)
			return []*gx.Node{gx.DotGeneral(y, []int{1}, nil, y, []int{1}, nil)}
		}, 6 + 15 + 4 + 10},
		// tanh is computed as it is written, in the product's place or in its own.
		{"an elementwise op", func(x, w *gx.Node) []*gx.Node { return []*gx.Node{gx.Tanh(gx.Dot(x, w))} }, 6 + 15 + 10 + 10},
		// The first product is gone before the third is made: two at a time.
		{"a chain", func(x, w *gx.Node) []*gx.Node {
			y := gx.Dot(x, w)                                                          // [2, 5]
			z := gx.DotGeneral(y, []int{0}, nil, y, []int{0}, nil)                     // [5, 5]
			u := gx.DotGeneral(z, []int{0}, nil, z, []int{0}, nil)                     // [5, 5]
			return []*gx.Node{gx.DotGeneral(u, []int{0, 1}, nil, u, []int{0, 1}, nil)} // []
		}, 6 + 15 + 1 + 25 + 25},
		// A reshape is another view, as an output too.
		{"a view", func(x, w *gx.Node) []*gx.Node { return []*gx.Node{gx.Reshape(gx.Dot(x, w), 10)} }, 6 + 15 + 10},
		{"an output twice", func(x, w *gx.Node) []*gx.Node {
			y := gx.Dot(x, w)
			return []*gx.Node{y, gx.Reshape(y, 10)}
		}, 6 + 15 + 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec, err := graph.Trace(mlctx.New(), tc.name, func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
				in := graph.Inputs(g, shapes.Make(dtypes.Float32, 2, 3), shapes.Make(dtypes.Float32, 3, 5))
				return tc.f(in[0], in[1])
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := cost.Peak(rec.Program.Prune()); got != 4*tc.want {
				t.Errorf("%d bytes, want %d\n%s", got, 4*tc.want, rec.Program)
			}
		})
	}
}

// By hand: x [10, 20] and w [20, 30] live throughout (800 + 2 400 bytes), then
// each product (1 200 bytes, [10, 30]).
func TestPeak(t *testing.T) {
	const params, y = 4 * (200 + 600), 4 * 300
	for _, tc := range []struct {
		name string
		f    func(xs []*gx.Node) *gx.Node
		want int64
	}{
		{"one product", func(xs []*gx.Node) *gx.Node { return gx.Dot(xs[0], xs[1]) }, params + y},
		{"an elementwise chain is fused", func(xs []*gx.Node) *gx.Node { return gx.Tanh(gx.Neg(gx.Dot(xs[0], xs[1]))) }, params + 2*y},
		{"a reshape takes nothing", func(xs []*gx.Node) *gx.Node {
			return gx.Dot(gx.Reshape(gx.Reshape(xs[0], 200), 10, 20), xs[1])
		}, params + y},
		// x [10, 20] is repeated to [10, 20, 20] before it is contracted.
		{"a product of a broadcast stores it", func(xs []*gx.Node) *gx.Node {
			return gx.Einsum("abc,bd->acd", gx.BroadcastToDims(gx.InsertAxes(xs[0], -1), 10, 20, 20), xs[1])
		}, params + 4*(10*20*20) + 4*(10*20*30)},
		// As the second product is made: both, the place of theirs, and −x.
		{"two products", func(xs []*gx.Node) *gx.Node {
			return gx.Mul(gx.Dot(xs[0], xs[1]), gx.Dot(gx.Neg(xs[0]), xs[1]))
		}, params + 3*y + 4*200},
	} {
		p := record(t, tc.f, []int{10, 20}, []int{20, 30})
		if got := cost.Peak(p); got != tc.want {
			t.Errorf("%s: %d bytes, want %d\n%s", tc.name, got, tc.want, p)
		}
	}
}

// Parameters are never free, however they are used.
func TestPeakCountsUnusedParameters(t *testing.T) {
	p := record(t, func(xs []*gx.Node) *gx.Node { return gx.Exp(xs[0]) }, []int{4}, []int{1000})
	if got, want := cost.Peak(p), int64(4*(4+1000+4)); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	if n := p.Count()[backends.OpTypeParameter]; n != 2 {
		t.Errorf("%d parameters, want 2", n)
	}
}
