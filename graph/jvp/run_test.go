package jvp_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
	"github.com/gontk/ntk/graph/lower"
)

var pureGo = sync.OnceValues(func() (backends.Backend, error) { return simplego.New("ops_sequential") })

// A function is a compiled program, lowered to what the pure Go backend has.
type function struct {
	b   backends.Backend
	p   *graph.Program
	exe backends.Executable
}

func compile(t testing.TB, p *graph.Program) function {
	t.Helper()
	b, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := graph.Compile(b, p, func(it graph.Interpreter) graph.Interpreter { return lower.New(it, lower.SimpleGo()) })
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	return function{b, p, exe}
}

// call executes f on flat slices, one per parameter, and returns flat slices.
func (f function) call(t testing.TB, in ...any) []any {
	t.Helper()
	operands := make([]backends.Buffer, len(in))
	for i, flat := range in {
		b, err := f.b.BufferFromFlatData(0, flat, f.p.Params[i].Shape)
		if err != nil {
			t.Fatal(err)
		}
		operands[i] = b
	}
	buffers, err := f.exe.Execute(operands, nil, 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, f.p)
	}
	out := make([]any, len(buffers))
	for i, b := range buffers {
		s, err := f.b.BufferShape(b)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Equal(f.p.Outputs[i].Shape) {
			t.Fatalf("output %d is %s, recorded as %s\n%s", i, s, f.p.Outputs[i].Shape, f.p)
		}
		flat := makeFlat(s.DType, s.Size())
		if err := f.b.BufferToFlatData(b, flat); err != nil {
			t.Fatal(err)
		}
		out[i] = flat
	}
	return out
}

// A recorder records the programs of tests and fails them on errors.
type recorder struct {
	testing.TB
	*graph.Recorder
}

func record(t testing.TB) recorder { return recorder{t, graph.NewRecorder("test")} }

func (r recorder) param(name string, s shapes.Shape) graph.Op {
	r.Helper()
	return r.apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: name, Shape: s})
}

func (r recorder) apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) graph.Op {
	r.Helper()
	out, err := r.Apply(op, attrs, in...)
	if err != nil {
		r.Fatal(err)
	}
	return out[0]
}

// tangents records, for each way, the tangents of p's outputs where the
// operands of the way have tangents and the others none. The parameters are
// p's, followed by the tangents of those that are floats.
func tangents(t testing.TB, p *graph.Program, ways [][]int) *graph.Program {
	t.Helper()
	rec := record(t)
	xs, vs := pairs(rec, p)
	m := jvp.New(rec)
	var outputs []graph.Op
	for _, way := range ways {
		in := make([]graph.Op, len(xs))
		for i, x := range xs {
			in[i] = jvp.Const(x)
			if slices.Contains(way, i) {
				in[i] = jvp.Dual(x, vs[i])
			}
		}
		out, err := graph.Replay(p, m, in)
		if err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		for i, o := range out {
			if s := m.Shape(o); !s.Equal(p.Outputs[i].Shape) {
				t.Errorf("output %d is %s, want %s", i, s, p.Outputs[i].Shape)
			}
			y, err := m.Tangent(o)
			if err != nil {
				t.Fatal(err)
			}
			outputs = append(outputs, y)
		}
	}
	return rec.Program(outputs...)
}

// pairs returns parameters like those of p, and one more for each float.
func pairs(rec recorder, p *graph.Program) (xs, vs []graph.Op) {
	for i, v := range p.Params {
		xs = append(xs, rec.param(fmt.Sprintf("x%d", i), v.Shape))
	}
	vs = make([]graph.Op, len(xs))
	for _, i := range floatsOf(p) {
		vs[i] = rec.param(fmt.Sprintf("v%d", i), p.Params[i].Shape)
	}
	return xs, vs
}

// floatsOf returns the positions of the parameters that are floats.
func floatsOf(p *graph.Program) (at []int) {
	for i, v := range p.Params {
		if v.Shape.DType.IsFloat() {
			at = append(at, i)
		}
	}
	return at
}

// directions draws a tangent for each parameter that is a float: at most 1, so
// that the errors of central differences are those of the function.
func directions(r *rand.Rand, p *graph.Program) (vs []any) {
	for _, i := range floatsOf(p) {
		vs = append(vs, uniform(-1, 1, p.Params[i].Shape.Dimensions...).fill(r))
	}
	return vs
}

// subsets returns all but the empty one.
func subsets(of []int) (all [][]int) {
	for code := 1; code < 1<<len(of); code++ {
		var s []int
		for i, x := range of {
			if code>>i&1 == 1 {
				s = append(s, x)
			}
		}
		all = append(all, s)
	}
	return all
}

// differences returns the central differences of f at xs in the direction of
// the tangents vs of the parameters way, for every output that is a float. It
// uses four points h and 2h away; for derivatives up to 1000 the error is
// 1000 h⁴/30 + 2ε/h ≈ 4e-11 at h = 1e-3.
func differences(t testing.TB, f function, xs, vs []any, way []int) [][]float64 {
	t.Helper()
	const h = 1e-3
	diffs := make([][]float64, len(f.p.Outputs))
	for _, point := range []struct{ step, weight float64 }{{-2, 1}, {-1, -8}, {1, 8}, {2, -1}} {
		in := slices.Clone(xs)
		for k, i := range floatsOf(f.p) {
			if slices.Contains(way, i) {
				in[i] = plus(xs[i].([]float64), point.step*h, vs[k].([]float64))
			}
		}
		for i, y := range f.call(t, in...) {
			if y, ok := y.([]float64); ok {
				if diffs[i] == nil {
					diffs[i] = make([]float64, len(y))
				}
				diffs[i] = plus(diffs[i], point.weight/(12*h), y)
			}
		}
	}
	return diffs
}

// plus returns x + s·v.
func plus(x []float64, s float64, v []float64) []float64 {
	y := slices.Clone(x)
	for i := range y {
		y[i] += s * v[i]
	}
	return y
}

func dot(x, y []float64) (sum, size float64) {
	for i := range x {
		sum += x[i] * y[i]
		size += math.Abs(x[i] * y[i])
	}
	return sum, size
}

// compare returns how got differs from want by more than tol, relative to the
// largest entry of want but no less than 1, or nothing.
func compare(got, want []float64, tol float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("has %d entries, want %d", len(got), len(want))
	}
	scale := 1.0
	for _, x := range want {
		scale = max(scale, math.Abs(x))
	}
	for i := range got {
		if d := math.Abs(got[i] - want[i]); !(d <= tol*scale) {
			return fmt.Sprintf("differs at %d: %v, want %v, scale %g", i, got[i], want[i], scale)
		}
	}
	return ""
}

func makeFlat(dt dtypes.DType, n int) any {
	return reflect.MakeSlice(reflect.SliceOf(dt.GoType()), n, n).Interface()
}

// A spec says what values an operand has.
type spec struct {
	dt   dtypes.DType
	dims []int
	// draw returns a value; booleans are drawn from 0 and 1.
	draw func(r *rand.Rand) float64
}

func (s spec) shape() shapes.Shape { return shapes.Make(s.dt, s.dims...) }

func (s spec) fill(r *rand.Rand) any {
	flat := reflect.ValueOf(makeFlat(s.dt, s.shape().Size()))
	for i := range flat.Len() {
		x := s.draw(r)
		if s.dt == dtypes.Bool {
			flat.Index(i).SetBool(x != 0)
		} else {
			flat.Index(i).Set(reflect.ValueOf(x).Convert(s.dt.GoType()))
		}
	}
	return flat.Interface()
}

// floats are standard normal.
func floats(dims ...int) spec {
	return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return r.NormFloat64() }}
}

func uniform(lo, hi float64, dims ...int) spec {
	return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return lo + (hi-lo)*r.Float64() }}
}

// positives lie in [0.5, 1.5).
func positives(dims ...int) spec { return uniform(0.5, 1.5, dims...) }

// ties are mostly equal to others and often zero, of either sign.
func ties(dims ...int) spec {
	values := []float64{-1, math.Copysign(0, -1), 0, 0, 1}
	return spec{dtypes.Float64, dims, func(r *rand.Rand) float64 { return values[r.IntN(len(values))] }}
}

// integers lie in [lo, hi].
func integers(dt dtypes.DType, lo, hi int, dims ...int) spec {
	return spec{dt, dims, func(r *rand.Rand) float64 { return float64(lo + r.IntN(hi-lo+1)) }}
}

func booleans(dims ...int) spec { return integers(dtypes.Bool, 0, 1, dims...) }

// seeded returns the generator of a test.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
