package tiles

import (
	"fmt"
	"iter"
)

// A Part is a stretch of an array's tiles in the order of [Spec.Tiles], which
// one of several processes computes. Its tiles are stored one after another,
// each [Rows, Cols, Tail...]; [Join] puts parts together. The zero Part is the
// whole array.
type Part struct {
	// First is the index of the first tile, Tiles how many there are.
	First int `json:"first"`
	Tiles int `json:"tiles"`
}

// String returns the part in words.
func (p Part) String() string {
	if p == (Part{}) {
		return "the whole array"
	}
	return fmt.Sprintf("tiles %d to %d", p.First, p.First+p.Tiles-1)
}

func (s Spec) validatePart() error {
	switch p, n := s.Part, s.normal().whole(); {
	case p == Part{}:
		return nil
	case p.First < 0 || p.Tiles < 1 || p.First > n-p.Tiles:
		return fmt.Errorf("%w: a part of %d tiles from tile %d on, of %d", ErrSpec, p.Tiles, p.First, n)
	case s.Packed:
		return fmt.Errorf("%w: a part that is packed; pack what parts are joined to", ErrSpec)
	}
	return nil
}

// each goes through the tiles in order; s is valid and in normal form.
func (s Spec) each() iter.Seq[Tile] {
	return func(yield func(Tile) bool) {
		g1, g2 := s.grid()
		k, end := 0, s.Part.First+s.count()
		for i := range g1 {
			first := 0
			if s.Symmetric {
				first = i
			}
			if k+g2-first <= s.Part.First { // a row before the part
				k += g2 - first
				continue
			}
			for j := first; j < g2; j++ {
				if k >= end || k >= s.Part.First && !yield(s.at(i, j)) {
					return
				}
				k++
			}
		}
	}
}

// partPairs counts the pairs of examples in the tiles.
func (s Spec) partPairs() int {
	n := 0
	for t := range s.each() {
		n += t.Rows * t.Cols
	}
	return n
}

// Split cuts the array into n parts of about equal cost, none of them empty:
// the dearest is as cheap as stretches of tiles allow, to 1e-9 of all. tile is
// the cost of a tile, and block that of a block of examples, which every part
// pays once for each block that its tiles need. It returns [ErrSpec] for an
// invalid spec, a part, and fewer tiles than parts.
func (s Spec) Split(n int, tile func(Tile) float64, block float64) ([]Part, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s = s.normal()
	switch {
	case s.Part != Part{}:
		return nil, fmt.Errorf("%w: %v cannot be split again", ErrSpec, s.Part)
	case n < 1 || n > s.count():
		return nil, fmt.Errorf("%w: %d tiles cannot make %d parts; use smaller blocks, or at most %d parts", ErrSpec, s.count(), n, s.count())
	}
	all := s.Tiles()
	lo, hi := 0.0, 0.0
	for _, t := range all {
		hi += tile(t) + 2*block
	}
	best := s.cut(all, n, tile, block, hi)
	for range 30 {
		mid := (lo + hi) / 2
		if p := s.cut(all, n, tile, block, mid); p != nil {
			best, hi = p, mid
		} else {
			lo = mid
		}
	}
	return best, nil
}

// cut makes n parts, none dearer than limit, and ends parts early where tiles
// would run out. It returns nil if n are too few.
func (s Spec) cut(all []Tile, n int, tile func(Tile) float64, block, limit float64) []Part {
	var parts []Part
	var sum float64
	g1, g2 := s.grid()
	// rows and cols hold the number of the part that needed the block last.
	rows, cols := make([]int, g1), make([]int, g2)
	if s.Symmetric {
		cols = rows
	}
	for k, t := range all {
		need := func(part int) float64 {
			c := tile(t)
			i, j := t.Row/s.Block1, t.Col/s.Block2
			if rows[i] != part {
				c += block
			}
			if cols[j] != part && !(s.Symmetric && i == j) {
				c += block
			}
			return c
		}
		left := n - len(parts)
		c := need(len(parts))
		if len(parts) == 0 || sum+c > limit || len(all)-k <= left {
			if left == 0 {
				return nil
			}
			parts = append(parts, Part{First: k})
			sum, c = 0, need(len(parts))
			if c > limit {
				return nil
			}
		}
		sum += c
		parts[len(parts)-1].Tiles++
		rows[t.Row/s.Block1], cols[t.Col/s.Block2] = len(parts), len(parts)
	}
	return parts
}
