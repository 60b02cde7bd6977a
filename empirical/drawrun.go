package empirical

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"
)

// A drawRun computes blocks of draws.
type drawRun struct {
	opts   MonteCarloOptions // without zeros
	x1, x2 Batch
	plan   *Plan
	start  time.Time
	blocks int // of MaxDraws draws
	total  int // draws, for Progress
	first  *Network
	nets   []*Network
	folder *drawFolder // or nil

	computed, loaded int // draws and blocks
	damaged          []string
}

// drawRun checks the options and fills them in.
func (f *Network) drawRun(x1, x2 Batch, opts MonteCarloOptions) (*drawRun, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	opts.BlockDraws = cmp.Or(opts.BlockDraws, 8)
	opts.Workers = cmp.Or(opts.Workers, 1)
	opts.Quantile = cmp.Or(opts.Quantile, 1)
	if opts.MaxDraws == 0 {
		opts.MaxDraws = 64
		if opts.Tol > 0 {
			opts.MaxDraws = 4096
		}
	}
	opts.MinDraws = min(cmp.Or(opts.MinDraws, 16), opts.MaxDraws)
	if err := f.checkBatch("x1", x1); err != nil {
		return nil, err
	}
	if o := &opts.Options; len(o.Heads) > 0 {
		var err error
		if o.Of, _, err = f.chosen(*o); err != nil {
			return nil, err
		}
		o.Heads = nil
	}
	n2 := 0
	if x2 != nil {
		if err := f.checkBatch("x2", x2); err != nil {
			return nil, err
		}
		n2 = x2.Len()
	}
	r := &drawRun{opts: opts, x1: x1, x2: x2, start: time.Now(), first: f, total: opts.MaxDraws}
	var err error
	if r.plan, err = f.Plan(x1.Len(), n2, opts.Options); err != nil {
		return nil, err
	}
	// The same for all workers and draws, and found out once: asking the system
	// for its memory takes longer than a small Θ.
	r.opts.Options.Block, r.opts.Options.Memory = r.plan.Block, r.plan.Budget.Bytes
	r.blocks = (opts.MaxDraws + opts.BlockDraws - 1) / opts.BlockDraws
	if err := r.checkScale(); err != nil {
		return nil, err
	}
	return r, r.checkMemory()
}

func (o MonteCarloOptions) check() error {
	switch {
	case o.Options.Writer != nil || o.Options.Progress != nil:
		return errors.New("empirical: Monte Carlo keeps Θ's moments in memory and has its own Progress: Options.Writer and Options.Progress must be nil")
	case o.Options.Pairs, o.Options.ByParameter, len(o.Options.Groups) > 0:
		return errors.New("empirical: Monte Carlo takes the moments of Gram matrices, whole: Options.Pairs, ByParameter and Groups must not be set")
	case o.MinDraws < 0 || o.MaxDraws < 0 || o.BlockDraws < 0 || o.Workers < 0:
		return fmt.Errorf("empirical: negative counts among MinDraws %d, MaxDraws %d, BlockDraws %d, Workers %d", o.MinDraws, o.MaxDraws, o.BlockDraws, o.Workers)
	case o.MaxDraws > 0 && o.MinDraws > o.MaxDraws:
		return fmt.Errorf("empirical: at least %d and at most %d draws are asked for", o.MinDraws, o.MaxDraws)
	case !(o.Tol >= 0):
		return fmt.Errorf("empirical: tolerance %g, want a relative standard error such as 0.01, or 0 for none", o.Tol)
	case !(o.Quantile >= 0 && o.Quantile <= 1):
		return fmt.Errorf("empirical: quantile %g of the entries, want one between 0 and 1", o.Quantile)
	case o.Workers > 1 && o.Networks == nil:
		return fmt.Errorf("empirical: %d workers are asked for and Networks makes none: a network works for one of them", o.Workers)
	}
	return nil
}

// checkMemory adds up what the moments take: the tree, blocks that wait for
// their turn, and one that each worker has in hand.
func (r *drawRun) checkMemory() error {
	entries := int64(r.plan.N1) * int64(r.plan.N2)
	per := entries * int64(product(r.plan.Outputs.tail(r.plan.O)))
	if r.opts.NNGP {
		per += entries
	}
	moments := int64(bits.Len(uint(r.blocks)) + 4*r.opts.Workers)
	need := 16*per*moments + int64(r.opts.Workers)*r.plan.Bytes
	if !r.plan.Budget.Fits(need) {
		return r.plan.Budget.Exceeded(fmt.Sprintf("%d workers and %d times the moments of Θ", r.opts.Workers, moments), need, "use fewer workers or a smaller Block")
	}
	return nil
}

// open makes the workers' networks and the folder.
func (r *drawRun) open() (err error) {
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	for i := 1; i < r.opts.Workers; i++ {
		g, err := r.opts.Networks()
		if err != nil {
			return fmt.Errorf("empirical: network of worker %d: %w", i, err)
		}
		for _, h := range append([]*Network{r.first}, r.nets...) {
			if g == h || g.gradient.weights[0].variable == h.gradient.weights[0].variable {
				return fmt.Errorf("empirical: network of worker %d shares its weights with another; Networks must make each in a context of its own", i)
			}
		}
		r.nets = append(r.nets, g)
	}
	if r.opts.Dir == "" && r.opts.Workers == 1 {
		return nil
	}
	m, err := r.manifest(r.first)
	if err != nil {
		return err
	}
	for i, g := range r.nets {
		other, err := r.manifest(g)
		if err != nil {
			return err
		}
		if err := sameDraws("the first network", m, other); err != nil {
			return fmt.Errorf("empirical: network of worker %d: %w", i+1, err)
		}
	}
	if r.opts.Dir != "" {
		r.folder, err = openDrawFolder(r.opts.Dir, m)
	}
	return err
}

// close frees the networks that open made.
func (r *drawRun) close() {
	for _, g := range r.nets {
		_ = g.Close() // their results are in; what is left is memory
	}
	r.nets = nil
}

// errEnough ends the workers when no more blocks are wanted.
var errEnough = errors.New("enough draws")

// each computes, or loads, the blocks of the given indices, calls take for each
// in their order, and ends when it says so. Workers run ahead of take by at most
// twice their number, so that memory is bounded.
func (r *drawRun) each(ctx context.Context, indices []int, take func(*DrawBlock) (stop bool, err error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ahead := 2 * r.opts.Workers
	jobs, results := make(chan int), make(chan drawResult, ahead)
	var wg sync.WaitGroup
	for _, g := range append([]*Network{r.first}, r.nets...) {
		wg.Go(func() {
			for k := range jobs {
				d := r.block(ctx, g, indices[k])
				d.job = k
				results <- d // never waits: no more than ahead are under way
			}
		})
	}
	defer wg.Wait()
	defer close(jobs)
	waiting := map[int]*DrawBlock{}
	for next, taken := 0, 0; taken < len(indices); {
		feed := jobs
		if next == len(indices) || next-taken == ahead {
			feed = nil
		}
		select {
		case feed <- next:
			next++
			continue
		case d := <-results:
			if d.err != nil {
				cancel(d.err)
				return d.err
			}
			r.note(d)
			waiting[d.job] = d.block
		}
		for ; waiting[taken] != nil; taken++ {
			b := waiting[taken]
			delete(waiting, taken)
			stop, err := take(b)
			if stop || err != nil {
				cancel(errEnough)
				return err
			}
		}
	}
	return nil
}

// A drawResult is what a worker has to say about a block.
type drawResult struct {
	job     int
	block   *DrawBlock
	loaded  bool
	damaged string // path of a file that was not whole
	err     error
}

func (r *drawRun) note(d drawResult) {
	if d.loaded {
		r.loaded++
	} else {
		r.computed += d.block.Theta.Draws
	}
	if d.damaged != "" {
		r.damaged = append(r.damaged, d.damaged)
	}
}

// block loads block i, or computes and keeps it. A block that is shorter or
// longer than now, the last one of fewer draws, is computed again.
func (r *drawRun) block(ctx context.Context, f *Network, i int) (d drawResult) {
	draws := min(r.opts.BlockDraws, r.opts.MaxDraws-i*r.opts.BlockDraws)
	if r.folder != nil {
		b, err := r.folder.load(i)
		switch {
		case errors.Is(err, errDamaged):
			d.damaged = r.folder.path(i)
		case err != nil:
			return drawResult{err: err}
		case b != nil && b.Theta.Draws == draws:
			return drawResult{block: b, loaded: true}
		}
	}
	if d.block, d.err = r.compute(ctx, f, i, draws); d.err == nil && r.folder != nil {
		d.err = r.folder.save(d.block)
	}
	return d
}

// compute draws and evaluates the seeds of block i in their order.
func (r *drawRun) compute(ctx context.Context, f *Network, i, draws int) (*DrawBlock, error) {
	b := &DrawBlock{Index: i}
	for k := range draws {
		if err := canceled(ctx); err != nil {
			return nil, err
		}
		seed := r.opts.First + uint64(i)*uint64(r.opts.BlockDraws) + uint64(k)
		if err := f.Redraw(seed); err != nil {
			return nil, fmt.Errorf("empirical: draw of seed %d: %w", seed, err)
		}
		g, err := f.NTK(ctx, r.x1, r.x2, r.opts.Options)
		if err != nil {
			return nil, fmt.Errorf("empirical: draw of seed %d: %w", seed, err)
		}
		var nngp []float64
		if r.opts.NNGP {
			if nngp, err = r.nngp(ctx, f); err != nil {
				return nil, fmt.Errorf("empirical: draw of seed %d: %w", seed, err)
			}
		}
		if b.Theta == nil {
			b.Theta = newEstimate(len(g.Values))
			if nngp != nil {
				b.NNGP = newEstimate(len(nngp))
			}
		}
		b.Theta.add(g.Values)
		if nngp != nil {
			b.NNGP.add(nngp)
		}
	}
	return b, nil
}

// nngp runs as many examples at a time as Θ does, or the whole joint batch.
func (r *drawRun) nngp(ctx context.Context, f *Network) ([]float64, error) {
	size := r.plan.Block
	if r.opts.Options.Joint {
		size = 0
	}
	return f.nngp(ctx, r.x1, r.x2, r.opts.Options.Of, size)
}
