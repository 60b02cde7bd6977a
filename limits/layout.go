package limits

import (
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

// A layout names the entries of a value of one example by a position and a
// cell. The position counts what has a number of its own for every input
// (pixels, tokens, channels of data), row-major; the cell counts widths and
// outputs, along which entries are alike. Both come from the factors of the
// axes; along the batch, and where a value is constant, the coordinate is 0.
type layout struct {
	dims      []int
	positions []slot
	cells     []slot
	// np and nc count positions and cells.
	np, nc int
}

// A slot is one factor of an axis: coordinate/stride mod size is its index.
type slot struct {
	axis, stride, size int
	id                 int // of the factor
}

func newLayout(dims []int, as axes.Axes) *layout {
	l := &layout{dims: dims, np: 1, nc: 1}
	for i, axis := range as {
		stride := axis.Size()
		for _, f := range axis {
			stride /= f.Size
			s := slot{i, stride, f.Size, f.ID}
			switch f.Role {
			case axes.Position:
				l.positions = append(l.positions, s)
				l.np *= f.Size
			case axes.Width, axes.Output, axes.Unknown:
				l.cells = append(l.cells, s)
				l.nc *= f.Size
			}
		}
	}
	return l
}

// coordinates returns the index along every axis of a position in a cell.
func (l *layout) coordinates(position, cell int) []int {
	at := make([]int, len(l.dims))
	place(at, l.positions, position)
	place(at, l.cells, cell)
	return at
}

func place(at []int, slots []slot, index int) {
	for i := len(slots) - 1; i >= 0; i-- {
		s := slots[i]
		at[s.axis] += index % s.size * s.stride
		index /= s.size
	}
}

// locate is the inverse of coordinates.
func (l *layout) locate(at []int) (position, cell int) {
	return gatherIndex(at, l.positions), gatherIndex(at, l.cells)
}

func gatherIndex(at []int, slots []slot) int {
	index := 0
	for _, s := range slots {
		index = index*s.size + at[s.axis]/s.stride%s.size
	}
	return index
}

// broadcast returns the coordinates of an operand of an elementwise op whose
// result has the coordinates at: scalars and axes of size 1 broadcast.
func broadcast(operand *graph.Value, at []int) []int {
	dims := operand.Shape.Dimensions
	from := make([]int, len(dims))
	for i, n := range dims {
		if n > 1 {
			from[i] = at[i]
		}
	}
	return from
}

// flat returns the row-major index of coordinates.
func flat(at, dims []int) int {
	index := 0
	for i, n := range dims {
		index = index*n + at[i]
	}
	return index
}

// unflat is the inverse of flat.
func unflat(index int, dims []int) []int {
	at := make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		at[i] = index % dims[i]
		index /= dims[i]
	}
	return at
}
