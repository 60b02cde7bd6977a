package tiles

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
)

// A Resume says what opening an existing file found.
type Resume struct {
	// Done and Total count finished tiles, all verified, and all tiles.
	Done, Total int
	// Torn is the length in bytes of a damaged last line of the journal,
	// which was dropped; its tile is computed again.
	Torn int64
	// Bad lists tiles whose entries no longer match their checksum; they are
	// computed again.
	Bad []Tile
}

// String returns the findings in one line.
func (r Resume) String() string {
	s := fmt.Sprintf("%d of %d tiles are done", r.Done, r.Total)
	if r.Torn > 0 {
		s += fmt.Sprintf("; dropped a torn line of %d bytes at the end of the journal", r.Torn)
	}
	if len(r.Bad) > 0 {
		s += fmt.Sprintf("; %d tiles fail their checksum and are computed again, the first %v", len(r.Bad), r.Bad[0])
	}
	return s
}

// Resume returns what opening the file found.
func (f *File) Resume() Resume {
	r := f.resume
	r.Bad = slices.Clone(r.Bad)
	return r
}

// OpenNPYContext is [OpenNPY] that stops verifying once ctx is cancelled,
// with the context's cause; nothing is changed then.
func OpenNPYContext(ctx context.Context, path string, spec Spec, manifest Manifest) (_ *File, err error) {
	log, err := os.OpenFile(journalPath(path), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist, so %s cannot be resumed; remove that to start again", ErrJournal, journalPath(path), path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	defer closeOn(&err, log)
	if lock(log) {
		return nil, fmt.Errorf("%w: another process is writing %s; wait for it, or stop it", ErrJournal, path)
	}
	past, err := parseJournal(log)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", journalPath(path), err)
	}
	if err := past.matches(path, spec, manifest); err != nil {
		return nil, err
	}
	spec = past.header.Spec
	data, head, err := openNPY(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	defer closeOn(&err, data)
	if head.dtype != spec.DType || !slices.Equal(head.shape, spec.Shape()) {
		return nil, fmt.Errorf("%w: %s is %s of shape %v, its journal says %s of shape %v",
			ErrNPY, path, head.dtype, head.shape, spec.DType, spec.Shape())
	}
	f := &File{
		spec: spec, path: path, offset: head.size, data: data,
		log:      &journal{f: log, size: past.whole},
		complete: past.complete,
		ledger:   newLedger(spec.count()),
	}
	if err := f.verify(ctx, past); err != nil {
		return nil, err
	}
	if err := f.repair(past); err != nil {
		return nil, err
	}
	return f, nil
}

// closeOn closes a file if the function fails.
func closeOn(err *error, f *os.File) {
	if *err != nil {
		f.Close() // what failed first is what the caller hears
	}
}

// matches compares a run with what the journal was begun with.
func (h *history) matches(path string, spec Spec, manifest Manifest) error {
	if spec.Block1 == 0 {
		spec.Block1 = h.header.Spec.Block1
	}
	if spec.Block2 == 0 {
		spec.Block2 = h.header.Spec.Block2
	}
	if err := spec.Validate(); err != nil {
		return err
	}
	if err := compare(path, "array", h.header.Spec.describe(), spec.normal().describe()); err != nil {
		return err
	}
	return compare(path, "manifest", h.header.Manifest, manifest)
}

// verify marks the tiles done whose entries have the journal's checksum.
func (f *File) verify(ctx context.Context, past *history) error {
	f.resume.Torn = past.torn
	for i, t := range f.spec.Tiles() {
		want, ok := past.sums[i]
		if !ok {
			continue
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stopped verifying %s: %w", f.path, context.Cause(ctx))
		}
		sum, err := f.checksum(t)
		if err != nil {
			return fmt.Errorf("verify tile %v of %s: %w", t, f.path, err)
		}
		if sum != want {
			f.resume.Bad = append(f.resume.Bad, t)
			continue
		}
		f.ledger.mark(i)
	}
	f.resume.Done, f.resume.Total = f.ledger.done, f.spec.count()
	return nil
}

// checksum reads what a tile fills.
func (f *File) checksum(t Tile) (sum uint32, err error) {
	for _, r := range f.spec.regions(t) {
		buf := make([]byte, r.Cols*f.spec.tail()*f.spec.DType.Size())
		for i := range r.Rows {
			if _, err := f.data.ReadAt(buf, f.at(r, i)); err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return 0, err
			}
			sum = crc32.Update(sum, castagnoli, buf)
		}
	}
	return sum, nil
}

// repair drops the journal's torn line and takes back a claim to be complete
// that no longer holds.
func (f *File) repair(past *history) error {
	if past.torn > 0 {
		if err := f.log.f.Truncate(past.whole); err != nil {
			return fmt.Errorf("%w: %w", ErrJournal, err)
		}
	}
	if f.complete && len(f.resume.Bad) > 0 {
		f.complete = false
		return f.log.append(record{Complete: &f.complete})
	}
	return nil
}
