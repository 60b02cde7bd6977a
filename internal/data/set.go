package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"slices"
	"strings"
)

// Len returns the number of examples N.
func (s *Set) Len() int {
	if len(s.Shape) == 0 {
		return 0
	}
	return s.Shape[0]
}

// Features returns the number of values of one example.
func (s *Set) Features() int {
	d := 1
	for _, n := range s.Shape[min(1, len(s.Shape)):] {
		d *= n
	}
	return d
}

// OneHot returns the classes as rows [N, Classes], 1 at the example's class
// and 0 elsewhere; nil if the set has no classes.
func (s *Set) OneHot() []float64 {
	if s.Classes <= 0 || s.Y == nil {
		return nil
	}
	out := make([]float64, len(s.Y)*s.Classes)
	for i, y := range s.Y {
		out[i*s.Classes+int(y)] = 1
	}
	return out
}

// Targets returns what a network with O outputs is to learn, [N, O], and O:
// OneHot for classes, the regression targets as they are, nil and 0 if the
// set has no labels.
func (s *Set) Targets() ([]float64, int) {
	switch {
	case s.Y == nil || s.Len() == 0:
		return nil, 0
	case s.Classes > 0:
		return s.OneHot(), s.Classes
	default:
		return slices.Clone(s.Y), len(s.Y) / s.Len()
	}
}

// Subset returns the examples idx, in that order, as copies. Repeats are
// allowed. An index outside 0..N-1 panics, as a slice's does.
func (s *Set) Subset(idx []int) *Set {
	out := *s
	out.Shape = slices.Clone(s.Shape)
	out.Shape[0] = len(idx)
	out.X = gatherRows(s.X, s.Features(), idx)
	if s.Y != nil {
		out.Y = gatherRows(s.Y, len(s.Y)/max(1, s.Len()), idx)
	}
	out.Note = joinNotes(s.Note, fmt.Sprintf("%d of %d examples selected", len(idx), s.Len()))
	return &out
}

func gatherRows(v []float64, width int, idx []int) []float64 {
	out := make([]float64, 0, len(idx)*width)
	for _, i := range idx {
		out = append(out, v[i*width:(i+1)*width]...)
	}
	return out
}

// Hash returns, in hexadecimal, the SHA-256 of what a computation can depend
// on: as 64-bit little-endian words, the rank, the axes' sizes, the bits of X,
// the number of classes, the length of Y and the bits of Y. Names, notes and
// the layout's name do not enter.
func (s *Set) Hash() string {
	h := sha256.New()
	words := []uint64{uint64(len(s.Shape))}
	for _, n := range s.Shape {
		words = append(words, uint64(n))
	}
	hashWords(h, words)
	hashFloats(h, s.X)
	hashWords(h, []uint64{uint64(s.Classes), uint64(len(s.Y))})
	hashFloats(h, s.Y)
	return hex.EncodeToString(h.Sum(nil))
}

func hashWords(h hash.Hash, words []uint64) {
	for _, w := range words {
		h.Write(binary.LittleEndian.AppendUint64(nil, w))
	}
}

func hashFloats(h hash.Hash, v []float64) {
	buf := make([]byte, 0, 1<<16)
	for chunk := range slices.Chunk(v, cap(buf)/8) {
		buf = buf[:0]
		for _, x := range chunk {
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(x))
		}
		h.Write(buf)
	}
}

// Describe returns the set in one line: name, shape, layout, labels, note.
func (s *Set) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d examples of %s", s.Name, s.Len(), dims(s.Shape[min(1, len(s.Shape)):]))
	if s.Layout != "" {
		fmt.Fprintf(&b, " (%s)", s.Layout)
	}
	switch {
	case s.Y == nil:
		b.WriteString(", no labels")
	case s.Classes > 0:
		fmt.Fprintf(&b, ", %d classes", s.Classes)
	default:
		fmt.Fprintf(&b, ", regression targets: %d", len(s.Y)/max(1, s.Len()))
	}
	if s.Note != "" {
		b.WriteString("; " + s.Note)
	}
	return b.String()
}

// dims writes axis sizes as 8×8×1.
func dims(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, "×")
}

// joinNotes appends to a note, clause by clause.
func joinNotes(notes ...string) string {
	notes = slices.DeleteFunc(slices.Clone(notes), func(n string) bool { return n == "" })
	return strings.Join(notes, "; ")
}
