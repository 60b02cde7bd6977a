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

	"github.com/gontk/ntk/internal/durable"
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

// OpenNPY opens a file of [CreateNPY] to go on writing. It verifies the
// checksum of every finished tile, which reads all of them; what it found is
// in [File.Resume]. A damaged last line of the journal is dropped, and tiles
// that fail verification count as not done.
//
// It returns [ErrMismatch], naming every difference, if spec or manifest are
// not those of the file, [ErrJournal] if the journal is missing, damaged
// before its last line or held by another process, and [ErrNPY] if the array
// is missing, truncated or has another header. Nothing is changed then.
func OpenNPY(path string, spec Spec, manifest Manifest) (*File, error) {
	return OpenNPYContext(context.Background(), path, spec, manifest)
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
	f := &File{
		spec: spec.layout(), path: path,
		log:      &journal{f: log, size: past.whole},
		complete: past.complete,
		ledger:   newLedger(spec.count()),
	}
	defer func() {
		if err != nil && f.data != nil {
			f.data.Close()
		}
	}()
	if f.data, f.offset, err = openArray(path, spec, os.O_RDWR); err != nil {
		return nil, err
	}
	if err := f.verify(ctx, past); err != nil {
		return nil, err
	}
	if err := f.repair(past); err != nil {
		return nil, err
	}
	return f, nil
}

// ResumeNPY is [OpenNPYContext] where a journal is, and [CreateNPY] where none is:
// what a process that was killed while it made the array left is removed.
func ResumeNPY(ctx context.Context, path string, spec Spec, manifest Manifest) (*File, error) {
	if _, err := os.Lstat(journalPath(path)); errors.Is(err, fs.ErrNotExist) {
		if _, err := Abandoned(path); err != nil {
			return nil, err
		}
		return CreateNPY(path, spec, manifest)
	}
	return OpenNPYContext(ctx, path, spec, manifest)
}

// openArray opens the array that a journal belongs to, by the name that it has,
// and returns where its entries start.
func openArray(path string, spec Spec, flag int) (_ *os.File, offset int64, err error) {
	name := partialPath(path)
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		name = path
	}
	data, head, err := openNPY(name, flag)
	if err != nil {
		return nil, 0, err
	}
	if head.dtype != spec.DType || !slices.Equal(head.shape, spec.Shape()) {
		data.Close()
		return nil, 0, fmt.Errorf("%w: %s is %s of shape %v, its journal says %s of shape %v",
			ErrNPY, name, head.dtype, head.shape, spec.DType, spec.Shape())
	}
	return data, head.size, nil
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
	const was, is = "in the file", "in this run"
	differ := append(differences("array", h.header.Spec.describe(), spec.normal().describe(), was, is),
		h.header.Manifest.Differences(manifest, was, is)...)
	return mismatch(path, differ)
}

// verify marks the tiles done whose entries have the journal's checksum.
func (f *File) verify(ctx context.Context, past *history) (err error) {
	f.resume.Torn = past.torn
	f.resume.Bad, err = verify(ctx, f.path, f.spec, f.data, f.offset, past.sums, f.ledger.mark)
	f.resume.Done, f.resume.Total = f.ledger.done, f.spec.count()
	return err
}

// verify compares tiles with their checksums. It calls good with the index of
// each that agrees, and returns those that do not.
func verify(ctx context.Context, path string, l layout, data io.ReaderAt, offset int64, sums map[int]uint32, good func(int)) (bad []Tile, err error) {
	i := -1
	for t := range l.each() {
		i++
		want, ok := sums[i]
		if !ok {
			continue
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("stopped verifying %s: %w", path, context.Cause(ctx))
		}
		sum, err := l.checksum(t, data, offset)
		if err != nil {
			return nil, fmt.Errorf("verify tile %v of %s: %w", t, path, err)
		}
		if sum != want {
			bad = append(bad, t)
			continue
		}
		good(i)
	}
	return bad, nil
}

// checksum reads what a tile fills, through a buffer of bounded size.
func (l layout) checksum(t Tile, data io.ReaderAt, offset int64) (sum uint32, err error) {
	size := int64(l.tail()) * int64(l.DType.Size()) // of a pair of examples
	buf := make([]byte, min(int64(max(t.Rows, t.Cols))*size, 1<<20))
	for _, r := range l.regions(t) {
		for i := range r.Rows {
			at, skip := l.place(r, i)
			from, left := offset+at*int64(l.DType.Size()), int64(r.Cols-skip)*size
			for left > 0 {
				b := buf[:min(left, int64(len(buf)))]
				if _, err := data.ReadAt(b, from); err != nil {
					if err == io.EOF {
						err = io.ErrUnexpectedEOF
					}
					return 0, err
				}
				sum = crc32.Update(sum, castagnoli, b)
				from += int64(len(b))
				left -= int64(len(b))
			}
		}
	}
	return sum, nil
}

// repair drops the journal's torn line and, where tiles fail, takes back a
// claim to be complete: the name of the array, then the journal's.
func (f *File) repair(past *history) error {
	if past.torn > 0 {
		if err := f.log.f.Truncate(past.whole); err != nil {
			return fmt.Errorf("%w: %w", ErrJournal, err)
		}
	}
	if f.data.Name() == f.path && f.resume.Done < f.resume.Total {
		// Closed first, because some systems do not rename open files.
		err := f.data.Close()
		if err == nil {
			err = durable.Rename(f.path, partialPath(f.path))
		}
		if err == nil {
			f.data, f.offset, err = openArray(f.path, f.spec.Spec, os.O_RDWR)
		}
		if err != nil {
			return fmt.Errorf("%s fails its checksums, and cannot be set aside: %w", f.path, err)
		}
	}
	if f.complete && len(f.resume.Bad) > 0 {
		f.complete = false
		return f.log.append(record{Complete: &f.complete})
	}
	return nil
}
