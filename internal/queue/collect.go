package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/tiles"
)

// collectWait is how long a record may be in the collector's hands: what one had
// that was killed, or lost its server, comes again after this time.
var collectWait = 20 * time.Second

const (
	// askWait is how long a request for records stands, and with it the end of a
	// run that is stopped.
	askWait = 250 * time.Millisecond
	// collectAtOnce is how many records it takes at once, writers how many it
	// stores at once: each waits for the disk.
	collectAtOnce, writers = 64, 4
)

// A Status says how far a job is.
type Status struct {
	// Done and Aside count tiles that are stored and set aside, of Total.
	Done, Aside, Total int
	// New are those of Done that were stored since Run began, and Elapsed the
	// time since then.
	New     int
	Elapsed time.Duration
	// Workers have sent a tile in the last minute.
	Workers int
}

// An Aside is a tile that was set aside.
type Aside struct {
	Tile   tiles.Tile
	Reason string
}

// SetAsideError lists the tiles that could not be computed; all others are
// stored.
type SetAsideError struct{ Tiles []Aside }

// Error names the first tile.
func (e *SetAsideError) Error() string {
	return fmt.Sprintf("%d tiles are set aside, all others are stored; the first is %v: %s", len(e.Tiles), e.Tiles[0].Tile, e.Tiles[0].Reason)
}

// errFinished ends a run whose tiles are all there or set aside.
var errFinished = errors.New("finished")

// A run collects the tiles of one job.
type run struct {
	*Collector
	w      tiles.Writer
	folder string // of parts
	report func(Status)
	finish context.CancelCauseFunc
	all    []tiles.Tile
	start  time.Time

	mu       sync.Mutex
	room     sync.Cond // for stretches
	units    []unit
	unitOf   []int32 // of each tile
	state    []tileState
	reasons  map[int]string // of tiles set aside
	vanished map[int]int    // how often a tile's entries were not there
	out      int            // stretches that are published and not finished
	left     int            // tiles that are neither stored nor set aside
	fresh    int
	workers  map[string]time.Time
}

type unit struct {
	tiles.Stretch
	left      int // tiles
	published bool
	inParts   bool
}

type tileState uint8

const (
	missing tileState = iota
	stored
	aside
)

// Run publishes the tiles that w lacks, and writes into w what workers send,
// until none is missing. Parts are read from folder. report (nil for none) hears
// of each tile. w stays open.
//
// It returns a [SetAsideError] if tiles failed too often, the cause of ctx, and
// errors of w. After any of the latter two the job stays on the server for
// another Run to go on.
func (k *Collector) Run(ctx context.Context, w *tiles.File, folder string, report func(Status)) error {
	if report == nil {
		report = func(Status) {}
	}
	ctx, finish := context.WithCancelCause(ctx)
	defer finish(nil)
	r := &run{Collector: k, w: w, folder: folder, report: report, finish: finish, start: time.Now(), reasons: map[int]string{}, vanished: map[int]int{}, workers: map[string]time.Time{}}
	r.room.L = &r.mu
	if err := r.plan(); err != nil {
		return err
	}
	if k.attached { // tiles that were stored and then damaged are computed again
		for _, t := range w.Resume().Bad {
			if err := r.forget(ctx, t); err != nil {
				return err
			}
		}
	}
	if r.left == 0 {
		return nil
	}
	// A wait for room ends with the run.
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.room.Broadcast()
	})
	defer stop()
	var group sync.WaitGroup
	for _, f := range []func(context.Context) error{r.collect, r.publish, r.watch} {
		group.Go(func() {
			if err := f(ctx); err != nil {
				finish(err)
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); !errors.Is(err, errFinished) {
		return err
	}
	r.removeParts("*")
	if len(r.reasons) == 0 {
		return nil
	}
	e := &SetAsideError{}
	for i, t := range r.all {
		if why, ok := r.reasons[i]; ok {
			e.Tiles = append(e.Tiles, Aside{t, why})
		}
	}
	return e
}

// plan cuts what is missing into stretches.
func (r *run) plan() error {
	r.all = r.job.Spec.Tiles()
	stretches, err := r.job.Spec.Stretches(r.job.Stretch)
	if err != nil {
		return err
	}
	r.state, r.unitOf = make([]tileState, len(r.all)), make([]int32, len(r.all))
	for _, s := range stretches {
		u := unit{Stretch: s}
		for i := s.First; i < s.First+s.Tiles; i++ {
			r.unitOf[i] = int32(len(r.units)) // at most 4 Mi
			if r.w.Done(r.all[i]) {
				r.state[i] = stored
			} else {
				u.left++
			}
		}
		r.left += u.left
		r.units = append(r.units, u)
	}
	return nil
}

// collect takes records, several at once, until ctx ends.
func (r *run) collect(ctx context.Context) error {
	work := make(chan jetstream.Msg)
	var group sync.WaitGroup
	defer group.Wait()
	defer close(work)
	for range writers {
		group.Go(func() {
			for m := range work {
				err := r.take(ctx, m)
				if err == nil {
					_ = m.Ack() // lost: it comes again, and changes nothing
					continue
				}
				if ctx.Err() == nil {
					r.finish(err)
				}
				_ = m.NakWithDelay(2 * askWait) // for the next run, not for this one
			}
		})
	}
	var consumer jetstream.Consumer
	for ctx.Err() == nil {
		err := persist(ctx, answerWait, func(ctx context.Context) (err error) {
			if consumer == nil {
				consumer, err = r.conn.js.Consumer(ctx, r.n.done(), doneConsumer)
			}
			return err
		})
		if err != nil {
			return r.gone(err)
		}
		batch, err := consumer.Fetch(collectAtOnce, jetstream.FetchMaxWait(askWait))
		if err == nil {
			for m := range batch.Messages() {
				work <- m
			}
			err = batch.Error()
		}
		if err != nil {
			if !lost(err) {
				return r.gone(err)
			}
			consumer = nil
			pause(ctx, 200*time.Millisecond)
		}
	}
	return nil
}

// gone explains an error of the server about the job's streams.
func (r *run) gone(err error) error {
	return fmt.Errorf("%w: the job %q was removed from the server, or cannot be read: %w", ErrConnect, string(r.n), err)
}

// take handles one record.
func (r *run) take(ctx context.Context, m jetstream.Msg) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if strings.HasPrefix(m.Subject(), strings.TrimSuffix(r.n.all("failed"), ">")) {
		return r.takeFailure(m)
	}
	i, err := indices(m.Subject(), 1)
	if err != nil || i[0] >= len(r.all) {
		return fmt.Errorf("the queue has a record of tile %v, of %d: %w", i, len(r.all), err)
	}
	rec, err := decodeRecord(m.Data(), r.job.Spec, i[0])
	if err != nil {
		return err
	}
	if !r.w.Done(rec.Tile) {
		data, err := r.fetch(ctx, rec)
		if errors.Is(err, errVanished) && ctx.Err() == nil {
			return r.recompute(ctx, rec.Tile, i[0], err)
		}
		if err != nil {
			return err
		}
		if err := r.w.WriteTile(rec.Tile, data); err != nil {
			return err
		}
	}
	// It is on the disk: now the server may forget it.
	if rec.Object != "" {
		if err := r.conn.removeObject(ctx, r.n, r.bucket, rec.Object); err != nil {
			return r.gone(err)
		}
	}
	r.stored(i[0], rec)
	return nil
}

// errVanished says that a tile's record is there and its entries are not, or are
// damaged.
var errVanished = errors.New("entries are gone or damaged")

// fetch returns a tile's entries.
func (r *run) fetch(ctx context.Context, rec *record) ([]float64, error) {
	if rec.Part != "" {
		data, err := tiles.ReadPartTile(ctx, filepath.Join(r.folder, rec.Part), r.job.Spec, r.job.Manifest, rec.Tile)
		if err != nil {
			return nil, fmt.Errorf("%w: %w; do workers and collector have one --out folder?", errVanished, err)
		}
		return data, nil
	}
	var raw []byte
	err := persist(ctx, transfer(int(r.job.tileBytes())), func(ctx context.Context) error {
		o, err := r.bucket.Get(ctx, rec.Object)
		if err != nil {
			return err
		}
		defer func() { _ = o.Close() }()
		raw, err = io.ReadAll(io.LimitReader(o, r.job.tileBytes()+1))
		return err
	})
	if errors.Is(err, jetstream.ErrObjectNotFound) || errors.Is(err, jetstream.ErrDigestMismatch) {
		return nil, fmt.Errorf("%w: %w", errVanished, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: entries of tile %v: %w", ErrConnect, rec.Tile, err)
	}
	data, err := r.job.Spec.DecodeTile(rec.Tile, raw, rec.CRC)
	if errors.Is(err, tiles.ErrDamaged) {
		return nil, fmt.Errorf("%w: %w", errVanished, err)
	}
	return data, err
}
