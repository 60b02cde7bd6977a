package graph

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// A Recorder is the Interpreter that writes a Program down as it is built. It
// changes nothing: package simplify does.
type Recorder struct {
	p *Program
	// trace is the Go stack of what is being recorded, nil if unknown.
	trace error
}

// NewRecorder returns a Recorder of an empty Program.
func NewRecorder(name string) *Recorder { return &Recorder{p: &Program{Name: name}} }

// Program returns what was recorded so far, with the given outputs.
func (r *Recorder) Program(outputs ...Op) *Program {
	outs := make([]*Value, len(outputs))
	for i, o := range outputs {
		outs[i] = o.(*Value)
	}
	return r.p.WithOutputs(outs...)
}

// Shape implements Interpreter.
func (r *Recorder) Shape(v Op) shapes.Shape { return v.(*Value).Shape }

// Apply implements Interpreter.
func (r *Recorder) Apply(op OpType, attrs Attrs, in ...Op) ([]Op, error) {
	e := &Eqn{Op: op, Attrs: attrs, In: make([]*Value, len(in)), trace: r.trace}
	ss := make([]shapes.Shape, len(in))
	for i, x := range in {
		v, ok := x.(*Value)
		if !ok {
			return nil, fmt.Errorf("graph: %s: input %d is a %T, not a recorded value", op, i, x)
		}
		e.In[i], ss[i] = v, v.Shape
	}
	outShapes, err := InferShapes(op, attrs, ss)
	if err != nil {
		return nil, fmt.Errorf("graph: %s of %v: %w", op, ss, err)
	}
	out := make([]Op, len(outShapes))
	for i, s := range outShapes {
		v := &Value{ID: r.p.nextID, Shape: s.Clone(), Def: e, Index: i}
		r.p.nextID++
		e.Out = append(e.Out, v)
		out[i] = v
	}
	r.p.Eqns = append(r.p.Eqns, e)
	if op == backends.OpTypeParameter {
		r.p.Params = append(r.p.Params, e.Out[0])
	}
	return out, nil
}
