package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
	"github.com/gontk/ntk/models"
)

// An nd is a float64 array in C order.
type nd struct {
	dims []int
	data []float64
}

func newND(dims ...int) nd { return nd{dims, make([]float64, size(dims))} }

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// gaussian returns independent N(0, 1) entries.
func gaussian(seed uint64, dims ...int) nd {
	r := rand.New(rand.NewPCG(seed, 1))
	a := newND(dims...)
	for i := range a.data {
		a.data[i] = r.NormFloat64()
	}
	return a
}

// at returns a pointer to an entry.
func (a nd) at(idx ...int) *float64 {
	if len(idx) != len(a.dims) {
		panic(fmt.Sprintf("index %v of %v", idx, a.dims))
	}
	flat := 0
	for k, i := range idx {
		if i < 0 || i >= a.dims[k] {
			panic(fmt.Sprintf("index %v of %v", idx, a.dims))
		}
		flat = flat*a.dims[k] + i
	}
	return &a.data[flat]
}

// each calls f with every index of an array of shape dims, reusing the slice.
func each(dims []int, f func(i []int)) {
	idx := make([]int, len(dims))
	for n := range size(dims) {
		for k := len(dims) - 1; k >= 0; k-- {
			idx[k] = n % dims[k]
			n /= dims[k]
		}
		f(idx)
	}
}

// relErr is max|got − want| over max|want|, NaN for different shapes.
func relErr(got, want nd) float64 {
	if fmt.Sprint(got.dims) != fmt.Sprint(want.dims) {
		return math.NaN()
	}
	worst, most := 0.0, 0.0
	for i, w := range want.data {
		d := math.Abs(got.data[i] - w)
		if math.IsNaN(d) {
			return d
		}
		worst, most = max(worst, d), max(most, math.Abs(w))
	}
	if most == 0 {
		return worst
	}
	return worst / most
}

func parse(t *testing.T, layers, param string, input ...int) *models.Spec {
	t.Helper()
	text := fmt.Sprintf(`{"layers": %s, "parameterization": %q, "input_shape": %s}`, layers, param, strings.ReplaceAll(fmt.Sprint(input), " ", ","))
	s, err := models.ParseSpec(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// record records s in float64 for the batch of x, without values.
func record(t *testing.T, s *models.Spec, batch int) *graph.Recording {
	t.Helper()
	model, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	ins, err := s.Inputs()
	if err != nil {
		t.Fatal(err)
	}
	var in []shapes.Shape
	for _, i := range ins {
		in = append(in, shapes.Make(dtypes.Float64, append([]int{batch}, i.Shape...)...))
	}
	r, err := graph.Record(mlctx.New(), model, in...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bind gives every parameter of r its array, by name; a missing one fails.
func bind(t *testing.T, s *models.Spec, r *graph.Recording, arrays map[string]nd, inputs []nd) map[*graph.Value]nd {
	t.Helper()
	params, err := s.Params()
	if err != nil {
		t.Fatal(err)
	}
	values := map[*graph.Value]nd{}
	for i, v := range r.Inputs {
		values[v] = inputs[i]
	}
	byVariable := map[string]string{}
	for _, p := range params {
		byVariable[p.Scope+"/"+p.VarName] = p.Name
	}
	for _, v := range r.Variables {
		name := byVariable[v.ScopeAndName()]
		a, ok := arrays[name]
		if !ok {
			t.Fatalf("no array %q for variable %s", name, v.ScopeAndName())
		}
		values[v.Value] = a
	}
	return values
}

// forward runs s in pure Go on arrays by name.
func forward(t *testing.T, s *models.Spec, arrays map[string]nd, inputs ...nd) nd {
	t.Helper()
	r := record(t, s, inputs[0].dims[0])
	return execute(t, r.Program, bind(t, s, r, arrays, inputs))
}

// gradient is GoMLX's, with respect to x, of the sum of s's outputs.
func gradient(t *testing.T, s *models.Spec, arrays map[string]nd, x nd) nd {
	t.Helper()
	model, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	r, err := graph.Trace(mlctx.New(), "gradient", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		in := graph.Inputs(g, shapes.Make(dtypes.Float64, x.dims...))
		return gx.Gradient(gx.ReduceAllSum(model(ctx, in)[0]), in[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	return execute(t, r.Program, bind(t, s, r, arrays, []nd{x}))
}

func execute(t *testing.T, p *graph.Program, values map[*graph.Value]nd) nd {
	t.Helper()
	b, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	ex, err := graph.Compile(b, p, func(it graph.Interpreter) graph.Interpreter {
		return lower.New(it, lower.SimpleGo())
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ex.Finalize()
	in := make([]backends.Buffer, len(p.Params))
	for i, v := range p.Params {
		a := values[v]
		if fmt.Sprint(a.dims) != fmt.Sprint(v.Shape.Dimensions) {
			t.Fatalf("%s has shape %v, want %v", p.ParamName(i), a.dims, v.Shape.Dimensions)
		}
		if in[i], err = b.BufferFromFlatData(0, a.data, v.Shape); err != nil {
			t.Fatal(err)
		}
	}
	out, err := ex.Execute(in, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	y := newND(p.Outputs[0].Shape.Dimensions...)
	if err := b.BufferToFlatData(out[0], y.data); err != nil {
		t.Fatal(err)
	}
	return y
}
