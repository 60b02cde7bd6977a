package limits

import (
	"context"
	"fmt"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/limits/internal/planes"
)

// A convolutionEngine takes groups of pairs through a convolution by displacements.
type convolutionEngine struct {
	*convolution
	*planes.Engine[float32]
	r       *gramRun
	workers chan *planes.Worker[float32]
}

// bytes implements recipe: planes of each thread and the examples of a tile, alone and
// in groups.
func (c *convolution) bytes(_, block int) int64 {
	e, err := planes.New[float32](c.Chain)
	if err != nil {
		return 0 // which compileConvolution would have returned
	}
	return 16*e.WorkerBytes() + 4*int64(block)*e.ExampleBytes()
}

// numbers implements plain.
func (c *convolution) numbers() *graph.Value { return c.source.a }

// block implements sized: a tile takes some seconds.
func (c *convolution) block() int {
	last := c.Layers[len(c.Layers)-1]
	pairs := last.Rows.Out * last.Cols.Out
	if c.Readout.All {
		pairs *= pairs
	}
	// A position of a layer takes some nanosecond.
	block := 8
	for block < largestTile && block*block*pairs*len(c.Layers) < 4e9 {
		block *= 2
	}
	return block
}

func (c *convolution) engine(r *gramRun) (engine, error) {
	e, err := planes.New[float32](c.Chain)
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	x := &convolutionEngine{c, e, r, make(chan *planes.Worker[float32], r.threads)}
	for range r.threads {
		x.workers <- e.Worker()
	}
	return x, nil
}

func (e *convolutionEngine) tile(ctx context.Context, t tiles.Tile, mirror bool, k, theta []float64) error {
	left, err := e.examples(ctx, e.r.left[t.Row:t.Row+t.Rows])
	if err != nil {
		return err
	}
	right := left
	if !mirror {
		if right, err = e.examples(ctx, e.r.right[t.Col:t.Col+t.Cols]); err != nil {
			return err
		}
	}
	// Both kernels are symmetric: the side that leaves fewer lanes empty is grouped.
	rowStep, colStep := t.Cols, 1
	if !mirror && groups(len(right))*len(left) > groups(len(left))*len(right) {
		left, right, rowStep, colStep = right, left, 1, t.Cols
	}
	var list []*planes.Group[float32]
	for i := 0; i < len(right); i += planes.Lanes {
		list = append(list, e.Group(right[i:min(i+planes.Lanes, len(right))]))
	}
	return parallel(ctx, len(left)*len(list), e.r.threads, func(n int) error {
		i, g := n/len(list), n%len(list)
		from := g * planes.Lanes
		if mirror && from+planes.Lanes <= i {
			return nil // below the diagonal
		}
		w := <-e.workers
		defer func() { e.workers <- w }()
		var x, y [planes.Lanes]float64
		w.Pairs(left[i], list[g], &x, &y)
		done := 0
		for j := range list[g].N {
			if mirror && from+j < i {
				continue
			}
			if z := x[j] + y[j]; z-z != 0 {
				return fmt.Errorf("limits: example %d of the tile's rows and %d of its columns: %w: K is %g, Θ is %g", i, from+j, empirical.ErrNotFinite, x[j], y[j])
			}
			at := i*rowStep + (from+j)*colStep
			k[at], theta[at] = x[j], y[j]
			done++
		}
		e.r.report(done, 0)
		return nil
	})
}

// groups is how many groups n examples are.
func groups(n int) int { return (n + planes.Lanes - 1) / planes.Lanes }

// examples prepares the numbers of examples.
func (e *convolutionEngine) examples(ctx context.Context, list []*example) ([]*planes.Example[float32], error) {
	prepared := make([]*planes.Example[float32], len(list))
	err := parallel(ctx, len(list), e.r.threads, func(i int) (err error) {
		prepared[i], err = e.Example(list[i].numbers.of(e.source.a))
		return err
	})
	return prepared, err
}
