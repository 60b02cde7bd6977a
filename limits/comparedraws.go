package limits

import (
	"context"
	"fmt"
	"path/filepath"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
)

// A drawnKernel is a kernel of the networks of one width.
type drawnKernel struct {
	width int
	limit []float64 // [N, N]; nil if none is derived
	// groups are the moments of a few draws each, all those of all draws.
	groups []*empirical.Estimate
	all    *empirical.Estimate
}

// firstSeed is that of the networks of a width.
func (r *compareRun) firstSeed(width int) uint64 { return r.opts.Seed + uint64(width)<<32 }

// draws draws the networks of one width and returns how many outputs they have.
func (r *compareRun) draws(ctx context.Context, theta, k *drawnKernel) (outputs int, err error) {
	n := theta.width
	model, err := r.model(n)
	if err != nil {
		return 0, err
	}
	f, err := empirical.New(r.backend, mlctx.New(), model, r.inputs...)
	if err != nil {
		return 0, fmt.Errorf("at width %d: %w", n, err)
	}
	defer func() { _ = f.Close() }() // what is left of it is memory
	var blocks []*empirical.DrawBlock
	for from := 0; from < r.opts.Seeds; from += groupDraws {
		draws := min(groupDraws, r.opts.Seeds-from)
		o := empirical.MonteCarloOptions{
			Options:  empirical.Options{Memory: r.opts.Memory, BLAS: r.opts.BLAS},
			NNGP:     true,
			First:    r.firstSeed(n) + uint64(from),
			MinDraws: draws, MaxDraws: draws, BlockDraws: groupDraws,
		}
		if r.opts.Dir != "" {
			o.Dir = filepath.Join(r.opts.Dir, fmt.Sprintf("width-%d", n), fmt.Sprintf("draws-%d", from))
		}
		m, err := f.MonteCarlo(ctx, r.x, nil, o)
		if err != nil {
			return 0, fmt.Errorf("at width %d: %w", n, err)
		}
		theta.groups, k.groups = append(theta.groups, m.Theta), append(k.groups, m.NNGP)
		blocks = append(blocks, &empirical.DrawBlock{Index: len(blocks), Theta: m.Theta, NNGP: m.NNGP})
		r.report(CompareProgress{Width: n, Draws: from + draws, Seeds: r.opts.Seeds})
	}
	r.done += float64(n) * float64(n)
	theta.all, k.all, err = empirical.MergeBlocks(blocks...)
	return f.Outputs(), err
}
