package data

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	npyMagic = "\x93NUMPY"

	// NumPy writes headers of 118 bytes, and refuses above 10000.
	maxNpyHeader = 10000

	// NumPy has no arrays of more axes.
	maxNpyAxes = 64
)

// A npyHeader is what a .npy file says of its array.
type npyHeader struct {
	descr   string // such as "<f8"
	fortran bool   // first axis fastest
	shape   []int
	data    int64 // where the values start
}

// readNpyHeader reads the header of a .npy file of version 1, 2 or 3.
//
// Source: NumPy Enhancement Proposal 1, and numpy.lib.format.
func readNpyHeader(b *blob) (npyHeader, error) {
	start := make([]byte, min(b.size, 12))
	if err := b.readFull(start, 0); err != nil {
		return npyHeader{}, err
	}
	if len(start) < 10 || string(start[:6]) != npyMagic {
		return npyHeader{}, fmt.Errorf("%s: not a .npy file: %d bytes that start with %q", b.file, b.size, start[:min(6, len(start))])
	}
	var at, length int64
	switch version := start[6]; {
	case version == 1:
		at, length = 10, int64(binary.LittleEndian.Uint16(start[8:]))
	case version <= 3 && version > 0 && len(start) == 12:
		at, length = 12, int64(binary.LittleEndian.Uint32(start[8:]))
	default:
		return npyHeader{}, fmt.Errorf("%s: .npy version %d is unknown, or its header is cut short", b.file, version)
	}
	if length > maxNpyHeader {
		return npyHeader{}, fmt.Errorf("%s: .npy header of %d bytes, at most %d expected", b.file, length, maxNpyHeader)
	}
	if at+length > b.size {
		return npyHeader{}, fmt.Errorf("%s: %d bytes expected for the .npy header, %d found", b.file, at+length, b.size)
	}
	text := make([]byte, length)
	if err := b.readFull(text, at); err != nil {
		return npyHeader{}, err
	}
	h, err := parseNpyHeader(string(text))
	if err != nil {
		return npyHeader{}, fmt.Errorf("%s: .npy header: %w", b.file, err)
	}
	h.data = at + length
	return h, nil
}

// parseNpyHeader parses the Python dictionary in a header, which has exactly
// the keys descr, fortran_order and shape.
func parseNpyHeader(text string) (npyHeader, error) {
	p := &pyDict{rest: text}
	var h npyHeader
	var seen []string
	p.token("{")
	for p.err == nil && !p.accept("}") {
		key := p.quoted()
		p.token(":")
		if slices.Contains(seen, key) {
			p.fail("key %q twice", key)
		}
		seen = append(seen, key)
		switch key {
		case "descr":
			if strings.HasPrefix(p.rest, "[") {
				p.fail("structured arrays are not supported, save one array of numbers")
			}
			h.descr = p.quoted()
		case "fortran_order":
			h.fortran = p.bool()
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("unknown key %q", key)
		}
		if !p.accept(",") {
			p.token("}")
			break
		}
	}
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail("%d bytes after the end", len(p.rest))
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("keys %q, expected descr, fortran_order and shape", seen)
	}
	return h, p.err
}

// A pyDict parses the few Python literals a header is made of. The first
// failure stays; all methods do nothing after it.
type pyDict struct {
	rest string
	err  error
}

func (p *pyDict) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *pyDict) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// accept consumes s if it comes next, and space around it.
func (p *pyDict) accept(s string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, s)
	if p.err != nil || !ok {
		return false
	}
	p.rest = rest
	p.space()
	return true
}

func (p *pyDict) token(s string) {
	if !p.accept(s) {
		p.fail("%q expected before %.20q", s, p.rest)
	}
}

func (p *pyDict) quoted() string {
	for _, quote := range []string{"'", `"`} {
		if !p.accept(quote) {
			continue
		}
		value, rest, ok := strings.Cut(p.rest, quote)
		if !ok {
			p.fail("text without its closing quote")
		}
		p.rest = rest
		return value
	}
	p.fail("quoted text expected before %.20q", p.rest)
	return ""
}

func (p *pyDict) bool() bool {
	if p.accept("True") {
		return true
	}
	p.token("False")
	return false
}

// tuple parses (), (3,) or (3, 4), of sizes that fit an int.
func (p *pyDict) tuple() []int {
	shape := []int{}
	p.token("(")
	for p.err == nil && !p.accept(")") {
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			p.fail("axis size expected before %.20q", p.rest)
			break
		}
		p.rest = p.rest[digits:]
		shape = append(shape, n)
		if len(shape) > maxNpyAxes {
			p.fail("more than %d axes", maxNpyAxes)
		}
		// Python 2 wrote long integers as 3L.
		p.accept("L")
		if !p.accept(",") {
			p.token(")")
			break
		}
	}
	return shape
}
