package empirical

import (
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/vmap"
)

// jacobianProgram records the Program of a block of n examples: its parameters
// are the inputs [n, …] and the weights, its outputs f [n, O] and, for each
// weight by its way, J [n·O, P_w] = ∂f/∂w with the entries of w in an order of
// their own; or the factors of its product, a [B, n, T, J] and then δ as the
// contraction wants it (factor.go); or those of J (separable.go).
//
// Two maps nest: over examples outside and over the O cotangents of s inside,
// so that activations, which do not depend on u, are computed once.
//
// Of a joint function, f is [1, N·O], of the whole batch, and J is that of the
// rows of n examples, which a parameter, the basis [n·O, 1, N·O], picks.
func (s *selection) jacobianProgram(n int, ways []Way) (*graph.Program, error) {
	g := s.gradient
	rec := graph.NewRecorder("jacobian")
	var outs []graph.Op
	err := graph.Catch(func() {
		b := graph.Ops{It: rec}
		size, rows := n, s.rows // of the two maps
		if s.batch > 0 {
			size, rows = 1, n*s.rows
		}
		examples := vmap.New(rec, size)
		basis := vmap.New(examples, rows)
		in := make([]graph.Op, len(g.program.Params))
		for i, v := range g.program.Params {
			a := v.Def.Attrs.(graph.ParameterAttrs)
			switch {
			case i == g.u && s.batch > 0:
				x := b.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: basisName, Shape: s.basisShape(v, n)})
				in[i] = vmap.Mapped(vmap.Fixed(x))
			case i == g.u:
				dims := []int{s.rows, 1, g.outputs}
				in[i] = vmap.Mapped(vmap.Fixed(b.Constant(a.Shape.DType, dims, s.basis...)))
			case slices.Contains(g.inputs, i):
				a.Shape = a.Shape.Clone()
				a.Shape.Dimensions[0] = size
				x := b.Do(backends.OpTypeParameter, a)
				x = b.Reshape(x, append([]int{size, 1}, a.Shape.Dimensions[1:]...)...)
				in[i] = vmap.Fixed(vmap.Mapped(x))
			default:
				in[i] = vmap.Fixed(vmap.Fixed(b.Do(backends.OpTypeParameter, a)))
			}
		}
		env, err := graph.ReplayEnv(g.program, basis, in)
		if err != nil {
			panic(err)
		}
		values := make([]graph.Op, len(g.program.Outputs))
		for i, v := range g.program.Outputs {
			values[i] = env[v]
		}
		m := mapped{b, examples, basis, size, rows}
		outs = append(outs, b.Reshape(m.perExample(values[0]), size, g.outputs))
		for i, w := range s.weights {
			outs = append(outs, m.term(w, ways[i], s.outputs, values, env)...)
		}
	})
	if err != nil {
		return nil, err
	}
	return rec.Program(outs...).Prune(), nil
}

// term returns what the contraction of a weight needs.
func (m mapped) term(w *weight, way Way, outputs Outputs, values []graph.Op, env graph.Env) []graph.Op {
	if !w.product() {
		return []graph.Op{m.Reshape(m.perCotangent(values[w.grad]), m.n*m.o, w.size())}
	}
	if way == Separable {
		return m.separableTerm(w, values, env)
	}
	d, x := m.operands(w, values)
	if way == Materialize {
		if w.indexed {
			x = m.oneHot(x, w.dims)
		}
		return []graph.Op{m.Reshape(m.outer(d, x, w.dims), m.n*m.o, w.size())}
	}
	x = m.Transpose(x, 1, 0, 2, 3)
	switch {
	case way == Factor && outputs == Diagonal:
		return []graph.Op{x, m.Transpose(d, 2, 1, 0, 3, 4)}
	case way == Factor && outputs != Full:
		return []graph.Op{x, m.Transpose(d, 2, 0, 3, 1, 4)}
	}
	return []graph.Op{x, m.Transpose(d, 2, 0, 1, 3, 4)}
}

// mapped reads values of the two nested maps.
type mapped struct {
	graph.Ops
	examples, basis *vmap.Map
	n, o            int
}

// perExample returns a value that does not depend on the cotangent: [n, …].
func (m mapped) perExample(v graph.Op) graph.Op {
	return must(m.examples.Out(v.(*vmap.Value).X))
}

// perCotangent returns a value with both axes: [n, O, …].
func (m mapped) perCotangent(v graph.Op) graph.Op {
	return must(m.examples.Out(must(m.basis.Out(v))))
}

func must(v graph.Op, err error) graph.Op {
	if err != nil {
		panic(err)
	}
	return v
}

func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}

// span returns from … to−1.
func span(from, to int) []int {
	s := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		s = append(s, i)
	}
	return s
}
