package cost_test

import (
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/gontk/ntk/graph/cost"
)

// By hand, 4 bytes an entry: x [10, 20] and w [20, 30] take 3 200 bytes
// throughout, each [10, 30] takes 1 200.
func TestPeakUnfused(t *testing.T) {
	const params, y = 4 * (200 + 600), 4 * 300
	for _, tc := range []struct {
		name string
		f    func(xs []*gx.Node) *gx.Node
		want int64
	}{
		{"one product", func(xs []*gx.Node) *gx.Node { return gx.Dot(xs[0], xs[1]) }, params + y},
		// An op's operand and its result are both there; what came before is not.
		{"elementwise chain", func(xs []*gx.Node) *gx.Node { return gx.Sin(gx.Tanh(gx.Neg(gx.Dot(xs[0], xs[1])))) }, params + 2*y},
		{"reshapes are stored", func(xs []*gx.Node) *gx.Node {
			return gx.Dot(gx.Reshape(gx.Reshape(xs[0], 200), 10, 20), xs[1])
		}, params + max(2*800, 800+y)},
		// Peak: dot and its two maps at Add.
		{"value read twice", func(xs []*gx.Node) *gx.Node {
			z := gx.Dot(xs[0], xs[1])
			return gx.Add(gx.Sin(z), gx.Cos(z))
		}, params + 3*y},
		// 10·30·7 entries of a broadcast that its only reader reduces again.
		{"broadcasts are stored", func(xs []*gx.Node) *gx.Node {
			z := gx.Dot(xs[0], xs[1])
			return gx.ReduceSum(gx.BroadcastToDims(gx.InsertAxes(z, -1), 10, 30, 7), 0, 1)
		}, params + y + 4*2100},
		{"a constant is there throughout", func(xs []*gx.Node) *gx.Node {
			return gx.Add(gx.Dot(xs[0], xs[1]), gx.Const(xs[0].Graph(), [][]float32{make([]float32, 30)}))
		}, params + 4*30 + 2*y},
		{"a parameter is the output", func(xs []*gx.Node) *gx.Node { return xs[0] }, params},
	} {
		p := record(t, tc.f, []int{10, 20}, []int{20, 30})
		if got := cost.PeakUnfused(p); got != tc.want {
			t.Errorf("%s: %d bytes, want %d\n%s", tc.name, got, tc.want, p)
		}
	}
}
