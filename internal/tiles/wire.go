package tiles

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
)

// EncodeTile returns the bytes of a tile as a part stores them, row by row in
// little-endian order, and their checksum as a journal has it. It returns errors
// like those of [Writer.WriteTile].
func (s Spec) EncodeTile(t Tile, data []float64) (raw []byte, crc string, err error) {
	if err := s.Validate(); err != nil {
		return nil, "", err
	}
	s = s.normal()
	s.Packed = false
	if _, err := s.check(t, data); err != nil {
		return nil, "", err
	}
	s.Part = Part{Tiles: s.whole()} // parts have no mirrors
	raw = make([]byte, len(data)*s.DType.Size())
	width := t.Cols * s.tail()
	row := make([]float64, width)
	for _, r := range s.regions(t) {
		for i := range r.Rows {
			s.fillRow(row, data, r, i)
			s.DType.encode(raw[i*width*s.DType.Size():], row)
		}
	}
	return raw, checksumText(raw), nil
}

// DecodeTile returns the entries of a tile, after comparing the bytes with their
// number and checksum. It returns [ErrSpec] for a tile that the array does not
// have and [ErrDamaged] for bytes that are not those of EncodeTile.
func (s Spec) DecodeTile(t Tile, raw []byte, crc string) ([]float64, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s = s.normal()
	if _, err := s.index(t); err != nil {
		return nil, err
	}
	n := t.Rows * t.Cols * s.tail()
	if len(raw) != n*s.DType.Size() {
		return nil, fmt.Errorf("%w: tile %v has %d bytes, want %d", ErrDamaged, t, len(raw), n*s.DType.Size())
	}
	if got := checksumText(raw); got != crc {
		return nil, fmt.Errorf("%w: tile %v has CRC-32C %s, want %q", ErrDamaged, t, got, crc)
	}
	data := make([]float64, n)
	s.DType.decode(data, raw)
	return data, nil
}

func checksumText(raw []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(raw, castagnoli)) }

// ReadPartTile returns the entries of a finished tile of a part, which may have
// others that are not finished, or be written by another process. It returns
// [ErrMismatch] if the part's manifest or cut is another, [ErrIncomplete] if its
// journal lacks the tile and [ErrDamaged] if the entries are not those that were
// written.
func ReadPartTile(ctx context.Context, path string, spec Spec, m Manifest, t Tile) ([]float64, error) {
	past, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	got := past.header.Spec
	spec = spec.normal()
	spec.Part, spec.Packed = got.Part, false
	const is, want = "in the part", "in this run"
	differ := append(differences("array", got.describe(), spec.describe(), is, want), past.header.Manifest.Differences(m, is, want)...)
	if got.Part == (Part{}) {
		differ = append(differ, "it is no part of an array")
	}
	if len(differ) > 0 {
		return nil, fmt.Errorf("%w: %s: %s", ErrMismatch, path, strings.Join(differ, ", "))
	}
	i, err := got.index(t)
	if err != nil {
		return nil, err
	}
	sum, ok := past.sums[i]
	if !ok {
		return nil, fmt.Errorf("%w: %s has no tile %v", ErrIncomplete, path, t)
	}
	l := got.layout()
	f, offset, err := openArray(path, l.Spec, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	at, _ := l.place(region{Tile: t}, 0)
	raw := make([]byte, t.Rows*t.Cols*l.tail()*l.DType.Size())
	if _, err := f.ReadAt(raw, offset+at*int64(l.DType.Size())); err != nil {
		return nil, fmt.Errorf("tile %v of %s: %w", t, path, err)
	}
	whole := l.Spec
	whole.Part = Part{}
	return whole.DecodeTile(t, raw, fmt.Sprintf("%08x", sum))
}

// Remove removes an array, or a part of one, and its journal, finished or not; it
// is no error if they are gone.
func Remove(path string) error {
	for _, p := range []string{partialPath(path), path, journalPath(path) + ".new", journalPath(path)} {
		if err := os.Remove(p); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
