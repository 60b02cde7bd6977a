package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/tiles"
)

// Job returns the description of a job, and waits for one that is not there yet.
// It returns [ErrNoJob].
func (c *Conn) Job(ctx context.Context, name string, wait time.Duration) (*Job, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	n := names(name)
	deadline := time.Now().Add(wait)
	for {
		text, err := c.last(ctx, n.done(), n.jobSubject())
		if err == nil && text != nil {
			return decodeJob(text)
		}
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w: %q; start it, or name another", ErrNoJob, name)
		}
		pause(ctx, 500*time.Millisecond)
	}
}

// A Worker takes stretches of a job's tiles, one at a time.
type Worker struct {
	conn   *Conn
	n      names
	job    *Job
	all    []tiles.Tile
	id     string
	folder string
	bucket jetstream.ObjectStore
	units  jetstream.Consumer // nil: to be looked up
}

// Worker returns a worker for a job of [Conn.Job]. Its tiles go to parts in
// folder, which the collector must see too, or, if that is empty, to the server.
func (c *Conn) Worker(ctx context.Context, name string, job *Job, folder string) (*Worker, error) {
	w := &Worker{conn: c, n: names(name), job: job, all: job.Spec.Tiles(), id: rand.Text(), folder: folder}
	if folder != "" {
		return w, nil
	}
	err := persist(ctx, answerWait, func(ctx context.Context) (err error) {
		w.bucket, err = c.js.ObjectStore(ctx, w.n.bucket())
		return err
	})
	return w, w.ended(ctx, err)
}

// ID tells this worker from others.
func (w *Worker) ID() string { return w.id }

// Next waits for a stretch with tiles to compute. It returns [ErrEnded] once the
// job is finished or gone, and the cause of ctx. While the server is gone it
// waits for it.
func (w *Worker) Next(ctx context.Context) (*Unit, error) {
	for {
		m, err := w.take(ctx)
		if err != nil {
			return nil, err
		}
		u, err := w.unit(ctx, m)
		if err != nil {
			return nil, err
		}
		if u != nil {
			return u, nil
		}
	}
}

// take waits for a message of the work queue.
func (w *Worker) take(ctx context.Context) (jetstream.Msg, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		m, err := w.fetch(ctx)
		if m != nil {
			return m, nil
		}
		// An empty queue tells nothing of whether the job goes on.
		if err = w.ended(ctx, err); err != nil {
			if !lost(err) {
				return nil, err
			}
			// A consumer that was removed meanwhile answers nothing, as a server that
			// is gone: looked up again, it says so.
			w.units = nil
			pause(ctx, 200*time.Millisecond)
		}
	}
}

// fetchWait is how long a request for a message stands. Next returns as much
// later than its ctx ends: a message on its way to nobody would be lost until
// AckWait has passed.
const fetchWait = time.Second

func (w *Worker) fetch(ctx context.Context) (jetstream.Msg, error) {
	if w.units == nil {
		within, stop := context.WithTimeout(ctx, answerWait)
		defer stop()
		consumer, err := w.conn.js.Consumer(within, w.n.work(), workConsumer)
		if err != nil {
			return nil, err
		}
		w.units = consumer
	}
	batch, err := w.units.Fetch(1, jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		return m, nil
	}
	return nil, batch.Error()
}

// ended replaces errors about streams that are gone, or are of another job, by
// [ErrEnded], and asks for the job if there is no error.
func (w *Worker) ended(ctx context.Context, err error) error {
	for _, gone := range []error{
		jetstream.ErrStreamNotFound, jetstream.ErrConsumerNotFound, jetstream.ErrConsumerDoesNotExist, jetstream.ErrConsumerDeleted, jetstream.ErrBucketNotFound,
	} {
		if errors.Is(err, gone) {
			return ErrEnded
		}
	}
	if err != nil {
		return err
	}
	text, err := w.conn.last(ctx, w.n.done(), w.n.jobSubject())
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return ErrEnded
	case err != nil:
		return err
	case text == nil:
		return ErrEnded
	}
	job, err := decodeJob(text)
	if err != nil || job.ID != w.job.ID {
		return ErrEnded
	}
	return nil
}

// unit makes a unit of a message, nil if none of its tiles is left to compute.
func (w *Worker) unit(ctx context.Context, m jetstream.Msg) (*Unit, error) {
	var s stretch
	err := json.Unmarshal(m.Data(), &s)
	if err != nil || s.Tiles < 1 || s.First < 0 || s.First > len(w.all)-s.Tiles {
		// Nobody can compute it: the collector hears of it when deliveries end.
		_ = m.NakWithDelay(w.job.AckWait)
		return nil, fmt.Errorf("the queue has a message that is no stretch of the job's %d tiles: %.100q", len(w.all), m.Data())
	}
	u := &Unit{w: w, msg: m, first: s.First, skip: map[int]bool{}, failed: map[int]bool{}, since: time.Now()}
	for i := range s.Tiles {
		u.indices = append(u.indices, s.First+i)
	}
	u.beat(w.job.AckWait / 3)
	meta, err := m.Metadata()
	again := s.Again || err != nil || meta.NumDelivered > 1
	for _, i := range u.indices {
		if slices.Contains(s.Skip, i) {
			u.skip[i] = true
			continue
		}
		if !again {
			continue
		}
		// Somebody had it before, and may have finished a part of it.
		if u.skip[i], err = w.isOver(ctx, i); err != nil {
			u.drop(0)
			return nil, w.ended(ctx, err)
		}
	}
	if len(u.Tiles()) > 0 {
		return u, nil
	}
	return nil, u.End(ctx)
}

// isOver reports whether a tile is finished, or set aside.
func (w *Worker) isOver(ctx context.Context, tile int) (bool, error) {
	for _, subject := range []string{w.n.doneSubject(tile), w.n.failedSubject(tile, w.job.Tries)} {
		text, err := w.conn.last(ctx, w.n.done(), subject)
		if err != nil || text != nil {
			return text != nil, err
		}
	}
	return false, nil
}

// A Unit is a stretch of tiles in a worker's hand. Signs of life are sent until
// End.
type Unit struct {
	w       *Worker
	msg     jetstream.Msg
	first   int
	indices []int
	// skip has tiles that are finished, set aside or failed in this worker's
	// hand; failed only the last.
	skip, failed map[int]bool
	part         *tiles.File
	partName     string
	since        time.Time
	beats        sync.WaitGroup
	quiet        func()
}

// Tiles returns the tiles to compute: without those that were Put or failed.
func (u *Unit) Tiles() []tiles.Tile {
	var left []tiles.Tile
	for _, i := range u.indices {
		if !u.skip[i] {
			left = append(left, u.w.all[i])
		}
	}
	return left
}

// beat sends signs of life.
func (u *Unit) beat(every time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	u.quiet = stop
	u.beats.Go(func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				_ = u.msg.InProgress() // the server may be gone for a while
			}
		}
	})
}

// Fail records that a tile could not be computed, and why. Where that was said
// often enough the tile is set aside; else the unit is given out again.
func (u *Unit) Fail(ctx context.Context, t tiles.Tile, why error) error {
	i, err := u.index(t)
	if err != nil {
		return err
	}
	text := why.Error()
	f := failure{text[:min(len(text), maxError)], u.w.id}
	u.skip[i], u.failed[i] = true, true
	for try := 1; try <= u.w.job.Tries; try++ {
		exists, err := u.w.conn.add(ctx, u.w.n.failedSubject(i, try), f)
		if err != nil {
			return u.w.ended(ctx, err)
		}
		if exists {
			continue
		}
		if try == u.w.job.Tries {
			delete(u.failed, i) // set aside: nobody is to try again
		}
		return nil
	}
	delete(u.failed, i)
	return nil
}

func (u *Unit) index(t tiles.Tile) (int, error) {
	i, err := u.w.job.Spec.Index(t)
	if err != nil || !slices.Contains(u.indices, i) {
		return 0, fmt.Errorf("tile %v is none of the unit's", t)
	}
	return i, nil
}

// End gives the unit back: finished if no tile is left to compute, else for
// others. It returns [ErrEnded] if the job is gone.
func (u *Unit) End(ctx context.Context) error {
	if u.part != nil {
		_ = u.part.Close() // its tiles are on the disk, each
	}
	switch {
	case len(u.Tiles()) > 0: // stopped
		u.drop(0)
		return nil
	case len(u.failed) > 0:
		// Later, so that other workers come first.
		u.drop(failDelay)
		return nil
	}
	defer u.silence()
	err := persist(ctx, answerWait, func(ctx context.Context) error { return u.msg.DoubleAck(ctx) })
	if errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		err = nil
	}
	return u.w.ended(ctx, err)
}

// failDelay is how long a stretch rests that failed.
var failDelay = 2 * time.Second

// drop gives the message back, to be given out again after a while.
func (u *Unit) drop(after time.Duration) {
	_ = u.msg.NakWithDelay(after) // lost: AckWait does it
	u.silence()
}

func (u *Unit) silence() {
	u.quiet()
	u.beats.Wait()
}
