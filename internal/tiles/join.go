package tiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ErrParts is wrapped by errors about parts that do not make one array.
var ErrParts = errors.New("parts do not fit together")

// A joined is one part and what its journal tells.
type joined struct {
	path string
	past *history
}

// Join makes the array at path of its parts, stored packed or whole, after
// every tile of every part was verified. Killed, it goes on when it is called
// again. progress (nil for none) hears how many tiles are done, and of how many.
//
// It returns [ErrParts] naming what is missing, there twice, or different in
// specs and manifests, and errors like those of [Verify], [Check.Err] and
// [CreateNPY]. Nothing is made before the parts are found good.
func Join(ctx context.Context, path string, parts []string, packed bool, progress func(done, total int)) (Spec, error) {
	sources, err := sources(parts)
	if err != nil {
		return Spec{}, err
	}
	for _, p := range sources {
		c, err := Verify(ctx, p.path)
		if err == nil {
			err = c.Err(p.path)
		}
		if err != nil {
			return Spec{}, err
		}
	}
	spec := sources[0].past.header.Spec
	spec.Part, spec.Packed = Part{}, packed
	w, err := ResumeNPY(ctx, path, spec, sources[0].past.header.Manifest)
	if err != nil {
		return Spec{}, err
	}
	done := w.ledger.done
	for _, p := range sources {
		err := p.each(ctx, w, func() {
			if done++; progress != nil {
				progress(done, w.spec.count())
			}
		})
		if err != nil {
			w.Close() // what failed first is what the caller hears
			return Spec{}, err
		}
	}
	return w.Spec(), w.Close()
}

// sources reads the parts' journals and puts them in order.
func sources(parts []string) ([]joined, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrParts)
	}
	var all []joined
	for _, p := range parts {
		past, err := readJournal(p)
		if err != nil {
			return nil, err
		}
		all = append(all, joined{p, past})
	}
	slices.SortStableFunc(all, func(a, b joined) int { return a.past.header.Spec.Part.First - b.past.header.Spec.Part.First })
	first := all[0].past.header
	next := 0
	for _, p := range all {
		h := p.past.header
		part := h.Spec.Part
		if part == (Part{}) {
			return nil, fmt.Errorf("%w: %s is no part but an array", ErrParts, p.path)
		}
		a, b := first.Spec, h.Spec
		a.Part, b.Part = Part{}, Part{}
		was, is := "in "+all[0].path, "in "+p.path
		differ := append(differences("array", a.describe(), b.describe(), was, is), first.Manifest.Differences(h.Manifest, was, is)...)
		if len(differ) > 0 {
			return nil, fmt.Errorf("%w: %s", ErrParts, strings.Join(differ, ", "))
		}
		switch {
		case part.First < next:
			return nil, fmt.Errorf("%w: %s has tiles of another part, from tile %d on", ErrParts, p.path, part.First)
		case part.First > next:
			return nil, fmt.Errorf("%w: the part with tiles %d to %d is missing", ErrParts, next, part.First-1)
		}
		next += part.Tiles
	}
	whole := first.Spec
	whole.Part = Part{}
	if n := whole.whole(); next < n {
		return nil, fmt.Errorf("%w: the part with tiles %d to %d is missing", ErrParts, next, n-1)
	}
	return all, nil
}

// each writes the tiles that w lacks, and calls written after each.
func (p joined) each(ctx context.Context, w *File, written func()) error {
	l := p.past.header.Spec.layout()
	f, offset, err := openArray(p.path, l.Spec, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	for t := range l.each() {
		if w.Done(t) {
			continue
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stopped joining %s: %w", p.path, context.Cause(ctx))
		}
		at, _ := l.place(region{Tile: t}, 0)
		raw := make([]byte, t.Rows*t.Cols*l.tail()*l.DType.Size())
		if _, err := f.ReadAt(raw, offset+at*int64(l.DType.Size())); err != nil {
			return fmt.Errorf("tile %v of %s: %w", t, p.path, err)
		}
		data := make([]float64, t.Rows*t.Cols*l.tail())
		l.DType.decode(data, raw)
		if err := w.WriteTile(t, data); err != nil {
			return err
		}
		written()
	}
	return nil
}
