package graph

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// An Emitter is the Interpreter that builds a computation of a real backend.
// Gradient marks (IdentityAttrs) end here: a backend only evaluates.
type Emitter struct{ Builder backends.Builder }

// Shape implements Interpreter.
func (m Emitter) Shape(v Op) shapes.Shape {
	s, err := m.Builder.OpShape(v)
	if err != nil {
		panic(fmt.Errorf("graph: shape of an emitted op: %w", err)) // not a value of ours: a bug
	}
	return s
}

// Apply implements Interpreter.
func (m Emitter) Apply(op OpType, attrs Attrs, in ...Op) ([]Op, error) {
	if op == backends.OpTypeIdentity {
		return in, nil
	}
	out, err := emit(m.Builder, op, attrs, in)
	if err != nil {
		return nil, fmt.Errorf("graph: backend cannot build %s: %w", op, err)
	}
	return out, nil
}

// Emit builds p with b, its parameters in order, and returns p's outputs, each
// a value of its own: some backends refuse an output that is listed twice or is
// a parameter.
func Emit(p *Program, b backends.Builder, wrap func(Interpreter) Interpreter) ([]Op, error) {
	m := Emitter{b}
	in := make([]Op, len(p.Params))
	for i, v := range p.Params {
		x, err := m.Apply(backends.OpTypeParameter, v.Def.Attrs)
		if err != nil {
			return nil, err
		}
		in[i] = x[0]
	}
	var it Interpreter = m
	if wrap != nil {
		it = wrap(m)
	}
	out, err := Replay(p, it, in)
	if err != nil {
		return nil, err
	}
	return distinct(b, out, in)
}

// distinct wraps repeated outputs and outputs that are parameters in Identity.
func distinct(b backends.Builder, out, params []Op) ([]Op, error) {
	seen := map[Op]bool{}
	for _, p := range params {
		seen[p] = true
	}
	for i, o := range out {
		if seen[o] {
			id, err := b.Identity(o)
			if err != nil {
				return nil, fmt.Errorf("graph: backend cannot build Identity: %w", err)
			}
			out[i] = id
		}
		seen[out[i]] = true
	}
	return out, nil
}

// Compile builds and compiles p on backend.
func Compile(backend backends.Backend, p *Program, wrap func(Interpreter) Interpreter) (ex backends.Executable, err error) {
	b := backend.Builder(p.Name)
	out, err := Emit(p, b, wrap)
	if err != nil {
		return nil, err
	}
	// simplego panics with errors while it compiles.
	if cerr := Catch(func() { ex, err = b.Compile(out, nil) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("graph: compiling %s: %w", p.Name, err)
	}
	return careful{ex}, nil
}

// A careful Executable returns an error where simplego panics: no panic of a
// backend reaches a user.
type careful struct{ backends.Executable }

// Execute implements backends.Executable.
func (c careful) Execute(in []backends.Buffer, donate []bool, device backends.DeviceNum) (out []backends.Buffer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("graph: the backend failed: %v", r)
		}
	}()
	return c.Executable.Execute(in, donate, device)
}
