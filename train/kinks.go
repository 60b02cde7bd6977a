package train

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
)

// A Kink is a place of the network at which an activation changes its slope: a
// value of the forward Program, and the constant that it is compared with. ReLU,
// max(u, 0), has one at 0.
type Kink struct {
	Value *graph.Value
	At    float64
	// Op is the operation that compares: Max, Min, Abs, Sign or a comparison.
	Op graph.OpType
}

// Kinks returns the kinks of values of p that depend on an input and on a weight:
// the operands of Max, Min and comparisons with a constant, and those of Abs and
// Sign, each once. Max over an axis, as in a softmax or a max-pool, is none.
func Kinks(p *graph.Program) []Kink {
	var inputs, weights []*graph.Value
	for i, v := range p.Params {
		if strings.HasPrefix(p.ParamName(i), mlctx.VariableParameterPrefix) {
			weights = append(weights, v)
		} else {
			inputs = append(inputs, v)
		}
	}
	onInput, onWeight := p.DependsOn(inputs...), p.DependsOn(weights...)
	var all []Kink
	add := func(v *graph.Value, at float64, op graph.OpType) {
		same := func(k Kink) bool { return k.Value == v && k.At == at }
		if onInput[v] && onWeight[v] && v.Shape.DType.IsFloat() && !slices.ContainsFunc(all, same) {
			all = append(all, Kink{v, at, op})
		}
	}
	for _, e := range p.Eqns {
		switch e.Op {
		case backends.OpTypeAbs, backends.OpTypeSign:
			add(e.In[0], 0, e.Op)
		case backends.OpTypeMax, backends.OpTypeMin, backends.OpTypeGreaterThan, backends.OpTypeGreaterOrEqual,
			backends.OpTypeLessThan, backends.OpTypeLessOrEqual:
			for i, v := range e.In {
				if c, ok := constantBelow(v); ok {
					add(e.In[1-i], c, e.Op)
				}
			}
		}
	}
	return all
}

// constantBelow returns the value of a constant behind ops that only arrange.
func constantBelow(v *graph.Value) (float64, bool) {
	for {
		switch v.Def.Op {
		case backends.OpTypeBroadcastInDim, backends.OpTypeReshape, backends.OpTypeTranspose, backends.OpTypeIdentity, backends.OpTypeConvertDType:
			v = v.Def.In[0]
			continue
		}
		return graph.ConstantValue(v)
	}
}

// A Pattern says of every kink of every example on which side of it the network
// is, one bit for each unit: set where the value is above.
type Pattern struct {
	Bits []uint64
	// Units counts them.
	Units int
}

// Pattern returns the activation pattern of the examples at the weights of the
// moment; it has no units if the network has no kinks. Errors are those of
// Outputs.
func (t *Trainer) Pattern(ctx context.Context, x empirical.Batch) (*Pattern, error) {
	if err := t.check(x); err != nil {
		return nil, err
	}
	n := x.Len()
	block, err := t.patternBlock(n)
	if err != nil {
		return nil, err
	}
	p := &Pattern{}
	for from := 0; from < n; from += block {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// The batch need not be a value's first axis: a last block has a Program of
		// its own rather than copies to leave out.
		if err := t.addPattern(p, x, from, min(block, n-from)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// patternBlock returns how many of n examples are looked at together: activations
// that a backend would free or never store are kept.
func (t *Trainer) patternBlock(n int) (int, error) {
	if t.opts.Joint {
		return n, nil
	}
	block, err := t.blockFor(n)
	for ; err == nil && block > 1; block = (block + 1) / 2 {
		p, kinks, perr := t.kinksProgram(block)
		if perr != nil || len(kinks) == 0 || cost.Peak(p) <= t.opts.budget().Bytes {
			return block, perr
		}
	}
	return block, err
}

// kinksProgram records the values at the kinks, for a batch of n.
func (t *Trainer) kinksProgram(n int) (*graph.Program, []Kink, error) {
	p, err := t.forwardProgram(n)
	if err != nil {
		return nil, nil, err
	}
	kinks := Kinks(p)
	if len(kinks) == 0 {
		return nil, nil, nil
	}
	outs := make([]*graph.Value, len(kinks))
	for i, k := range kinks {
		outs[i] = k.Value
	}
	return p.WithOutputs(outs...).Prune(), kinks, nil
}

// A patternProgram gives the values that are compared with thresholds.
type patternProgram struct {
	program
	at []float64
}

func (t *Trainer) patternOf(n int) (c patternProgram, err error) {
	if c, ok := t.patterns[n]; ok {
		return c, nil
	}
	p, kinks, err := t.kinksProgram(n)
	if err != nil {
		return c, err
	}
	if len(kinks) > 0 {
		c.program, err = t.compile(p)
	}
	for _, k := range kinks {
		c.at = append(c.at, k.At)
	}
	if err == nil {
		t.patterns[n] = c
	}
	return c, err
}

// addPattern adds the pattern of n examples from from on.
func (t *Trainer) addPattern(p *Pattern, x empirical.Batch, from, n int) error {
	c, err := t.patternOf(n)
	if err != nil || len(c.at) == 0 {
		return err
	}
	part, err := x.Rows(upTo(from, n, x.Len())...)
	if err != nil {
		return err
	}
	out, err := t.execute(c.program, part, nil)
	if err != nil {
		return fmt.Errorf("train: activations: %w", err)
	}
	for i, b := range out {
		u, err := graph.TakeFloats(t.backend, b)
		if err != nil {
			return fmt.Errorf("train: reading activations: %w", err)
		}
		for _, v := range u {
			p.add(v > c.at[i])
		}
	}
	return nil
}

func (p *Pattern) add(above bool) {
	if p.Units%64 == 0 {
		p.Bits = append(p.Bits, 0)
	}
	if above {
		p.Bits[p.Units/64] |= 1 << (p.Units % 64)
	}
	p.Units++
}

// Flipped returns the share of units that are on another side in q, 0 of none.
func (p *Pattern) Flipped(q *Pattern) (float64, error) {
	if p.Units != q.Units {
		return 0, fmt.Errorf("train: patterns of %d and %d units", p.Units, q.Units)
	}
	if p.Units == 0 {
		return 0, nil
	}
	n := 0
	for i, b := range p.Bits {
		n += bits.OnesCount64(b ^ q.Bits[i])
	}
	return float64(n) / float64(p.Units), nil
}
