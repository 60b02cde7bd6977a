package tiles

import (
	"fmt"
	"hash/crc32"
	"os"
	"sync/atomic"

	"github.com/gontk/ntk/internal/durable"
)

// castagnoli is CRC-32C, which processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// partialPath is the array's name while tiles are missing, so that nobody takes
// it for finished: their entries read as zero.
func partialPath(path string) string { return path + ".partial" }

// File is a [Writer] to a .npy file, with a journal of finished tiles beside
// it at path + ".journal". A tile is durable before it is in the journal, so
// a killed process loses only the tiles in flight. The array is at
// path + ".partial" until it is closed with every tile done.
type File struct {
	spec   layout
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

// Spec implements [Writer].
func (f *File) Spec() Spec { return f.spec.Spec.normal() }

// Path returns the path of the array once it is finished.
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
	buf := make([]byte, max(t.Rows, t.Cols)*f.spec.tail()*f.spec.DType.Size())
	err := f.spec.rows(t, data, func(at int64, row []float64) error {
		b := f.spec.DType.encode(buf, row)
		sum = crc32.Update(sum, castagnoli, b)
		_, err := f.data.WriteAt(b, f.at(at))
		return err
	})
	if err != nil {
		return err
	}
	if err := f.data.Sync(); err != nil {
		err = fmt.Errorf("%w; resume to find out which tiles are stored", err)
		f.failed.CompareAndSwap(nil, &err)
		return err
	}
	return f.log.append(record{Tile: &t, CRC: fmt.Sprintf("%08x", sum)})
}

// at returns the file offset of an entry.
func (f *File) at(entry int64) int64 { return f.offset + entry*int64(f.spec.DType.Size()) }

// Close implements [Writer]. It waits for tiles being written. The journal
// stays; if every tile is done, its last line says so, and the array gets its
// name.
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
	// The journal is the lock: it goes last.
	if complete && err == nil && f.data.Name() == partialPath(f.path) {
		err = durable.Rename(partialPath(f.path), f.path)
	}
	if e := f.log.f.Close(); err == nil {
		err = e
	}
	return err
}
