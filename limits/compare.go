package limits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

// CompareOptions configures Compare. Widths is required.
type CompareOptions struct {
	// Widths are those of the networks; their order does not matter.
	Widths []int
	// Seed is the first seed and Seeds how many networks of each width are drawn;
	// 0 means 32. Networks of width n have the seeds from Seed + n·2³² on, so that
	// no two widths share a random number, and errors of widths are independent.
	Seed  uint64
	Seeds int
	// Memory is the budget in bytes; 0 means half of what is allowed.
	Memory int64
	// BLAS contracts Jacobians on a CPU; nil means gonum.
	BLAS *native.BLAS
	// Dir, if not "", keeps what is drawn, in a folder for each width and each few
	// draws, and is where a run goes on that was stopped or is to have more draws
	// or widths.
	Dir string
	// Progress, if not nil, is called now and then.
	Progress func(CompareProgress)
}

// CompareProgress says how far a comparison is.
type CompareProgress struct {
	// Width is the one at hand; Draws are done of Seeds. While the limit at that
	// width is computed Pairs of examples are done of AllPairs, and AllPairs > 0.
	Width           int
	Draws, Seeds    int
	Pairs, AllPairs int
	// Fraction is what is done of all, networks taken to cost as n².
	Fraction float64
}

// A Comparison is what networks of finite width say of a limit, or instead of it.
type Comparison struct {
	N, O   int // examples and outputs
	Seeds  int
	Widths []int // rising
	// Refusal is why there is no limit; nil if there is one.
	Refusal  *Refusal
	Warnings []string
	// NTK compares Θ, averaged over outputs. NNGP compares K, the second moment of
	// the outputs over draws.
	NTK, NNGP *Agreement
}

// groupDraws is how many draws are kept and merged together: their spread tells
// the errors of what all draws of a width say.
const groupDraws = 4

// Compare draws networks of several widths and compares their kernels on all
// pairs of the examples x with the limit that [Derive] finds,
//
//	(1/M) Σ_s Θ_s − Θ_∞,  Θ_s of the seed s,
//
// where model builds the network of a width. The limit is that of each width:
// where a scale does not cancel it, as in the standard parameterization, it
// depends on it. A model without a limit is no error: then what the networks say
// is extrapolated in 1/n.
//
// It returns an error if a network cannot be built, what
// [empirical.Network.MonteCarlo] returns, and the cause of ctx when it ends;
// finished groups of draws then stay in opts.Dir.
func Compare(ctx context.Context, backend backends.Backend, model func(width int) (graph.Model, error), x empirical.Batch, opts CompareOptions) (*Comparison, error) {
	r, err := newCompareRun(backend, model, x, opts)
	if err != nil {
		return nil, err
	}
	c := &Comparison{N: x.Len(), Seeds: r.opts.Seeds, Widths: r.opts.Widths}
	var theta, k []*drawnKernel
	for _, n := range c.Widths {
		theta = append(theta, &drawnKernel{width: n})
		k = append(k, &drawnKernel{width: n})
	}
	if err := r.limits(ctx, c, theta, k); err != nil {
		return nil, err
	}
	for i := range c.Widths {
		if c.O, err = r.draws(ctx, theta[i], k[i]); err != nil {
			return nil, err
		}
	}
	c.NTK, c.NNGP = newAgreement(NTK, c.N, theta, r.rounding), newAgreement(NNGP, c.N, k, r.rounding)
	return c, nil
}

// A compareRun is a comparison under way.
type compareRun struct {
	backend  backends.Backend
	model    func(width int) (graph.Model, error)
	x        empirical.Batch
	inputs   []shapes.Shape // of one example
	opts     CompareOptions // without zeros
	rounding float64        // relative, of an entry
	work     float64        // of all networks, as n²
	done     float64
}

// What arithmetic may lose of an entry of Θ, relative to √(Θ_ii Θ_jj).
const (
	rounding32 = 1e-6
	rounding64 = 1e-12
)

func newCompareRun(backend backends.Backend, model func(width int) (graph.Model, error), x empirical.Batch, opts CompareOptions) (*compareRun, error) {
	opts.Widths = slices.Clone(opts.Widths)
	slices.Sort(opts.Widths)
	opts.Widths = slices.Compact(opts.Widths)
	opts.Seeds = cmp.Or(opts.Seeds, 32)
	switch {
	case len(x) == 0 || x.Len() == 0:
		return nil, errors.New("limits: comparing on no examples; give at least one")
	case len(opts.Widths) == 0 || opts.Widths[0] < 1:
		return nil, fmt.Errorf("limits: widths %v to compare, want numbers of at least 1, such as 64, 128, 256", opts.Widths)
	case opts.Seeds < 2:
		return nil, fmt.Errorf("limits: %d seeds for each width, want at least 2: one network tells no error", opts.Seeds)
	}
	if opts.Memory == 0 {
		// Asked once: it takes longer than a small Θ.
		opts.Memory = machine.DefaultBudget().Bytes
	}
	r := &compareRun{backend: backend, model: model, x: x, opts: opts, rounding: rounding64}
	for _, t := range x {
		s := t.Shape()
		r.inputs = append(r.inputs, shapes.Make(s.DType, s.Dimensions[1:]...))
		if s.DType == dtypes.Float32 {
			r.rounding = rounding32
		}
	}
	for _, n := range opts.Widths {
		r.work += float64(n) * float64(n)
	}
	return r, nil
}

// limits derives the limit at every width. Between two widths of which it is the
// same it is that of both: sums of powers of n do not fall and rise again.
func (r *compareRun) limits(ctx context.Context, c *Comparison, theta, k []*drawnKernel) error {
	derived := make([]*Limit, len(c.Widths))
	for i, n := range c.Widths {
		f, err := r.model(n)
		if err != nil {
			return err
		}
		derived[i], err = Derive(mlctx.New(), f, r.inputs, Options{})
		if errors.As(err, &c.Refusal) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("at width %d: %w", n, err)
		}
	}
	last := len(c.Widths) - 1
	c.Warnings = derived[last].Warnings
	gram := func(i int) (err error) {
		n := c.Widths[i]
		g, err := derived[i].Gram(ctx, r.x, nil, GramOptions{Memory: r.opts.Memory, Progress: func(done, total int) {
			r.report(CompareProgress{Width: n, Seeds: r.opts.Seeds, Pairs: done, AllPairs: total})
		}})
		if err != nil {
			return fmt.Errorf("limit at width %d: %w", n, err)
		}
		theta[i].limit, k[i].limit = g.NTK, g.NNGP
		return nil
	}
	if err := gram(0); err != nil || last == 0 {
		return err
	}
	if err := gram(last); err != nil {
		return err
	}
	constant := same(theta[0].limit, theta[last].limit) && same(k[0].limit, k[last].limit)
	for i := 1; i < last; i++ {
		if constant {
			theta[i].limit, k[i].limit = theta[0].limit, k[0].limit
		} else if err := gram(i); err != nil {
			return err
		}
	}
	return nil
}

// same reports whether two matrices differ by no more than rounding.
func same(a, b []float64) bool {
	for i, v := range a {
		if !(math.Abs(v-b[i]) <= 1e-12*(math.Abs(v)+math.Abs(b[i]))) {
			return false
		}
	}
	return true
}

func (r *compareRun) report(p CompareProgress) {
	if r.opts.Progress != nil {
		p.Fraction = min(1, (r.done+float64(p.Width)*float64(p.Width)*float64(p.Draws)/float64(p.Seeds))/r.work)
		r.opts.Progress(p)
	}
}
