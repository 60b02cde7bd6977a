package onnx

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// Model returns the network as a GoMLX model function of the file's inputs, in
// order, with one output. Real numbers have the dtype of the inputs, whatever the
// file has. Weights are variables of the context's scope; those that it lacks are put
// there with the values in the file, or, with [Options.Reinit], left to be drawn.
// Dropout is the identity, batch norms use their running statistics.
//
// Building panics with an error that names the node and its operator if shapes
// do not fit, or if an argument that must be known then depends on the data.
func (m *Model) Model() graph.Model {
	return func(ctx *mlctx.Context, inputs []*gx.Node) []*gx.Node {
		if len(inputs) != len(m.inputs) {
			panic(fmt.Errorf("onnx: %s has %d inputs, got %d", m.Name, len(m.inputs), len(inputs)))
		}
		b := &builder{m: m, ctx: ctx.Checked(false), g: inputs[0].Graph(), dtype: dtypes.Float32, values: map[string]*value{}}
		for i, x := range inputs {
			if err := m.inputs[i].fits(x); err != nil {
				panic(fmt.Errorf("onnx: %s: %s", m.Name, oneLine(err)))
			}
			if x.DType().IsFloat() {
				b.dtype = x.DType()
			}
			b.values[m.inputs[i].name] = &value{node: x}
		}
		if b.dtype != dtypes.Float32 && b.dtype != dtypes.Float64 {
			panic(fmt.Errorf("onnx: %s: inputs of dtype %s; want float32 or float64", m.Name, b.dtype))
		}
		return []*gx.Node{b.build()}
	}
}

// fits compares an input with what the file says; the batch may be of any size.
func (v valueInfo) fits(x *gx.Node) error {
	if e, _ := elemOf(v.elem); (e.kind == real) != x.DType().IsFloat() || (e.kind == whole) != x.DType().IsInt() {
		return fmt.Errorf("input %q is of type %s in the file, got %s", v.name, e.name, x.DType())
	}
	if !v.known {
		return nil
	}
	d := x.Shape().Dimensions
	ok := len(d) == len(v.dims)
	for i := 1; ok && i < len(d); i++ {
		ok = v.dims[i] < 0 || v.dims[i] == d[i]
	}
	if !ok {
		return fmt.Errorf("input %q has shape %v, want %s", v.name, d, v.shape())
	}
	return nil
}

// shape writes the shape in the file, its first axis as the batch.
func (v valueInfo) shape() string {
	words := []string{"batch"}
	for _, d := range v.example() {
		if d < 0 {
			words = append(words, "any")
		} else {
			words = append(words, fmt.Sprint(d))
		}
	}
	return "[" + strings.Join(words, " ") + "]"
}

// A builder builds a Model into a graph.
type builder struct {
	m      *Model
	ctx    *mlctx.Context
	g      *gx.Graph
	dtype  dtypes.DType // of real numbers
	values map[string]*value
}

// A value is what a name in the file stands for: a node of the graph, or a
// literal, which becomes one when a node reads it.
type value struct {
	node *gx.Node
	lit  *literal
}

func (b *builder) build() *gx.Node {
	b.variables()
	for name, t := range b.m.tensors {
		if _, err := hostSize(t.dims); err != nil {
			panic(fmt.Errorf("onnx: initializer %q: %s", name, oneLine(err)))
		}
		b.values[name] = &value{lit: t.literal()}
	}
	for _, n := range b.m.nodes {
		err := graph.Catch(func() { b.convert(n) })
		if err != nil {
			panic(fmt.Errorf("onnx: %s: %s%s", n, oneLine(err), b.m.fixedBatch()))
		}
	}
	out := b.values[b.m.output]
	if out == nil {
		panic(fmt.Errorf("onnx: %s: output %q is a second output of its node, which is not supported", b.m.Name, b.m.output))
	}
	return b.nodeOf(out)
}

// oneLine makes one printable line of an error: names in it come from the file.
func oneLine(err error) string {
	const most = 500
	text := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, err.Error())
	if text = strings.Join(strings.Fields(text), " "); len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// fixedBatch is a hint about files whose reshapes may have the batch built in.
func (m *Model) fixedBatch() string {
	for _, in := range m.inputs {
		if in.known && len(in.dims) > 0 && in.dims[0] > 0 {
			return fmt.Sprintf(" (the file fixes the batch at %d: if the error is about that, export it with a dynamic batch axis)", in.dims[0])
		}
	}
	return ""
}

func (b *builder) convert(n *node) {
	c := &call{builder: b, node: n, in: make([]*value, len(n.in))}
	for i, name := range n.in {
		if name == "" {
			continue
		}
		if c.in[i] = b.values[name]; c.in[i] == nil { // a mask, indices, statistics
			c.fail("it reads %q, a second output that is not supported", name)
		}
	}
	outs := ops[n.op].convert(c)
	for i, name := range n.out {
		if name == "" || i >= len(outs) {
			continue
		}
		if outs[i].node != nil {
			if d := outs[i].node.Shape().Dimensions; !fitsSize(d) {
				c.fail("the result has shape %v: more than %d entries", d, int64(maxSize))
			}
		}
		b.values[name] = outs[i]
	}
}

func fitsSize(dims []int) bool { _, ok := sizeOf(dims); return ok }

// nodeOf returns v in the graph.
func (b *builder) nodeOf(v *value) *gx.Node {
	if v.node == nil {
		v.node = b.constant(v.lit, b.dtypeOf(v.lit.kind))
	}
	return v.node
}

func (b *builder) dtypeOf(k kind) dtypes.DType {
	switch k {
	case whole:
		return dtypes.Int64
	case logical:
		return dtypes.Bool
	}
	return b.dtype
}

// constant puts a literal into the graph.
func (b *builder) constant(l *literal, dt dtypes.DType) *gx.Node {
	if len(l.v) == 0 {
		panic(fmt.Errorf("a constant of shape %v is empty", l.dims))
	}
	if dt == dtypes.Bool {
		bools := make([]bool, len(l.v))
		for i, x := range l.v {
			bools[i] = x != 0
		}
		return gx.Reshape(gx.Const(b.g, bools), l.dims...)
	}
	return gx.Reshape(gx.ConstAsDType(b.g, dt, l.v), l.dims...)
}
