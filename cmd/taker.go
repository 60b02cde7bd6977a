package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/tiles"
)

// A unit is a stretch of tiles that a taker has taken: a [queue.Unit], or one of
// this process's own.
type unit interface {
	// Tiles returns those to compute, in their order.
	Tiles() []tiles.Tile
	Put(ctx context.Context, t tiles.Tile, data []float64) error
	Fail(ctx context.Context, t tiles.Tile, why error) error
	End(ctx context.Context) error
}

// A taker stands in for the store of a whole Gram matrix of which other
// processes compute most: the tiles that it lacks are those that it has taken
// off the queue. So one computation goes through the matrix, and keeps blocks of
// examples from one stretch to the next.
type taker struct {
	ctx  context.Context
	take func(ctx context.Context) (unit, error)
	spec tiles.Spec
	tell func(sent int)

	unit  unit
	todo  map[tiles.Tile]bool // of the unit
	err   error               // of the queue; [errNoWork] once the job has ended
	sent  int
	first tiles.Tile          // of the unit, when it was taken
	fails map[tiles.Tile]bool // first tiles of units that failed since a tile was sent
	// failed counts tiles.
	failed int
}

var _ tiles.Writer = (*taker)(nil)

// mostFailures is how many units in a row may fail before the worker thinks that
// it is to blame, not the tiles.
const mostFailures = 8

// run computes until the job has ended. A pass goes down the matrix; one begins
// where a unit lies above the last one.
func (t *taker) run(s *study, f *empirical.Network, opts empirical.Options) error {
	x, err := s.examples()
	if err != nil {
		return err
	}
	opts.Writer = func(tiles.Spec) (tiles.Writer, error) { return t, nil }
	t.fails = map[tiles.Tile]bool{}
	defer t.giveBack()
	for {
		_, err := f.NTK(t.ctx, x, nil, opts)
		switch {
		case t.err == errNoWork:
			return nil
		case t.err != nil:
			return t.err
		case t.ctx.Err() != nil:
			return context.Cause(t.ctx)
		case err != nil:
			if err := t.fail(err); err != nil {
				return err
			}
		}
	}
}

// giveBack ends the unit in hand: what is left of it is for others.
func (t *taker) giveBack() {
	if t.unit != nil {
		_ = t.unit.End(context.WithoutCancel(t.ctx)) // a silent worker counts as dead, later
		t.unit = nil
	}
}

// Spec implements [tiles.Writer].
func (t *taker) Spec() tiles.Spec { return t.spec }

// Done implements [tiles.Writer]. Tiles are asked for row by row: at the first of
// each row a unit is taken, if there is none in hand.
func (t *taker) Done(tile tiles.Tile) bool {
	first := tile.Col == 0 || t.spec.Symmetric && tile.Col == tile.Row
	if first && t.unit == nil && t.err == nil && t.ctx.Err() == nil {
		t.next()
	}
	return t.unit == nil || !t.todo[tile]
}

func (t *taker) next() {
	unit, err := t.take(t.ctx)
	switch {
	case errors.Is(err, queue.ErrEnded):
		t.err = errNoWork
		return
	case err != nil:
		if t.ctx.Err() == nil {
			t.err = err
		}
		return
	}
	t.unit, t.todo = unit, map[tiles.Tile]bool{}
	for _, tile := range unit.Tiles() {
		t.todo[tile] = true
	}
	t.first = unit.Tiles()[0]
}

// WriteTile implements [tiles.Writer]: a tile that is finished is sent even if
// the worker is being stopped.
func (t *taker) WriteTile(tile tiles.Tile, data []float64) error {
	if t.unit == nil || !t.todo[tile] {
		return fmt.Errorf("tile %v is none that this worker has taken", tile)
	}
	if err := t.ended(t.unit.Put(context.WithoutCancel(t.ctx), tile, data)); err != nil {
		return err
	}
	t.sent++
	clear(t.fails)
	t.tell(t.sent)
	return t.over(tile)
}

// over counts a tile as sent or failed, and the unit with its last one.
func (t *taker) over(tile tiles.Tile) error {
	delete(t.todo, tile)
	if len(t.todo) > 0 {
		return nil
	}
	unit := t.unit
	t.unit = nil
	return t.ended(unit.End(context.WithoutCancel(t.ctx)))
}

// ended keeps an error of the queue, which ends the worker.
func (t *taker) ended(err error) error {
	if errors.Is(err, queue.ErrEnded) {
		err = errNoWork
	}
	if err != nil {
		t.err = err
	}
	return err
}

// fail records that the first tile of those left could not be computed: they are
// computed in their order.
func (t *taker) fail(why error) error {
	if t.unit == nil {
		return why
	}
	left := t.unit.Tiles()
	t.failed++
	t.fails[t.first] = true
	if err := t.ended(t.unit.Fail(context.WithoutCancel(t.ctx), left[0], why)); err != nil {
		if err == errNoWork {
			return nil
		}
		return err
	}
	if len(t.fails) >= mostFailures {
		return fmt.Errorf("tiles of %d stretches in a row cannot be computed here, the last is %v: %w", len(t.fails), left[0], why)
	}
	if err := t.over(left[0]); err != nil && err != errNoWork {
		return err
	}
	return nil
}

// Close implements [tiles.Writer]: the unit stays in hand for the next pass.
func (t *taker) Close() error { return nil }
