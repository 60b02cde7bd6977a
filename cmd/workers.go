package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gontk/ntk/internal/machine"
)

// workerFlags returns the flags of a worker for a job of gram: those that are
// set, and that "worker" has too, but for those that each process chooses.
func (a *app) workerFlags(c *cobra.Command) []string {
	known := a.workerVerb().Flags()
	own := map[string]bool{"memory": true, "out": true, "queue": true, "job": true, "json": true, "quiet": true, "verbose": true}
	var words []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if own[f.Name] || (known.Lookup(f.Name) == nil && c.InheritedFlags().Lookup(f.Name) == nil) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+v)
		}
	})
	return words
}

// workerCommand is the command line of a worker, as a shell reads it.
func (a *app) workerCommand(c *cobra.Command, g *gramFlags) string {
	b := *a
	b.args = append([]string{"worker", "--queue=" + g.queue.url, "--job=" + g.queue.job}, a.workerFlags(c)...)
	return b.command()
}

// startWorkers starts the processes of --workers, if there are any. The context
// ends, with the reason, when none of them is left; release ends them all, each
// with the tile in its hands.
func (a *app) startWorkers(c *cobra.Command, g *gramFlags, s *study) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(c.Context())
	if g.workers == 0 {
		return ctx, func() { cancel(nil) }
	}
	if _, ok := a.stderr.(*os.File); !ok {
		a.stderr = &sharedWriter{w: a.stderr}
	}
	threads, _ := machine.Threads()
	words := append([]string{
		"worker", "--attached", "--quiet", "--queue=" + g.queue.url, "--job=" + g.queue.job, "--out=" + g.out,
		"--memory=" + strconv.FormatInt(max(1, s.budget.Bytes/int64(g.workers)), 10),
	}, a.workerFlags(c)...)
	env := []string{"NATS_TOKEN=" + g.queueToken, fmt.Sprintf("SLURM_CPUS_PER_TASK=%d", max(1, threads/g.workers))}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "NATS_") && !strings.HasPrefix(e, "SLURM_CPUS_PER_TASK=") {
			env = append(env, e)
		}
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var why error
	var pipes []io.Closer
	for range g.workers {
		self, err := os.Executable()
		var p *exec.Cmd
		if err == nil {
			p = exec.Command(self, words...)
			p.Env, p.Stderr = env, a.stderr
			ownGroup(p)
			// A worker ends when this pipe does, however this process ends.
			in, perr := p.StdinPipe()
			if err = perr; err == nil {
				pipes = append(pipes, in)
				err = p.Start()
			}
		}
		if err != nil {
			why = fmt.Errorf("starting a worker: %w", err)
			break
		}
		group.Go(func() {
			if err := p.Wait(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				why = err
			}
		})
	}
	gone := make(chan struct{})
	go func() {
		group.Wait()
		close(gone)
		cancel(fmt.Errorf("no worker is left (the last: %v); what they have sent is kept, and --resume goes on", why))
	}()
	return ctx, func() {
		for _, p := range pipes {
			_ = p.Close()
		}
		select {
		case <-gone:
		case <-time.After(workersEnd):
		}
		cancel(nil)
	}
}

// workersEnd is how long workers have to finish their tiles.
const workersEnd = 5 * time.Minute

// A sharedWriter is written to by several processes' output.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements [io.Writer].
func (s *sharedWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
