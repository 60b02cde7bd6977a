package tiles

import (
	"fmt"
	"slices"
)

// Index returns a tile's place in Tiles(), or [ErrSpec] if it has none there.
func (s Spec) Index(t Tile) (int, error) {
	if err := s.Validate(); err != nil {
		return 0, err
	}
	return s.normal().index(t)
}

// A Stretch is some tiles of one row of the grid that are computed together, so
// that the row's examples are evaluated once for all of them.
type Stretch struct {
	Part
	Row int // of the grid
}

// Stretches cuts the array into stretches of at most n tiles, column by column
// of n tiles and in it downwards: whoever computes one after another meets the
// same columns again.
func (s Spec) Stretches(n int) ([]Stretch, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if n < 1 || s.Part != (Part{}) {
		return nil, fmt.Errorf("%w: stretches of %d tiles of %v", ErrSpec, n, s.Part)
	}
	s = s.normal()
	var all []Stretch
	i, last := 0, -1
	stripes := map[int]int{} // of each stretch, by its first tile
	for t := range s.each() {
		row, stripe := t.Row/s.Block1, t.Col/s.Block2/n
		if k := len(all) - 1; last >= 0 && all[k].Row == row && stripes[all[k].First] == stripe {
			all[k].Tiles++
		} else {
			all = append(all, Stretch{Part{First: i, Tiles: 1}, row})
			stripes[i] = stripe
		}
		last = i
		i++
	}
	slices.SortStableFunc(all, func(a, b Stretch) int { return stripes[a.First] - stripes[b.First] })
	return all, nil
}
