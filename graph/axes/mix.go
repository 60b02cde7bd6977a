package axes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A Kind says why an output is not a function of its own example alone.
type Kind int

const (
	// Mixed: examples interact.
	Mixed Kind = iota
	// Placed: the result depends on the place of the example in the batch.
	Placed
	// Unfollowed: the batch axis cannot be followed through the op. Examples may interact.
	Unfollowed
	// Drawn: the result depends on random bits. Examples do not interact.
	Drawn
)

// String returns the name of k.
func (k Kind) String() string {
	return [...]string{"mixes examples", "depends on the place in the batch", "cannot be followed", "draws random numbers"}[k]
}

// A Mix is an op that keeps outputs from being functions of their own example.
type Mix struct {
	Kind   Kind
	Eqn    *graph.Eqn
	Reason string
}

// String prints m with the line of the user's code, if the program has it.
func (m Mix) String() string { return at(m.Eqn, m.Kind.String()+": "+m.Reason) }

// A Conflict is an op at which the roles of axes contradict one another or are
// lost, the batch apart.
type Conflict struct {
	Eqn    *graph.Eqn
	Reason string
}

// String prints c with the line of the user's code, if the program has it.
func (c Conflict) String() string { return at(c.Eqn, c.Reason) }

func at(e *graph.Eqn, text string) string {
	if s := e.Source(); s != "" {
		return fmt.Sprintf("%s at %s %s", e.Op, s, text)
	}
	return fmt.Sprintf("%s (%%%d) %s", e.Op, e.Out[0].ID, text)
}

// BatchMixing returns, in program order, every op on which an output depends
// and that mixes examples, looks at the place of an example in the batch,
// draws random numbers, or loses track of the batch; at most once each. If it
// returns none, then every output at example b is the same function of the
// inputs at example b, for every b of a batch of the recorded size.
//
// It is conservative: what has no rule is reported, and so is a gather that
// picks each example's own entries by an Iota over the batch. It does not see
// numbers that Go code computed from the batch's size: they are constants here.
func (a *Analysis) BatchMixing() []Mix { return slices.Clone(a.mixes) }

// Conflicts returns the ops at which axes other than the batch lose their
// provenance. They do not bear on whether examples interact.
func (a *Analysis) Conflicts() []Conflict { return slices.Clone(a.conflicts) }

func (a *Analysis) mix(e *graph.Eqn, k Kind, format string, args ...any) {
	for _, m := range a.mixes {
		if m.Eqn == e {
			return
		}
	}
	a.mixes = append(a.mixes, Mix{k, e, fmt.Sprintf(format, args...)})
}

func (a *Analysis) conflict(e *graph.Eqn, format string, args ...any) {
	for _, c := range a.conflicts {
		if c.Eqn == e {
			return
		}
	}
	a.conflicts = append(a.conflicts, Conflict{e, fmt.Sprintf(format, args...)})
}

// reported reports whether e is among the mixes, draws of random bits apart.
func (a *Analysis) reported(e *graph.Eqn) bool {
	return slices.ContainsFunc(a.mixes, func(m Mix) bool { return m.Eqn == e && m.Kind != Drawn })
}

// checkFlow holds what is true of every op whose rule is right: examples stay
// apart, and a value that depends on them keeps their axis.
func (a *Analysis) checkFlow(e *graph.Eqn) {
	wasCrossed, mixed, examples := false, a.reported(e), false
	for _, in := range e.In {
		wasCrossed = wasCrossed || a.crossed(in)
		mixed = mixed || a.mixed[in]
		examples = examples || a.examples[in]
	}
	for _, o := range e.Out {
		if !wasCrossed && a.crossed(o) {
			a.mix(e, Mixed, "it pairs every example with every other: the result %s has the batch twice", a.Of(o))
			mixed = true
		}
		if examples && !mixed && !a.wholeBatch(o) {
			a.mix(e, Unfollowed, "the result %s has lost the batch axis", a.Of(o))
			mixed = true
		}
	}
	for _, o := range e.Out {
		a.mixed[o], a.examples[o] = mixed, examples
	}
}

// checkOutput holds that the first axis of an output is the batch, or that the
// output is the same for every example.
func (a *Analysis) checkOutput(o *graph.Value) {
	axes := a.of[o]
	if len(axes) == 0 {
		return // summed over the batch, which was reported, or constant
	}
	first := expand(axes[0])
	switch {
	case slices.Equal(first, expand(a.batch)):
		return
	case !a.examples[o] && only(first, Free, Random):
		return
	case a.mixed[o] && has(first, Lost):
		return
	}
	kind := Mixed
	switch {
	case has(first, Lost):
		kind = Unfollowed
	case !a.examples[o]:
		kind = Placed
	}
	a.mix(a.origin(o), kind, "the first axis of an output must be the batch %s, and becomes %s", text(a.batch), text(first))
}

// origin returns the op above o that made o's first axis what it is, where o
// depends on examples the first that does.
func (a *Analysis) origin(o *graph.Value) *graph.Eqn {
	first := expand(a.of[o][0])
	for _, in := range o.Def.In {
		if axes := a.of[in]; a.examples[in] == a.examples[o] && len(axes) > 0 && slices.Equal(expand(axes[0]), first) {
			return a.origin(in)
		}
	}
	return o.Def
}

// meetsBatch reports that the batch axis meets another index elementwise.
func (a *Analysis) meetsBatch(e *graph.Eqn, f *factor) {
	def := f.born.Def
	switch {
	case f.role == Batch:
		a.mix(e, Mixed, "different parts of the batch axis meet")
	case f.role == Lost && a.reported(def):
	case f.role == Lost:
		a.mix(e, Unfollowed, "the batch axis meets %s, which was not followed", name(f))
	case slices.ContainsFunc(e.In, func(in *graph.Value) bool { return a.examples[in] && a.holds(in, f) }):
		a.mix(e, Mixed, "the batch axis meets %s", name(f))
	default:
		a.mix(e, Placed, "the batch axis meets %s", name(f))
	}
}

// name says in words where a factor was born.
func name(f *factor) string {
	switch at := f.born.Def.Attrs.(type) {
	case graph.ParameterAttrs:
		what := "input"
		if strings.HasPrefix(at.Name, mlctx.VariableParameterPrefix) {
			what = "weight"
		}
		return fmt.Sprintf("axis %d of %s %s", f.axis, what, strings.TrimPrefix(at.Name, mlctx.VariableParameterPrefix))
	case graph.ConstantAttrs:
		return fmt.Sprintf("axis %d of a constant, which varies along it", f.axis)
	case graph.IotaAttrs:
		return "the axis that an Iota counts"
	}
	if f.born.Def.Op == backends.OpTypeRNGBitGenerator {
		return "an axis of random bits"
	}
	return fmt.Sprintf("axis %d of the result of %s", f.axis, f.born.Def.Op)
}

// public returns fs as callers see it.
func public(fs factors) Axis {
	var axis Axis
	for _, f := range expand(fs) {
		axis = append(axis, Factor{f.role, f.size, f.id})
	}
	return axis
}

// text prints fs.
func text(fs factors) string { return public(fs).String() }
