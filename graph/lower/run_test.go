package lower_test

import (
	"fmt"
	"maps"
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
	"github.com/gontk/ntk/graph/lower"
	"github.com/gontk/ntk/internal/native"
)

// A tensor is a value in row-major order. flat is a Go slice.
type tensor struct {
	dims []int
	flat any
}

func (x tensor) shape() shapes.Shape {
	return shapes.Make(dtypes.FromGoType(reflect.TypeOf(x.flat).Elem()), x.dims...)
}

// floats returns flat, which must be float64.
func (x tensor) floats() []float64 { return x.flat.([]float64) }

// A call is one op on given operands.
type call struct {
	op    graph.OpType
	attrs graph.Attrs
	in    []tensor
}

func (c call) String() string {
	s := fmt.Sprintf("%s %+v of", c.op, c.attrs)
	for _, x := range c.in {
		s += fmt.Sprintf(" %s", x.shape())
	}
	return s
}

// run executes calls as one program on backend, lowered by need, and returns
// the outputs of each call. It fails the test if an op of need reaches the backend.
func run(t *testing.T, backend backends.Backend, need lower.Set, calls ...call) [][]tensor {
	t.Helper()
	out, err := tryRun(backend, need, calls...)
	if err != nil {
		t.Fatalf("%v: %v", calls, err)
	}
	return out
}

func tryRun(backend backends.Backend, need lower.Set, calls ...call) ([][]tensor, error) {
	rec := graph.NewRecorder("calls")
	var outputs []graph.Op
	var counts []int
	var operands []tensor
	for _, c := range calls {
		var in []graph.Op
		for _, x := range c.in {
			p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{
				Name: fmt.Sprintf("p%d", len(operands)), Shape: x.shape(),
			})
			if err != nil {
				return nil, err
			}
			in, operands = append(in, p[0]), append(operands, x)
		}
		out, err := rec.Apply(c.op, c.attrs, in...)
		if err != nil {
			return nil, err
		}
		outputs, counts = append(outputs, out...), append(counts, len(out))
	}
	all, err := tryExecute(backend, rec.Program(outputs...), need, operands)
	if err != nil {
		return nil, err
	}
	var grouped [][]tensor
	for _, n := range counts {
		grouped, all = append(grouped, all[:n]), all[n:]
	}
	return grouped, nil
}

// execute runs p on backend, lowered by need. It fails the test if an op of
// need reaches the backend.
func execute(t *testing.T, backend backends.Backend, p *graph.Program, need lower.Set, operands []tensor) []tensor {
	t.Helper()
	out, err := tryExecute(backend, p, need, operands)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryExecute(backend backends.Backend, p *graph.Program, need lower.Set, operands []tensor) ([]tensor, error) {
	exe, err := graph.Compile(backend, p, func(it graph.Interpreter) graph.Interpreter {
		return lower.New(guard{it, need}, need)
	})
	if err != nil {
		return nil, err
	}
	defer exe.Finalize()
	var in []backends.Buffer
	for _, x := range operands {
		buffer, err := backend.BufferFromFlatData(0, x.flat, x.shape())
		if err != nil {
			return nil, err
		}
		in = append(in, buffer)
	}
	buffers, err := exe.Execute(in, nil, 0)
	if err != nil {
		return nil, err
	}
	var out []tensor
	for i, b := range buffers {
		s, err := backend.BufferShape(b)
		if err != nil {
			return nil, err
		}
		if !s.Equal(p.Outputs[i].Shape) {
			return nil, fmt.Errorf("output %d is %s, want %s", i, s, p.Outputs[i].Shape)
		}
		flat := reflect.MakeSlice(reflect.SliceOf(s.DType.GoType()), s.Size(), s.Size()).Interface()
		if err := backend.BufferToFlatData(b, flat); err != nil {
			return nil, err
		}
		out = append(out, tensor{slices.Clone(s.Dimensions), flat})
	}
	return out, nil
}

// A guard refuses the ops that should have been lowered above it.
type guard struct {
	graph.Interpreter
	need lower.Set
}

func (g guard) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) ([]graph.Op, error) {
	ss := make([]shapes.Shape, len(in))
	for i, x := range in {
		ss[i] = g.Shape(x)
	}
	// Scatter is lowered to one of single entries, all of them inside.
	_, scatters := attrs.(graph.ScatterAttrs)
	entries := scatters && ss[0].Rank() == 1 && ss[2].Rank() == 1
	if when, ok := g.need.Ops[op]; ok && !entries && (when == nil || when(attrs, ss)) {
		return nil, fmt.Errorf("%s was not lowered", op)
	}
	return g.Interpreter.Apply(op, attrs, in...)
}

var pureGo = sync.OnceValues(func() (backends.Backend, error) { return simplego.New("ops_sequential") })

func goBackend(t testing.TB) backends.Backend {
	t.Helper()
	b, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var openXLA = sync.OnceValues(func() (*native.Backend, error) {
	return native.Open(native.Options{Backend: native.XLA})
})

// xlaBackend returns XLA, or skips the test where there is none.
func xlaBackend(t testing.TB) backends.Backend {
	t.Helper()
	b, err := openXLA()
	if err != nil {
		t.Skipf("XLA is the oracle here: %v", err)
	}
	return b.GoMLX
}

// sets are the ways in which everything can be lowered. Each must agree with
// the oracles on the pure Go backend.
func sets() map[string]lower.Set {
	gathered := lower.SimpleGo()
	gathered.Gather = true
	return map[string]lower.Set{"slices": lower.SimpleGo(), "gather": gathered}
}

// agree is agreeInGo that also compares reference with XLA's own ops, if there
// is XLA.
func agree(t *testing.T, calls []call, reference func(call) []tensor, tol float64) {
	t.Helper()
	agreeInGo(t, calls, reference, tol)
	t.Run("XLA", func(t *testing.T) {
		if testing.Short() {
			t.Skip("it compiles for seconds, and checks the reference rather than us")
		}
		for i, got := range run(t, xlaBackend(t), lower.XLA(), calls...) {
			compare(t, calls[i], got, reference(calls[i]), tol)
		}
	})
}

// agreeInGo runs calls on the pure Go backend, lowered in every way, and
// compares them with reference.
func agreeInGo(t *testing.T, calls []call, reference func(call) []tensor, tol float64) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(sets())) {
		t.Run(name, func(t *testing.T) {
			for i, got := range run(t, goBackend(t), sets()[name], calls...) {
				compare(t, calls[i], got, reference(calls[i]), tol)
			}
		})
	}
}

// compare fails if an entry of got differs from want by more than tol, relative
// to the largest entry of want; 0 asks for equality. Two NaNs are equal.
func compare(t *testing.T, c call, got, want []tensor, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v: %d outputs, want %d", c, len(got), len(want))
	}
	for i := range got {
		if !slices.Equal(got[i].dims, want[i].dims) {
			t.Errorf("%v: output %d has dimensions %v, want %v", c, i, got[i].dims, want[i].dims)
			continue
		}
		g, isFloat := got[i].flat.([]float64)
		if !isFloat {
			if !reflect.DeepEqual(got[i].flat, want[i].flat) {
				t.Errorf("%v: output %d is %v, want %v", c, i, got[i].flat, want[i].flat)
			}
			continue
		}
		w := want[i].floats()
		largest := 0.0
		for _, x := range w {
			if x := math.Abs(x); x > largest && !math.IsInf(x, 0) {
				largest = x
			}
		}
		for j := range g {
			same := g[j] == w[j] || math.IsNaN(g[j]) && math.IsNaN(w[j])
			if !same && !(math.Abs(g[j]-w[j]) <= tol*largest) {
				t.Errorf("%v: output %d differs at %d: %v, want %v", c, i, j, g[j], w[j])
				break
			}
		}
	}
}

// normal returns a tensor of standard normal numbers.
func normal(r *rand.Rand, dims ...int) tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	flat := make([]float64, n)
	for i := range flat {
		flat[i] = r.NormFloat64()
	}
	return tensor{dims, flat}
}

// between returns a number in [lo, hi].
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// seeded returns the generator of a test.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// each calls f with every index of dims, row-major.
func each(dims []int, f func(flat int, idx []int)) {
	n := 1
	for _, d := range dims {
		n *= d
	}
	idx := make([]int, len(dims))
	for flat := range n {
		rest := flat
		for i := len(dims) - 1; i >= 0; i-- {
			idx[i] = rest % dims[i]
			rest /= dims[i]
		}
		f(flat, idx)
	}
}

// offset returns the row-major position of idx, and false if it is outside.
func offset(dims, idx []int) (int, bool) {
	flat := 0
	for i, x := range idx {
		if x < 0 || x >= dims[i] {
			return 0, false
		}
		flat = flat*dims[i] + x
	}
	return flat, true
}
