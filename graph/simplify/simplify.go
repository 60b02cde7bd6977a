// Package simplify rewrites a Program into a smaller one of the same values.
package simplify

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// Program returns a Program equal to p up to the order of summation:
//   - sums of broadcast products become DotGeneral, which GoMLX's gradient of
//     a matrix product is not (dot.go);
//   - reshapes and transposes merge, ops that change nothing go;
//   - equal ops on equal operands are computed once;
//   - what no output needs goes.
//
// Parameters keep their order. Marks of stopped and custom gradients stay.
//
// Do not derive limits from the result: a sum that became a DotGeneral no
// longer shows that it is a statistic.
func Program(p *graph.Program) (*graph.Program, error) {
	return graph.Rewrite(p, func(rec *graph.Recorder) graph.Interpreter {
		return &simplifier{rec: rec, seen: map[string]*graph.Eqn{}}
	})
}

// A simplifier is the Interpreter that rewrites each op as it is recorded.
type simplifier struct {
	rec  *graph.Recorder
	seen map[string]*graph.Eqn
}

// Shape implements graph.Interpreter.
func (s *simplifier) Shape(v graph.Op) shapes.Shape { return s.rec.Shape(v) }

// Apply implements graph.Interpreter.
func (s *simplifier) Apply(op graph.OpType, attrs graph.Attrs, in ...graph.Op) (out []graph.Op, err error) {
	cerr := graph.Catch(func() {
		if rule := rules[op]; rule != nil {
			vs := make([]*graph.Value, len(in))
			for i, x := range in {
				vs[i] = x.(*graph.Value)
			}
			if v := rule(graph.Ops{It: s}, attrs, vs); v != nil {
				out = []graph.Op{v}
				return
			}
		}
		out, err = s.record(op, attrs, in)
	})
	if cerr != nil {
		return nil, cerr
	}
	return out, err
}

// record records op unless an equal one is there already.
func (s *simplifier) record(op graph.OpType, attrs graph.Attrs, in []graph.Op) ([]graph.Op, error) {
	key, ok := keyOf(op, attrs, in)
	if ok {
		if e := s.seen[key]; e != nil {
			out := make([]graph.Op, len(e.Out))
			for i, v := range e.Out {
				out[i] = v
			}
			return out, nil
		}
	}
	out, err := s.rec.Apply(op, attrs, in...)
	if err == nil && ok {
		s.seen[key] = out[0].(*graph.Value).Def
	}
	return out, err
}

var hashSeed = maphash.MakeSeed()

// keyOf returns a key that equal ops on equal operands share; false for ops
// that must not be merged.
func keyOf(op graph.OpType, attrs graph.Attrs, in []graph.Op) (string, bool) {
	if op == backends.OpTypeParameter {
		return "", false
	}
	ids := make([]int, len(in))
	for i, x := range in {
		ids[i] = x.(*graph.Value).ID
	}
	if c, ok := attrs.(graph.ConstantAttrs); ok {
		v := reflect.ValueOf(c.Flat)
		if v.Len() > 16 { // large constants: by address-free content hash
			var h maphash.Hash
			h.SetSeed(hashSeed)
			fmt.Fprintf(&h, "%T%v", c.Flat, c.Flat)
			return fmt.Sprintf("const %T %v %x", c.Flat, c.Dims, h.Sum64()), true
		}
		return fmt.Sprintf("const %T %v %v", c.Flat, c.Flat, c.Dims), true
	}
	return fmt.Sprintf("%d %v %T%+v", op, ids, attrs, attrs), true
}

// A rule returns a simpler value, or nil to keep the op.
type rule func(o graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op

var rules map[graph.OpType]rule

func init() {
	rules = map[graph.OpType]rule{
		backends.OpTypeIdentity:       identity,
		backends.OpTypeReshape:        reshape,
		backends.OpTypeTranspose:      transpose,
		backends.OpTypeBroadcastInDim: broadcast,
		backends.OpTypeDotGeneral:     dotOfTransposed,
		backends.OpTypeReduceSum:      reduceSum,
		backends.OpTypeMul:            mul,
		backends.OpTypeAdd:            add,
	}
}

func identity(_ graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op {
	if attrs == (graph.IdentityAttrs{}) {
		return in[0]
	}
	return nil
}

func reshape(o graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op {
	x := in[0]
	dims := attrs.(graph.ReshapeAttrs).Dims
	if slices.Equal(x.Shape.Dimensions, dims) {
		return x
	}
	if x.Def.Op == backends.OpTypeReshape {
		return o.Reshape(x.Def.In[0], dims...)
	}
	return nil
}

func transpose(o graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op {
	x := in[0]
	perm := attrs.(graph.TransposeAttrs).Perm
	if slices.IsSorted(perm) {
		return x
	}
	if inner, ok := x.Def.Attrs.(graph.TransposeAttrs); ok {
		merged := make([]int, len(perm))
		for i, p := range perm {
			merged[i] = inner.Perm[p]
		}
		return o.Transpose(x.Def.In[0], merged...)
	}
	return nil
}

// broadcast turns a BroadcastInDim that repeats nothing into a Reshape.
func broadcast(o graph.Ops, attrs graph.Attrs, in []*graph.Value) graph.Op {
	a := attrs.(graph.BroadcastInDimAttrs)
	if a.Shape.Size() == in[0].Shape.Size() && slices.IsSorted(a.Axes) {
		return o.Reshape(in[0], a.Shape.Dimensions...)
	}
	return nil
}

// mul drops factors of 1: gradients start with them.
func mul(_ graph.Ops, _ graph.Attrs, in []*graph.Value) graph.Op {
	for i, x := range in {
		other := in[1-i]
		if c, ok := constant(x); ok && c == 1 && fits(x, other) {
			return other
		}
	}
	return nil
}

func add(_ graph.Ops, _ graph.Attrs, in []*graph.Value) graph.Op {
	for i, x := range in {
		other := in[1-i]
		if c, ok := constant(x); ok && c == 0 && fits(x, other) {
			return other
		}
	}
	return nil
}

// fits reports whether an elementwise op of x and y has y's shape.
func fits(x, y *graph.Value) bool {
	if x.Shape.Rank() == 0 {
		return true
	}
	if x.Shape.Rank() != y.Shape.Rank() {
		return false
	}
	for i, d := range x.Shape.Dimensions {
		if d != 1 && d != y.Shape.Dimensions[i] {
			return false
		}
	}
	return true
}

// constant returns the value of a constant whose entries are equal, seen
// through broadcasts and reshapes.
func constant(v *graph.Value) (float64, bool) {
	for v.Def.Op == backends.OpTypeBroadcastInDim || v.Def.Op == backends.OpTypeReshape {
		v = v.Def.In[0]
	}
	return graph.ConstantValue(v)
}
