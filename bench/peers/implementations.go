package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// An implementation is a member of neural-tangents' NtkImplementation. Its AUTO
// is left out: on CPUs it can return wrong results, its documentation says.
type implementation string

// implementations, the one that usually wins first: a later one that turns out
// slower is given less time.
var implementations = []implementation{
	"STRUCTURED_DERIVATIVES", "NTK_VECTOR_PRODUCTS", "JACOBIAN_CONTRACTION",
}

// A peer is neural-tangents with a network loaded. Its process is started anew
// when it was ended for being slow.
type peer struct {
	python, dir string
	load        request
	w           *worker
}

// newPeer starts the worker and loads the network.
func newPeer(ctx context.Context, python, dir string, load request) (*peer, error) {
	p := &peer{python: python, dir: dir, load: load}
	return p, p.start(ctx)
}

func (p *peer) start(ctx context.Context) (err error) {
	if p.w, err = startWorker(ctx, p.python, p.dir); err != nil {
		return err
	}
	if _, err := p.w.ask(ctx, loadLimit, p.load); err != nil {
		p.stop()
		return fmt.Errorf("loading the network into neural-tangents: %w", err)
	}
	return nil
}

func (p *peer) stop() {
	if p.w != nil {
		p.w.stop()
		p.w = nil
	}
}

// turn is how long one side computes before the other does. A single call of a
// few milliseconds would measure how threads and caches wake up.
const turn = 250 * time.Millisecond

// run returns how long a call took, the mean of a turn.
func (p *peer) run(ctx context.Context, impl implementation, limit time.Duration) (time.Duration, error) {
	a, err := p.w.ask(ctx, limit, request{Do: "run", Implementation: impl, Turn: turn.Seconds()})
	if err == nil && !(a.Seconds > 0) {
		err = fmt.Errorf("the peer says that %s took %g s", impl, a.Seconds)
	}
	return time.Duration(a.Seconds * float64(time.Second)), err
}

// compileAllowance is what a first call may take beyond the limit of a run.
const compileAllowance = 90 * time.Second

// hopeless is how many times slower than the best an implementation must be to
// get no second run.
const hopeless = 3

// best returns the implementation that is fastest in two runs each. Those that
// fail, or take longer than limit for one run, are told on progress and left
// out. The winner stays compiled, the others are forgotten.
func (p *peer) best(ctx context.Context, limit time.Duration, progress io.Writer) (implementation, error) {
	var winner implementation
	var least time.Duration
	for _, impl := range implementations {
		t, err := p.try(ctx, impl, limit, least)
		loser := impl
		switch {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case err != nil:
			_, _ = fmt.Fprintf(progress, "  neural-tangents %s: left out: %v\n", impl, err)
		default:
			_, _ = fmt.Fprintf(progress, "  neural-tangents %s: %s ms\n", impl, millis(t))
			if winner == "" || t < least {
				loser, winner, least = winner, impl, t
			}
		}
		if err := p.drop(ctx, loser, err); err != nil {
			return "", err
		}
	}
	if winner == "" {
		return "", errors.New("no implementation of neural-tangents finished in time")
	}
	return winner, nil
}

// try returns the faster of two runs after one that compiles. best is the time
// to beat, 0 if there is none.
func (p *peer) try(ctx context.Context, impl implementation, limit, best time.Duration) (time.Duration, error) {
	if _, err := p.run(ctx, impl, limit+compileAllowance); err != nil {
		return 0, fmt.Errorf("first call: %w", err)
	}
	t, err := p.run(ctx, impl, limit)
	if err != nil || best > 0 && t > hopeless*best {
		return t, err
	}
	again, err := p.run(ctx, impl, limit)
	return min(t, again), err
}

// drop frees what a loser takes. After err, unless it is an answer, the process
// may be gone or busy: then it is replaced.
func (p *peer) drop(ctx context.Context, loser implementation, err error) error {
	if answered := (*peerError)(nil); err != nil && !errors.As(err, &answered) {
		p.stop()
		return p.start(ctx)
	}
	if loser == "" {
		return nil
	}
	_, err = p.w.ask(ctx, loadLimit, request{Do: "forget", Implementation: loser})
	return err
}
