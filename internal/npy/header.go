// Package npy reads and writes the headers of NumPy's .npy files.
//
// Source: NumPy Enhancement Proposal 1, and numpy.lib.format.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// align is what the header's length is a multiple of, so that NumPy maps
	// the entries aligned.
	align = 64
	// maxHeader bounds the dictionary in bytes: NumPy writes 118, and refuses
	// above it.
	maxHeader = 10000
	// maxAxes is NumPy's own limit.
	maxAxes = 64
)

// A Header is what a .npy file says of its array. It is not compared with the
// file's length, and sizes are not multiplied.
type Header struct {
	// Descr is how an entry is stored, such as "<f8".
	Descr string
	// Fortran says that the first axis is the fastest.
	Fortran bool
	// Shape has sizes of at least 0; none is a single number.
	Shape []int
	// Size is the length of the header in bytes: where the entries start.
	Size int64
}

// Encode returns the header in format version 1 with its padding, as
// numpy.save writes it. h.Size is not used.
func (h Header) Encode() []byte {
	var shape strings.Builder
	for i, n := range h.Shape {
		if i > 0 {
			shape.WriteString(", ")
		}
		shape.WriteString(strconv.Itoa(n))
	}
	if len(h.Shape) == 1 {
		shape.WriteString(",") // Python's tuple of one
	}
	order := "False"
	if h.Fortran {
		order = "True"
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", h.Descr, order, shape.String())
	const fixed = len(magic) + 4
	pad := (align - (fixed+len(dict)+1)%align) % align
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)+pad+1))
	b = append(b, dict...)
	b = append(b, strings.Repeat(" ", pad)...)
	return append(b, '\n')
}

// Read reads a header of any format version, and nothing after it: at most 10
// kB, whatever the file claims. Its errors say what is wrong with the header,
// and not of which file.
func Read(r io.Reader) (Header, error) {
	start := make([]byte, len(magic)+2)
	if n, err := io.ReadFull(r, start); err != nil || string(start[:len(magic)]) != magic {
		if err != nil && !ended(err) {
			return Header{}, err
		}
		return Header{}, fmt.Errorf("not a .npy file: it starts with %q", start[:min(n, len(magic))])
	}
	major := start[len(magic)]
	if major < 1 || major > 3 {
		return Header{}, fmt.Errorf(".npy version %d is unknown, 1 to 3 expected", major)
	}
	// A little-endian number of two bytes in version 1, four in the others.
	length := make([]byte, 4)
	width := 4
	if major == 1 {
		width = 2
	}
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return Header{}, cut(err, "within its first %d bytes", len(start)+width)
	}
	n := binary.LittleEndian.Uint32(length)
	if n > maxHeader {
		return Header{}, fmt.Errorf(".npy header of %d bytes, at most %d expected", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, cut(err, "within a header of %d bytes", n)
	}
	h, err := parse(string(text))
	if err != nil {
		return Header{}, fmt.Errorf(".npy header: %w", err)
	}
	h.Size = int64(len(start) + width + len(text))
	return h, nil
}

func ended(err error) bool { return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) }

// cut says where a file ends too early; other failures are what they are.
func cut(err error, format string, args ...any) error {
	if !ended(err) {
		return err
	}
	return fmt.Errorf(".npy file is cut short "+format, args...)
}
