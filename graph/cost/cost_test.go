package cost_test

import (
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
)

func record(t *testing.T, f func(xs []*gx.Node) *gx.Node, dims ...[]int) *graph.Program {
	t.Helper()
	ss := make([]shapes.Shape, len(dims))
	for i, d := range dims {
		ss[i] = shapes.Make(dtypes.Float32, d...)
	}
	rec, err := graph.Trace(mlctx.New(), "t", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		return []*gx.Node{f(graph.Inputs(g, ss...))}
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec.Program.Prune()
}

// The counts were made by hand; 4 bytes an entry.
func TestOf(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    func(xs []*gx.Node) *gx.Node
		dims [][]int
		want cost.Cost
	}{
		{
			"matrix product", func(xs []*gx.Node) *gx.Node { return gx.Dot(xs[0], xs[1]) },
			[][]int{{3, 5}, {5, 7}},
			cost.Cost{FLOPs: 2 * 3 * 5 * 7, Bytes: 4 * (15 + 35 + 21)},
		},
		{
			"batched product", func(xs []*gx.Node) *gx.Node { return gx.Einsum("bij,bjk->bik", xs[0], xs[1]) },
			[][]int{{2, 3, 4}, {2, 4, 5}},
			cost.Cost{FLOPs: 2 * 2 * 3 * 4 * 5, Bytes: 4 * (24 + 40 + 30)},
		},
		// 8 − 3 + 1 = 6 pixels a side at stride 1, 3 at stride 2; 3·3·2 taps each.
		{
			"convolution, stride 2", func(xs []*gx.Node) *gx.Node { return gx.Convolve(xs[0], xs[1]).Strides(2).NoPadding().Done() },
			[][]int{{1, 8, 8, 2}, {3, 3, 2, 4}},
			cost.Cost{FLOPs: 2 * (3 * 3 * 4) * (3 * 3 * 2), Bytes: 4 * (128 + 72 + 36)},
		},
		{
			"two groups", func(xs []*gx.Node) *gx.Node {
				return gx.Convolve(xs[0], xs[1]).ChannelGroupCount(2).NoPadding().Done()
			},
			[][]int{{1, 4, 4, 4}, {3, 3, 2, 6}},
			cost.Cost{FLOPs: 2 * (2 * 2 * 6) * (3 * 3 * 2), Bytes: 4 * (64 + 108 + 24)},
		},
		// A filter of 3 taps, 2 apart, spans 5 of 8 + 2·1 pixels: 6 places; 3
		// apart, it spans 7 of 8: 2 places.
		{
			"convolution, dilated filter, padded", func(xs []*gx.Node) *gx.Node {
				return gx.Convolve(xs[0], xs[1]).DilationPerAxis(2, 3).PaddingPerDim([][2]int{{1, 1}, {0, 0}}).Done()
			},
			[][]int{{2, 8, 8, 2}, {3, 3, 2, 4}},
			cost.Cost{FLOPs: 2 * (2 * 6 * 2 * 4) * (3 * 3 * 2), Bytes: 4 * (256 + 72 + 96)},
		},
		// 4 pixels, dilated to 7: the 5 outputs see 2, 1, 2, 1 and 2 of them.
		{
			"convolution, dilated input", func(xs []*gx.Node) *gx.Node {
				return gx.Convolve(xs[0], xs[1]).InputDilationPerAxis(2).NoPadding().Done()
			},
			[][]int{{1, 4, 2}, {3, 2, 5}},
			cost.Cost{FLOPs: 2 * 5 * (8 * 2), Bytes: 4 * (8 + 30 + 25)},
		},
		// Each half of the batch meets half of the filters: 3 examples leave.
		{
			"two groups of the batch", func(xs []*gx.Node) *gx.Node {
				return gx.Convolve(xs[0], xs[1]).BatchGroupCount(2).NoPadding().Done()
			},
			[][]int{{6, 4, 2}, {3, 2, 4}},
			cost.Cost{FLOPs: 2 * (3 * 2 * 4) * (3 * 2), Bytes: 4 * (48 + 24 + 24)},
		},
		{
			"depthwise", func(xs []*gx.Node) *gx.Node {
				return gx.Convolve(xs[0], xs[1]).ChannelGroupCount(3).NoPadding().Done()
			},
			[][]int{{1, 4, 4, 3}, {2, 2, 1, 3}},
			cost.Cost{FLOPs: 2 * (3 * 3 * 3) * (2 * 2), Bytes: 4 * (48 + 12 + 27)},
		},
		{
			"product with two batch axes and two contracted", func(xs []*gx.Node) *gx.Node {
				return gx.DotGeneral(xs[0], []int{2, 4}, []int{0, 1}, xs[1], []int{3, 2}, []int{1, 0})
			},
			[][]int{{2, 3, 4, 5, 6}, {3, 2, 6, 4, 7}},
			cost.Cost{FLOPs: 2 * (2 * 3) * (4 * 6) * (5 * 7), Bytes: 4 * (720 + 1008 + 210)},
		},
		// Windows of 2·3, 2 apart: 3 · 2 places.
		{
			"sum-pooling", func(xs []*gx.Node) *gx.Node { return gx.SumPool(xs[0]).WindowPerAxis(2, 3).Strides(2).Done() },
			[][]int{{1, 6, 5, 2}},
			cost.Cost{FLOPs: (3 * 2 * 2) * (2 * 3), Bytes: 4 * (60 + 12)},
		},
		{
			"max-pooling, padded", func(xs []*gx.Node) *gx.Node { return gx.MaxPool(xs[0]).Window(3).Strides(1).PadSame().Done() },
			[][]int{{2, 4, 4, 1}},
			cost.Cost{FLOPs: 32 * 9, Bytes: 4 * (32 + 32)},
		},
		// 6 rows of 3 are read and written, and 6 indices, each converted from float.
		{
			"rows of a table", func(xs []*gx.Node) *gx.Node {
				return gx.Gather(xs[0], gx.ConvertDType(xs[1], dtypes.Int32))
			},
			[][]int{{1000, 3}, {6, 1}},
			cost.Cost{FLOPs: 6, Bytes: 4*(6+6) + 4*(18+6+18)},
		},
		{
			"rows added to a table", func(xs []*gx.Node) *gx.Node {
				return gx.ScatterSum(xs[0], gx.ConvertDType(xs[1], dtypes.Int32), xs[2], false, false)
			},
			[][]int{{10, 3}, {6, 1}, {6, 3}},
			cost.Cost{FLOPs: 6 + 18, Bytes: 4*(6+6) + 4*(30+6+18+30)},
		},
		{
			"slice", func(xs []*gx.Node) *gx.Node { return gx.Slice(xs[0], gx.AxisRange(2, 5)) },
			[][]int{{100, 3}},
			cost.Cost{Bytes: 4 * (9 + 9)},
		},
		// 1 root, and (x − μ)·(γ/√(σ²+ε)) + β, for 3 features of 4 entries.
		{
			"batch normalization", func(xs []*gx.Node) *gx.Node {
				return gx.InternalBatchNormForInference(xs[0], xs[1], xs[2], xs[3], xs[4], 1e-3, 1)
			},
			[][]int{{4, 3}, {3}, {3}, {3}, {3}},
			cost.Cost{FLOPs: 3*12 + 2*3, Transcendentals: 3, Bytes: 4 * (12 + 4*3 + 12)},
		},
		{
			"sum", func(xs []*gx.Node) *gx.Node { return gx.ReduceSum(xs[0], 1) },
			[][]int{{3, 5}},
			cost.Cost{FLOPs: 15, Bytes: 4 * (15 + 3)},
		},
		{
			"exponential", func(xs []*gx.Node) *gx.Node { return gx.Exp(xs[0]) },
			[][]int{{3, 5}},
			cost.Cost{Transcendentals: 15, Bytes: 4 * 30},
		},
		{
			"transpose", func(xs []*gx.Node) *gx.Node { return gx.Transpose(xs[0], 0, 1) },
			[][]int{{3, 5}},
			cost.Cost{Bytes: 4 * 30},
		},
	} {
		if got := cost.Program(record(t, tc.f, tc.dims...)); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}
