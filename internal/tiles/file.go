package tiles

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
)

// ErrSpace is wrapped by errors about a disk too small for the array.
var ErrSpace = errors.New("not enough disk space")

// castagnoli is CRC-32C, which processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// File is a [Writer] to a .npy file, with a journal of finished tiles beside
// it at path + ".journal". A tile is durable before it is in the journal, so
// a killed process loses only the tiles in flight. Entries of tiles that are
// not done read as zero.
type File struct {
	spec   Spec
	path   string
	offset int64
	data   *os.File
	// log is the journal; complete is whether its last line says so.
	log      *journal
	complete bool
	ledger   *ledger
	resume   Resume
	// failed is the first failure to make entries durable.
	failed atomic.Pointer[error]
}

var _ Writer = (*File)(nil)

// CreateNPY makes a new .npy file of full size (sparse, where the file
// system can) and its journal.
//
// It returns [ErrSpec] for an invalid spec, [ErrJournal] for a manifest that
// is not UTF-8 or exceeds 1 MiB, an error wrapping [fs.ErrExist] if the file
// or its journal exists, and [ErrSpace] if the disk cannot hold the array.
func CreateNPY(path string, spec Spec, manifest Manifest) (*File, error) {
	return createNPY(path, spec, manifest, freeSpace)
}

func createNPY(path string, spec Spec, manifest Manifest, free func(dir string) (int64, bool)) (_ *File, err error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := manifest.validate(); err != nil {
		return nil, err
	}
	spec = spec.normal()
	first, err := encodeLine(header{journalVersion, manifest.Hash(), spec, manifest})
	if err != nil {
		return nil, err
	}
	head := npyHeader{shape: spec.Shape(), dtype: spec.DType}.encode()
	overhead := int64(len(head) + len(first))
	if spec.Bytes() > math.MaxInt64-overhead {
		return nil, fmt.Errorf("%w: an array of shape %v exceeds 8 EiB", ErrSpec, spec.Shape())
	}
	if n, ok := free(filepath.Dir(path)); ok && n-overhead < spec.Bytes() {
		return nil, fmt.Errorf("%w: %s needs %d bytes, and %d are free; free some, or write elsewhere",
			ErrSpace, path, spec.Bytes()+overhead, n)
	}
	// The array first: until it has a journal, it holds nothing to lose.
	if err := writeNew(path, head, int64(len(head))+spec.Bytes()); err != nil {
		return nil, err
	}
	if err := writeNew(journalPath(path), first, int64(len(first))); err != nil {
		os.Remove(path)
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		os.Remove(path)
		os.Remove(journalPath(path))
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return OpenNPY(path, spec, manifest)
}

// writeNew makes a file that does not exist, of the given size, starting
// with the given bytes. If it fails it leaves nothing.
func writeNew(path string, start []byte, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create %s: %w; resume it, or remove the array and its journal", path, fs.ErrExist)
	}
	if err != nil {
		return err
	}
	err = f.Truncate(size)
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

// OpenNPY opens a file of [CreateNPY] to go on writing. It verifies the
// checksum of every finished tile, which reads all of them; what it found is
// in [File.Resume]. A damaged last line of the journal is dropped, and tiles
// that fail verification count as not done.
//
// It returns [ErrMismatch], naming the difference, if spec or manifest are
// not those of the file, [ErrJournal] if the journal is missing, damaged
// before its last line or held by another process, and [ErrNPY] if the array
// is missing, truncated or has another header. Nothing is changed then.
func OpenNPY(path string, spec Spec, manifest Manifest) (*File, error) {
	return OpenNPYContext(context.Background(), path, spec, manifest)
}

// Spec implements [Writer].
func (f *File) Spec() Spec { return f.spec.normal() }

// Path returns the path of the array.
func (f *File) Path() string { return f.path }

// Done implements [Writer].
func (f *File) Done(t Tile) bool {
	i, err := f.spec.index(t)
	return err == nil && f.ledger.isStored(i)
}

// WriteTile implements [Writer]. The tile survives a kill or a power loss
// once it returns nil. After an fsync that failed, every write fails:
// opening the file again tells what is stored.
func (f *File) WriteTile(t Tile, data []float64) error {
	i, err := f.spec.check(t, data)
	if err != nil {
		return err
	}
	if ok, err := f.ledger.begin(i); !ok {
		return err
	}
	if err := f.store(t, data); err != nil {
		f.ledger.end(i, missing)
		return fmt.Errorf("write tile %v of %s: %w", t, f.path, err)
	}
	f.ledger.end(i, stored)
	return nil
}

func (f *File) store(t Tile, data []float64) error {
	if p := f.failed.Load(); p != nil {
		return *p
	}
	var sum uint32
	for _, r := range f.spec.regions(t) {
		row := make([]float64, r.Cols*f.spec.tail())
		buf := make([]byte, len(row)*f.spec.DType.Size())
		for i := range r.Rows {
			f.spec.fillRow(row, data, r, i)
			b := f.spec.DType.encode(buf, row)
			if _, err := f.data.WriteAt(b, f.at(r, i)); err != nil {
				return err
			}
			sum = crc32.Update(sum, castagnoli, b)
		}
	}
	if err := f.data.Sync(); err != nil {
		err = fmt.Errorf("%w; resume to find out which tiles are stored", err)
		f.failed.CompareAndSwap(nil, &err)
		return err
	}
	return f.log.append(record{Tile: &t, CRC: fmt.Sprintf("%08x", sum)})
}

// at returns the file offset of row i of a region.
func (f *File) at(r region, i int) int64 {
	return f.offset + f.spec.start(r, i)*int64(f.spec.DType.Size())
}

// Close implements [Writer]. It waits for tiles being written. The journal
// stays; if every tile is done, its last line says so.
func (f *File) Close() error {
	complete, first := f.ledger.close()
	if !first {
		return nil
	}
	var err error
	if complete && !f.complete {
		err = f.log.append(record{Complete: &complete})
	}
	if e := f.data.Close(); err == nil {
		err = e
	}
	if e := f.log.f.Close(); err == nil {
		err = e
	}
	return err
}
