package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
)

// queueFolder is where --workers keeps its queue, inside of --out.
const queueFolder = "ntk-queue"

// byQueue tells whether other processes compute the tiles.
func (g *gramFlags) byQueue() bool { return g.queue.url != "" || g.workers > 0 }

func (g *gramFlags) checkQueue(c *cobra.Command) error {
	if err := g.queue.check(); err != nil {
		return err
	}
	switch {
	case g.workers < 0:
		return usagef("--workers %d: want at least 1", g.workers)
	case g.devices < 0:
		return usagef("--devices %d: want at least 1, or 0 for all", g.devices)
	case g.devices != 1 && g.byQueue():
		return usagef("--devices spreads tiles inside of this process: leave out --queue and --workers")
	case !g.byQueue() && g.devices == 1:
		return nil
	case g.workers > 0 && g.queue.url != "":
		return usagef("--workers starts a queue of its own: leave out --queue, or start \"%s worker\" yourself", c.Root().Name())
	case g.shard != "":
		return usagef("--shard: workers and devices share the tiles by themselves")
	case g.study.choice.isJoint():
		return usagef("--joint: what is a function of all examples cannot be split")
	case g.pairs.some(), g.terms.some():
		return usagef("--diagonal, --pairs, --by-parameter and --group: workers and devices compute whole Gram matrices only")
	}
	return nil
}

// likelyWorkers is how many workers blocks and stretches are made for where
// their number is not known.
const likelyWorkers = 16

func (g *gramFlags) likelyWorkers() int {
	if n := max(g.workers, g.devices); n > 1 || g.workers > 0 {
		return n
	}
	return likelyWorkers
}

// queueBlock is the block size, unless --block says otherwise.
func (g *gramFlags) queueBlock(examples int) int {
	return shard{count: g.likelyWorkers()}.block(examples)
}

// longestStretch is where a row's examples, which are evaluated once for a
// stretch, cost little beside its tiles.
const longestStretch = 8

// stretch is how many tiles a worker takes at once: few enough that each takes
// several times.
func (g *gramFlags) stretch(all int) int {
	return max(1, min(longestStretch, all/(8*g.likelyWorkers())))
}

// errSpec ends a computation of which only the array's shape is wanted.
var errSpec = errors.New("the array's shape is known")

// specOf returns the array that f.NTK would make.
func specOf(ctx context.Context, s *study, f *empirical.Network, opts empirical.Options) (tiles.Spec, error) {
	var found tiles.Spec
	opts.Writer = func(spec tiles.Spec) (tiles.Writer, error) {
		found = spec
		return nil, errSpec
	}
	x, err := s.examples()
	if err != nil {
		return found, err
	}
	if _, err = f.NTK(ctx, x, nil, opts); !errors.Is(err, errSpec) {
		return found, err
	}
	return found, nil
}

// gramByQueue has workers compute the tiles, and writes what they send.
func (a *app) gramByQueue(c *cobra.Command, w *gramStore, s *study, f *empirical.Network, opts empirical.Options) (err error) {
	ctx, start := c.Context(), time.Now()
	spec, err := specOf(ctx, s, f, opts)
	if err != nil {
		return err
	}
	made, err := a.openStore(ctx, w, spec)
	if err != nil {
		return err
	}
	file := made.(*tiles.File) // openStore makes no other
	defer func() {
		if cerr := file.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = a.queueDone(w, s, time.Since(start))
		}
	}()
	conn, stop, err := a.openQueue(ctx, w)
	if err != nil {
		return err
	}
	defer stop()
	job := queue.Job{Spec: file.Spec(), Manifest: w.what, Stretch: w.g.stretch(len(file.Spec().Tiles()))}
	mode := queue.GoOn
	switch {
	case w.g.force:
		mode = queue.Replace
	case w.begin:
		mode = queue.Begin
	}
	k, err := conn.Open(ctx, w.g.queue.job, job, mode)
	if err != nil {
		return err
	}
	if w.g.workers == 0 {
		a.say("workers: %s", a.workerCommand(c, w.g))
	}
	alive, release := a.startWorkers(c, w.g, s)
	defer release()
	bar := a.newProgress()
	err = k.Run(alive, file, w.g.out, func(p queue.Status) { bar.queue(p) })
	bar.done()
	if aside := (*queue.SetAsideError)(nil); err == nil || errors.As(err, &aside) {
		// Workers end by it.
		if rerr := k.Remove(context.WithoutCancel(ctx)); rerr != nil && err == nil {
			err = rerr
		}
	}
	return err
}

// openQueue connects to the queue, or starts one in this process, in --out.
func (a *app) openQueue(ctx context.Context, w *gramStore) (*queue.Conn, func(), error) {
	g := w.g
	if g.workers == 0 {
		conn, err := a.connect(ctx, &g.queue, "ntk gram", 0)
		if err != nil {
			return nil, nil, err
		}
		return conn, conn.Close, nil
	}
	folder := filepath.Join(g.out, queueFolder)
	if w.begin {
		if err := os.RemoveAll(folder); err != nil {
			return nil, nil, fmt.Errorf("--out %s: %w", g.out, err)
		}
	}
	server, err := queue.Serve(folder)
	if err != nil {
		return nil, nil, err
	}
	g.queue.url, g.queueToken = server.URL(), server.Token()
	conn, err := queue.Connect(ctx, queue.Options{URLs: server.URL(), Token: server.Token(), Name: "ntk gram"})
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	return conn, func() {
		conn.Close()
		server.Close()
	}, nil
}

// queueDone writes the manifest and the result.
func (a *app) queueDone(w *gramStore, s *study, took time.Duration) error {
	if w.g.workers > 0 {
		if err := os.RemoveAll(filepath.Join(w.g.out, queueFolder)); err != nil {
			return fmt.Errorf("--out %s: %w", w.g.out, err)
		}
	}
	if err := w.manifest.finish(w.g.out, took); err != nil {
		return err
	}
	if err := w.write(); err != nil {
		return err
	}
	return a.printGram(w, s, &empirical.Gram{Outputs: w.plan.Outputs, Plan: w.plan}, took)
}

// queue hears of the tiles that workers sent.
func (p *progress) queue(q queue.Status) {
	what := fmt.Sprintf("tile %d of %d", q.Done+q.Aside, q.Total)
	if q.Aside > 0 {
		what += fmt.Sprintf(", %d of them set aside", q.Aside)
	}
	if s := q.Elapsed.Seconds(); q.New > 1 && s > 0 {
		what += fmt.Sprintf(", %s a second by %d workers", report.Number(float64(q.New)/s), q.Workers)
	}
	p.update(float64(q.Done+q.Aside)/float64(max(1, q.Total)), what)
}
