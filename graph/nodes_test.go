package graph_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/native"
)

// A nodeCase is one op, applied to parameters.
type nodeCase struct {
	op    graph.OpType
	attrs graph.Attrs
	in    []value
}

// A value is an operand, drawn uniformly from [lo, hi].
type value struct {
	shape  shapes.Shape
	lo, hi float64
}

func reals(dims ...int) value { return value{shapes.Make(dtypes.Float64, dims...), 0.25, 2} }
func ints(lo, hi float64, dims ...int) value {
	return value{shapes.Make(dtypes.Int32, dims...), lo, hi}
}
func bools(dims ...int) value { return value{shapes.Make(dtypes.Bool, dims...), 0, 1} }

func complexes(dims ...int) value { return value{shapes.Make(dtypes.Complex128, dims...), -1, 1} }

func (v value) draw(r *rand.Rand) any {
	flat := reflect.MakeSlice(reflect.SliceOf(v.shape.DType.GoType()), v.shape.Size(), v.shape.Size())
	for i := range v.shape.Size() {
		x := v.lo + (v.hi-v.lo)*r.Float64()
		switch at := flat.Index(i); {
		case v.shape.DType == dtypes.Bool:
			at.SetBool(x > 0.5)
		case v.shape.DType.IsComplex():
			at.SetComplex(complex(x, r.Float64()))
		default:
			at.Set(reflect.ValueOf(x).Convert(at.Type()))
		}
	}
	return flat.Interface()
}

// nodeCases has every op that Nodes builds, and every form that it tells apart.
func nodeCases() []nodeCase {
	return slices.Concat(elementwiseNodes(), movingNodes(), reducingNodes(), productNodes(), indexingNodes())
}

func elementwiseNodes() (cs []nodeCase) {
	add := func(op graph.OpType, in ...value) { cs = append(cs, nodeCase{op, nil, in}) }
	for op := graph.OpType(0); op < backends.OpTypeLast; op++ {
		v := reals
		switch name := op.String(); {
		case op == backends.OpTypeDot:
			continue // binary to GoMLX
		case strings.HasPrefix(name, "Logical"):
			v = bools
		case strings.HasPrefix(name, "Bitwise"), strings.HasPrefix(name, "Shift"), op == backends.OpTypeBitCount, op == backends.OpTypeClz:
			v = func(dims ...int) value { return ints(0, 31, dims...) }
		case op == backends.OpTypeReal, op == backends.OpTypeImag, op == backends.OpTypeConj:
			v = complexes
		}
		switch {
		case graph.IsUnary(op):
			add(op, v(3, 1))
		case graph.IsBinary(op):
			add(op, v(2, 3), v(2, 3))
			add(op, v(2, 1), v(1, 3))
			add(op, v(), v(3))
		}
	}
	add(backends.OpTypeWhere, bools(2, 3), reals(2, 3), reals(2, 3))
	add(backends.OpTypeWhere, bools(2, 3), reals(), reals(2, 3))
	add(backends.OpTypeWhere, bools(), reals(3), reals(3))
	add(backends.OpTypeClamp, reals(), reals(3), reals())
	add(backends.OpTypeComplex, reals(3), reals(3))
	return append(cs,
		nodeCase{backends.OpTypeIdentity, graph.IdentityAttrs{}, []value{reals(3)}},
		nodeCase{backends.OpTypeIdentity, graph.IdentityAttrs{Stop: true}, []value{reals(3)}},
		nodeCase{backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dtypes.Int32}, []value{reals(3)}},
		nodeCase{backends.OpTypeBitcast, graph.ConvertDTypeAttrs{DType: dtypes.Uint64}, []value{reals(3)}},
	)
}

func movingNodes() []nodeCase {
	broadcast := func(v value, axes []int, to ...int) nodeCase {
		return nodeCase{backends.OpTypeBroadcastInDim, graph.BroadcastInDimAttrs{Shape: shapes.Make(dtypes.Float64, to...), Axes: axes}, []value{v}}
	}
	return []nodeCase{
		{backends.OpTypeConstant, graph.ConstantAttrs{Flat: []float64{1, 2, 3, 4, 5, 6}, Dims: []int{2, 3}}, nil},
		{backends.OpTypeConstant, graph.ConstantAttrs{Flat: []int32{7}}, nil},
		{backends.OpTypeIota, graph.IotaAttrs{Shape: shapes.Make(dtypes.Int32, 2, 3), Axis: 1}, nil},
		broadcast(reals(), nil, 2, 3),
		broadcast(reals(3), []int{1}, 2, 3),
		broadcast(reals(2, 1), []int{0, 2}, 2, 3, 4),
		{backends.OpTypeReshape, graph.ReshapeAttrs{Dims: []int{6}}, []value{reals(2, 3)}},
		{backends.OpTypeReshape, graph.ReshapeAttrs{}, []value{reals(1, 1)}},
		{backends.OpTypeTranspose, graph.TransposeAttrs{Perm: []int{2, 0, 1}}, []value{reals(2, 3, 4)}},
		{backends.OpTypeConcatenate, graph.ConcatenateAttrs{Axis: 1}, []value{reals(2, 3), reals(2, 1)}},
		{backends.OpTypeSlice, graph.SliceAttrs{Starts: []int{1, 0}, Limits: []int{2, 5}, Strides: []int{1, 2}}, []value{reals(3, 5)}},
		{backends.OpTypeReverse, graph.ReverseAttrs{Axes: []int{0, 2}}, []value{reals(2, 3, 4)}},
		{backends.OpTypePad, graph.PadAttrs{Axes: []backends.PadAxis{{Start: 1, End: 2, Interior: 1}, {Start: -1}}}, []value{reals(3, 5), reals()}},
		{backends.OpTypeDynamicSlice, graph.DynamicSliceAttrs{Dims: []int{2, 1}}, []value{reals(3, 4), ints(0, 2), ints(0, 3)}},
		{backends.OpTypeDynamicUpdateSlice, nil, []value{reals(3, 4), reals(2, 1), ints(0, 2), ints(0, 3)}},
	}
}

func reducingNodes() (cs []nodeCase) {
	for op := graph.OpType(0); op < backends.OpTypeLast; op++ {
		v := reals
		switch name := op.String(); {
		case !strings.HasPrefix(name, "Reduce"), op == backends.OpTypeReduceWindow:
			continue
		case strings.HasPrefix(name, "ReduceLogical"):
			v = bools
		case strings.HasPrefix(name, "ReduceBitwise"):
			v = func(dims ...int) value { return ints(0, 31, dims...) }
		}
		cs = append(cs,
			nodeCase{op, graph.ReduceAttrs{Axes: []int{0, 2}}, []value{v(2, 3, 4)}},
			nodeCase{op, graph.ReduceAttrs{Axes: []int{}}, []value{v()}},
		)
	}
	for _, kind := range []backends.ReduceOpType{backends.ReduceOpSum, backends.ReduceOpMax, backends.ReduceOpMin, backends.ReduceOpProduct} {
		cs = append(cs, nodeCase{backends.OpTypeReduceWindow, graph.ReduceWindowAttrs{
			Type: kind, Window: []int{1, 2}, Strides: []int{1, 2}, BaseDilations: []int{1, 1}, WindowDilations: []int{1, 1}, Paddings: [][2]int{{0, 0}, {1, 0}},
		}, []value{reals(2, 5)}})
	}
	dilated := graph.ReduceWindowAttrs{
		Type: backends.ReduceOpSum, Window: []int{1, 2}, Strides: []int{1, 1}, BaseDilations: []int{1, 2}, WindowDilations: []int{1, 2}, Paddings: [][2]int{{0, 0}, {0, 0}},
	}
	return append(cs,
		nodeCase{backends.OpTypeReduceWindow, dilated, []value{reals(2, 5)}},
		nodeCase{backends.OpTypeArgMinMax, graph.ArgMinMaxAttrs{Axis: 1, DType: dtypes.Int32}, []value{reals(2, 5)}},
		nodeCase{backends.OpTypeArgMinMax, graph.ArgMinMaxAttrs{Axis: 0, DType: dtypes.Int64, IsMin: true}, []value{reals(2, 5)}},
	)
}

func productNodes() []nodeCase {
	conv := func(in, out int, set func(*graph.ConvGeneralAttrs)) nodeCase {
		a := graph.ConvGeneralAttrs{
			Axes: backends.ConvolveAxesConfig{
				InputBatch: 0, InputSpatial: []int{1}, InputChannels: 2, KernelSpatial: []int{0}, KernelInputChannels: 1,
				KernelOutputChannels: 2, OutputBatch: 0, OutputSpatial: []int{1}, OutputChannels: 2,
			},
			Strides: []int{1}, Paddings: [][2]int{{1, 0}}, InputDilations: []int{1}, KernelDilations: []int{1}, ChannelGroups: 1, BatchGroups: 1,
		}
		set(&a)
		return nodeCase{backends.OpTypeConvGeneral, a, []value{reals(2, 5, in), reals(2, in/a.ChannelGroups, out)}}
	}
	norm := graph.BatchNormAttrs{Epsilon: 1e-3, Axis: 1}
	return []nodeCase{
		{backends.OpTypeDotGeneral, graph.DotGeneralAttrs{LC: []int{2}, LB: []int{0}, RC: []int{1}, RB: []int{0}}, []value{reals(3, 2, 5), reals(3, 5)}},
		conv(3, 4, func(a *graph.ConvGeneralAttrs) { a.Strides[0] = 2 }),
		conv(4, 4, func(a *graph.ConvGeneralAttrs) { a.ChannelGroups, a.KernelDilations[0] = 2, 2 }),
		conv(3, 4, func(a *graph.ConvGeneralAttrs) { a.BatchGroups, a.InputDilations[0] = 2, 2 }),
		{backends.OpTypeBatchNormForInference, norm, []value{reals(4, 3), reals(3), reals(3), reals(3), reals(3)}},
		{backends.OpTypeBatchNormForTraining, norm, []value{reals(4, 3), reals(3), reals(3)}},
		{backends.OpTypeBatchNormGradient, norm, []value{reals(4, 3), reals(3), reals(3), reals(3), reals(4, 3)}},
	}
}

func indexingNodes() []nodeCase {
	cs := []nodeCase{
		{backends.OpTypeGather, graph.GatherAttrs{
			IndexVectorAxis: 1, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0}, StartIndexMap: []int{0}, SliceSizes: []int{1, 3},
		}, []value{reals(5, 3), ints(0, 4, 2, 1)}},
		{backends.OpTypeGather, graph.GatherAttrs{
			IndexVectorAxis: 1, OffsetOutputAxes: []int{0, 2}, StartIndexMap: []int{1, 0}, SliceSizes: []int{2, 3},
		}, []value{reals(5, 4), ints(0, 3, 3, 2)}},
	}
	for _, op := range []graph.OpType{backends.OpTypeScatterSum, backends.OpTypeScatterMax, backends.OpTypeScatterMin} {
		cs = append(cs, nodeCase{op, graph.ScatterAttrs{
			IndexVectorAxis: 1, UpdateWindowAxes: []int{1}, InsertedWindowAxes: []int{0}, ScatterAxesToOperandAxes: []int{0},
		}, []value{reals(5, 3), ints(0, 4, 2, 1), reals(2, 3)}})
	}
	return cs
}

// record writes cases down as one Program, all outputs of each being outputs.
func recordNodes(t *testing.T, cs []nodeCase) *graph.Program {
	t.Helper()
	rec := graph.NewRecorder("cases")
	var outs []graph.Op
	for i, c := range cs {
		var in []graph.Op
		for k, v := range c.in {
			p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: fmt.Sprintf("x%d:%d", i, k), Shape: v.shape})
			if err != nil {
				t.Fatal(err)
			}
			in = append(in, p[0])
		}
		out, err := rec.Apply(c.op, c.attrs, in...)
		if err != nil {
			t.Fatalf("%s: %v", c.op, err)
		}
		outs = append(outs, out...)
	}
	return rec.Program(outs...)
}

// byEmit and byNodes execute p in two ways and return flat slices.
func byEmit(b backends.Backend, p *graph.Program, in []any) ([]any, error) {
	ex, err := graph.Compile(b, p, nil)
	if err != nil {
		return nil, err
	}
	defer ex.Finalize()
	buffers := make([]backends.Buffer, len(in))
	for i, flat := range in {
		if buffers[i], err = b.BufferFromFlatData(0, flat, p.Params[i].Shape); err != nil {
			return nil, err
		}
	}
	results, err := ex.Execute(buffers, nil, 0)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(results))
	for i, r := range results {
		s := p.Outputs[i].Shape
		flat := reflect.MakeSlice(reflect.SliceOf(s.DType.GoType()), s.Size(), s.Size()).Interface()
		if err := b.BufferToFlatData(r, flat); err != nil {
			return nil, err
		}
		out[i] = flat
	}
	return out, nil
}

func byNodes(t *testing.T, b backends.Backend, p *graph.Program, in []any) []any {
	t.Helper()
	g := gx.NewGraph(b, "nodes")
	var params []any
	ops := make([]graph.Op, len(in))
	for i, flat := range in {
		node := gx.Parameter(g, p.ParamName(i), p.Params[i].Shape)
		x := tensors.FromShape(p.Params[i].Shape)
		x.MustMutableFlatData(func(dst any) { reflect.Copy(reflect.ValueOf(dst), reflect.ValueOf(flat)) })
		params = append(params, x)
		ops[i] = node
	}
	it := graph.Nodes{Graph: g}
	outs, err := graph.Replay(p, it, ops)
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]*gx.Node, len(outs))
	for i, o := range outs {
		if s := it.Shape(o); !s.Equal(p.Outputs[i].Shape) {
			t.Fatalf("%s: node %d is %s, recorded as %s", p.Outputs[i].Def, i, s, p.Outputs[i].Shape)
		}
		nodes[i] = gx.Identity(o.(*gx.Node)) // a parameter or a repeated node is no output
	}
	g.Compile(nodes...)
	out := make([]any, len(nodes))
	for i, y := range g.Run(params...) {
		y.MustConstFlatData(func(flat any) {
			out[i] = reflect.AppendSlice(reflect.MakeSlice(reflect.TypeOf(flat), 0, 0), reflect.ValueOf(flat)).Interface()
		})
	}
	return out
}

func drawAll(cs []nodeCase) (in []any) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range cs {
		for _, v := range c.in {
			in = append(in, v.draw(r))
		}
	}
	return in
}

// TestNodesAreWhatIsEmitted holds that what GoMLX computes from nodes is, bit
// for bit, what the same backend computes from the Program itself, op by op in
// pure Go, where it has the op, and all ops at once on XLA.
func TestNodesAreWhatIsEmitted(t *testing.T) {
	inGo := map[graph.OpType]bool{}
	for _, c := range nodeCases() {
		p := recordNodes(t, []nodeCase{c})
		t.Run("go/"+p.Outputs[0].Def.String(), func(t *testing.T) {
			if !goHasNode(c) {
				t.Skip("not in pure Go")
			}
			in := drawAll([]nodeCase{c})
			b := pureGo(t)
			want, err := byEmit(b, p, in)
			if err != nil {
				t.Fatal(err)
			}
			if got := byNodes(t, b, p, in); !reflect.DeepEqual(got, want) {
				t.Errorf("nodes give %v, Emit %v", got, want)
			}
			inGo[c.op] = true
		})
	}
	if len(inGo) < 50 { // most are there
		t.Errorf("%d ops ran in pure Go", len(inGo))
	}
	t.Run("xla", func(t *testing.T) {
		xla, err := native.Open(native.Options{Backend: native.XLA})
		if err != nil {
			t.Skipf("there is no XLA: %v", err)
		}
		cs := nodeCases()
		p := recordNodes(t, cs)
		in := drawAll(cs)
		want, err := byEmit(xla.GoMLX, p, in)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range byNodes(t, xla.GoMLX, p, in) {
			if !reflect.DeepEqual(got, want[i]) {
				t.Errorf("%s: nodes give %v, Emit %v", p.Outputs[i].Def, got, want[i])
			}
		}
	})
}

// goHasNode reports whether the pure Go backend computes c, and without ending
// the process: see lower.SimpleGo.
func goHasNode(c nodeCase) bool {
	switch a := c.attrs.(type) {
	case graph.ConvGeneralAttrs:
		return max(a.ChannelGroups, a.BatchGroups, a.InputDilations[0], a.KernelDilations[0]) == 1
	case graph.ScatterAttrs:
		return len(a.InsertedWindowAxes) > 0
	}
	return simplego.Capabilities.Operations[c.op] || c.op == backends.OpTypeClamp
}

// TestNodesCoverage holds that every op of GoMLX is built and tested, or refused
// with a reason.
func TestNodesCoverage(t *testing.T) {
	tested := map[graph.OpType]bool{}
	for _, c := range nodeCases() {
		tested[c.op] = true
	}
	builder := reflect.TypeFor[backends.Builder]()
	notOps := []string{"Name", "Compile", "OpShape", "DistributedSPMD", "DistributedAutoSharding", "DeviceAssignment"}
	ops := 0
	for i := range builder.NumMethod() {
		name := builder.Method(i).Name
		if slices.Contains(notOps, name) {
			continue
		}
		op, err := backends.OpTypeString(name)
		if err != nil {
			t.Errorf("method %s of Builder has no op: %v", name, err)
			continue
		}
		ops++
		reason, refused := graph.NoNode[op]
		switch {
		case refused == tested[op]:
			t.Errorf("%s: refused %v, tested %v", op, refused, tested[op])
		case refused && reason == "":
			t.Errorf("%s is refused without a reason", op)
		case refused:
			_, err := graph.Nodes{Graph: gx.NewGraph(pureGo(t), "refused")}.Apply(op, nil)
			if !errors.Is(err, graph.ErrNoRule) || !strings.Contains(err.Error(), op.String()) || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: error %v, want %v that says %q", op, err, graph.ErrNoRule, reason)
			}
		}
	}
	if ops < 100 { // GoMLX v0.26.0 has that many
		t.Errorf("%d ops in backends.Builder, want at least 100", ops)
	}
}

// replayed makes a model of a recording of f, built from its Program.
func replayed(t *testing.T, ctx *mlctx.Context, f func(ctx *mlctx.Context, x *gx.Node) *gx.Node, in shapes.Shape) func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	t.Helper()
	rec, err := graph.Record(ctx, graph.One(f), in)
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *mlctx.Context, x *gx.Node) *gx.Node {
		ops := make([]graph.Op, len(rec.Program.Params))
		for i, p := range rec.Program.Params {
			ops[i] = x
			for _, v := range rec.Variables {
				if v.Value == p {
					ops[i] = v.ValueGraph(x.Graph())
				}
			}
		}
		out, err := graph.Replay(rec.Program, graph.Nodes{Graph: x.Graph()}, ops)
		if err != nil {
			t.Fatal(err)
		}
		return out[0].(*gx.Node)
	}
}

// TestNodesGradient holds that GoMLX differentiates what was recorded and
// replayed as it does the model itself, stopped gradients included.
func TestNodesGradient(t *testing.T) {
	type model = struct {
		name  string
		shape []int
		f     func(ctx *mlctx.Context, x *gx.Node) *gx.Node
	}
	stopped := model{"stopped", []int{3, 5}, func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		w := ctx.VariableWithShape("w", f64(1, 5)).ValueGraph(x.Graph())
		return gx.Add(gx.Mul(x, gx.StopGradient(gx.Exp(w))), gx.Mul(gx.Sign(x), gx.Sin(w)))
	}}
	for _, m := range append(slices.Clone(models), stopped) {
		if m.name == "convolution" {
			continue // the pure Go backend has no gradient of max-pooling
		}
		t.Run(m.name, func(t *testing.T) {
			ctx := mlctx.New()
			in := f64(m.shape...)
			again := replayed(t, ctx, m.f, in)
			if err := graph.Initialize(ctx, 1, false); err != nil {
				t.Fatal(err)
			}
			b, flat := pureGo(t), draw(1, "x", in)
			var ys [2][]*tensors.Tensor
			for i, f := range []func(*mlctx.Context, *gx.Node) *gx.Node{m.f, again} {
				ys[i] = mlctx.MustExecOnceN(b, ctx.Checked(false), func(ctx *mlctx.Context, x *gx.Node) []*gx.Node {
					y := f(ctx, x)
					return append(ctx.BuildTrainableVariablesGradientsGraph(gx.ReduceAllSum(gx.Sin(y))), y)
				}, toTensor(in, flat))
			}
			if len(ys[0]) < 2 || len(ys[0]) != len(ys[1]) {
				t.Fatalf("%d gradients, want %d", len(ys[1]), len(ys[0]))
			}
			for i := range ys[0] {
				if !ys[1][i].Equal(ys[0][i]) {
					t.Errorf("result %d is %v, the model's is %v", i, ys[1][i], ys[0][i])
				}
			}
		})
	}
}

// TestNodesRefuseCustomGradients holds that the function that a Program does
// not hold is missed, where it was and by name.
func TestNodesRefuseCustomGradients(t *testing.T) {
	rec, err := graph.Trace(mlctx.New(), "t", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		x := graph.Inputs(g, f64(3))[0]
		return []*gx.Node{gx.IdentityWithCustomGradient(gx.Exp(x), func(_, v *gx.Node) *gx.Node { return v })}
	})
	if err != nil {
		t.Fatal(err)
	}
	g := gx.NewGraph(pureGo(t), "t")
	_, err = graph.Replay(rec.Program, graph.Nodes{Graph: g}, []graph.Op{gx.Parameter(g, "x", f64(3))})
	for _, want := range []string{"Identity", "custom gradient", "nodes_test.go:"} {
		if !errors.Is(err, graph.ErrNoRule) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %v with %q", err, graph.ErrNoRule, want)
		}
	}
}
