package jvp_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A network is a function y(θ, x) in GoMLX's words, x made from the specs in.
type network struct {
	f  func(ctx *mlctx.Context, x []*gx.Node) *gx.Node
	in []spec
}

// forward records y.
func (n network) forward(t testing.TB, ctx *mlctx.Context) *graph.Program {
	t.Helper()
	rec, err := graph.Trace(ctx, "forward", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		return []*gx.Node{n.f(ctx, n.inputs(g))}
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec.Program
}

func (n network) inputs(g *gx.Graph) []*gx.Node {
	var ss []shapes.Shape
	for _, s := range n.in {
		ss = append(ss, s.shape())
	}
	return graph.Inputs(g, ss...)
}

// backward records Jᵀu by gx.Gradient, for every parameter of forward that is a
// float. The last parameter is u.
func (n network) backward(t testing.TB, ctx *mlctx.Context, forward *graph.Program) *graph.Program {
	t.Helper()
	rec, err := graph.Trace(ctx, "backward", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		y := n.f(ctx, n.inputs(g))
		u := gx.Parameter(g, "u", y.Shape())
		var params []*gx.Node
		for _, i := range floatsOf(forward) {
			params = append(params, g.GetParameterByName(forward.ParamName(i)))
		}
		return gx.Gradient(gx.ReduceAllSum(gx.Mul(y, u)), params...)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range forward.Params {
		if got, want := rec.Program.ParamName(i), forward.ParamName(i); got != want {
			t.Fatalf("parameter %d is %s backward, %s forward", i, got, want)
		}
	}
	return rec.Program.Prune()
}

// checkLaw checks for every operand, at the given values, that
//
//	⟨u, J v⟩ = ⟨Jᵀu, v⟩
//
// for random u and v, up to tol of the sums of absolute values, or of 1: some
// derivatives, such as softmax's by a shift, are 0 up to rounding.
func (n network) checkLaw(t *testing.T, tol float64, values func(name string, s shapes.Shape) any) {
	t.Helper()
	ctx := mlctx.New()
	p := n.forward(t, ctx)
	operands := floatsOf(p)
	var xs []any
	for i, v := range p.Params {
		xs = append(xs, values(p.ParamName(i), v.Shape))
	}
	r := seeded(7)
	vs := directions(r, p)
	u := uniform(-1, 1, p.Outputs[0].Shape.Dimensions...).fill(r).([]float64)

	var ways [][]int
	for _, i := range operands {
		ways = append(ways, []int{i})
	}
	ways = append(ways, operands)
	jv := compile(t, tangents(t, p, ways)).call(t, slices.Concat(xs, vs)...)
	jtu := compile(t, n.backward(t, ctx.Reuse(), p)).call(t, append(xs, u)...)
	moved := false
	for w, way := range ways {
		got, scale := dot(u, jv[w].([]float64))
		want := 0.0
		for k, i := range operands {
			if slices.Contains(way, i) {
				sum, size := dot(jtu[k].([]float64), vs[k].([]float64))
				want += sum
				scale += size
			}
		}
		if !(math.Abs(got-want) <= tol*max(1, scale)) {
			t.Errorf("tangents of %v: ⟨u, Jv⟩ = %v, ⟨Jᵀu, v⟩ = %v", way, got, want)
		}
		moved = moved || want != 0
	}
	if !moved {
		t.Errorf("all derivatives are 0: nothing was checked")
	}
}

// A law is a function with its operands where their values matter.
type law struct {
	name string
	f    func(x []*gx.Node) *gx.Node
	in   []spec
	tol  float64 // 0 means float64's
}

// The sides of the law differ in the order of sums of at most some hundreds of
// terms, each rounded to 1e-16.
const lawTolerance = 1e-13

// TestLaw holds that forward and reverse mode agree, at kinks and ties as well:
// the oracle is GoMLX's gradient of the same graph.
func TestLaw(t *testing.T) {
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			n := network{func(_ *mlctx.Context, x []*gx.Node) *gx.Node { return l.f(x) }, l.in}
			r := seeded(5)
			n.checkLaw(t, cmp.Or(l.tol, lawTolerance), func(name string, _ shapes.Shape) any {
				var i int
				if _, err := fmt.Sscanf(name, "input:%d", &i); err != nil {
					t.Fatal(err)
				}
				return l.in[i].fill(r)
			})
		})
	}
}

func laws() (ls []law) {
	add := func(name string, in []spec, f func(x []*gx.Node) *gx.Node) {
		ls = append(ls, law{name: name, f: f, in: in})
	}
	// one is a function of one operand, at ties and elsewhere.
	one := func(name string, f func(x *gx.Node) *gx.Node, in ...spec) {
		if len(in) == 0 {
			in = []spec{ties(4, 5), floats(4, 5)}
		}
		for _, s := range in {
			add(fmt.Sprintf("%s %d", name, len(ls)), []spec{s}, func(x []*gx.Node) *gx.Node { return f(x[0]) })
		}
	}
	two := func(name string, f func(x, y *gx.Node) *gx.Node, in ...spec) {
		add(fmt.Sprintf("%s %d", name, len(ls)), in, func(x []*gx.Node) *gx.Node { return f(x[0], x[1]) })
	}
	one("Abs", gx.Abs)
	one("Neg", gx.Neg)
	one("Exp", gx.Exp)
	one("Logistic", gx.Sigmoid)
	one("Tanh", gx.Tanh)
	one("Sin", gx.Sin)
	one("Cos", gx.Cos)
	one("Erf", gx.Erf)
	one("Log", gx.Log, positives(4))
	one("Log1p", gx.Log1P, positives(4))
	one("Sqrt", gx.Sqrt, positives(4))
	one("Sign", func(x *gx.Node) *gx.Node { return gx.Mul(gx.Sign(x), gx.Add(x, gx.Sign(x))) })
	toFloat32 := func(x []*gx.Node) *gx.Node {
		return gx.ConvertDType(gx.ConvertDType(x[0], dtypes.Float32), dtypes.Float64)
	}
	ls = append(ls, law{"ConvertDType", toFloat32, []spec{floats(4)}, 1e-7}) // u and v are rounded

	type binary = func(x, y *gx.Node) *gx.Node
	for i, f := range []binary{gx.Max, gx.Min, gx.Add, gx.Mul, gx.Sub} {
		name := []string{"Max", "Min", "Add", "Mul", "Sub"}[i]
		two(name, f, ties(4, 5), ties(4, 5))
		two(name, f, ties(4, 1), ties(1, 5))
		two(name, f, ties(), ties(4, 5))
		two(name, f, ties(4, 5), ties())
		if name != "Sub" { // which is 0
			one(name+" of itself", func(x *gx.Node) *gx.Node { return f(x, x) })
		}
	}
	for _, x := range []spec{positives(4, 5), positives(4, 1), positives()} {
		two("Div", gx.Div, x, positives(4, 5))
		two("Div", gx.Div, positives(4, 5), x)
		two("Pow", gx.Pow, x, positives(4, 5))
		two("Pow", gx.Pow, positives(4, 5), x)
	}
	one("PowScalar", func(x *gx.Node) *gx.Node { return gx.PowScalar(x, 3) })
	one("ClipScalar", func(x *gx.Node) *gx.Node { return gx.ClipScalar(x, -1, 1) })
	add("Where", []spec{booleans(4), ties(4), ties(4)}, func(x []*gx.Node) *gx.Node { return gx.Where(x[0], x[1], x[2]) })
	add("Where with a scalar", []spec{booleans(4), ties(), ties(4)}, func(x []*gx.Node) *gx.Node { return gx.Where(x[0], x[1], x[2]) })

	one("ReduceSum", func(x *gx.Node) *gx.Node { return gx.ReduceSum(x, 1) })
	for i, f := range []func(x *gx.Node, axes ...int) *gx.Node{gx.ReduceMax, gx.ReduceMin} {
		name := []string{"ReduceMax", "ReduceMin"}[i]
		one(name, func(x *gx.Node) *gx.Node { return f(x, 1) })
		one(name+" all", func(x *gx.Node) *gx.Node { return f(x) })
		one(name+" 3d", func(x *gx.Node) *gx.Node { return f(x, 0, -1) }, ties(3, 4, 5))
	}

	one("Transpose", func(x *gx.Node) *gx.Node { return gx.Transpose(x, 0, 1) })
	one("Slice", func(x *gx.Node) *gx.Node { return gx.Slice(x, gx.AxisRange(1, 3), gx.AxisRange(0, 5).Stride(2)) })
	two("Concatenate", func(x, y *gx.Node) *gx.Node { return gx.Concatenate([]*gx.Node{x, y, x}, 0) }, floats(2, 3), floats(1, 3))
	one("Broadcast", func(x *gx.Node) *gx.Node { return gx.BroadcastToDims(gx.Reshape(x, 20, 1), 20, 3) })
	two("Einsum", func(x, y *gx.Node) *gx.Node { return gx.Einsum("bij,bkj->bik", x, y) }, floats(2, 3, 4), floats(2, 5, 4))
	return slices.Concat(ls, windowLaws(), indexLaws())
}

func windowLaws() (ls []law) {
	pools := map[string]func(x *gx.Node) *gx.PoolBuilder{
		"MaxPool": gx.MaxPool, "MinPool": gx.MinPool, "MeanPool": gx.MeanPool, "SumPool": gx.SumPool,
	}
	// Maxima of nothing but -∞ (minima likewise) are entries all the same.
	infinite := func(sign int) func(dims ...int) spec {
		values := append(slices.Repeat([]float64{math.Inf(sign)}, 5), 1)
		return func(dims ...int) spec {
			return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return values[r.IntN(len(values))] }}
		}
	}
	for name, pool := range pools {
		values := []func(dims ...int) spec{ties, floats}
		switch name {
		case "MaxPool":
			values = append(values, infinite(-1))
		case "MinPool":
			values = append(values, infinite(1))
		}
		for i, v := range values {
			add := func(kind string, f func(p *gx.PoolBuilder) *gx.PoolBuilder) {
				ls = append(ls, law{fmt.Sprintf("%s %s %d", name, kind, i), func(x []*gx.Node) *gx.Node {
					return f(pool(x[0])).Done()
				}, []spec{v(2, 6, 6, 2)}, 0})
			}
			add("plain", func(p *gx.PoolBuilder) *gx.PoolBuilder { return p.Window(2) })
			add("overlapping", func(p *gx.PoolBuilder) *gx.PoolBuilder { return p.Window(3).Strides(2) })
			add("padded", func(p *gx.PoolBuilder) *gx.PoolBuilder { return p.Window(3).Strides(1).PadSame() })
		}
	}
	conv := func(name string, x, w spec, f func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder) {
		ls = append(ls, law{"Convolve " + name, func(x []*gx.Node) *gx.Node { return f(gx.Convolve(x[0], x[1])).Done() }, []spec{x, w}, 0})
	}
	conv("padded", floats(2, 5, 5, 3), floats(3, 3, 3, 4), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder { return c.PadSame() })
	conv("even filter, strides", floats(2, 6, 5, 3), floats(2, 2, 3, 4), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder { return c.Strides(2).NoPadding() })
	conv("groups", floats(2, 5, 5, 4), floats(3, 3, 2, 6), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder { return c.ChannelGroupCount(2) })
	conv("dilated", floats(2, 7, 7, 2), floats(3, 3, 2, 3), func(c *gx.ConvolutionBuilder) *gx.ConvolutionBuilder { return c.Dilations(2) })
	return ls
}

func indexLaws() (ls []law) {
	add := func(name string, in []spec, f func(x []*gx.Node) *gx.Node) {
		ls = append(ls, law{name: name, f: f, in: in})
	}
	index := func(hi int, dims ...int) spec { return integers(dtypes.Int32, 0, hi, dims...) }
	add("Gather", []spec{floats(5, 3), index(4, 6, 1)}, func(x []*gx.Node) *gx.Node { return gx.Gather(x[0], x[1]) })
	add("GatherSlices", []spec{floats(5, 4), index(3, 3, 1)}, func(x []*gx.Node) *gx.Node {
		return gx.GatherSlices(x[0], []int{0}, x[1], []int{2}, false)
	})
	// Indices beyond both ends: GoMLX's gradient drops them.
	outside := func(lo, hi int, dims ...int) spec { return integers(dtypes.Int32, lo, hi, dims...) }
	add("Gather outside", []spec{floats(5, 3), outside(-2, 6, 9, 1)}, func(x []*gx.Node) *gx.Node { return gx.Gather(x[0], x[1]) })
	add("Gather outside by two", []spec{floats(3, 4, 2), outside(-1, 4, 12, 2)}, func(x []*gx.Node) *gx.Node { return gx.Gather(x[0], x[1]) })
	add("GatherSlices outside", []spec{floats(5, 4), outside(-1, 5, 9, 1)}, func(x []*gx.Node) *gx.Node {
		return gx.GatherSlices(x[0], []int{0}, x[1], []int{2}, false)
	})
	scatters := map[string]func(operand, indices, updates *gx.Node, sorted, unique bool) *gx.Node{
		"ScatterSum": gx.ScatterSum, "ScatterMax": gx.ScatterMax, "ScatterMin": gx.ScatterMin,
	}
	for name, f := range scatters {
		for i, v := range []func(dims ...int) spec{ties, floats} {
			add(fmt.Sprintf("%s %d", name, i), []spec{v(5, 3), index(4, 6, 1), v(6, 3)}, func(x []*gx.Node) *gx.Node {
				return f(x[0], x[1], x[2], false, false)
			})
		}
	}
	add("DynamicSlice", []spec{floats(5, 3), index(5), index(3)}, func(x []*gx.Node) *gx.Node {
		return gx.DynamicSlice(x[0], x[1:], []int{2, 2})
	})
	add("DynamicUpdateSlice", []spec{floats(5, 3), floats(2, 2), index(5), index(3)}, func(x []*gx.Node) *gx.Node {
		return gx.DynamicUpdateSlice(x[0], x[1], x[2:])
	})
	return ls
}

// TestClampIsClipScalar holds that Clamp, of which GoMLX has no gradient, goes
// like ClipScalar where an operand lies on a bound.
func TestClampIsClipScalar(t *testing.T) {
	p := ruleCase{backends.OpTypeClamp, nil, []spec{floats(), ties(4, 5), floats()}}.program(t)
	n := network{func(_ *mlctx.Context, x []*gx.Node) *gx.Node { return gx.ClipScalar(x[0], -1, 1) }, []spec{ties(4, 5)}}
	clip := n.forward(t, mlctx.New())
	r := seeded(3)
	x, v := ties(4, 5).fill(r), floats(4, 5).fill(r)
	got := compile(t, tangents(t, p, [][]int{{1}})).call(t,
		[]float64{-1}, x, []float64{1}, []float64{0}, v, []float64{0})[0].([]float64)
	want := compile(t, tangents(t, clip, [][]int{{0}})).call(t, x, v)[0].([]float64)
	if !slices.Equal(got, want) {
		t.Errorf("tangent of Clamp %v, of ClipScalar %v at %v", got, want, x)
	}
}
