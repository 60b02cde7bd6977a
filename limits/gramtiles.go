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
	// k and theta are the stores, of the same tiles; kept are those of ours.
	k, theta tiles.Writer
	kept     [2]*tiles.Memory

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
	numbers := 0
	for _, n := range l.plan.cross {
		numbers += len(n.list)
	}
	return max(1, min(largestTile, int(math.Sqrt(tileNumbers/float64(numbers)))))
}

// open makes the stores.
func (r *gramRun) open() (err error) {
	block := r.opts.Block
	if block <= 0 {
		block = r.l.block()
	}
	dtype := tiles.Float64
	if r.opts.DType == dtypes.Float32 && r.opts.Writer != nil {
		dtype = tiles.Float32
	}
	spec := tiles.Spec{N1: r.grams.N1, N2: r.grams.N2, DType: dtype, Symmetric: r.symmetric, Block1: block, Block2: block}
	if r.opts.Writer == nil {
		for i := range r.kept {
			if r.kept[i], err = tiles.NewMemory(spec); err != nil {
				return fmt.Errorf("limits: %w", err)
			}
		}
		r.k, r.theta = r.kept[0], r.kept[1]
		return nil
	}
	if r.k, err = r.opts.Writer(NNGP, spec); err != nil {
		return err
	}
	if r.theta, err = r.opts.Writer(NTK, spec); err != nil {
		return errors.Join(err, r.k.Close())
	}
	if a, b := r.k.Spec(), r.theta.Spec(); a.Block1 != b.Block1 || a.Block2 != b.Block2 {
		return errors.Join(fmt.Errorf("limits: the stores of K and Θ are cut into tiles of %d × %d and %d × %d examples; want the same",
			a.Block1, a.Block2, b.Block1, b.Block2), r.close())
	}
	return nil
}

func (r *gramRun) close() error {
	err := errors.Join(r.k.Close(), r.theta.Close())
	if r.opts.Writer == nil {
		r.grams.NNGP, r.grams.NTK = r.kept[0].Data().([]float64), r.kept[1].Data().([]float64)
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
	for _, t := range r.k.Spec().Tiles() {
		r.total += r.pairs(t)
		if r.k.Done(t) && r.theta.Done(t) {
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
		if err := r.k.WriteTile(t, k); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
		if err := r.theta.WriteTile(t, theta); err != nil {
			return fmt.Errorf("limits: %w", err)
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
	k, theta = make([]float64, t.Rows*t.Cols), make([]float64, t.Rows*t.Cols)
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
