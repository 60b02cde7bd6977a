package empirical

import (
	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/vmap"
)

// jacobianProgram records the Program of a block of n examples: its parameters
// are the inputs [n, …] and the weights, its outputs f [n, O] and, for each
// weight, J [n·O, P_w] = ∂f/∂w, with the entries of w in an order of their own.
//
// Two maps nest: over examples outside and over the O basis cotangents inside,
// so that activations, which do not depend on u, are computed once.
func (g *gradient) jacobianProgram(n int) (*graph.Program, error) {
	rec := graph.NewRecorder("jacobian")
	var outs []graph.Op
	err := graph.Catch(func() {
		b := graph.Ops{It: rec}
		examples := vmap.New(rec, n)
		basis := vmap.New(examples, g.outputs)
		in := make([]graph.Op, len(g.program.Params))
		for i, v := range g.program.Params {
			a := v.Def.Attrs.(graph.ParameterAttrs)
			switch {
			case i == g.u:
				dims := []int{g.outputs, 1, g.outputs}
				in[i] = vmap.Mapped(vmap.Fixed(b.Constant(a.Shape.DType, dims, identity(g.outputs)...)))
			case contains(g.inputs, i):
				a.Shape = a.Shape.Clone()
				a.Shape.Dimensions[0] = n
				x := b.Do(backends.OpTypeParameter, a)
				x = b.Reshape(x, append([]int{n, 1}, a.Shape.Dimensions[1:]...)...)
				in[i] = vmap.Fixed(vmap.Mapped(x))
			default:
				in[i] = vmap.Fixed(vmap.Fixed(b.Do(backends.OpTypeParameter, a)))
			}
		}
		values, err := graph.Replay(g.program, basis, in)
		if err != nil {
			panic(err)
		}
		m := mapped{b, examples, basis, n, g.outputs}
		outs = append(outs, b.Reshape(m.perExample(values[0]), n, g.outputs))
		for _, w := range g.weights {
			var j graph.Op
			switch w.way {
			case wayDot:
				j = m.dot(w, values[w.a], values[w.delta])
			case wayConv:
				j = m.conv(w, values[w.a], values[w.delta])
			default:
				j = m.perCotangent(values[w.grad])
			}
			if w.scale != 1 {
				j = b.Mul(j, b.Scalar(b.DType(j), w.scale))
			}
			outs = append(outs, b.Reshape(j, n*g.outputs, w.size()))
		}
	})
	if err != nil {
		return nil, err
	}
	return rec.Program(outs...).Prune(), nil
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

// dot forms J of w in c = DotGeneral(a, w) or (w, a), with the axes of a and c
// by role: batch axes B, which w shares; T, which only a has; J, contracted;
// I, which only w has:
//
//	J[n, o, B, I, J] = Σ_T δ[n, o, B, T, I] · a[n, B, T, J].
func (m mapped) dot(w *weight, a, delta graph.Op) graph.Op {
	at := w.consumer.Attrs.(graph.DotGeneralAttrs)
	ac, ab, wc := at.RC, at.RB, at.LC
	if w.operand == 1 {
		ac, ab, wc = at.LC, at.LB, at.RC
	}
	x := m.perExample(a)
	d := m.perCotangent(delta)
	nb := len(ab)
	rankA := len(m.Dims(x)) - 1
	t := graph.CrossAxes(rankA, ac, ab)
	nt := len(t)
	ni := len(m.Dims(d)) - 2 - nb - nt
	_ = wc
	// c has B, then the left operand's own axes, then the right one's.
	tAt, iAt := 2+nb, 2+nb+nt
	if w.operand == 0 {
		iAt, tAt = 2+nb, 2+nb+ni
	}
	B := product(m.Dims(d)[2 : 2+nb])
	T := product(m.Dims(d)[tAt : tAt+nt])
	I := product(m.Dims(d)[iAt : iAt+ni])
	// δ: [n, O, B…, T…, I…] → [n, B, O, T, I], without moving data where B is 1.
	if w.operand == 0 {
		perm := span(0, 2+nb)
		perm = append(append(perm, span(tAt, tAt+nt)...), span(iAt, iAt+ni)...)
		d = m.Transpose(d, perm...)
	}
	d = m.Reshape(d, m.n, m.o, B, T, I)
	// a: [n, B…, T…, J…].
	perm := []int{0}
	for _, axes := range [][]int{ab, t, ac} {
		for _, ax := range axes {
			perm = append(perm, ax+1)
		}
	}
	x = m.Transpose(x, perm...)
	J := m.Shape(x).Size() / (m.n * B * T)
	return m.outer(d, x, B, T, I, J)
}

// outer returns Σ_T δ ⊗ a, [n, O, B, I, J], from δ [n, O, B, T, I] and a with
// the entries of [n, B, T, J].
func (m mapped) outer(d, x graph.Op, B, T, I, J int) graph.Op {
	if T == 1 { // an outer product: nothing is summed
		d = m.Reshape(d, m.n, m.o, B, I, 1)
		x = m.Reshape(x, m.n, 1, B, 1, J)
		return m.Mul(d, x)
	}
	if B == 1 {
		d = m.Reshape(d, m.n, m.o, T, I)
		x = m.Reshape(x, m.n, T, J)
		return m.DotGeneral(d, []int{2}, []int{0}, x, []int{1}, []int{0})
	}
	x = m.Reshape(x, m.n, B, T, J)
	y := m.DotGeneral(d, []int{3}, []int{0, 2}, x, []int{2}, []int{0, 1}) // [n, B, O, I, J]
	return m.Transpose(y, 0, 2, 1, 3, 4)
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

func contains(s []int, x int) bool {
	for _, y := range s {
		if x == y {
			return true
		}
	}
	return false
}

func identity(n int) []float64 {
	e := make([]float64, n*n)
	for i := range n {
		e[i*n+i] = 1
	}
	return e
}
