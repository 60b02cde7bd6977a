package tiles

import (
	"encoding/binary"
	"math"
)

// A region is a rectangle of the array together with how the entries of one
// tile fill it.
type region struct {
	Tile
	source source
}

// A source says where the entries of a region come from.
type source int

const (
	// direct: the tile's own entries.
	direct source = iota
	// mirrored: the tile's entries with both index pairs swapped.
	mirrored
	// diagonal: the tile's own entries where (m, o) ≤ (n, p), and elsewhere
	// their mirror, so that the result is symmetric to the last bit.
	diagonal
)

// regions returns what writing a tile fills: the tile itself and, above the
// diagonal of a symmetric array that is stored whole, its mirror.
func (s Spec) regions(t Tile) []region {
	switch {
	case !s.Symmetric:
		return []region{{t, direct}}
	case t.Row == t.Col:
		return []region{{t, diagonal}}
	case s.Packed || s.Part != Part{}:
		return []region{{t, direct}}
	}
	return []region{{t, direct}, {Tile{Row: t.Col, Col: t.Row, Rows: t.Cols, Cols: t.Rows}, mirrored}}
}

// fillRow writes row i of the region to dst, [Cols, Tail...], from the data
// of the tile, [Rows, Cols, Tail...] of the tile (swapped, if mirrored).
func (s Spec) fillRow(dst, data []float64, r region, i int) {
	k := s.tail()
	if r.source == direct {
		copy(dst, data[i*r.Cols*k:(i+1)*r.Cols*k])
		return
	}
	// A mirrored region has as many rows as its tile has columns; a diagonal
	// one is square.
	width := r.Cols
	if r.source == mirrored {
		width = r.Rows
	}
	for j := range r.Cols {
		to := dst[j*k : (j+1)*k]
		if r.source == diagonal && i <= j {
			copy(to, data[(i*width+j)*k:])
			if i == j {
				s.symmetrize(to)
			}
			continue
		}
		s.transpose(to, data[(j*width+i)*k:])
	}
}

// transpose copies the entries of one pair of examples with their outputs
// swapped.
func (s Spec) transpose(dst, src []float64) {
	if len(s.Tail) != 2 {
		copy(dst, src)
		return
	}
	n := s.Tail[0]
	for o := range n {
		for p := range n {
			dst[o*n+p] = src[p*n+o]
		}
	}
}

// symmetrize copies the upper triangle of a pair of outputs to the lower.
func (s Spec) symmetrize(x []float64) {
	if len(s.Tail) != 2 {
		return
	}
	n := s.Tail[0]
	for o := range n {
		for p := range o {
			x[o*n+p] = x[p*n+o]
		}
	}
}

// encode writes entries as little-endian bytes and returns what it filled
// of dst.
func (d DType) encode(dst []byte, src []float64) []byte {
	if d == Float32 {
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(float32(v)))
		}
		return dst[:4*len(src)]
	}
	for i, v := range src {
		binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(v))
	}
	return dst[:8*len(src)]
}
