package cmd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/queue"
	"github.com/gontk/ntk/internal/tiles"
)

// chooseDevices puts their number in place of 0, and refuses more than there are.
func (g *gramFlags) chooseDevices(s *study) error {
	switch n := s.backend.Devices; {
	case g.devices == 0:
		g.devices = max(1, n)
	case g.devices > max(1, n):
		return fmt.Errorf("--devices %d: %s has %d", g.devices, s.backend.Kind, max(1, n))
	}
	return nil
}

// A stretchPool hands out the stretches of an array whose tiles a store lacks.
type stretchPool struct {
	store  *tiles.File
	all    []tiles.Tile
	report func(done int)

	mu   sync.Mutex
	todo []tiles.Stretch
	done int
}

func newStretchPool(store *tiles.File, length int, report func(done int)) (*stretchPool, error) {
	whole := store.Spec()
	whole.Packed = false
	todo, err := whole.Stretches(length)
	p := &stretchPool{store: store, all: whole.Tiles(), todo: todo, report: report}
	for _, t := range p.all {
		if store.Done(t) {
			p.done++
		}
	}
	return p, err
}

// next takes a stretch; it returns [queue.ErrEnded] after the last.
func (p *stretchPool) next(ctx context.Context) (unit, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.todo) > 0 && ctx.Err() == nil {
		s := p.todo[0]
		p.todo = p.todo[1:]
		u := &poolUnit{pool: p}
		for _, t := range p.all[s.First : s.First+s.Tiles] {
			if !p.store.Done(t) {
				u.left = append(u.left, t)
			}
		}
		if len(u.left) > 0 {
			return u, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, queue.ErrEnded
}

// A poolUnit is a stretch of the pool.
type poolUnit struct {
	pool *stretchPool
	left []tiles.Tile
}

// Tiles implements unit.
func (u *poolUnit) Tiles() []tiles.Tile { return u.left }

// Put implements unit: the tile goes to the store.
func (u *poolUnit) Put(_ context.Context, t tiles.Tile, data []float64) error {
	if err := u.pool.store.WriteTile(t, data); err != nil {
		return err
	}
	u.left = u.left[1:] // they come in their order
	u.pool.mu.Lock()
	defer u.pool.mu.Unlock()
	u.pool.done++
	u.pool.report(u.pool.done)
	return nil
}

// Fail implements unit: it ends the run.
func (u *poolUnit) Fail(_ context.Context, _ tiles.Tile, why error) error { return why }

// End implements unit.
func (u *poolUnit) End(context.Context) error { return nil }

// gramByDevices has every device compute tiles, each by a network of its own. The
// tiles are those of one device, to the bit, where devices are alike.
func (a *app) gramByDevices(ctx context.Context, w *gramStore, s *study, first *empirical.Network, opts empirical.Options) (err error) {
	start := time.Now()
	spec, err := specOf(ctx, s, first, opts)
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
	bar := a.newProgress()
	defer bar.done()
	total := len(file.Spec().Tiles())
	pool, err := newStretchPool(file, w.g.stretch(total), func(done int) { bar.tiles(empirical.Progress{Done: done, Total: total}) })
	if err != nil {
		return err
	}
	whole := file.Spec()
	whole.Packed = false
	opts.Block = whole.Block1
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	errs := make([]error, w.g.devices)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			t := &taker{ctx: ctx, take: pool.next, spec: whole, tell: func(int) {}}
			if errs[i] = a.takeOn(i, t, s, opts); errs[i] != nil {
				stop(errs[i])
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		err := context.Cause(ctx)
		return a.locate(context.WithoutCancel(ctx), s, first, err)
	}
	return errors.Join(errs...)
}

// takeOn computes on one device until no stretch is left.
func (a *app) takeOn(device int, t *taker, s *study, opts empirical.Options) (err error) {
	one := *s
	if one.backend, err = s.backend.OnDevice(device); err != nil {
		return err
	}
	f, err := one.network(s.flags.network.depth)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if err := one.draw(f); err != nil {
		return err
	}
	return t.run(&one, f, opts)
}
