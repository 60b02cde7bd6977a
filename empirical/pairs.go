package empirical

import (
	"context"
	"fmt"
	"time"

	"github.com/gontk/ntk/internal/tiles"
)

// Pairs of examples are tiles of one example by one, of blocks that have the
// same place in x1 and x2: each way of a weight adds up what it needs for the
// pair, and nothing of a Gram matrix is computed beside it.

// pairShape returns the shape of a store for n pairs: [n, O, O], [n, O], or
// [n, 1] where outputs are summed over, since a store has two axes at least.
func (o Outputs) pairShape(n, outputs int) (n1, n2 int, tail []int) {
	tail = o.tail(outputs)
	if len(tail) == 0 {
		return n, 1, nil
	}
	return n, tail[0], tail[1:]
}

// pairs goes through x1 and x2 block by block.
func (r *run) pairs(ctx context.Context) error {
	todo := r.writer.Spec().Tiles()
	resumed := false
	for done, t := range todo {
		if r.done(t) {
			resumed = true
			continue
		}
		if err := canceled(ctx); err != nil {
			return err
		}
		if err := r.pairBlock(ctx, t); err != nil {
			return err
		}
		r.opts.report("NTK", done+1, len(todo), r.start)
	}
	r.finish(resumed)
	return nil
}

// pairBlock computes the pairs of a tile's rows.
func (r *run) pairBlock(ctx context.Context, t tiles.Tile) (err error) {
	free := func(b *block) {
		if ferr := r.f.free(b); err == nil {
			err = ferr
		}
	}
	b1, err := r.compute(ctx, r.exec1, r.x1, t.Row)
	if err != nil {
		return err
	}
	defer free(b1)
	b2 := b1
	if !r.symmetric {
		if b2, err = r.compute(ctx, r.exec2, r.x2, t.Row); err != nil {
			return err
		}
		defer free(b2)
	}
	t0 := time.Now()
	data, traces, err := r.contraction.pairs(b1, b2, r.writeTerm(t))
	if err != nil {
		return fmt.Errorf("empirical: contracting pairs %d to %d: %w", t.Row, t.Row+t.Rows-1, err)
	}
	for i, x := range traces {
		r.traces[i] += x
	}
	r.gram.Contraction += time.Since(t0)
	per := len(data) / t.Rows
	for i := range t.Rows {
		pair := tiles.Tile{Row: t.Row + i, Col: t.Row + i, Rows: 1, Cols: 1}
		if err := checkFinite(data[i*per:][:per], pair, r.opts.Outputs.tail(r.gram.O)); err != nil {
			return err
		}
	}
	return r.writer.WriteTile(t, data)
}

// pairs implements contractor. Threads share the pairs: most are too small to
// be shared themselves.
func (c *contraction[F]) pairs(b1, b2 *block, each func(int, []float64) error) ([]float64, []float64, error) {
	for len(c.helpers) < max(1, c.blas.Threads()) {
		h := *c
		h.workspace, h.helpers, h.took = workspace[F]{}, nil, make([]time.Duration, len(c.weights))
		c.helpers = append(c.helpers, &h)
	}
	per := product(c.outputs.tail(c.o))
	values := grow(&c.sum, b1.rows*per)
	clear(values)
	traces := make([][]float64, b1.rows)
	for n := range traces {
		traces[n] = make([]float64, len(c.weights))
	}
	err := c.split(values, each, func(values []float64, weights []int) error {
		return parallel(c.blas, b1.rows, func(worker, n int) error {
			s := c.emptySum(b1 == b2)
			s.r1, s.r2, s.first, s.values = 1, 1, n, values[n*per:][:per]
			err := c.helpers[worker].add(s, b1, b2, weights, traces[n])
			if s.symmetric {
				s.mirror()
			}
			return err
		})
	})
	if err != nil {
		return nil, nil, err
	}
	all := make([]float64, len(c.weights))
	for _, t := range traces { // in order, however many threads there are
		for i, x := range t {
			all[i] += x
		}
	}
	return values, all, nil
}

// mirror fills in the outputs below the diagonal of a symmetric pair.
func (s *sum) mirror() {
	for o := range s.per {
		for p := range o {
			s.values[o*s.per+p] = s.values[p*s.per+o]
		}
	}
}
