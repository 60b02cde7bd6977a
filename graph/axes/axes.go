// Package axes tells where every axis of every value of a recorded forward
// program comes from: the batch, positions of the input, or a width.
package axes

import (
	"fmt"
	"strings"
)

// A Role says where a factor of an axis comes from. It prints as its letter.
type Role byte

const (
	// Batch indexes the examples.
	Batch Role = 'B'
	// Position indexes data: an input's other axes (channels too), what
	// windows and slices make of them, and the axes along which a constant or
	// an Iota varies.
	Position Role = 'P'
	// Width is born at a free axis of a weight.
	Width Role = 'W'
	// Output is a Width that reaches an output of the program and that nothing contracts.
	Output Role = 'O'
	// Unknown is an axis of a weight that met nothing that tells what it is.
	Unknown Role = 'U'
	// Free is an axis along which the value is constant.
	Free Role = 'F'
	// Random is an axis of random bits: each index has its own draw.
	Random Role = 'R'
	// Lost is an axis that could not be followed: a Mix or a Conflict says where.
	Lost Role = '?'
)

// String returns the letter of r.
func (r Role) String() string { return string(rune(r)) }

// A Factor is one index of an axis. Factors of equal ID are the same index.
// Position factors of unequal ID may meet all the same, as pixels and a table
// of positions do.
type Factor struct {
	Role Role
	Size int // at least 2
	ID   int
}

// An Axis is a list of factors, row-major: its size is the product of theirs.
// An axis of size 1 has none.
type Axis []Factor

// String prints a as its roles and sizes, like "[P 8 W 64]"; size 1 is "[1]".
func (a Axis) String() string {
	if len(a) == 0 {
		return "[1]"
	}
	parts := make([]string, len(a))
	for i, f := range a {
		parts[i] = fmt.Sprintf("%s %d", f.Role, f.Size)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// Size returns the size of the axis.
func (a Axis) Size() int {
	n := 1
	for _, f := range a {
		n *= f.Size
	}
	return n
}

// Has reports whether a factor of a has role r.
func (a Axis) Has(r Role) bool {
	for _, f := range a {
		if f.Role == r {
			return true
		}
	}
	return false
}

// Axes are those of one value, in order.
type Axes []Axis

// String prints the axes like "[B 2][P 8][W 64]"; a scalar is "[]".
func (as Axes) String() string {
	if len(as) == 0 {
		return "[]"
	}
	var b strings.Builder
	for _, a := range as {
		b.WriteString(a.String())
	}
	return b.String()
}
