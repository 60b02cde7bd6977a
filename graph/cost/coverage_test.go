package cost_test

import (
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
)

// The moments and the gradient of batch normalization, by hand for 3 features
// of 4 entries. Training adds up x, subtracts the mean, squares, adds up the
// squares, and per feature divides twice. The gradient subtracts the mean,
// multiplies by δ, adds up both, and takes four more ops an entry.
func TestBatchNormInTraining(t *testing.T) {
	x, f := shapes.Make(dtypes.Float32, 4, 3), shapes.Make(dtypes.Float32, 3)
	a := graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 1}
	for _, tc := range []struct {
		op   graph.OpType
		in   []shapes.Shape
		want cost.Cost
	}{
		{
			backends.OpTypeBatchNormForTraining,
			[]shapes.Shape{x, f, f},
			cost.Cost{FLOPs: 6*12 + 4*3, Transcendentals: 3, Bytes: 4 * (12 + 3 + 3 + 12 + 3 + 3)},
		},
		{
			backends.OpTypeBatchNormGradient,
			[]shapes.Shape{x, f, f, f, x},
			cost.Cost{FLOPs: 8*12 + 7*3, Transcendentals: 3, Bytes: 4 * (12 + 3*3 + 12 + 12 + 3 + 3)},
		},
	} {
		rec := graph.NewRecorder("t")
		var in []graph.Op
		for _, s := range tc.in {
			in = append(in, graph.Ops{It: rec}.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: "p", Shape: s}))
		}
		out := graph.Ops{It: rec}.All(tc.op, a, in...)
		if got := cost.Program(rec.Program(out...)); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.op, got, tc.want)
		}
	}
}

// Random bits count by the bits, not by the state that is returned with them.
func TestRandomBits(t *testing.T) {
	rec := graph.NewRecorder("t")
	o := graph.Ops{It: rec}
	state := o.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: "state", Shape: shapes.Make(dtypes.Uint64, 3)})
	out := o.All(backends.OpTypeRNGBitGenerator, graph.RNGBitGeneratorAttrs{Shape: shapes.Make(dtypes.Uint32, 5, 7)}, state)
	if got, want := cost.Program(rec.Program(out...)), (cost.Cost{FLOPs: 35, Bytes: 24 + 24 + 4*35}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
