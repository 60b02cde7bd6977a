package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/tiles"
)

// stored counts a tile that is on the disk; a second time changes nothing.
func (r *run) stored(i int, rec *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := &r.units[r.unitOf[i]]
	u.inParts = u.inParts || rec.Part != ""
	r.workers[rec.Worker] = time.Now()
	switch r.state[i] {
	case stored:
		return
	case aside: // a worker was late
		delete(r.reasons, i)
	case missing:
		r.settle(u)
	}
	r.state[i] = stored
	r.fresh++
	r.tell()
}

// takeFailure sets a tile aside that failed often enough.
func (r *run) takeFailure(m jetstream.Msg) error {
	at, err := indices(m.Subject(), 2)
	if err != nil {
		return err
	}
	if at[0] >= len(r.all) {
		return fmt.Errorf("the queue has a failure of tile %d, of %d", at[0], len(r.all))
	}
	if at[1] < r.job.Tries {
		return nil
	}
	var f failure
	if err := json.Unmarshal(m.Data(), &f); err != nil {
		return fmt.Errorf("a tile's failure: %w", err)
	}
	r.setAside(at[0], fmt.Sprintf("it failed %d times, the last time with: %s", at[1], f.Error))
	return nil
}

func (r *run) setAside(i int, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state[i] != missing {
		return
	}
	r.state[i], r.reasons[i] = aside, why
	r.settle(&r.units[r.unitOf[i]])
	r.tell()
}

// settle counts one tile of a stretch as no longer missing.
func (r *run) settle(u *unit) {
	u.left--
	r.left--
	if u.left == 0 {
		if u.inParts {
			r.removeParts(strconv.Itoa(u.First))
		}
		if u.published {
			r.out--
			r.room.Broadcast()
		}
	}
}

// tell reports, and ends the run with the last tile.
func (r *run) tell() {
	now := time.Now()
	for id, last := range r.workers {
		if now.Sub(last) > time.Minute {
			delete(r.workers, id)
		}
	}
	r.report(Status{
		Done: len(r.all) - r.left - len(r.reasons), Aside: len(r.reasons), Total: len(r.all),
		New: r.fresh, Elapsed: now.Sub(r.start), Workers: len(r.workers),
	})
	if r.left == 0 {
		r.finish(errFinished)
	}
}

// removeParts removes the files of a stretch, "*" for all.
func (r *run) removeParts(first string) {
	if r.folder == "" {
		return
	}
	entries, _ := os.ReadDir(r.folder)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".journal")
		if match, _ := filepath.Match(partName(first, "*"), name); ok && match {
			_ = tiles.Remove(filepath.Join(r.folder, name)) // what stays is removed by --force
		}
	}
}

// publish puts the stretches on the queue in which tiles are missing, as long as
// there is room.
func (r *run) publish(ctx context.Context) error {
	for i := range r.units {
		r.mu.Lock()
		for r.out >= r.job.Pending && ctx.Err() == nil {
			r.room.Wait()
		}
		u := r.units[i]
		s := stretch{First: u.First, Tiles: u.Tiles, Again: r.attached}
		for t := u.First; t < u.First+u.Tiles; t++ {
			if r.state[t] == stored {
				s.Skip = append(s.Skip, t)
			}
		}
		r.mu.Unlock()
		if ctx.Err() != nil {
			return nil
		}
		if u.left == 0 {
			continue
		}
		if err := r.offer(ctx, s); err != nil {
			return err
		}
		r.mu.Lock()
		if r.units[i].published = true; r.units[i].left > 0 {
			r.out++
		}
		r.mu.Unlock()
	}
	return nil
}

// offer publishes one stretch, if it is not on the queue.
func (r *run) offer(ctx context.Context, s stretch) error {
	_, err := r.conn.add(ctx, r.n.workSubject(s.First), s)
	if err != nil && ctx.Err() == nil {
		return r.gone(err)
	}
	return nil
}

// recompute has a tile computed again whose entries are not there, unless that
// happens again and again.
func (r *run) recompute(ctx context.Context, t tiles.Tile, i int, why error) error {
	r.mu.Lock()
	u := r.units[r.unitOf[i]]
	r.vanished[i]++
	often := r.vanished[i] > r.job.Tries
	r.mu.Unlock()
	if often {
		return fmt.Errorf("tile %v was sent %d times, and each time its %w", t, r.job.Tries+1, why)
	}
	if err := r.forget(ctx, t); err != nil {
		return err
	}
	// Whoever has the stretch may not compute this tile any more.
	if err := r.purge(ctx, r.n.work(), r.n.workSubject(u.First)); err != nil {
		return err
	}
	// With Again set: its other tiles may be finished.
	return r.offer(ctx, stretch{First: u.First, Tiles: u.Tiles, Again: true})
}

// forget removes a tile's record.
func (r *run) forget(ctx context.Context, t tiles.Tile) error {
	i, err := r.job.Spec.Index(t)
	if err != nil {
		return err
	}
	return r.purge(ctx, r.n.done(), r.n.doneSubject(i))
}

func (r *run) purge(ctx context.Context, stream, subject string) error {
	err := persist(ctx, answerWait, func(ctx context.Context) error {
		s, err := r.conn.js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
	if err != nil && ctx.Err() == nil {
		return r.gone(err)
	}
	return nil
}

// watch looks for stretches that were given out as often as may be, and never
// came back.
func (r *run) watch(ctx context.Context) error {
	// Twice in a row: in between a stretch may be on its way to the queue again.
	var before []int
	for {
		pause(ctx, min(r.job.AckWait/2, 5*time.Second))
		if ctx.Err() != nil {
			return nil
		}
		r.mu.Lock()
		var open []int
		for i, u := range r.units {
			if u.published && u.left > 0 {
				open = append(open, i)
			}
		}
		r.mu.Unlock()
		// In this order: a worker's records are there before it gives a stretch back.
		for _, c := range [][2]string{{r.n.work(), workConsumer}, {r.n.done(), doneConsumer}} {
			info, err := r.info(ctx, c[0], c[1])
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
				return r.gone(err)
			}
			if err != nil {
				return err
			}
			if info.NumPending > 0 || info.NumAckPending > 0 {
				open = nil
				break
			}
		}
		for _, i := range open {
			if !slices.Contains(before, i) {
				continue
			}
			if err := r.abandon(ctx, i); err != nil {
				return err
			}
		}
		before = open
	}
}

// abandon sets the tiles of a stretch aside that are missing.
func (r *run) abandon(ctx context.Context, i int) error {
	r.mu.Lock()
	u := r.units[i]
	r.mu.Unlock()
	if u.left == 0 {
		return nil
	}
	if err := r.purge(ctx, r.n.work(), r.n.workSubject(u.First)); err != nil {
		return err
	}
	for t := u.First; t < u.First+u.Tiles; t++ {
		r.setAside(t, fmt.Sprintf("%d workers took it and none came back: they were killed, or ended without a word", r.job.Deliveries))
	}
	return nil
}
