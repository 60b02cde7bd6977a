package axes

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// An Input is a parameter of a program that holds data. Parameters that no
// Input names are weights.
type Input struct {
	Value *graph.Value
	// Roles has the role of each axis, Batch or Position. Nil means that the
	// first is the batch and the others are positions.
	Roles []Role
}

// Inputs returns the inputs of a recorded model, the first axis of each being the batch.
func Inputs(r *graph.Recording) []Input {
	in := make([]Input, len(r.Inputs))
	for i, v := range r.Inputs {
		in[i].Value = v
	}
	return in
}

// An Analysis is the provenance of the axes of a program.
type Analysis struct {
	of     map[*graph.Value][]factors
	batch  factors // nil until an input has it
	nextID int

	isInput map[*graph.Value]bool
	// examples are the values that depend on inputs with a batch axis, data
	// those that depend on anything but weights and uniform constants, mixed
	// those below an op of mixes.
	examples, data, mixed map[*graph.Value]bool

	mixes     []Mix
	conflicts []Conflict
}

// Analyze follows the axes through what the outputs of p need, in one pass.
// Nothing is guessed from equal sizes: an axis is a list of factors, born at
// parameters and constants, carried from op to op, and split where a Reshape
// splits it. Axes of weights start Unknown and take the role of what they
// meet; where a weight is contracted with data, its free axes become Width.
//
// It returns an error if an input is no parameter of p, if its roles do not fit
// its shape, or unless all batch axes have the same size, at least 2: a batch
// of 1 hides reductions over it. What cannot be followed is no error:
// [Analysis.BatchMixing] and [Analysis.Conflicts] report it.
func Analyze(p *graph.Program, inputs []Input) (*Analysis, error) {
	a := &Analysis{
		of: map[*graph.Value][]factors{}, isInput: map[*graph.Value]bool{},
		examples: map[*graph.Value]bool{}, data: map[*graph.Value]bool{}, mixed: map[*graph.Value]bool{},
	}
	for _, in := range inputs {
		if err := a.addInput(p, in); err != nil {
			return nil, err
		}
	}
	if a.batch == nil {
		return nil, fmt.Errorf("axes: no input of program %s has a batch axis; analyze a program with one", p.Name)
	}
	p = p.Prune() // what only updates variables does not bear on the outputs
	users := p.Users()
	for _, e := range p.Eqns {
		if e.Op == backends.OpTypeRNGBitGenerator && (len(users[e.Out[1]]) > 0 || slices.Contains(p.Outputs, e.Out[1])) {
			a.mix(e, Drawn, "an output depends on random bits")
		}
		a.apply(e)
	}
	for _, o := range p.Outputs {
		a.checkOutput(o)
	}
	a.markOutputs(p)
	// Findings at outputs come last; the list is in program order.
	slices.SortStableFunc(a.mixes, func(x, y Mix) int { return x.Eqn.Out[0].ID - y.Eqn.Out[0].ID })
	return a, nil
}

// Of returns the axes of a value, nil if no output of the program needs it.
func (a *Analysis) Of(v *graph.Value) Axes {
	fs, ok := a.of[v]
	if !ok {
		return nil
	}
	axes := make(Axes, len(fs))
	for i := range fs {
		axes[i] = public(fs[i])
	}
	return axes
}

func (a *Analysis) addInput(p *graph.Program, in Input) error {
	v := in.Value
	if v == nil || !slices.Contains(p.Params, v) {
		return fmt.Errorf("axes: an input is not a parameter of program %s", p.Name)
	}
	roles := in.Roles
	if roles == nil {
		roles = slices.Repeat([]Role{Position}, v.Shape.Rank())
		if len(roles) > 0 {
			roles[0] = Batch
		}
	}
	name := v.Def.Attrs.(graph.ParameterAttrs).Name
	if len(roles) != v.Shape.Rank() {
		return fmt.Errorf("axes: input %s is %s, its roles are %v; give one role for each axis", name, v.Shape, roles)
	}
	axes := make([]factors, len(roles))
	for i, r := range roles {
		n := v.Shape.Dimensions[i]
		switch {
		case r == Position && n > 0:
			axes[i] = a.new(Position, n, v, i)
		case r == Position:
			return fmt.Errorf("axes: input %s is %s: it is empty", name, v.Shape)
		case r != Batch:
			return fmt.Errorf("axes: axis %d of input %s has role %s, want B or P", i, name, r)
		case a.examples[v]:
			return fmt.Errorf("axes: input %s has two batch axes: %v", name, roles)
		case n < 2:
			return fmt.Errorf("axes: input %s is %s, a batch of %d; record the program at a batch of 2 or more, which shows reductions over it", name, v.Shape, n)
		case a.batch != nil && a.batch[0].size != n:
			return fmt.Errorf("axes: input %s has a batch of %d, another input one of %d", name, n, a.batch[0].size)
		default:
			if a.batch == nil {
				a.batch = a.new(Batch, n, v, i)
			}
			axes[i] = a.batch
			a.examples[v] = true
		}
	}
	a.of[v], a.isInput[v], a.data[v] = axes, true, true
	return nil
}

// apply gives the outputs of e their axes.
func (a *Analysis) apply(e *graph.Eqn) {
	if e.Op == backends.OpTypeParameter && a.isInput[e.Out[0]] {
		return
	}
	for _, in := range e.In {
		if a.data[in] {
			for _, o := range e.Out {
				a.data[o] = true
			}
		}
	}
	rule := rules[e.Op]
	if rule == nil || isEmpty(e) {
		a.noRule(e)
	} else {
		rule(a, e)
	}
	a.checkFlow(e)
}

// noRule loses the axes of e's outputs.
func (a *Analysis) noRule(e *graph.Eqn) {
	reason := "axes has no rule for it"
	if isEmpty(e) {
		reason = "it has an axis of size 0"
	}
	if slices.ContainsFunc(e.In, func(v *graph.Value) bool { return a.examples[v] }) {
		a.mix(e, Unfollowed, "%s", reason)
	} else {
		a.conflict(e, "%s", reason)
	}
	for _, o := range e.Out {
		a.of[o] = a.fresh(Lost, o)
	}
}

func isEmpty(e *graph.Eqn) bool {
	empty := func(v *graph.Value) bool { return v.Shape.Size() == 0 }
	return slices.ContainsFunc(e.In, empty) || slices.ContainsFunc(e.Out, empty)
}

// fresh returns new axes of one role for all of v.
func (a *Analysis) fresh(r Role, v *graph.Value) []factors {
	axes := make([]factors, v.Shape.Rank())
	for i, n := range v.Shape.Dimensions {
		axes[i] = a.new(r, n, v, i)
	}
	return axes
}

// markOutputs makes Output of every Width of the outputs that nothing contracts.
func (a *Analysis) markOutputs(p *graph.Program) {
	for _, o := range p.Outputs {
		for _, fs := range a.of[o] {
			for _, f := range expand(fs) {
				if f.role == Width && !f.contracted {
					f.role = Output
				}
			}
		}
	}
}
