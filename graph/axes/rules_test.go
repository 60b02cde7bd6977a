package axes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

func parameter(o graph.Ops, name string, dims ...int) graph.Op {
	return o.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: floats(dims...)})
}

// conv1d convolves x [N, T, C] with w [K, C/groups, F].
func conv1d(o graph.Ops, x, w graph.Op, channelGroups, batchGroups int) graph.Op {
	return o.Do(backends.OpTypeConvGeneral, graph.ConvGeneralAttrs{
		Axes: backends.ConvolveAxesConfig{
			InputBatch: 0, InputSpatial: []int{1}, InputChannels: 2,
			KernelSpatial: []int{0}, KernelInputChannels: 1, KernelOutputChannels: 2,
			OutputBatch: 0, OutputSpatial: []int{1}, OutputChannels: 2,
		},
		Strides: []int{1}, Paddings: make([][2]int, 1), InputDilations: []int{1}, KernelDilations: []int{1},
		ChannelGroups: channelGroups, BatchGroups: batchGroups,
	}, x, w)
}

// Ops that GoMLX's layers do not use in this way, each on x [4, 6, 2]; what is
// right follows from what the op is defined to compute. An axes text that is
// empty is not looked at.
func TestRules(t *testing.T) {
	scalar := func(o graph.Ops) graph.Op {
		return o.Do(backends.OpTypeConstant, graph.ConstantAttrs{Flat: []int32{0}})
	}
	for _, tc := range []struct {
		name  string
		build func(o graph.Ops, x graph.Op) graph.Op
		found string // kind of what is reported at the last op
		axes  string
	}{
		{"channel groups: kernel shares the group index", func(o graph.Ops, x graph.Op) graph.Op {
			return conv1d(o, x, parameter(o, "w", 1, 1, 6), 2, 1)
		}, "", "[B 4][P 6][P 2 O 3]"},
		{"batch groups", func(o graph.Ops, x graph.Op) graph.Op {
			return conv1d(o, x, parameter(o, "w", 1, 2, 6), 1, 2)
		}, "mixes examples", ""},
		{"batch as channels", func(o graph.Ops, x graph.Op) graph.Op {
			return conv1d(o, o.Transpose(x, 1, 2, 0), parameter(o, "w", 1, 4, 3), 1, 1)
		}, "mixes examples", ""},
		{"batch as kernel taps", func(o graph.Ops, x graph.Op) graph.Op {
			return conv1d(o, parameter(o, "z", 1, 7, 6), x, 1, 1)
		}, "mixes examples", ""},
		{"batch as output channels", func(o graph.Ops, x graph.Op) graph.Op {
			y := conv1d(o, parameter(o, "z", 1, 7, 2), o.Transpose(x, 1, 2, 0), 1, 1)
			return o.Transpose(y, 2, 1, 0)
		}, "", "[B 4][? 2][1]"},
		{"part of the positions, wherever it starts", func(o graph.Ops, x graph.Op) graph.Op {
			return o.Do(backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{4, 3, 2}}, x, scalar(o), scalar(o), scalar(o))
		}, "", "[B 4][P 3][P 2]"},
		{"part of the batch, wherever it starts", func(o graph.Ops, x graph.Op) graph.Op {
			y := o.Do(backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{2, 6, 2}}, x, scalar(o), scalar(o), scalar(o))
			return y
		}, "mixes examples", ""},
		{"positions overwritten by a weight", func(o graph.Ops, x graph.Op) graph.Op {
			w := o.BroadcastInDim(parameter(o, "w", 2), []int{4, 1, 2}, []int{2})
			return o.Do(backends.OpTypeDynamicUpdateSlice, nil, x, w, scalar(o), scalar(o), scalar(o))
		}, "", "[B 4][P 6][P 2]"},
		{"an example overwritten", func(o graph.Ops, x graph.Op) graph.Op {
			return o.Do(backends.OpTypeDynamicUpdateSlice, nil, x, parameter(o, "w", 1, 6, 2), scalar(o), scalar(o), scalar(o))
		}, "mixes examples", ""},
		{"gradient of a pool over positions", func(o graph.Ops, x graph.Op) graph.Op {
			source := o.Slice(x, []int{0, 0, 0}, []int{4, 3, 2}, nil)
			return o.Do(backends.OpTypeSelectAndScatterMax, graph.SelectAndScatterAttrs{
				Window: []int{1, 2, 1}, Strides: []int{1, 2, 1}, Paddings: make([][2]int, 3),
			}, x, source)
		}, "", "[B 4][P 6][P 2]"},
		{"gradient of a pool over the batch", func(o graph.Ops, x graph.Op) graph.Op {
			source := parameter(o, "w", 2, 6, 2)
			return o.Do(backends.OpTypeSelectAndScatterMax, graph.SelectAndScatterAttrs{
				Window: []int{2, 1, 1}, Strides: []int{2, 1, 1}, Paddings: make([][2]int, 3),
			}, x, source)
		}, "mixes examples", ""},
		{"batch norm along the batch axis as features", func(o graph.Ops, x graph.Op) graph.Op {
			w := o.BroadcastInDim(o.Scalar(dtypes.Float64, 1), []int{4}, nil)
			return o.Do(backends.OpTypeBatchNormForTraining, graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 0}, x, w, w)
		}, "", "[B 4][P 6][P 2]"},
		{"stride over positions with a window of 1", func(o graph.Ops, x graph.Op) graph.Op {
			return o.Do(backends.OpTypeReduceWindow, graph.ReduceWindowAttrs{
				Type: backends.ReduceOpMax, Window: []int{1, 1, 1},
				Strides: []int{1, 2, 1}, BaseDilations: []int{1, 1, 1}, WindowDilations: []int{1, 1, 1}, Paddings: make([][2]int, 3),
			}, x)
		}, "", "[B 4][P 3][P 2]"},
		{"an op without a rule", func(o graph.Ops, x graph.Op) graph.Op {
			return o.Do(backends.OpTypeAllReduce, graph.AllReduceAttrs{Type: backends.ReduceOpSum}, x)
		}, "cannot be followed", "[? 4][? 6][? 2]"},
		{"an op without a rule on a weight", func(o graph.Ops, x graph.Op) graph.Op {
			w := o.Do(backends.OpTypeAllReduce, graph.AllReduceAttrs{Type: backends.ReduceOpSum}, parameter(o, "w", 4, 6, 2))
			return o.Add(x, w)
		}, "cannot be followed", ""},
		{"each example its own entry, by an Iota", func(o graph.Ops, x graph.Op) graph.Op {
			iota := o.Do(backends.OpTypeIota, graph.IotaAttrs{Shape: shapes.Make(dtypes.Int32, 4, 1), Axis: 0})
			zero := o.BroadcastInDim(scalar(o), []int{4, 1}, nil)
			return o.Do(backends.OpTypeGather, graph.GatherAttrs{
				IndexVectorAxis: 1, OffsetOutputAxes: []int{1},
				CollapsedSliceAxes: []int{0, 1}, StartIndexMap: []int{0, 1}, SliceSizes: []int{1, 1, 2},
			},
				x, o.Concatenate(1, iota, zero))
		}, "mixes examples", ""},
		{"an output that is a weight", func(o graph.Ops, _ graph.Op) graph.Op {
			return parameter(o, "w", 4, 3)
		}, "depends on the place in the batch", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := graph.NewRecorder("test")
			o := graph.Ops{It: rec}
			var x, y graph.Op
			if err := graph.Catch(func() { x = parameter(o, "x", 4, 6, 2); y = tc.build(o, x) }); err != nil {
				t.Fatal(err)
			}
			p := rec.Program(y)
			a, err := axes.Analyze(p, []axes.Input{{Value: x.(*graph.Value)}})
			if err != nil {
				t.Fatal(err)
			}
			var found string
			for _, m := range a.BatchMixing() {
				if m.Eqn == p.Outputs[0].Def {
					found = m.Kind.String()
				}
			}
			if found != tc.found || (found == "") != (len(a.BatchMixing()) == 0) {
				t.Errorf("found %q, want %q; all: %v", found, tc.found, a.BatchMixing())
			}
			if got := a.Of(p.Outputs[0]).String(); tc.axes != "" && got != tc.axes {
				t.Errorf("axes %s, want %s", got, tc.axes)
			}
		})
	}
}

// The roles of weights follow from what they are contracted with.
func TestRolesOfWeights(t *testing.T) {
	for _, tc := range []struct {
		name string
		x    shapes.Shape
		f    model
		want []string // of the variables, in order
	}{
		{"flatten", floats(2, 4, 6, 3), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := layers.Convolution(ctx.In("a"), x).Channels(8).KernelSize(3).PadSame().Done()
			return layers.Dense(ctx.In("b"), gx.Reshape(h, 2, -1), true, 5)
		}, []string{"[P 3][P 3][P 3][W 8]", "[W 8]", "[P 4 P 6 W 8][O 5]", "[O 5]"}},
		{"heads", floats(2, 5, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := layers.Dense(ctx.In("a"), x, false, 2, 4) // [B, T, H, D]
			return layers.Dense(ctx.In("b"), gx.Reshape(h, 2, 5, 8), false, 3)
		}, []string{"[P 6][W 2][W 4]", "[W 2 W 4][O 3]"}},
		{"position table", floats(2, 5, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			table := ctx.VariableWithShape("table", floats(1, 5, 8)).ValueGraph(x.Graph())
			h := gx.Add(layers.Dense(ctx.In("a"), x, false, 8), table)
			return layers.Dense(ctx.In("b"), h, false, 3)
		}, []string{"[1][P 5][W 8]", "[P 6][W 8]", "[W 8][O 3]"}},
		{"product of two weights", floats(2, 6), func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			u := ctx.VariableWithShape("u", floats(6, 8)).ValueGraph(x.Graph())
			v := ctx.VariableWithShape("v", floats(8, 3)).ValueGraph(x.Graph())
			return gx.Dot(x, gx.Dot(u, v))
		}, []string{"[P 6][U 8]", "[U 8][O 3]"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := record(t, tc.f, false, tc.x)
			a := analyze(t, r)
			var got []string
			for _, v := range r.Variables {
				got = append(got, a.Of(v.Value).String())
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if len(a.BatchMixing())+len(a.Conflicts()) > 0 {
				t.Errorf("reported: %v %v", a.BatchMixing(), a.Conflicts())
			}
		})
	}
}

// A factor that a Reshape splits is the same index before and after.
func TestIdentityOutlivesSplits(t *testing.T) {
	r := record(t, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Dense(ctx.In("a"), x, false, 8)
		split := gx.Reshape(h, 2, 2, 4)
		back := gx.Reshape(gx.Tanh(split), 2, 8)
		return layers.Dense(ctx.In("b"), gx.Add(h, back), false, 3)
	}, false, floats(2, 6))
	a := analyze(t, r)
	if c := a.Conflicts(); len(c) > 0 {
		t.Errorf("conflicts: %v", c)
	}
	first, second := a.Of(r.Variables[0].Value)[1], a.Of(r.Variables[1].Value)[0]
	if len(first) != 2 || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("width %+v where it is born, %+v where it is contracted", first, second)
	}
	for i := range first {
		if first[i].ID != second[i].ID {
			t.Errorf("factor %d has two identities: %+v and %+v", i, first[i], second[i])
		}
	}
}

// What contradicts itself apart from the batch is a conflict and no mixing.
func TestConflicts(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    model
		op   graph.OpType
	}{
		{"data skip onto a width", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Add(x, layers.Dense(ctx, x, false, 6))
		}, backends.OpTypeAdd},
		{"window along a width", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			h := layers.Dense(ctx, x, false, 8)
			return gx.Squeeze(gx.MeanPool(gx.InsertAxes(h, -1)).Window(2).Done(), 2)
		}, backends.OpTypeReduceWindow},
		{"reshape across widths", func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
			return gx.Reshape(layers.Dense(ctx, x, false, 3, 4), 2, 4, 3)
		}, backends.OpTypeReshape},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := analyze(t, record(t, tc.f, false, floats(2, 6)))
			if m := a.BatchMixing(); len(m) > 0 {
				t.Errorf("mixing: %v", m)
			}
			c := a.Conflicts()
			if len(c) != 1 || c[0].Eqn.Op != tc.op || !strings.Contains(c[0].String(), "axes/rules_test.go:") {
				t.Errorf("conflicts %v, want one at %s", c, tc.op)
			}
		})
	}
}

func TestInputErrors(t *testing.T) {
	r := record(t, func(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.Sin(x) }, false, floats(3, 2))
	one := record(t, func(_ *mlctx.Context, x *gx.Node) *gx.Node { return gx.Sin(x) }, false, floats(1, 2))
	x := r.Inputs[0]
	for _, tc := range []struct {
		name  string
		p     *graph.Program
		in    []axes.Input
		wants string
	}{
		{"none", r.Program, nil, "no input"},
		{"no parameter", r.Program, []axes.Input{{Value: r.Program.Outputs[0]}}, "not a parameter"},
		{"nil", r.Program, []axes.Input{{}}, "not a parameter"},
		{"roles", r.Program, []axes.Input{{Value: x, Roles: []axes.Role{axes.Batch}}}, "one role for each axis"},
		{"role", r.Program, []axes.Input{{Value: x, Roles: []axes.Role{axes.Batch, axes.Width}}}, "want B or P"},
		{"two batches", r.Program, []axes.Input{{Value: x, Roles: []axes.Role{axes.Batch, axes.Batch}}}, "two batch axes"},
		{"no batch", r.Program, []axes.Input{{Value: x, Roles: []axes.Role{axes.Position, axes.Position}}}, "batch axis"},
		{"batch of 1", one.Program, axes.Inputs(one), "batch of 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := axes.Analyze(tc.p, tc.in); err == nil || !strings.Contains(err.Error(), tc.wants) {
				t.Errorf("error %v, want one with %q", err, tc.wants)
			}
		})
	}
}

func ExampleAnalyze() {
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := layers.Dense(ctx, x, false, 64)
		return gx.Sub(h, gx.ReduceAndKeep(h, gx.ReduceMax, 0))
	})
	r, err := graph.Record(mlctx.New(), model, shapes.Make(dtypes.Float32, 2, 8, 8))
	if err != nil {
		panic(err)
	}
	a, err := axes.Analyze(r.Program, axes.Inputs(r))
	if err != nil {
		panic(err)
	}
	fmt.Println(a.Of(r.Program.Outputs[0]))
	for _, m := range a.BatchMixing() {
		fmt.Println(m.Eqn.Op, m.Kind, "-", m.Reason)
	}
	// Output:
	// [B 2][P 8][O 64]
	// ReduceMax mixes examples - it reduces axis 0 [B 2], which holds the batch
}
