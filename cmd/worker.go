package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/report"
)

// workerFlags are those of the verb worker: gram's that say what is computed,
// and its own.
type workerFlags struct {
	gram     gramFlags
	wait     time.Duration
	attached bool
}

func (a *app) workerVerb() *cobra.Command {
	w := &workerFlags{}
	g := &w.gram
	c := &cobra.Command{
		Use:   "worker",
		Short: "compute tiles for gram --queue",
		Long: `worker takes tiles of a Gram matrix off the queue of "gram --queue", computes them
and sends them back, until the job is finished. It gets the flags of that gram
that say what is computed; before it takes work it compares the hashes of
program, weights and data, and all versions, with the job's. Any number may run,
on any machine, and may be stopped or killed at any time.

With --out, the folder of gram's --out or another name of it on a shared file
system, tiles go there and not through the server.`,
		Example: examples(a.program, "worker --queue nats://host:4222 --model cnn-gap --data cifar10 --examples 10000",
			"worker --queue tls://host:4222 --model cnn-gap --data cifar10 --examples 10000 --out /shared/theta"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.worker(c, w) },
	}
	g.study.register(c)
	f := c.Flags()
	f.StringVar(&g.outputs, "outputs", "mean", "as of gram")
	f.StringArrayVar(&g.heads, "head", nil, "as of gram")
	f.StringVar(&g.way, "way", "auto", "as of gram")
	f.StringVar(&g.out, "out", "", "folder of gram's --out, which this machine sees too (default: tiles go through the server)")
	g.queue.register(c)
	f.DurationVar(&w.wait, "wait", time.Minute, "how long to wait for the server and the job")
	f.BoolVar(&w.attached, "attached", false, "end with the standard input")
	_ = f.MarkHidden("attached")
	return c
}

// workerResult is what worker prints with --json.
type workerResult struct {
	Schema  string  `json:"schema"`
	Command string  `json:"command"`
	Job     string  `json:"job"`
	Tiles   int     `json:"tiles"`
	Failed  int     `json:"failed"`
	Seconds float64 `json:"seconds"`
}

func (a *app) worker(c *cobra.Command, w *workerFlags) error {
	g := &w.gram
	ctx := c.Context()
	if w.attached {
		var stop func()
		ctx, stop = untilEOF(ctx, os.Stdin)
		defer stop()
	}
	if err := g.study.check(c); err != nil {
		return err
	}
	if err := g.queue.check(); err != nil {
		return err
	}
	switch {
	case g.queue.url == "":
		return usagef("--queue is missing: the server of gram --queue, such as nats://host:4222")
	case len(g.heads) > 0 && len(g.study.choice.of) > 0:
		return usagef("--head and --of: give one of them")
	}
	s, err := a.open(ctx, &g.study)
	if err != nil {
		return err
	}
	defer s.close()
	f, err := s.network(g.study.network.depth)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := s.draw(f); err != nil {
		return err
	}
	conn, err := a.connect(ctx, &g.queue, "ntk worker", w.wait)
	if err != nil {
		return err
	}
	defer conn.Close()
	job, err := conn.Job(ctx, g.queue.job, w.wait)
	if err != nil {
		return err
	}
	opts, err := a.workerOptions(ctx, g, job, s, f)
	if err != nil {
		return err
	}
	a.flushNotices()
	a.describe(s)
	q, err := conn.Worker(ctx, g.queue.job, job, g.out)
	if err != nil {
		return err
	}
	start := time.Now()
	t := &taker{ctx: ctx, take: nextOf(q), spec: job.Spec, tell: a.tellTiles(start)}
	a.resume = "the tiles that it has sent are kept, others compute the rest"
	if err := t.run(s, f, opts); err != nil {
		return err
	}
	r := workerResult{"ntk/worker/1", a.command(), g.queue.job, t.sent, t.failed, time.Since(start).Seconds()}
	if a.json {
		return a.printJSON(r)
	}
	if w.attached {
		return nil
	}
	return a.printTables([]report.Table{{
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows:    [][]string{{"job", r.Job + ", finished"}, {"tiles", fmt.Sprint(r.Tiles)}, {"failed", fmt.Sprint(r.Failed)}, {"time", fmt.Sprintf("%.3g s", r.Seconds)}},
	}})
}

// workerOptions returns what to compute with, after comparing it with the job.
func (a *app) workerOptions(ctx context.Context, g *gramFlags, job *queue.Job, s *study, f *empirical.Network) (empirical.Options, error) {
	opts, err := g.options(s)
	if err != nil {
		return opts, err
	}
	// The manifest first: of other data or another network no plan is wanted.
	opts.Block = job.Spec.Block1
	plan, err := f.Plan(s.set.Len(), 0, opts)
	if err != nil {
		return opts, err
	}
	w, err := a.newStore(g, shard{}, s, f, plan, true)
	if err != nil {
		return opts, err
	}
	if differ := job.Manifest.Differences(w.what, "in the job", "in this worker"); len(differ) > 0 {
		return opts, job.Check(job.Spec, w.what)
	}
	spec, err := specOf(ctx, s, f, opts)
	if err != nil {
		return opts, err
	}
	return opts, job.Check(spec, w.what)
}

// nextOf takes units off the queue.
func nextOf(q *queue.Worker) func(ctx context.Context) (unit, error) {
	return func(ctx context.Context) (unit, error) {
		u, err := q.Next(ctx)
		if err != nil { // a nil *queue.Unit is no nil unit
			return nil, err
		}
		return u, nil
	}
}

// tellTiles says now and then how many tiles were sent.
func (a *app) tellTiles(start time.Time) func(sent int) {
	last := start
	return func(sent int) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			a.say("%d tiles sent, %s a second", sent, report.Number(float64(sent)/max(1e-9, now.Sub(start).Seconds())))
		}
	}
}

// untilEOF returns a context that ends when nobody can write to r any more.
func untilEOF(parent context.Context, r io.Reader) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel(errInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}

// errNoWork ends a worker in good order.
var errNoWork = errors.New("the job has ended")
