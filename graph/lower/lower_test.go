package lower_test

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// The gradient of a network with every kind of convolution and pooling, by
// GoMLX's autodiff: filter gradients with whole images as kernels, input
// gradients with dilated inputs and reversed kernels, and scattered maxima.
func TestGradient(t *testing.T) {
	r := seeded(50)
	// Strided; grouped; dilated; and dense behind a padded and a mean pooling.
	in := []tensor{normal(r, 2, 11, 9, 4), normal(r, 3, 3, 4, 6), normal(r, 3, 2, 3, 4), normal(r, 2, 2, 4, 2)}
	loss := func(p []*gx.Node) *gx.Node {
		y := gx.Convolve(p[0], p[1]).Strides(2).PaddingPerDim([][2]int{{1, 1}, {0, 2}}).Done()
		y = gx.MaxPool(gx.Tanh(y)).Window(3).Strides(1).PaddingPerDim([][2]int{{1, 1}, {1, 0}}).Done()
		y = gx.Convolve(y, p[2]).Strides(1).ChannelGroupCount(2).PadSame().Done()
		y = gx.MeanPool(gx.Sin(y)).Window(2).Strides(1).NoPadding().Done()
		y = gx.Convolve(y, p[3]).Strides(1).DilationPerAxis(2, 1).NoPadding().Done()
		return gx.ReduceAllSum(gx.Mul(y, y))
	}
	trace := func(outputs func(p []*gx.Node) []*gx.Node) *graph.Program {
		rec, err := graph.Trace(mlctx.New(), "gradient", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
			var ss []shapes.Shape
			for _, x := range in {
				ss = append(ss, x.shape())
			}
			return outputs(graph.Inputs(g, ss...))
		})
		if err != nil {
			t.Fatal(err)
		}
		return rec.Program
	}
	value := trace(func(p []*gx.Node) []*gx.Node { return []*gx.Node{loss(p)} })
	gradient := trace(func(p []*gx.Node) []*gx.Node { return gx.Gradient(loss(p), p...) })

	got := execute(t, goBackend(t), gradient, lower.SimpleGo(), in)
	t.Run("central differences", func(t *testing.T) {
		for i := range in {
			// Along a random direction; the error is h²f‴/6 + ε/h, and f‴ here
			// is up to a thousand times f′.
			const h = 1e-5
			d := normal(r, in[i].dims...)
			at := func(h float64) float64 {
				moved := slices.Clone(in)
				moved[i] = tensor{in[i].dims, slices.Clone(in[i].floats())}
				for j, v := range d.floats() {
					moved[i].floats()[j] += h * v
				}
				return execute(t, goBackend(t), value, lower.SimpleGo(), moved)[0].floats()[0]
			}
			want := (at(h) - at(-h)) / (2 * h)
			var sum float64
			for j, v := range d.floats() {
				sum += v * got[i].floats()[j]
			}
			if !(math.Abs(sum-want) <= 1e-6*math.Abs(want)) {
				t.Errorf("derivative along operand %d is %.12g, want %.12g", i, sum, want)
			}
		}
	})
	for name, need := range map[string]lower.Set{"XLA": lower.XLA(), "XLA, lowered": lower.XLAFloat64()} {
		t.Run(name, func(t *testing.T) {
			want := execute(t, xlaBackend(t), gradient, need, in)
			compare(t, call{op: backends.OpTypeConvGeneral}, got, want, 1e-12) // order of summation
		})
	}
}

// Operands that do not fit are errors, not panics.
func TestErrors(t *testing.T) {
	x := tensor{[]int{3}, []float64{1, 2, 3}}
	zero := tensor{nil, []int32{0}}
	unit := graph.SelectAndScatterAttrs{Window: []int{2}, Strides: []int{1}, Paddings: [][2]int{{0, 0}}}
	for _, tc := range []struct {
		name string
		call call
	}{
		{"axis of Reverse", call{backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{1}}, []tensor{x}}},
		{"size of DynamicSlice", call{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{4}}, []tensor{x, zero}}},
		{"starts of DynamicSlice", call{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{2}}, []tensor{x}}},
		{"size of DynamicUpdateSlice", call{
			backends.OpTypeDynamicUpdateSlice, nil,
			[]tensor{x, {[]int{4}, make([]float64, 4)}, zero},
		}},
		{"source of SelectAndScatter", call{backends.OpTypeSelectAndScatterMax, unit, []tensor{x, x}}},
		{"rank of SelectAndScatter", call{backends.OpTypeSelectAndScatterMin, graph.SelectAndScatterAttrs{}, []tensor{x, x}}},
		{"axis of BatchNorm", call{backends.OpTypeBatchNormForInference, graph.BatchNormAttrs{Axis: 1}, []tensor{x, x, x, x, x}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tryRun(goBackend(t), lower.SimpleGo(), tc.call)
			var bug runtime.Error
			if err == nil || errors.As(err, &bug) {
				t.Errorf("%v: error %v, want one that says what is wrong", tc.call, err)
			}
		})
	}
	t.Run("op without a rule", func(t *testing.T) {
		need := lower.Set{Ops: map[graph.OpType]lower.Condition{backends.OpTypeTanh: nil}}
		_, err := tryRun(goBackend(t), need, call{backends.OpTypeTanh, nil, []tensor{x}})
		if !errors.Is(err, graph.ErrNoRule) {
			t.Errorf("error %v, want %v", err, graph.ErrNoRule)
		}
	})
}

// A lowered program can itself be recorded, and none of the ops is left in it.
func TestRewrite(t *testing.T) {
	rec := graph.NewRecorder("reverse")
	p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: "x", Shape: shapes.Make(dtypes.Float32, 2, 3)})
	if err != nil {
		t.Fatal(err)
	}
	y, err := rec.Apply(backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{1}}, p[0])
	if err != nil {
		t.Fatal(err)
	}
	q, err := graph.Rewrite(rec.Program(y...), func(r *graph.Recorder) graph.Interpreter {
		return lower.New(r, lower.SimpleGo())
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := q.Count(); n[backends.OpTypeReverse] != 0 || n[backends.OpTypeConcatenate] != 1 {
		t.Errorf("ops after lowering: %v, want slices and one Concatenate", n)
	}
	if s := q.Outputs[0].Shape; !s.Equal(rec.Shape(y[0])) {
		t.Errorf("shape after lowering is %s, want %s", s, rec.Shape(y[0]))
	}
}
