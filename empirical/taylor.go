package empirical

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
	"github.com/gontk/ntk/graph/simplify"
)

// taylorProgram records, for each output y of p, its Taylor polynomial in ws
// around their values,
//
//	Σ_k D^k y[δ, …, δ] / k!,  k = 0 … degree.
//
// Its parameters are those of p and then δ, the i-th weight's being "tangent:i".
// Forward mode nests as deep as the degree; what the nesting computes twice is
// merged.
func taylorProgram(p *graph.Program, ws []*weight, degree int) (*graph.Program, error) {
	rec := graph.NewRecorder(p.Name)
	var outs []graph.Op
	err := graph.Catch(func() {
		s := newSeries(rec, degree)
		in := make([]graph.Op, len(p.Params))
		for i, v := range p.Params {
			in[i] = s.Do(backends.OpTypeParameter, v.Def.Attrs)
		}
		at := make([]graph.Op, len(in))
		for i, x := range in {
			at[i] = s.constant(x, degree)
		}
		for j, w := range ws {
			name := w.variable.ParameterName()
			a := graph.ParameterAttrs{Name: fmt.Sprint(tangentName, j), Shape: w.variable.Shape()}
			delta := s.Do(backends.OpTypeParameter, a)
			if i := slices.IndexFunc(p.Params, func(v *graph.Value) bool { return v.Def.Attrs.(graph.ParameterAttrs).Name == name }); i >= 0 {
				at[i] = s.line(in[i], delta)
			}
		}
		ys, err := graph.Replay(p, s.top(), at)
		if err != nil {
			panic(err)
		}
		for _, y := range ys {
			outs = append(outs, s.sum(y))
		}
	})
	if err != nil {
		return nil, err
	}
	return simplify.Program(rec.Program(outs...).Prune())
}

// A series computes with functions of t near 0, by their derivatives up to a
// degree: one Map of forward mode over the other.
type series struct {
	graph.Ops
	maps []*jvp.Map // the k-th holds values of the one below
}

func newSeries(rec *graph.Recorder, degree int) series {
	s := series{Ops: graph.Ops{It: rec}}
	for range degree {
		s.maps = append(s.maps, jvp.New(s.top()))
	}
	return s
}

func (s series) top() graph.Interpreter {
	if n := len(s.maps); n > 0 {
		return s.maps[n-1]
	}
	return s.It
}

// constant returns x as a value of the k lowest maps.
func (s series) constant(x graph.Op, k int) graph.Op {
	for range k {
		x = jvp.Const(x)
	}
	return x
}

// line returns x + tδ.
func (s series) line(x, delta graph.Op) graph.Op {
	for k := range s.maps {
		x = jvp.Dual(x, s.constant(delta, k))
	}
	return x
}

// sum returns Σ_k y⁽ᵏ⁾(0)/k!.
func (s series) sum(y graph.Op) graph.Op {
	var total graph.Op
	factorial := 1.0
	for k := range len(s.maps) + 1 {
		v := y
		for range len(s.maps) - k {
			v = v.(*jvp.Value).X
		}
		for _, m := range slices.Backward(s.maps[:k]) {
			v = must(m.Tangent(v))
		}
		if k == 0 {
			total = v
			continue
		}
		factorial *= float64(k)
		total = s.Add(total, s.Mul(v, s.Scalar(s.DType(v), 1/factorial)))
	}
	return total
}

// taylor records the Taylor polynomial of f for a batch of n, and the gradient
// of its product with a cotangent, which is a Taylor polynomial too, of one
// degree less: ∇_δ Σ_k D^k f[δ^k]/k! = Σ_k D^{k−1}(∇f)[δ^{k−1}]/(k−1)!.
func (f *Network) taylor(n, degree int) (value, gradient *graph.Program, err error) {
	rec, err := graph.Record(f.ctx, f.model, batched(f.inputs, n)...)
	if err != nil {
		return nil, nil, err
	}
	if value, err = taylorProgram(rec.Program.Prune(), f.gradient.weights, degree); err != nil {
		return nil, nil, err
	}
	p, err := f.reverse(n, f.gradient.weights)
	if err != nil {
		return nil, nil, err
	}
	gradient, err = taylorProgram(p, f.gradient.weights, degree-1)
	return value, gradient, err
}

// unmarked is an Interpreter that drops the marks of gradients: what they say
// is in the Programs that it interprets.
type unmarked struct{ inner graph.Interpreter }

// Shape implements graph.Interpreter.
func (u unmarked) Shape(v graph.Op) shapes.Shape { return u.inner.Shape(v) }

// Apply implements graph.Interpreter.
func (u unmarked) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) ([]graph.Op, error) {
	if op == backends.OpTypeIdentity {
		return in, nil
	}
	return u.inner.Apply(op, attrs, in...)
}
