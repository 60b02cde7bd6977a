// Package limits derives the kernels K (NNGP) and Θ (NTK) of infinitely wide
// networks from the recorded program of a GoMLX model.
//
// The program is read as a tensor program over random variables. A value is a
// number (it depends on the input alone), a statistic (a mean along a width,
// deterministic in the limit), or a field: random, with entries alike along its
// width. Where a weight W of n contracted entries N(0, τ²) and rate η acts on a
// field h, a Gaussian z = s·W h is born, and for two inputs
//
//	K_z = s²τ²n·E[h h'],  Θ_z = η s²n·E[h h'] + s²τ²n·Θ_h,
//	Θ_φ(z) = E[φ'(z)φ'(z')]·Θ_z.
//
// With the actual n this one rule is every parameterization. One recursion on
// pairs of values carries both, so that residual branches, weights used twice
// and gates need nothing special. What no rule covers is refused by name.
//
// Source: Yang, Tensor Programs I–III, arXiv 1910.12478, 2006.14548, 2009.10685.
package limits

import (
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

// Options configures Derive.
type Options struct {
	// Distributions gives those of weights, by scope and name
	// ("/dense/weights"), before what the model recorded with [graph.Tag] and
	// what is recognized from their initializers.
	Distributions map[string]graph.Distribution
	// Training derives the model in training mode, with dropout. Zero means
	// inference.
	Training bool
}

// A Limit is the infinite-width limit of a model: a plan of what to compute for
// each pair of inputs. It may be used concurrently.
type Limit struct {
	plan   *plan
	inputs []shapes.Shape // of one example
	// Warnings say where the limit may be a poor guide.
	Warnings []string
}

// Derive derives the infinite-width limit of model on inputs of the given
// shapes, each of one example, without the batch axis. ctx has the model's
// hyperparameters, and which of its variables are trained; it is not changed.
//
// Widths are whatever axes of weights meet no data; they are taken to
// infinity together, and their actual sizes count where a scale does not cancel
// them. The distribution of a weight is that of opts, or [graph.Tag]'s, or that
// of its initializer, if this is a scaled normal or uniform draw or a constant.
//
// It returns a [*Refusal], which names the op, its source line and the reason,
// for what has no limit or no rule, and an error if the model cannot be built,
// has not exactly one output, or has weights of no known distribution.
func Derive(ctx *mlctx.Context, model graph.Model, inputs []shapes.Shape, opts Options) (*Limit, error) {
	d, err := newDerivation(ctx, model, inputs, opts)
	if err != nil {
		return nil, err
	}
	l := &Limit{inputs: slices.Clone(inputs)}
	err = catch(func() {
		d.cutWidths()
		d.classify()
		o := d.program.Outputs[0]
		d.checkUses()
		d.checkReadout(o)
		d.checkStatistics()
		d.checkWidths()
		l.plan = newPlan(d, o)
	})
	if err != nil {
		return nil, err
	}
	l.Warnings = d.warnings
	return l, nil
}

// Fingerprint writes what the kernels depend on but for the inputs: the recorded
// program with the constants in it, and the weights' distributions and rates.
func (l *Limit) Fingerprint(program, weights hash.Hash) error {
	p := l.plan.program
	if err := p.Fingerprint(program); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	for _, v := range p.Params {
		if w := l.plan.variables[v]; w != nil {
			_, _ = fmt.Fprintln(weights, w.name, w.Family, w.Mean, w.Tau, w.Eta) // a hash takes everything
		}
	}
	return nil
}

// A derivation is what Derive knows of a model.
type derivation struct {
	program   *graph.Program
	axes      *axes.Analysis
	inputs    []*graph.Value
	variables map[*graph.Value]*variable
	users     map[*graph.Value][]*graph.Eqn
	cuts      map[int][]int // of widths, by the factor's ID
	warnings  []string

	values    map[*graph.Value]*value
	constants *numbers
	dropouts  map[*graph.Value]*dropout
	known     *catalog

	// What is found once.
	births      map[*graph.Value]*birth
	birthRows   map[cellOf]*birthRows
	linears     map[cellOf]*linearMap
	gaussian    map[*graph.Value]bool
	relations   map[pairKey]relation
	supports    map[cellOf]map[cellOf]bool
	cutMemo     map[argument]cutResult
	functions   map[string]*function
	forms       map[cellOf]form
	sides       map[cellOf]*functionSide
	factors     []factor
	factorIndex map[factor]int
}

func newDerivation(ctx *mlctx.Context, model graph.Model, inputs []shapes.Shape, opts Options) (*derivation, error) {
	r, own, err := record(ctx, model, inputs, opts.Training)
	if err != nil {
		return nil, err
	}
	p := r.Program.Prune()
	a, err := axes.Analyze(p, axes.Inputs(r))
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	d := &derivation{
		program: p, axes: a, inputs: r.Inputs, variables: map[*graph.Value]*variable{}, users: p.Users(), cuts: map[int][]int{},
		values: map[*graph.Value]*value{}, dropouts: map[*graph.Value]*dropout{}, known: &catalog{made: map[string]*dual.Activation{}},
		births: map[*graph.Value]*birth{}, birthRows: map[cellOf]*birthRows{}, linears: map[cellOf]*linearMap{},
		gaussian: map[*graph.Value]bool{}, relations: map[pairKey]relation{}, supports: map[cellOf]map[cellOf]bool{},
		cutMemo: map[argument]cutResult{}, functions: map[string]*function{}, forms: map[cellOf]form{}, sides: map[cellOf]*functionSide{},
		factorIndex: map[factor]int{},
	}
	d.constants = &numbers{d: d, memo: map[*graph.Value][]float64{one: {1}}}
	d.values[one] = &value{kind: constant, layout: newLayout(nil, nil)}
	if err := d.bindVariables(ctx, own, r, opts); err != nil {
		return nil, err
	}
	return d, d.checkAxes(opts)
}

// checkAxes refuses programs whose examples interact or whose axes are lost.
func (d *derivation) checkAxes(opts Options) error {
	for _, m := range d.axes.BatchMixing() {
		if m.Kind != axes.Drawn || !opts.Training {
			return d.refusal(m.Eqn, "%s: %s", m.Kind, m.Reason)
		}
	}
	for _, c := range d.axes.Conflicts() {
		return d.refusal(c.Eqn, "%s", c.Reason)
	}
	return nil
}

func (d *derivation) warn(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	if !slices.Contains(d.warnings, w) {
		d.warnings = append(d.warnings, w)
	}
}

// record records the model in float64 at a batch of 2, in a context of its own.
func record(ctx *mlctx.Context, model graph.Model, inputs []shapes.Shape, training bool) (*graph.Recording, *mlctx.Context, error) {
	if len(inputs) == 0 {
		return nil, nil, fmt.Errorf("limits: no input shapes; give the shape of one example for each input of the model")
	}
	own, err := ctx.Clone()
	if err != nil {
		return nil, nil, fmt.Errorf("limits: copying the context: %w", err)
	}
	if err := own.InAbsPath(mlctx.RootScope).DeleteVariablesInScope(); err != nil {
		return nil, nil, fmt.Errorf("limits: copying the context: %w", err)
	}
	batched := make([]shapes.Shape, len(inputs))
	for i, s := range inputs {
		dt := s.DType
		if dt.IsFloat() {
			dt = dtypes.Float64 // constants of the model would be rounded to less
		}
		batched[i] = shapes.Make(dt, append([]int{2}, s.Dimensions...)...)
	}
	r, err := graph.Trace(own, "model", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		ctx.SetTraining(g, training)
		return model(ctx, graph.Inputs(g, batched...))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("limits: recording the model in float64: %w", err)
	}
	if n := len(r.Program.Outputs); n != 1 {
		return nil, nil, fmt.Errorf("limits: the model has %d outputs; wrap it in a graph.Model that returns one", n)
	}
	if o := r.Program.Outputs[0].Shape; o.Rank() == 0 || o.Dimensions[0] != 2 {
		return nil, nil, fmt.Errorf("limits: the model's output is %s for a batch of 2; its first axis must be the batch", o)
	}
	return r, own, nil
}

// bindVariables finds the distribution of every weight that the program uses:
// given, recorded by a tag, or recognized from its initializer.
func (d *derivation) bindVariables(ctx, own *mlctx.Context, r *graph.Recording, opts Options) error {
	used := map[*graph.Value]bool{}
	for v := range d.users {
		used[v] = true
	}
	untagged := map[string]bool{}
	for _, v := range r.Variables {
		if !used[v.Value] || !v.Value.Shape.DType.IsFloat() {
			continue
		}
		w := &variable{Distribution: v.Distribution, name: v.ScopeAndName(), value: v.Value}
		d.variables[v.Value] = w
		if x, ok := opts.Distributions[w.name]; ok {
			w.Distribution = x
		} else if !v.Tagged {
			untagged[w.name] = true
		}
	}
	var found map[string]graph.Distribution
	if len(untagged) > 0 {
		var err error
		if found, err = recognize(own, untagged); err != nil {
			return err
		}
	}
	var missing []string
	for _, v := range r.Variables {
		w := d.variables[v.Value]
		if w == nil {
			continue
		}
		if untagged[w.name] {
			x, ok := found[w.name]
			if !ok {
				missing = append(missing, w.name)
			}
			w.Distribution = x
		}
		trainable := v.Trainable
		if u := ctx.GetVariableByScopeAndName(v.Scope(), v.Name()); u != nil {
			trainable = u.Trainable
		}
		if !trainable {
			w.Eta = 0
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("limits: %s: no distribution was recorded, and the initializer is neither constant nor a scaled normal or uniform draw; tag it with graph.Tag, or give Options.Distributions", strings.Join(missing, ", "))
	}
	return nil
}

// narrow is the number of entries below which a width is far from its limit.
const narrow = 16

// checkWidths warns of narrow layers.
func (d *derivation) checkWidths() {
	for _, e := range d.program.Eqns {
		b := d.birthOf(e.Out[0])
		if b == nil || b.a == nil || d.values[b.a].kind != field {
			continue
		}
		n := 0.0
		for _, t := range d.rowsOf(b, 0).rows[0] {
			n = max(n, t.multiple)
		}
		if n < narrow {
			d.warn("weight %s acts on a width of %g: the limit is a poor guide to so narrow a layer", b.w.name, n)
		}
	}
}
