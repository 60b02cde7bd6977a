package empirical

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// MonteCarloOptions configures MonteCarlo.
type MonteCarloOptions struct {
	// Options are those of every draw's Θ. Writer and Progress must be nil. A zero
	// Block is planned once, for one worker, so that it does not depend on Workers.
	Options Options

	// NNGP asks for f(x1) f(x2)ᵀ, averaged over outputs, of the same draws.
	NNGP bool

	// First is the first seed; the others follow it.
	First uint64

	// MinDraws and MaxDraws bound the number of draws. Zeros mean 16, and 64
	// without Tol or 4096 with one.
	MinDraws, MaxDraws int

	// Tol, if not 0, ends the run once the standard error of an entry of Θ is at
	// most Tol·√(Θ_nn Θ_mm). It is looked at after every block of draws, later
	// every few: at numbers of blocks with at most 4 binary digits between the
	// first and the last 1, so up to an eighth more draws than needed.
	Tol float64

	// Quantile is the part of the entries that Tol must hold for; 0 means all.
	Quantile float64

	// Scale1 and Scale2 are the diagonals Θ(x1, x1) and Θ(x2, x2) that Tol is
	// relative to if x2 is not nil: [N], or [N, O] where Θ keeps its outputs.
	Scale1, Scale2 []float64

	// BlockDraws is how many draws make a block, the unit of work and of what Dir
	// keeps; 0 means 8. Other blocks give other bits.
	BlockDraws int

	// Workers is how many networks work at a time, each taking its own memory; 0
	// means 1. The first is the network itself, Networks makes the others: the
	// same model, each in a context of its own.
	Workers  int
	Networks func() (*Network, error)

	// Dir, if not "", keeps finished blocks, 16 bytes an entry each, and is where
	// a run goes on that was stopped, or that is to have more draws.
	Dir string

	// Progress, if not nil, is called after each block, by one goroutine at a time.
	Progress func(MonteCarloProgress)
}

// MonteCarloProgress says how far a run is.
type MonteCarloProgress struct {
	Draws int
	// Expected is at how many draws the run will end, from the error so far.
	Expected int
	// Relative is the relative standard error that Tol is held against, when it
	// was last looked at; infinite before.
	Relative      float64
	Elapsed, Left time.Duration
}

// Moments are the results of MonteCarlo.
type Moments struct {
	Outputs Outputs
	// N1, N2 and O count examples of x1, of x2 and outputs.
	N1, N2, O int
	// The draws were those of the seeds from First on, Draws of them.
	First uint64
	Draws int
	// Theta has the layout of [Gram.Values]; NNGP is [N1, N2], or nil.
	Theta, NNGP *Estimate
	// Relative is the largest standard error relative to √(Θ_nn Θ_mm), or the
	// quantile asked for; NaN without a scale. Reached says that it is within Tol.
	Relative float64
	Reached  bool
	// Loaded counts blocks that Dir had, Damaged names those of its files that
	// failed their checksum and were computed again.
	Loaded  int
	Damaged []string
	Plan    *Plan // of one draw
}

// MonteCarlo estimates the expectation of the empirical NTK over the weights,
//
//	E Θ(x1, x2) ≈ (1/n) Σ_s Θ_s(x1, x2),
//
// with the standard error of every entry, by drawing all trainable weights anew
// ([Network.Redraw]) for each seed s = First, First + 1, …. Shapes and options
// are those of [Network.NTK].
//
// Seeds are grouped in blocks, the moments of blocks merged along a fixed binary
// tree, and Tol is looked at at fixed points in the order of seeds. So the bits
// of the result, the number of draws included, do not depend on the number of
// workers, nor on interruptions where Dir keeps what is finished. They hold for
// one version of the libraries on one kind of machine; another Block changes Θ
// by what rounding explains, 1e-6·max|Θ| in float32.
//
// A standard error looked at again and again is met by luck now and then: a run
// with Tol ends a little early, most of all near MinDraws.
//
// It returns what NTK returns, with the seed; an error wrapping
// [tiles.ErrMismatch] that names the difference if Dir belongs to another run;
// and the cause of ctx within one block of examples after it ends. The weights
// of f are then those of some draw: [Network.Redraw] and [Network.Sync] give others.
//
// It holds Θ's moments, 16 bytes an entry, log2(blocks) + 4·Workers times, and
// an NTK call's memory for each worker.
func (f *Network) MonteCarlo(ctx context.Context, x1, x2 Batch, opts MonteCarloOptions) (*Moments, error) {
	r, err := f.drawRun(x1, x2, opts)
	if err != nil {
		return nil, err
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	defer r.close()
	var tree mergeTree
	last := math.Inf(1) // relative error
	reached := false
	err = r.each(ctx, span(0, r.blocks), func(b *DrawBlock) (stop bool, err error) {
		if err := tree.push(b); err != nil {
			return false, err
		}
		done := min(tree.blocks*r.opts.BlockDraws, r.opts.MaxDraws)
		if r.opts.Tol > 0 && done >= r.opts.MinDraws && checkpoint(tree.blocks) {
			last = r.relative(tree.root().Theta)
			reached = last <= r.opts.Tol
		}
		r.report(done, last, reached)
		return reached, nil
	})
	if err != nil {
		return nil, err
	}
	root := tree.root()
	return &Moments{
		Outputs: r.plan.Outputs, N1: r.plan.N1, N2: r.plan.N2, O: r.plan.O,
		First: r.opts.First, Draws: root.Theta.Draws, Theta: root.Theta, NNGP: root.NNGP,
		Relative: r.relative(root.Theta), Reached: reached,
		Loaded: r.loaded, Damaged: r.damaged, Plan: r.plan,
	}, nil
}

// MonteCarloShard computes every shards-th block of the MaxDraws draws, from
// block shard on, into Dir, for processes that share the work: MonteCarlo with
// the same options then finds all blocks there. Tol is not looked at.
func (f *Network) MonteCarloShard(ctx context.Context, x1, x2 Batch, opts MonteCarloOptions, shard, shards int) error {
	if shard < 0 || shard >= shards {
		return fmt.Errorf("empirical: shard %d of %d, want one of 0 to %d", shard, shards, shards-1)
	}
	if opts.Dir == "" {
		return fmt.Errorf("empirical: shard %d of %d has no folder to keep its draws; set Dir", shard, shards)
	}
	r, err := f.drawRun(x1, x2, opts)
	if err != nil {
		return err
	}
	if err := r.open(); err != nil {
		return err
	}
	defer r.close()
	var mine []int
	for i := shard; i < r.blocks; i += shards {
		mine = append(mine, i)
	}
	done := 0
	r.total = len(mine) * r.opts.BlockDraws
	return r.each(ctx, mine, func(b *DrawBlock) (bool, error) {
		done += b.Theta.Draws
		r.report(done, math.Inf(1), false)
		return false, nil
	})
}

// checkpoint reports whether Tol is looked at after n blocks: always up to 16,
// then at every 2nd up to 32, every 4th up to 64, ….
func checkpoint(n int) bool {
	return n>>max(0, bits.Len(uint(n))-4)<<max(0, bits.Len(uint(n))-4) == n
}

// report calls Progress.
func (r *drawRun) report(done int, relative float64, reached bool) {
	if r.opts.Progress == nil {
		return
	}
	p := MonteCarloProgress{Draws: done, Expected: r.total, Relative: relative, Elapsed: time.Since(r.start)}
	switch {
	case reached:
		p.Expected = done
	case !math.IsInf(relative, 1): // the error falls as 1/√n
		need := float64(done) * (relative / r.opts.Tol) * (relative / r.opts.Tol)
		if need < float64(r.total) {
			p.Expected = max(done, int(math.Ceil(need)))
		}
	}
	if r.computed > 0 {
		p.Left = time.Duration(float64(p.Elapsed) / float64(r.computed) * float64(p.Expected-done))
	}
	r.opts.Progress(p)
}
