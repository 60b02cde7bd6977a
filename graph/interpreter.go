package graph

import (
	"fmt"
	"runtime"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// An Interpreter gives a Program a meaning, one operation at a time: it
// records, emits, batches, differentiates or rewrites. Every transformation is
// an Interpreter over another, so they stack in any order.
type Interpreter interface {
	// Apply interprets op with its static attributes on values that this
	// Interpreter made, and returns one value per output of op.
	Apply(op OpType, attrs Attrs, in ...Op) ([]Op, error)

	// Shape returns the shape of a value that this Interpreter made.
	Shape(v Op) shapes.Shape
}

// ErrNoRule is returned, wrapped, for an op that a transformation cannot handle.
var ErrNoRule = fmt.Errorf("no rule")

// NoRule returns the error of a transformation that has no rule for op.
func NoRule(transformation string, op OpType, reason string) error {
	if reason != "" {
		reason = ": " + reason
	}
	return fmt.Errorf("%s has %w for op %s%s", transformation, ErrNoRule, op, reason)
}

// Catch runs build and returns, as an error, any error it panics with: GoMLX's
// graph functions do, and so does Ops. Runtime errors are our bugs, not bad
// input: they keep panicking.
func Catch(build func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			panic(r)
		case error:
			err = r
		case string: // GoMLX panics with text in places.
			err = fmt.Errorf("gomlx: %s", r)
		default:
			panic(r)
		}
	}()
	build()
	return nil
}

// Env maps the values of a Program to those of an Interpreter.
type Env map[*Value]Op

// Replay interprets p on it, with in as the values of p's parameters, in order,
// and returns the values of p's outputs.
//
// An error names the op, its source line if the Program has it, and the weight
// nearest above it.
func Replay(p *Program, it Interpreter, in []Op) ([]Op, error) {
	env, err := replay(p, it, in, func(*Eqn) {})
	if err != nil {
		return nil, err
	}
	return env.outputs(p), nil
}

func (env Env) outputs(p *Program) []Op {
	out := make([]Op, len(p.Outputs))
	for i, o := range p.Outputs {
		out[i] = env[o]
	}
	return out
}

// ReplayEnv is Replay that returns the values of everything in p.
func ReplayEnv(p *Program, it Interpreter, in []Op) (Env, error) {
	return replay(p, it, in, func(*Eqn) {})
}

// replay calls before with each equation before it is interpreted.
func replay(p *Program, it Interpreter, in []Op, before func(*Eqn)) (Env, error) {
	if len(in) != len(p.Params) {
		return nil, fmt.Errorf("graph: program %s has %d parameters, got %d values", p.Name, len(p.Params), len(in))
	}
	env := Env{}
	for i, v := range p.Params {
		env[v] = in[i]
	}
	for _, e := range p.Eqns {
		if e.Op == backends.OpTypeParameter {
			continue
		}
		xs := make([]Op, len(e.In))
		for i, v := range e.In {
			xs[i] = env[v]
		}
		before(e)
		out, err := it.Apply(e.Op, e.Attrs, xs...)
		if err != nil {
			return nil, p.locate(e, err)
		}
		if len(out) != len(e.Out) {
			return nil, p.locate(e, fmt.Errorf("graph: %s gave %d values, want %d", e.Op, len(out), len(e.Out)))
		}
		for i, o := range e.Out {
			env[o] = out[i]
		}
	}
	return env, nil
}

// Rewrite replays p through the Interpreter that wrap puts over a fresh
// Recorder and returns what was recorded, pruned. Parameters keep their order;
// what an equation becomes keeps its source line.
func Rewrite(p *Program, wrap func(*Recorder) Interpreter) (*Program, error) {
	rec := NewRecorder(p.Name)
	it := wrap(rec)
	in := make([]Op, len(p.Params))
	for i, v := range p.Params {
		ps, err := rec.Apply(backends.OpTypeParameter, v.Def.Attrs)
		if err != nil {
			return nil, err
		}
		in[i] = ps[0]
	}
	env, err := replay(p, it, in, func(e *Eqn) { rec.trace = e.trace })
	if err != nil {
		return nil, err
	}
	return rec.Program(env.outputs(p)...).Prune(), nil
}
