package tiles

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/gontk/ntk/internal/durable"
)

// ErrSpace is wrapped by errors about a disk too small for the array.
var ErrSpace = errors.New("not enough disk space")

// recordBytes is about what the journal's line of a tile takes.
const recordBytes = 100

// CreateNPY makes a new .npy file of full size and its journal. Where the file
// system can, all of it is reserved, so that the disk cannot fill up under the
// work.
//
// It returns [ErrSpec] for an invalid spec, [ErrJournal] for a manifest that
// is not UTF-8 or exceeds 1 MiB, an error wrapping [fs.ErrExist] if the file
// or its journal exists, and [ErrSpace] if the disk cannot hold them.
func CreateNPY(path string, spec Spec, manifest Manifest) (*File, error) {
	return createNPY(path, spec, manifest, freeSpace)
}

func createNPY(path string, spec Spec, manifest Manifest, free func(dir string) (int64, bool)) (*File, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := manifest.validate(); err != nil {
		return nil, err
	}
	spec = spec.normal()
	first, err := encodeLine(newHeader(spec, manifest))
	if err != nil {
		return nil, err
	}
	head := npyHeader{shape: spec.Shape(), dtype: spec.DType}.encode()
	log := int64(len(first)) + recordBytes*int64(spec.count()+1)
	overhead := int64(len(head)) + log
	if spec.Bytes() > math.MaxInt64-overhead {
		return nil, fmt.Errorf("%w: an array of shape %v exceeds 8 EiB", ErrSpec, spec.Shape())
	}
	need := spec.Bytes() + overhead
	if n, ok := free(filepath.Dir(path)); ok && n < need {
		return nil, fmt.Errorf("%w: %s needs %d bytes, and %d are free; free some, or write elsewhere", ErrSpace, path, need, n)
	}
	for _, p := range []string{path, journalPath(path)} {
		if _, err := os.Lstat(p); err == nil {
			return nil, exists(p)
		}
	}
	// The array first: until it has a journal, it holds nothing to lose.
	if err := writeNew(partialPath(path), head, int64(len(head))+spec.Bytes(), 0); err != nil {
		return nil, err
	}
	if err := createJournal(path, first, log); err != nil {
		os.Remove(partialPath(path))
		return nil, err
	}
	return OpenNPY(path, spec, manifest)
}

// CheckSpace returns [ErrSpace] if the file system of a folder is known to have
// fewer than need bytes left.
func CheckSpace(folder string, need float64) error {
	if n, ok := freeSpace(folder); ok && float64(n) < need {
		return fmt.Errorf("%w: %s needs %.0f bytes, and %d are free; free some, or write elsewhere", ErrSpace, folder, need, n)
	}
	return nil
}

// createJournal gives the journal its name only when its first line is whole.
func createJournal(path string, first []byte, size int64) error {
	name := journalPath(path)
	fresh := name + ".new"
	// Left by a process that was killed here: its array has no journal.
	os.Remove(fresh)
	if err := writeNew(fresh, first, int64(len(first)), size); err != nil {
		return err
	}
	if err := durable.Rename(fresh, name); err != nil {
		os.Remove(fresh)
		os.Remove(name)
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}

func exists(path string) error {
	return fmt.Errorf("create %s: %w; resume it, or remove the array and its journal", path, fs.ErrExist)
}

// writeNew makes a file that does not exist, of the given size, starting with
// the given bytes, and reserves the larger of size and room. If it fails it
// leaves nothing.
func writeNew(path string, start []byte, size, room int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exists(path)
	}
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		if e := reserve(f, max(size, room)); e != nil {
			err = fmt.Errorf("%w: %d bytes: %w; free some, or write elsewhere", ErrSpace, max(size, room), e)
		}
	}
	if err == nil {
		_, err = f.WriteAt(start, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}

// Abandoned reports whether a process was killed while it made the array at
// path, before there was anything to lose, and removes what it left.
func Abandoned(path string) (bool, error) {
	if _, err := os.Lstat(journalPath(path)); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	found := false
	for _, p := range []string{partialPath(path), journalPath(path) + ".new"} {
		err := os.Remove(p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		found = found || err == nil
	}
	return found, nil
}
