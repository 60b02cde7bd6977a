package limits

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/tiles"
)

// A gramRun computes both kernels tile by tile.
type gramRun struct {
	l           *Limit
	opts        GramOptions
	grams       *Grams
	threads     int
	symmetric   bool
	left, right []*example
	engine      engine
	// stores are those of K and Θ, of the same tiles; kept are those of ours. One is
	// nil if only the other is wanted.
	stores [2]tiles.Writer
	kept   [2]*tiles.Memory
	// buffers are a tile's K and Θ.
	buffers [2][]float64

	mu          sync.Mutex
	done, total int // pairs
}

// tileNumbers is how many numbers of nodes the pairs of a tile have at most, by
// default: at 10 to 100 ns each, a tile takes some seconds. largestTile bounds
// its side.
const (
	tileNumbers = 2e8
	largestTile = 512
)

// block returns the default side of a tile.
func (l *Limit) block() int {
	return max(1, min(largestTile, int(math.Sqrt(tileNumbers/float64(l.PairNumbers())))))
}

// PairNumbers returns how many numbers Gram computes for a pair of examples, at 10
// to 100 ns each.
func (l *Limit) PairNumbers() int {
	numbers := 0
	for _, n := range l.plan.cross {
		numbers += len(n.list)
	}
	return numbers
}

// open makes the stores.
func (r *gramRun) open() (err error) {
	block := r.opts.Block
	if block <= 0 {
		block = r.l.block()
		if x, _ := r.recipe(); x != nil {
			if x, ok := x.(sized); ok {
				block = x.block()
			}
		}
	}
	dtype := tiles.Float64
	if r.opts.DType == dtypes.Float32 && r.opts.Writer != nil {
		dtype = tiles.Float32
	}
	spec := tiles.Spec{N1: r.grams.N1, N2: r.grams.N2, DType: dtype, Symmetric: r.symmetric, Block1: block, Block2: block}
	for i, which := range bothKernels {
		if r.opts.Only != "" && r.opts.Only != which {
			continue
		}
		if r.opts.Writer != nil {
			r.stores[i], err = r.opts.Writer(which, spec)
		} else {
			r.kept[i], err = tiles.NewMemory(spec)
			r.stores[i] = r.kept[i]
		}
		if err != nil {
			r.stores[i] = nil
			return errors.Join(fmt.Errorf("limits: %w", err), r.close())
		}
	}
	if r.opts.Only != "" {
		return nil
	}
	if a, b := r.stores[0].Spec(), r.stores[1].Spec(); a.Block1 != b.Block1 || a.Block2 != b.Block2 {
		return errors.Join(fmt.Errorf("limits: the stores of K and Θ are cut into tiles of %d × %d and %d × %d examples; want the same",
			a.Block1, a.Block2, b.Block1, b.Block2), r.close())
	}
	return nil
}

// bothKernels are in the order of a run's stores.
var bothKernels = [2]Kernel{NNGP, NTK}

// spec is that of the stores.
func (r *gramRun) spec() tiles.Spec {
	for _, w := range r.stores {
		if w != nil {
			return w.Spec()
		}
	}
	panic("limits: a run without stores") // open makes one
}

// has reports whether all stores have a tile.
func (r *gramRun) has(t tiles.Tile) bool {
	for _, w := range r.stores {
		if w != nil && !w.Done(t) {
			return false
		}
	}
	return true
}

func (r *gramRun) close() (err error) {
	for i, w := range r.stores {
		if w != nil {
			err = errors.Join(err, w.Close())
		}
		if m := r.kept[i]; m != nil {
			*[2]*[]float64{&r.grams.NNGP, &r.grams.NTK}[i] = m.Data().([]float64)
		}
	}
	return err
}

// all computes the tiles that are missing in one of the stores.
func (r *gramRun) all(ctx context.Context) error {
	for _, x := range [2][]*example{r.left, r.right} {
		for _, y := range x {
			r.grams.DualError = max(r.grams.DualError, y.dualError)
		}
	}
	var todo []tiles.Tile
	for _, t := range r.spec().Tiles() {
		r.total += r.pairs(t)
		if r.has(t) {
			r.done += r.pairs(t)
			continue
		}
		todo = append(todo, t)
	}
	for _, t := range todo {
		k, theta, err := r.tile(ctx, t)
		if err != nil {
			return err
		}
		for i, values := range [2][]float64{k, theta} {
			if r.stores[i] == nil {
				continue
			}
			if err := r.stores[i].WriteTile(t, values); err != nil {
				return fmt.Errorf("limits: %w", err)
			}
		}
	}
	return nil
}

// pairs counts the pairs of a tile; on the diagonal, those on and above it.
func (r *gramRun) pairs(t tiles.Tile) int {
	if r.symmetric && t.Row == t.Col {
		return t.Rows * (t.Rows + 1) / 2
	}
	return t.Rows * t.Cols
}

// tile computes K and Θ of one tile, its rows in parallel.
func (r *gramRun) tile(ctx context.Context, t tiles.Tile) (k, theta []float64, err error) {
	n := t.Rows * t.Cols
	for i, b := range r.buffers {
		if len(b) < n {
			r.buffers[i] = make([]float64, n)
		}
	}
	k, theta = r.buffers[0][:n], r.buffers[1][:n]
	mirror := r.symmetric && t.Row == t.Col
	if err := r.engine.tile(ctx, t, mirror, k, theta); err != nil {
		return nil, nil, err
	}
	if mirror {
		for i := range t.Rows {
			for j := range i {
				k[i*t.Cols+j], theta[i*t.Cols+j] = k[j*t.Cols+i], theta[j*t.Cols+i]
			}
		}
	}
	return k, theta, nil
}

// report counts pairs.
func (r *gramRun) report(pairs int, dualError float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grams.DualError = max(r.grams.DualError, dualError)
	r.done += pairs
	if r.opts.Progress != nil {
		r.opts.Progress(r.done, r.total)
	}
}

// pair evaluates the roots for one pair of examples.
func (l *Limit) pair(e *evaluation) (k, theta float64, err error) {
	e.compute(l.plan)
	if e.err != nil {
		return 0, 0, e.err
	}
	for _, r := range l.plan.roots {
		i := r.node.at(0, 0)
		k += r.weight * e.m[r.node.id][i]
		theta += r.weight * e.t[r.node.id][i]
	}
	for _, r := range l.plan.roots {
		e.release(e.m[r.node.id])
		e.release(e.t[r.node.id])
	}
	if x := k + theta; x-x != 0 {
		return 0, 0, fmt.Errorf("%w: K is %g, Θ is %g", empirical.ErrNotFinite, k, theta)
	}
	return k, theta, nil
}
