// Package tiles stores Gram matrices tile by tile, in memory or in a .npy
// file that a killed computation resumes.
package tiles

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

var (
	// ErrSpec is wrapped by errors about shapes, tiles and data that do not
	// describe a part of one Gram matrix.
	ErrSpec = errors.New("tiles")
	// ErrRange is wrapped by errors about entries that float32 cannot hold.
	ErrRange = errors.New("entry overflows float32")
)

// A DType is the type of a stored entry.
type DType string

const (
	Float32 DType = "float32"
	Float64 DType = "float64"
)

// Size returns the bytes of one entry; 0 for a DType that is neither.
func (d DType) Size() int {
	switch d {
	case Float32:
		return 4
	case Float64:
		return 8
	}
	return 0
}

// A Spec describes a Gram array Θ and how it is cut.
//
// Shape: [N1, N2, Tail...], row-major; axes 0 and 1 are the examples of x1
// and x2. With Symmetric set, Θ[m,n,p,o] = Θ[n,m,o,p]: tiles on and above
// the diagonal are computed, and the writer fills in the mirror, or leaves it
// out of a Packed array. A [Part] holds some of the tiles.
type Spec struct {
	// N1 and N2 count the examples of x1 and x2; at least 1.
	N1 int `json:"n1"`
	N2 int `json:"n2"`
	// Tail holds the axes after the examples: none, [O], or [O, O].
	Tail []int `json:"tail,omitempty"`
	// DType is the type of an entry; it has no default.
	DType DType `json:"dtype"`
	// Symmetric says that x2 is x1: N1 = N2, Block1 = Block2, and a Tail of
	// two axes is square.
	Symmetric bool `json:"symmetric,omitempty"`
	// Block1 and Block2 are the sizes of a tile in examples. Zero means all
	// examples; in [OpenNPY] it means the size that the file was cut with.
	Block1 int `json:"block1"`
	Block2 int `json:"block2"`
	// Packed stores of a Symmetric array only the pairs of examples (m, n)
	// with m ≤ n, row by row, in the order of numpy.triu_indices(N1):
	// [N1(N1+1)/2, Tail...].
	Packed bool `json:"packed,omitempty"`
	// Part restricts the array to some of its tiles; zero means all.
	Part Part `json:"part,omitzero"`
}

// A Tile is a rectangle of examples: rows [Row, Row+Rows) of x1 against
// columns [Col, Col+Cols) of x2.
type Tile struct {
	Row  int `json:"row"`
	Col  int `json:"col"`
	Rows int `json:"rows"`
	Cols int `json:"cols"`
}

// String returns the tile as index ranges, "[0:16, 32:48]".
func (t Tile) String() string {
	return fmt.Sprintf("[%d:%d, %d:%d]", t.Row, t.Row+t.Rows, t.Col, t.Col+t.Cols)
}

// maxTiles bounds how finely an array may be cut: each tile costs a line of
// the journal and an fsync, so beyond it a larger block is always better.
const maxTiles = 1 << 22

// Validate returns [ErrSpec] if the spec describes no array: a size below 1,
// a negative block, an unknown DType, more than two tail axes, a Symmetric
// array that is not square, a Packed one that is not Symmetric, more than 4 Mi
// tiles, a Part that they do not have, or a size in bytes beyond an int64.
func (s Spec) Validate() error {
	if s.N1 < 1 || s.N2 < 1 {
		return fmt.Errorf("%w: %d × %d examples, want at least 1 × 1", ErrSpec, s.N1, s.N2)
	}
	if s.DType.Size() == 0 {
		return fmt.Errorf("%w: dtype %q, want %q or %q", ErrSpec, s.DType, Float32, Float64)
	}
	if len(s.Tail) > 2 {
		return fmt.Errorf("%w: %d axes after the examples, want at most 2", ErrSpec, len(s.Tail))
	}
	for _, n := range s.Tail {
		if n < 1 {
			return fmt.Errorf("%w: axes %v after the examples, want each at least 1", ErrSpec, s.Tail)
		}
	}
	if s.Block1 < 0 || s.Block2 < 0 {
		return fmt.Errorf("%w: blocks of %d × %d examples, want at least 0", ErrSpec, s.Block1, s.Block2)
	}
	if err := s.validateSymmetry(); err != nil {
		return err
	}
	whole := append([]int{s.N1, s.N2}, s.Tail...)
	if _, ok := product(int64(s.DType.Size()), whole...); !ok {
		return fmt.Errorf("%w: an array of shape %v in %s exceeds 8 EiB", ErrSpec, whole, s.DType)
	}
	g1, g2 := s.normal().grid()
	if hi, lo := bits.Mul64(uint64(g1), uint64(g2)); hi != 0 || lo > maxTiles {
		return fmt.Errorf("%w: blocks of %d × %d cut %d × %d examples into more than %d tiles; use larger blocks",
			ErrSpec, s.Block1, s.Block2, s.N1, s.N2, maxTiles)
	}
	return s.validatePart()
}

func (s Spec) validateSymmetry() error {
	switch {
	case !s.Symmetric && s.Packed:
		return fmt.Errorf("%w: a packed array that is not symmetric", ErrSpec)
	case !s.Symmetric:
		return nil
	case s.N1 != s.N2:
		return fmt.Errorf("%w: a symmetric array of %d × %d examples, want a square", ErrSpec, s.N1, s.N2)
	case s.Block1 != s.Block2:
		return fmt.Errorf("%w: a symmetric array in blocks of %d × %d examples, want squares", ErrSpec, s.Block1, s.Block2)
	case len(s.Tail) == 2 && s.Tail[0] != s.Tail[1]:
		return fmt.Errorf("%w: a symmetric array of %d × %d outputs, want a square", ErrSpec, s.Tail[0], s.Tail[1])
	}
	return nil
}

// normal returns the spec with block sizes between 1 and the examples, so
// that specs which cut alike are equal.
func (s Spec) normal() Spec {
	if s.Block1 == 0 || s.Block1 > s.N1 {
		s.Block1 = s.N1
	}
	if s.Block2 == 0 || s.Block2 > s.N2 {
		s.Block2 = s.N2
	}
	s.Tail = append([]int(nil), s.Tail...)
	return s
}

// Shape returns the shape of what is stored: [N1, N2, Tail...], or
// [pairs of examples, Tail...] of a packed array or a part.
func (s Spec) Shape() []int {
	switch {
	case s.Part != Part{}:
		return append([]int{s.normal().partPairs()}, s.Tail...)
	case s.Packed:
		return append([]int{triangle(s.N1)}, s.Tail...)
	}
	return append([]int{s.N1, s.N2}, s.Tail...)
}

// triangle returns how many pairs (m, n) have 0 ≤ m ≤ n < size.
func triangle(size int) int {
	if size%2 == 0 {
		return size / 2 * (size + 1) // the product by itself may overflow
	}
	return (size + 1) / 2 * size
}

// Bytes returns the size of the array in bytes, without any header; 0 for
// an invalid spec.
func (s Spec) Bytes() int64 {
	if s.Validate() != nil {
		return 0
	}
	n, _ := product(int64(s.DType.Size()), s.Shape()...)
	return n
}

// Tiles returns the tiles to compute, row by row of the grid: all of them,
// those on and above the diagonal if the array is symmetric, or those of the
// part. The last tile of a row or column may be smaller. It returns nil for an
// invalid spec.
func (s Spec) Tiles() []Tile {
	if s.Validate() != nil {
		return nil
	}
	s = s.normal()
	tiles := make([]Tile, 0, s.count())
	for t := range s.each() {
		tiles = append(tiles, t)
	}
	return tiles
}

// The methods below expect a valid spec in normal form.

// grid returns how many tiles cover each axis.
func (s Spec) grid() (g1, g2 int) {
	return (s.N1-1)/s.Block1 + 1, (s.N2-1)/s.Block2 + 1
}

// whole returns how many tiles the array has, in all its parts.
func (s Spec) whole() int {
	g1, g2 := s.grid()
	if s.Symmetric {
		return triangle(g1)
	}
	return g1 * g2
}

// count returns len(s.Tiles()).
func (s Spec) count() int {
	if s.Part != (Part{}) {
		return s.Part.Tiles
	}
	return s.whole()
}

// at returns the tile at a place of the grid.
func (s Spec) at(i, j int) Tile {
	row, col := i*s.Block1, j*s.Block2
	return Tile{Row: row, Col: col, Rows: min(s.Block1, s.N1-row), Cols: min(s.Block2, s.N2-col)}
}

// index returns the tile's place in s.Tiles(), or an error if it has none.
func (s Spec) index(t Tile) (int, error) {
	if t.Row < 0 || t.Row >= s.N1 || t.Col < 0 || t.Col >= s.N2 || s.at(t.Row/s.Block1, t.Col/s.Block2) != t {
		return 0, fmt.Errorf("%w: tile %v is none of the %d × %d blocks of an array of %d × %d examples",
			ErrSpec, t, s.Block1, s.Block2, s.N1, s.N2)
	}
	i, j := t.Row/s.Block1, t.Col/s.Block2
	_, g2 := s.grid()
	k := i*g2 + j
	if s.Symmetric {
		if j < i {
			return 0, fmt.Errorf("%w: tile %v lies below the diagonal of a symmetric array, whose writer mirrors it", ErrSpec, t)
		}
		// Row i starts after rows of g, g−1, …, g−i+1 tiles.
		k = i*g2 - i*(i-1)/2 + j - i
	}
	if k -= s.Part.First; k < 0 || k >= s.count() {
		return 0, fmt.Errorf("%w: tile %v is none of the part's, %v", ErrSpec, t, s.Part)
	}
	return k, nil
}

// tail returns the entries of one pair of examples.
func (s Spec) tail() int {
	n := 1
	for _, d := range s.Tail {
		n *= d
	}
	return n
}

// check returns the tile's index after comparing data with the tile.
func (s Spec) check(t Tile, data []float64) (int, error) {
	i, err := s.index(t)
	if err != nil {
		return 0, err
	}
	if want := t.Rows * t.Cols * s.tail(); len(data) != want {
		return 0, fmt.Errorf("%w: tile %v has %d entries, want %d × %d × %v = %d", ErrSpec, t, len(data), t.Rows, t.Cols, s.Tail, want)
	}
	if s.DType == Float32 {
		for k, v := range data {
			// Infinities are stored as what they are; finite values must not
			// become one.
			if math.Abs(v) > math.MaxFloat32 && math.IsInf(float64(float32(v)), 0) && !math.IsInf(v, 0) {
				pair, rest := k/s.tail(), k%s.tail()
				return 0, fmt.Errorf("%w: %g at examples (%d, %d), entry %d of the pair; store it as float64",
					ErrRange, v, t.Row+pair/t.Cols, t.Col+pair%t.Cols, rest)
			}
		}
	}
	return i, nil
}

// product multiplies sizes of at least 0 and reports whether the result is
// an int64.
func product(first int64, rest ...int) (int64, bool) {
	p := uint64(first)
	for _, n := range rest {
		if n < 0 {
			return 0, false
		}
		hi, lo := bits.Mul64(p, uint64(n))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		p = lo
	}
	return int64(p), true
}
