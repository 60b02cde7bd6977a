package tiles

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrClosed is returned by writes after Close.
var ErrClosed = errors.New("tiles: writer is closed")

// A Writer receives finished tiles, in any order, from several goroutines.
// A tile written twice is the same as once: the second is ignored.
type Writer interface {
	// Spec returns the array's spec, with its block sizes filled in.
	Spec() Spec
	// Done reports whether a tile is stored; a tile off the grid never is.
	Done(Tile) bool
	// WriteTile stores a tile. data is row-major, [Rows, Cols, Tail...]; it
	// is not kept. It returns [ErrSpec] if t is none of Spec().Tiles() or
	// data has another size, and [ErrRange] if a finite entry overflows
	// float32; nothing is stored then. NaN and infinities are stored.
	WriteTile(t Tile, data []float64) error
	// Close ends writing; what is stored stays. It may be called again.
	Close() error
}

// Compute has produce compute every tile that w lacks, one after another in
// the order of Spec().Tiles(), and writes it. data that produce returns may
// be reused by its next call. After each tile, progress (nil for none) hears
// how many are done, those found done included, and of how many.
//
// It stops before the next tile once ctx is cancelled, with an error that
// wraps the context's cause; a tile that is finished by then is kept. An
// error of produce or of w stops it too, naming the tile. It does not close w.
func Compute(ctx context.Context, w Writer, produce func(ctx context.Context, t Tile) ([]float64, error), progress func(done, total int)) error {
	all := w.Spec().Tiles()
	var todo []Tile
	for _, t := range all {
		if !w.Done(t) {
			todo = append(todo, t)
		}
	}
	done, total := len(all)-len(todo), len(all)
	for _, t := range todo {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d of %d tiles: %w", done, total, context.Cause(ctx))
		}
		data, err := produce(ctx, t)
		if err != nil {
			return fmt.Errorf("tile %v, after %d of %d: %w", t, done, total, err)
		}
		if err := w.WriteTile(t, data); err != nil {
			return fmt.Errorf("tile %v, after %d of %d: %w", t, done, total, err)
		}
		done++
		if progress != nil {
			progress(done, total)
		}
	}
	return nil
}

// A ledger knows which tiles are done, and lets one goroutine at a time
// write each: two would race on the same entries.
type ledger struct {
	mu     sync.Mutex
	change sync.Cond
	state  []tileState
	done   int
	// closed refuses new tiles.
	closed bool
	// writing counts the tiles being written.
	writing int
}

type tileState uint8

const (
	missing tileState = iota
	writing
	stored
)

func newLedger(tiles int) *ledger {
	l := &ledger{state: make([]tileState, tiles)}
	l.change.L = &l.mu
	return l
}

// begin claims tile i. It waits while another goroutine writes the tile, and
// returns false once the tile is stored.
func (l *ledger) begin(i int) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state[i] == writing {
		l.change.Wait()
	}
	switch {
	case l.closed:
		return false, ErrClosed
	case l.state[i] == stored:
		return false, nil
	}
	l.state[i] = writing
	l.writing++
	return true, nil
}

// end gives a claimed tile back, stored or missing.
func (l *ledger) end(i int, s tileState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state[i] = s
	l.writing--
	if s == stored {
		l.done++
	}
	l.change.Broadcast()
}

// mark records a tile found stored.
func (l *ledger) mark(i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state[i] == missing {
		l.state[i] = stored
		l.done++
	}
}

func (l *ledger) isStored(i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state[i] == stored
}

// close refuses new tiles and waits for those being written. It returns
// whether every tile is stored, and false if it was closed before.
func (l *ledger) close() (complete, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = !l.closed
	l.closed = true
	for l.writing > 0 {
		l.change.Wait()
	}
	return l.done == len(l.state), first
}
