package limits

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// Variables of others are drawn by closures that nothing but a draw shows: run
// on bits of ours, an initializer that is a + b·(normal) or a + b·(uniform) gives
// itself away to all digits, whatever it makes a and b of.

const (
	normalProbe  = "limits normal"
	uniformProbe = "limits uniform"
)

// recognize finds the distributions of the variables of ctx, none of which has
// a value, from their initializers. It leaves out those that it does not find.
func recognize(ctx *mlctx.Context, wanted map[string]bool) (map[string]graph.Distribution, error) {
	var names []string
	sizes := map[string]shapes.Shape{}
	for v := range ctx.IterVariables() {
		if wanted[v.ScopeAndName()] {
			names = append(names, v.ScopeAndName())
			sizes[v.Shape().String()] = v.Shape()
		}
	}
	probes := ctx.InAbsPath(mlctx.RootScope).In("limits probes").Checked(false)
	for text, s := range sizes {
		probes.WithInitializer(func(g *gx.Graph, s shapes.Shape) *gx.Node {
			_, z := gx.RandomNormal(gx.Const(g, []uint64{1, 2, 3}), s)
			return z
		}).VariableWithShape(normalProbe+text, s)
		probes.WithInitializer(func(g *gx.Graph, s shapes.Shape) *gx.Node {
			_, u := gx.RandomUniform(gx.Const(g, []uint64{1, 2, 3}), s)
			return u
		}).VariableWithShape(uniformProbe+text, s)
	}
	// Two draws tell a constant from a single number that is drawn.
	drawn := map[string][]float64{}
	for seed := range uint64(2) {
		if err := draw(ctx, seed, drawn); err != nil {
			return nil, fmt.Errorf("limits: running the weights' initializers: %w", err)
		}
	}
	found := map[string]graph.Distribution{}
	for v := range ctx.IterVariables() {
		name := v.ScopeAndName()
		if !wanted[name] {
			continue
		}
		x := drawn[name]
		scope := probes.Scope() + mlctx.ScopeSeparator
		if a, b, ok := line(x, drawn[scope+normalProbe+v.Shape().String()]); ok {
			found[name] = graph.Distribution{Family: graph.Normal, Mean: a, Tau: math.Abs(b), Eta: 1}
		} else if a, b, ok := line(x, drawn[scope+uniformProbe+v.Shape().String()]); ok {
			found[name] = graph.Distribution{Family: graph.Uniform, Mean: unlessRounding(a+b/2, b), Tau: math.Abs(b) / math.Sqrt(12), Eta: 1}
		}
	}
	return found, nil
}

// line reports whether x = a + b·z, to rounding.
func line(x, z []float64) (a, b float64, ok bool) {
	if len(x) == 0 || len(x) != len(z) {
		return 0, 0, false
	}
	lo, hi, top := 0, 0, 0.0
	for i := range z {
		if z[i] < z[lo] {
			lo = i
		}
		if z[i] > z[hi] {
			hi = i
		}
		top = max(top, math.Abs(x[i]))
	}
	if z[hi] == z[lo] {
		return 0, 0, false
	}
	b = (x[hi] - x[lo]) / (z[hi] - z[lo])
	a = x[lo] - b*z[lo]
	for i := range z {
		if !(math.Abs(x[i]-a-b*z[i]) <= 1e-12*top) {
			return 0, 0, false
		}
	}
	return unlessRounding(a, top), unlessRounding(b, top), true
}

// unlessRounding returns x, or 0 if it is rounding beside scale.
func unlessRounding(x, scale float64) float64 {
	if math.Abs(x) <= 1e-12*math.Abs(scale) {
		return 0
	}
	return x
}

// draw runs the initializers of ctx's variables on the bits of a seed, and
// appends what they give.
func draw(ctx *mlctx.Context, seed uint64, into map[string][]float64) error {
	inner, err := simplego.New("ops_sequential")
	if err != nil {
		return err
	}
	defer inner.Finalize()
	b := &bitsBackend{Backend: inner, seed: seed}
	var names []string
	for v := range ctx.IterVariables() {
		if !v.HasValue() {
			names = append(names, v.ScopeAndName())
		}
	}
	// The program was run when it was compiled; GoMLX, which would feed it the
	// state of its generator, fails behind.
	var after error
	if err := graph.Catch(func() { after = ctx.InitializeVariables(b, nil) }); err != nil {
		return err
	}
	if b.drawn == nil {
		return after
	}
	// The new state of the generator comes first, if it is the context's.
	values := b.drawn[max(0, len(b.drawn)-len(names)):]
	if len(values) != len(names) {
		return fmt.Errorf("%d initializers gave %d values", len(names), len(values))
	}
	for i, name := range names {
		into[name] = append(into[name], values[i]...)
	}
	return nil
}

// A bitsBackend runs what it compiles at once, on random bits of its own.
type bitsBackend struct {
	backends.Backend
	seed  uint64
	drawn [][]float64
}

// Builder implements backends.Backend.
func (b *bitsBackend) Builder(name string) backends.Builder {
	return &bitsBuilder{b.Backend.Builder(name), b}
}

type bitsBuilder struct {
	backends.Builder
	b *bitsBackend
}

// Parameter implements backends.Builder: the only one is the generator's state.
func (b *bitsBuilder) Parameter(name string, shape shapes.Shape, _ *backends.ShardingSpec) (backends.Op, error) {
	if !shape.Equal(gx.RNGStateShape) {
		return nil, fmt.Errorf("an initializer reads the variable %s", name)
	}
	return b.Constant([]uint64{1, 2, 3}, 3)
}

// RNGBitGenerator implements backends.Builder. The same shape has the same bits.
func (b *bitsBuilder) RNGBitGenerator(state backends.Op, shape shapes.Shape) (newState, values backends.Op, err error) {
	r := rand.New(rand.NewPCG(b.b.seed, 1))
	flat := reflect.MakeSlice(reflect.SliceOf(shape.DType.GoType()), shape.Size(), shape.Size())
	for i := range shape.Size() {
		flat.Index(i).Set(reflect.ValueOf(r.Uint64()).Convert(shape.DType.GoType()))
	}
	values, err = b.Constant(flat.Interface(), shape.Dimensions...)
	return state, values, err
}

// Compile implements backends.Builder.
func (b *bitsBuilder) Compile(outputs []backends.Op, s []*backends.ShardingSpec) (backends.Executable, error) {
	exe, err := b.Builder.Compile(outputs, s)
	if err != nil {
		return nil, err
	}
	buffers, err := exe.Execute(nil, nil, 0)
	if err != nil {
		return nil, err
	}
	drawn := make([][]float64, len(buffers))
	for i, buffer := range buffers {
		flat, err := b.b.BufferData(buffer)
		if err != nil {
			return nil, err
		}
		if drawn[i], err = toFloats(flat); err != nil {
			drawn[i] = nil // no weight
		}
	}
	b.b.drawn = drawn
	return nil, errDrawn
}

var errDrawn = fmt.Errorf("limits: the initializers were run")
