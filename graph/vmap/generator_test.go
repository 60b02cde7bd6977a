package vmap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
)

// maxEntries bounds the values of a random program.
const maxEntries = 60

// A generator draws the ops of a random program of one example. Its values are
// float64, int32 or bool.
type generator struct {
	r        *rand.Rand
	rec      *graph.Recorder
	examples int
	operands []operand

	// pool holds what was computed, for later ops to read.
	pool []*graph.Value
	// rough values may differ by rounding between batch and loop. Ops that are
	// not continuous do not read them: they would make a step out of it.
	rough map[*graph.Value]bool
	// fused: the backend may contract or vectorize any arithmetic.
	fused bool
}

// sums add in an order that a backend may change with the shape.
var sums = []graph.OpType{
	backends.OpTypeReduceSum, backends.OpTypeReduceProduct, backends.OpTypeReduceWindow, backends.OpTypeDotGeneral,
	backends.OpTypeConvGeneral, backends.OpTypeScatterSum, backends.OpTypeSelectAndScatterMax,
	backends.OpTypeSelectAndScatterMin, backends.OpTypeBatchNormForInference, backends.OpTypeBatchNormForTraining,
	backends.OpTypeBatchNormGradient,
}

// arithmetic reports whether op rounds.
func arithmetic(op graph.OpType) bool {
	switch op {
	case backends.OpTypeAbs, backends.OpTypeNeg, backends.OpTypeMax, backends.OpTypeMin, backends.OpTypeSign,
		backends.OpTypeFloor, backends.OpTypeCeil, backends.OpTypeRound:
		return false
	}
	return graph.IsUnary(op) || graph.IsBinary(op)
}

// do applies op and keeps its result.
func (g *generator) do(op graph.OpType, attrs graph.Attrs, in ...*graph.Value) *graph.Value {
	xs := make([]graph.Op, len(in))
	rough := slices.Contains(sums, op) || g.fused && arithmetic(op)
	for i, v := range in {
		xs[i] = v
		rough = rough || g.rough[v]
	}
	out := graph.Ops{It: g.rec}.Do(op, attrs, xs...).(*graph.Value)
	if g.rough == nil {
		g.rough = map[*graph.Value]bool{}
	}
	g.rough[out] = rough && out.Shape.DType == dtypes.Float64
	if out.Shape.Size() <= maxEntries && out.Shape.Rank() <= 5 {
		g.pool = append(g.pool, out)
	}
	return out
}

// param makes an operand.
func (g *generator) param(s spec) *graph.Value {
	o := s.fill(g.r, g.examples)
	v := graph.Ops{It: g.rec}.Do(backends.OpTypeParameter, graph.ParameterAttrs{
		Name: fmt.Sprintf("p%d", len(g.operands)), Shape: o.shape,
	}).(*graph.Value)
	g.operands = append(g.operands, o)
	return v
}

// pick returns a value of the pool that ok accepts, or, now and then and if
// there is none, a new operand.
func (g *generator) pick(fallback spec, ok func(v *graph.Value) bool) *graph.Value {
	var fit []*graph.Value
	for _, v := range g.pool {
		if v.Shape.DType == fallback.dt && ok(v) {
			fit = append(fit, v)
		}
	}
	if len(fit) == 0 || g.r.IntN(4) == 0 {
		return g.param(fallback)
	}
	return fit[g.r.IntN(len(fit))]
}

// dims draws a shape of at least the given rank, with axes of size 1 and odd sizes.
func (g *generator) dims(leastRank int) []int {
	d := make([]int, between(g.r, leastRank, max(3, leastRank)))
	for i := range d {
		d[i] = []int{1, 2, 3, 3, 5}[g.r.IntN(5)]
	}
	for product(d) > maxEntries {
		d[g.r.IntN(len(d))] = 1
	}
	return d
}

func ofRank(least, most int) func(v *graph.Value) bool {
	return func(v *graph.Value) bool { return least <= v.Shape.Rank() && v.Shape.Rank() <= most }
}

// float returns a value of at least the given rank; exact means not rough.
func (g *generator) float(leastRank int, exact bool) *graph.Value {
	rank := ofRank(leastRank, 4)
	return g.pick(floats(g.dims(leastRank)...), func(v *graph.Value) bool { return rank(v) && !(exact && g.rough[v]) })
}

// integer returns an int32 value.
func (g *generator) integer() *graph.Value {
	return g.pick(integers(dtypes.Int32, -100, 100, g.dims(0)...), ofRank(0, 4))
}

// any returns a value of any dtype.
func (g *generator) any(leastRank int) *graph.Value {
	d := g.dims(leastRank)
	s := []spec{floats(d...), floats(d...), integers(dtypes.Int32, -100, 100, d...), booleans(d...)}[g.r.IntN(4)]
	return g.pick(s, ofRank(leastRank, 4))
}

// like returns a value of s's dtype and dimensions, reshaped if need be.
func (g *generator) like(s spec) *graph.Value { return g.likeIf(s, false) }

func (g *generator) likeIf(s spec, exact bool) *graph.Value {
	v := g.pick(s, func(v *graph.Value) bool { return v.Shape.Size() == product(s.dims) && !(exact && g.rough[v]) })
	if slices.Equal(v.Shape.Dimensions, s.dims) {
		return v
	}
	return g.do(backends.OpTypeReshape, graph.ReshapeAttrs{Dims: s.dims}, v)
}

// specOf describes operands of v's dtype.
func specOf(v *graph.Value, dims ...int) spec {
	switch v.Shape.DType {
	case dtypes.Bool:
		return booleans(dims...)
	case dtypes.Int32:
		return integers(dtypes.Int32, -100, 100, dims...)
	}
	return floats(dims...)
}

// partner returns a second operand for v: of its dimensions, of dimensions that
// broadcast with them, or a scalar.
func (g *generator) partner(v *graph.Value, s func(dims ...int) spec, exact bool) *graph.Value {
	d := slices.Clone(v.Shape.Dimensions)
	switch {
	case g.r.IntN(4) == 0:
		d = nil
	case g.r.IntN(2) == 0:
		for i := range d {
			switch {
			case g.r.IntN(3) == 0:
				d[i] = 1
			case d[i] == 1 && product(d) < maxEntries/3:
				d[i] = 3
			}
		}
	}
	return g.likeIf(s(d...), exact)
}

// axes returns count distinct axes below rank, sorted.
func (g *generator) axes(rank, count int) []int {
	a := g.r.Perm(rank)[:count]
	slices.Sort(a)
	return a
}

// constant returns a scalar.
func (g *generator) constant(dt dtypes.DType, x float64) *graph.Value {
	return graph.Ops{It: g.rec}.Scalar(dt, x).(*graph.Value)
}

// positive returns |v| + 1/2, from where Log, Sqrt and quotients are tame.
func (g *generator) positive(v *graph.Value) *graph.Value {
	return g.do(backends.OpTypeAdd, nil, g.do(backends.OpTypeAbs, nil, v), g.constant(dtypes.Float64, 0.5))
}

// bounded keeps what grows within [-1, 1], without flattening it as Tanh would.
func (g *generator) bounded(v *graph.Value) *graph.Value {
	if v.Shape.DType != dtypes.Float64 {
		return v
	}
	return g.do(backends.OpTypeSin, nil, v)
}
