package limits

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gontk/ntk/limits/internal/planes"
)

// A tap is a term of the sum at a position out, of the entry of a weight and a
// position in.
type tap struct{ out, in, key int }

// A reach is where an entry of a weight takes its input: row and column relative to
// the output's times the strides, and the channel.
type reach struct{ row, col, channel int }

// filter finds the axes of a layer of which taps are all terms: the same filter at
// every position, zeros outside. channels says that inputs have channels as their last
// dimension, which it returns.
func filter(taps []tap, out, in *layout, withChannels bool, l *planes.Layer) (channels int, err error) {
	to, err := grid(out, len(out.positions))
	if err != nil {
		return 0, err
	}
	from, err := grid(in, len(out.positions))
	if err != nil {
		return 0, err
	}
	channels = in.np / (from[0] * from[1])
	if channels > 1 && !withChannels {
		return 0, errors.New("positions in more than two dimensions")
	}
	place := func(t tap) (p, q [2]int, channel int) {
		p = [2]int{t.out / to[1], t.out % to[1]}
		pixel := t.in / channels
		return p, [2]int{pixel / from[1], pixel % from[1]}, t.in % channels
	}
	stride := strides(taps, place)
	reaches := map[int]reach{}
	keys := map[reach]int{}
	at := map[[2]int]bool{} // outputs and entries
	for _, t := range taps {
		p, q, channel := place(t)
		x := reach{q[0] - stride[0]*p[0], q[1] - stride[1]*p[1], channel}
		if y, ok := reaches[t.key]; ok && x != y {
			return 0, errors.New("a filter that does not move with the positions")
		}
		if k, ok := keys[x]; ok && k != t.key || at[[2]int{t.out, t.key}] {
			return 0, errors.New("a position with several weights, or of one weight twice")
		}
		reaches[t.key], keys[x], at[[2]int{t.out, t.key}] = x, t.key, true
	}
	rows, cols := map[int]bool{}, map[int]bool{}
	for _, x := range reaches {
		rows[x.row], cols[x.col] = true, true
	}
	l.Rows = planes.Axis{In: from[0], Out: to[0], Stride: stride[0], Offsets: slices.Sorted(maps.Keys(rows))}
	l.Cols = planes.Axis{In: from[1], Out: to[1], Stride: stride[1], Offsets: slices.Sorted(maps.Keys(cols))}
	if n := l.Rows.Terms() * l.Cols.Terms() * channels; n != len(taps) {
		return 0, fmt.Errorf("%d terms, not the %d of a filter of %d × %d × %d at every position", len(taps), n, len(rows), len(cols), channels)
	}
	return channels, nil
}

// grid returns the rows and columns of a layout's first dimensions; one dimension is
// a row.
func grid(l *layout, dimensions int) (size [2]int, err error) {
	size = [2]int{1, 1}
	if dimensions > 2 || len(l.positions) < dimensions || len(l.positions) > dimensions+1 {
		return size, fmt.Errorf("positions in %d dimensions out of %d", len(l.positions), dimensions)
	}
	for i := range dimensions {
		size[i+2-dimensions] = l.positions[i].size
	}
	return size, nil
}

// strides finds how far inputs move along both axes when outputs move by one: the
// same entry at two outputs says it. It is 1 where none does.
func strides(taps []tap, place func(tap) (p, q [2]int, channel int)) [2]int {
	s := [2]int{1, 1}
	for axis := range s {
		first := map[int]tap{}
		for _, t := range taps {
			u, ok := first[t.key]
			if !ok {
				first[t.key] = t
				continue
			}
			p, q, _ := place(t)
			p0, q0, _ := place(u)
			if d := p[axis] - p0[axis]; d != 0 {
				s[axis] = max(1, (q[axis]-q0[axis])/d) // filter looks at what is no multiple
				break
			}
		}
	}
	return s
}
