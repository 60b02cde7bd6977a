// Package graph represents a GoMLX model as data: a Program that is recorded,
// transformed and emitted.
package graph

import (
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

type (
	// OpType names an operation of backends.Builder.
	OpType = backends.OpType

	// Op is a value of whatever an Interpreter computes with.
	Op = backends.Op

	// Attrs are the static attributes of an op, one type per family of ops
	// (attrs.go), or nil. They are values: rules copy before they change one.
	Attrs any
)

// A Value is an output of an Eqn.
type Value struct {
	// ID numbers the values of a Program in order of definition.
	ID    int
	Shape shapes.Shape
	Def   *Eqn
	// Index is the position among Def's outputs.
	Index int
}

// An Eqn is one operation of a Program.
type Eqn struct {
	Op    OpType
	Attrs Attrs
	In    []*Value
	Out   []*Value

	// trace holds the Go stack that built the op, nil if none was recorded.
	trace error
}

// A Program is a closed list of equations in static single assignment form,
// in topological order.
type Program struct {
	Name    string
	Eqns    []*Eqn
	Params  []*Value // outputs of Parameter equations, in order of definition
	Outputs []*Value

	nextID int
}

// Users returns, for every value, the equations that read it, in order. An
// equation that reads a value twice is listed once.
func (p *Program) Users() map[*Value][]*Eqn {
	users := map[*Value][]*Eqn{}
	for _, e := range p.Eqns {
		seen := map[*Value]bool{}
		for _, in := range e.In {
			if !seen[in] {
				seen[in] = true
				users[in] = append(users[in], e)
			}
		}
	}
	return users
}

// WithOutputs returns a Program that shares p's equations and returns outs.
func (p *Program) WithOutputs(outs ...*Value) *Program {
	q := *p
	q.Outputs = outs
	return &q
}

// Prune returns the Program without the equations that no output needs. All
// parameters stay, so that positions in Params keep their meaning.
func (p *Program) Prune() *Program {
	need := map[*Eqn]bool{}
	for _, o := range p.Outputs {
		need[o.Def] = true
	}
	// Equations are in topological order: one backward pass suffices.
	for i := len(p.Eqns) - 1; i >= 0; i-- {
		if e := p.Eqns[i]; need[e] {
			for _, in := range e.In {
				need[in.Def] = true
			}
		}
	}
	q := *p
	q.Eqns = nil
	for _, e := range p.Eqns {
		if need[e] || e.Op == backends.OpTypeParameter {
			q.Eqns = append(q.Eqns, e)
		}
	}
	return &q
}

// Count returns how often each op occurs.
func (p *Program) Count() map[OpType]int {
	n := map[OpType]int{}
	for _, e := range p.Eqns {
		n[e.Op]++
	}
	return n
}

// DependsOn returns the values of p that depend on any of vs, vs included.
func (p *Program) DependsOn(vs ...*Value) map[*Value]bool {
	dep := map[*Value]bool{}
	for _, v := range vs {
		dep[v] = true
	}
	for _, e := range p.Eqns {
		for _, in := range e.In {
			if dep[in] {
				for _, o := range e.Out {
					dep[o] = true
				}
				break
			}
		}
	}
	return dep
}

// ParamName returns the name of the i-th parameter.
func (p *Program) ParamName(i int) string {
	return p.Params[i].Def.Attrs.(ParameterAttrs).Name
}
