package vmap_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
	"github.com/gontk/ntk/graph/vmap"
	"github.com/gontk/ntk/internal/native"
)

// tolerance of a float, relative to the largest entry of its tensor. The loop
// and the batch differ in the order of sums and in whether XLA vectorizes an
// elementary function: a few units of 1e-16 for each of at most a few dozen ops.
const tolerance = 1e-12

// A machine executes programs; its ops are lowered by need first.
type machine struct {
	backends.Backend
	name string
	need lower.Set
}

var pureGo = sync.OnceValues(func() (backends.Backend, error) { return simplego.New("ops_sequential") })

var openXLA = sync.OnceValues(func() (*native.Backend, error) {
	return native.Open(native.Options{Backend: native.XLA})
})

// goMachine is the pure Go backend.
func goMachine(t testing.TB, need lower.Set) machine {
	t.Helper()
	b, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	return machine{b, "go", need}
}

// xlaMachine is XLA; without a plugin there is none.
func xlaMachine() (machine, error) {
	b, err := openXLA()
	if err != nil {
		return machine{}, err
	}
	return machine{b.GoMLX, "xla", lower.Set{}}, nil
}

// goHas reports whether the pure Go backend computes op itself, and correctly.
func goHas(op graph.OpType, attrs graph.Attrs, in []shapes.Shape) bool {
	// Where it has not, it indexes out of range.
	switch a := attrs.(type) {
	case graph.ConvGeneralAttrs:
		return max(a.ChannelGroups, a.BatchGroups, slices.Max(a.InputDilations), slices.Max(a.KernelDilations)) == 1
	case graph.GatherAttrs:
		return !lower.SimpleGo().Ops[op](a, in)
	case graph.ScatterAttrs: // not outside
		return false
	}
	return simplego.Capabilities.Operations[op] || op == backends.OpTypeClamp // which it has, unlisted
}

// lacking lowers what the pure Go backend does not have itself.
func lacking() lower.Set {
	need := lower.SimpleGo()
	for op := range need.Ops {
		need.Ops[op] = func(attrs graph.Attrs, in []shapes.Shape) bool { return !goHas(op, attrs, in) }
	}
	return need
}

// machineFor returns a machine that computes the only op of p itself, or else
// the pure Go backend with that op lowered, which -short prefers to XLA. Without
// either the test is skipped.
func machineFor(t *testing.T, p *graph.Program) machine {
	t.Helper()
	e := p.Outputs[0].Def
	var in []shapes.Shape
	for _, v := range e.In {
		in = append(in, v.Shape)
	}
	if goHas(e.Op, e.Attrs, in) {
		return goMachine(t, lower.Set{})
	}
	unsigned := slices.ContainsFunc(in, func(s shapes.Shape) bool { return s.DType == dtypes.Uint64 }) // its Gather takes them as signed
	_, lowered := lacking().Ops[e.Op]
	lowered = lowered && !unsigned
	if lowered && testing.Short() { // XLA takes half a second to compile one
		return goMachine(t, lacking())
	}
	x, err := xlaMachine()
	switch {
	case err == nil:
		return x
	case lowered:
		return goMachine(t, lacking())
	}
	t.Skipf("%s needs XLA: %v", e, err)
	return machine{}
}

// compiled is a program ready to run.
type compiled struct {
	m   machine
	p   *graph.Program
	exe backends.Executable
}

func (m machine) compile(t testing.TB, p *graph.Program) compiled {
	t.Helper()
	exe, err := graph.Compile(m, p, func(it graph.Interpreter) graph.Interpreter { return lower.New(it, m.need) })
	if err != nil {
		t.Fatalf("%s: %v\n%s", m.name, err, p)
	}
	return compiled{m, p, exe}
}

// run executes c on flat slices, one per parameter, and returns flat slices.
func (c compiled) run(t testing.TB, in []any) []any {
	t.Helper()
	operands := make([]backends.Buffer, len(in))
	for i, flat := range in {
		b, err := c.m.BufferFromFlatData(0, flat, c.p.Params[i].Shape)
		if err != nil {
			t.Fatal(err)
		}
		operands[i] = b
	}
	buffers, err := c.exe.Execute(operands, nil, 0)
	if err != nil {
		t.Fatalf("%s: %v\n%s", c.m.name, err, c.p)
	}
	out := make([]any, len(buffers))
	for i, b := range buffers {
		s, err := c.m.BufferShape(b)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Equal(c.p.Outputs[i].Shape) {
			t.Fatalf("output %d is %s, recorded as %s\n%s", i, s, c.p.Outputs[i].Shape, c.p)
		}
		flat := makeFlat(s.DType, s.Size())
		if err := c.m.BufferToFlatData(b, flat); err != nil {
			t.Fatal(err)
		}
		out[i] = flat
	}
	return out
}

// An operand is a parameter of a program of one example, with values for every
// combination of levels, row-major.
type operand struct {
	shape  shapes.Shape
	values any
}

// A mapping says for each operand which levels (a bit each, outermost lowest)
// map it.
type mapping []int

// mappings returns all of them.
func mappings(operands, levels int) (all []mapping) {
	for code := range 1 << (operands * levels) {
		m := make(mapping, operands)
		for i := range m {
			m[i] = code >> (i * levels) & (1<<levels - 1)
		}
		all = append(all, m)
	}
	return all
}

// batch records p under nested Maps of the given sizes, outermost first, in as
// many ways as there are mappings, all in one program. It returns the program
// and what its parameters have to be.
func batch(t testing.TB, p *graph.Program, operands []operand, levels []int, ways []mapping) (*graph.Program, []any) {
	t.Helper()
	rec := graph.NewRecorder(p.Name)
	var in []any
	params := map[[2]int]graph.Op{} // by operand and its levels
	param := func(i, mapped int) graph.Op {
		key := [2]int{i, mapped}
		if params[key] == nil {
			s := operands[i].shape.Clone()
			for l := len(levels) - 1; l >= 0; l-- {
				if mapped>>l&1 == 1 {
					s.Dimensions = slices.Insert(s.Dimensions, 0, levels[l])
				}
			}
			v, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{
				Name: fmt.Sprintf("p%d_%d", i, mapped), Shape: s,
			})
			if err != nil {
				t.Fatal(err)
			}
			params[key] = v[0]
			flat := makeFlat(s.DType, 0)
			eachIndex(levels, func(index []int) {
				if slices.Equal(index, only(index, mapped)) {
					flat = appendFlat(flat, operands[i].at(levels, index))
				}
			})
			in = append(in, flat)
		}
		return params[key]
	}
	var outputs []graph.Op
	for _, way := range ways {
		maps := make([]*vmap.Map, len(levels))
		var it graph.Interpreter = rec
		for l, n := range levels {
			maps[l] = vmap.New(it, n)
			it = maps[l]
		}
		xs := make([]graph.Op, len(operands))
		for i := range operands {
			xs[i] = param(i, way[i])
			for l := range levels {
				if way[i]>>l&1 == 1 {
					xs[i] = vmap.Mapped(xs[i])
				} else {
					xs[i] = vmap.Fixed(xs[i])
				}
			}
		}
		out, err := graph.Replay(p, it, xs)
		if err != nil {
			t.Fatalf("mapped %v: %v\n%s", way, err, p)
		}
		for i, o := range out {
			if s := it.Shape(o); !s.Equal(p.Outputs[i].Shape) {
				t.Errorf("mapped %v: output %d of an example is %s, want %s\n%s", way, i, s, p.Outputs[i].Shape, p)
			}
			for l := len(maps) - 1; l >= 0; l-- {
				if o, err = maps[l].Out(o); err != nil {
					t.Fatalf("mapped %v: %v\n%s", way, err, p)
				}
			}
			outputs = append(outputs, o)
		}
	}
	return rec.Program(outputs...), in
}

// check compares p under nested Maps with a loop of executions of p alone.
func check(t testing.TB, m machine, p *graph.Program, operands []operand, levels []int, ways []mapping) {
	t.Helper()
	batched, in := batch(t, p, operands, levels, ways)
	got := m.compile(t, batched).run(t, in)
	one := m.compile(t, p)
	known := map[string][]any{}
	for w, way := range ways {
		want := make([]any, len(p.Outputs))
		for i, o := range p.Outputs {
			want[i] = makeFlat(o.Shape.DType, 0)
		}
		eachIndex(levels, func(index []int) {
			key := ""
			xs := make([]any, len(operands))
			for i, o := range operands {
				mine := only(index, way[i])
				key += fmt.Sprint(mine)
				xs[i] = o.at(levels, mine)
			}
			if known[key] == nil {
				known[key] = one.run(t, xs)
			}
			for i, flat := range known[key] {
				want[i] = appendFlat(want[i], flat)
			}
		})
		for i := range want {
			if msg := compare(got[w*len(want)+i], want[i]); msg != "" {
				t.Errorf("%s: levels %v, mapped %v: output %d %s\n%s", m.name, levels, way, i, msg, p)
			}
		}
	}
}

// only returns index with zeros for the levels that do not map.
func only(index []int, mapped int) []int {
	mine := make([]int, len(index))
	for l, i := range index {
		if mapped>>l&1 == 1 {
			mine[l] = i
		}
	}
	return mine
}

// at returns the values of the example with the given index.
func (o operand) at(levels, index []int) any {
	flat := 0
	for l, i := range index {
		flat = flat*levels[l] + i
	}
	size := o.shape.Size()
	return reflect.ValueOf(o.values).Slice(flat*size, (flat+1)*size).Interface()
}

// eachIndex calls f for every index into dims, row-major.
func eachIndex(dims []int, f func(index []int)) {
	n := product(dims)
	for flat := range n {
		index := make([]int, len(dims))
		rest := flat
		for i := len(dims) - 1; i >= 0; i-- {
			index[i] = rest % dims[i]
			rest /= dims[i]
		}
		f(index)
	}
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// compare returns how got differs from want, or nothing.
func compare(got, want any) string {
	g, isFloat := got.([]float64)
	if !isFloat {
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("is %v, want %v", got, want)
		}
		return ""
	}
	w := want.([]float64)
	if len(g) != len(w) {
		return fmt.Sprintf("has %d entries, want %d", len(g), len(w))
	}
	largest := 0.0
	for _, x := range w {
		if x := math.Abs(x); x > largest && !math.IsInf(x, 0) {
			largest = x
		}
	}
	for i := range g {
		same := g[i] == w[i] || math.IsNaN(g[i]) && math.IsNaN(w[i])
		if !same && !(math.Abs(g[i]-w[i]) <= tolerance*largest) {
			return fmt.Sprintf("differs at %d: %v, want %v; relative to the largest %g", i, g[i], w[i], math.Abs(g[i]-w[i])/largest)
		}
	}
	return ""
}

func makeFlat(dt dtypes.DType, n int) any {
	return reflect.MakeSlice(reflect.SliceOf(dt.GoType()), n, n).Interface()
}

func appendFlat(a, b any) any {
	return reflect.AppendSlice(reflect.ValueOf(a), reflect.ValueOf(b)).Interface()
}
