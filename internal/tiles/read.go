package tiles

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// ErrIncomplete is wrapped by errors about an array whose journal says that
// tiles are missing.
var ErrIncomplete = errors.New("array is incomplete")

// ErrDamaged is wrapped by errors about an array whose entries are not those
// that were written.
var ErrDamaged = errors.New("array is damaged")

// A Check is what verifying an array found.
type Check struct {
	Spec     Spec
	Manifest Manifest
	Resume
}

// Err returns nil if every tile is there and as it was written, else
// [ErrDamaged] or [ErrIncomplete].
func (c *Check) Err(path string) error {
	switch {
	case len(c.Bad) > 0:
		return fmt.Errorf("%w: %s: %d of %d tiles fail their checksum, the first %v; resume the computation that wrote it",
			ErrDamaged, path, len(c.Bad), c.Total, c.Bad[0])
	case c.Done < c.Total:
		return fmt.Errorf("%w: %s has %d of %d tiles; resume the computation that writes it", ErrIncomplete, path, c.Done, c.Total)
	}
	return nil
}

// Verify compares every finished tile of an array with its checksum in the
// journal beside it, and changes nothing. Tiles that fail are part of the
// Check; it returns an error like [OpenNPY]'s if journal or array cannot be
// read at all. It reads the array once.
func Verify(ctx context.Context, path string) (*Check, error) {
	past, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	l := past.header.Spec.layout()
	data, offset, err := openArray(path, l.Spec, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	c := &Check{Spec: l.Spec, Manifest: past.header.Manifest}
	c.Total, c.Torn = l.count(), past.torn
	c.Bad, err = verify(ctx, path, l, data, offset, past.sums, func(int) { c.Done++ })
	return c, err
}

// readJournal reads the journal of an array.
func readJournal(path string) (*history, error) {
	f, err := os.Open(journalPath(path))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	defer f.Close()
	past, err := parseJournal(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", journalPath(path), err)
	}
	return past, nil
}

// StatGram returns the spec of a Gram array without reading its entries, so
// that a caller can compare sizes with its budget: by its journal, or by its
// header where there is none. Then one axis of N(N+1)/2 entries is taken for a
// packed array, and Symmetric is not known of others. It returns [ErrNPY] and
// [ErrJournal] as [StatNPY] and [OpenNPY] do, and [ErrSpec] for a shape that
// is no Gram array's.
func StatGram(path string) (Spec, error) {
	s, _, err := statGram(path)
	return s, err
}

// statGram also reports whether there is a journal.
func statGram(path string) (Spec, bool, error) {
	past, err := readJournal(path)
	if err == nil {
		if len(past.sums) < past.header.Spec.count() {
			c := Check{Resume: Resume{Done: len(past.sums), Total: past.header.Spec.count()}}
			return Spec{}, true, c.Err(path)
		}
		f, _, err := openArray(path, past.header.Spec, os.O_RDONLY)
		if err != nil {
			return Spec{}, true, err
		}
		return past.header.Spec, true, f.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Spec{}, false, err
	}
	shape, d, err := StatNPY(path)
	if err != nil {
		return Spec{}, false, err
	}
	s := Spec{DType: d}
	switch {
	case len(shape) == 1:
		s.N1 = int(math.Sqrt(2 * float64(shape[0]))) // N² < N(N+1) < (N+1)²
		s.N2, s.Symmetric, s.Packed = s.N1, true, true
		if triangle(s.N1) != shape[0] {
			return Spec{}, false, fmt.Errorf("%w: %s has one axis of %d entries, no N(N+1)/2 of a packed Gram array", ErrSpec, path, shape[0])
		}
	case len(shape) >= 2:
		s.N1, s.N2, s.Tail = shape[0], shape[1], shape[2:]
	}
	if err := s.Validate(); err != nil {
		return Spec{}, false, fmt.Errorf("%s: %w", path, err)
	}
	return s.normal(), false, nil
}

// ReadGram returns a Gram array whole, [N1, N2, Tail...], in float64, however
// it is stored, after its tiles were verified if a journal is beside it. It
// takes 8·N1·N2·ΠTail bytes. It fails as [StatGram] and [Check.Err] do, and
// with [ErrSpec] for a part of an array.
func ReadGram(ctx context.Context, path string) (Spec, []float64, error) {
	s, logged, err := statGram(path)
	if err != nil {
		return Spec{}, nil, err
	}
	if s.Part != (Part{}) {
		return Spec{}, nil, fmt.Errorf("%w: %s is a part of an array, %v; join its parts first", ErrSpec, path, s.Part)
	}
	if logged {
		c, err := Verify(ctx, path)
		if err == nil {
			err = c.Err(path)
		}
		if err != nil {
			return Spec{}, nil, err
		}
	}
	whole := s
	whole.Packed = false
	if whole.Bytes() > addressable/2 { // float32 doubles
		return Spec{}, nil, fmt.Errorf("%w: %s: shape %v is beyond the address space", ErrSpec, path, whole.Shape())
	}
	f, offset, err := openArray(path, s, os.O_RDONLY)
	if err != nil {
		return Spec{}, nil, err
	}
	defer f.Close()
	out, err := s.unpack(ctx, f, offset)
	if err != nil {
		return Spec{}, nil, fmt.Errorf("%w: %s: %w", ErrNPY, path, err)
	}
	return s, out, nil
}

// unpack reads rows of examples and fills in what a packed array leaves out.
func (s Spec) unpack(ctx context.Context, r io.ReaderAt, offset int64) ([]float64, error) {
	k, size := s.tail(), s.DType.Size()
	out := make([]float64, s.N1*s.N2*k)
	buf := make([]byte, s.N2*k*size)
	l := s.layout()
	for m := range s.N1 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		row := region{Tile: Tile{Row: m, Cols: s.N2, Rows: 1}}
		if s.Packed {
			row.Col, row.Cols = m, s.N2-m
		}
		at, _ := l.place(row, 0)
		b := buf[:row.Cols*k*size]
		if _, err := r.ReadAt(b, offset+at*int64(size)); err != nil {
			return nil, err
		}
		to := out[(m*s.N2+row.Col)*k:]
		s.DType.decode(to[:row.Cols*k], b)
		for n := m + 1; s.Packed && n < s.N2; n++ {
			s.transpose(out[(n*s.N2+m)*k:(n*s.N2+m+1)*k], out[(m*s.N2+n)*k:])
		}
	}
	return out, nil
}

// decode reads little-endian entries.
func (d DType) decode(dst []float64, src []byte) {
	for i := range dst {
		if d == Float32 {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
		} else {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}
}
