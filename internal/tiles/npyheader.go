package tiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// ErrNPY is wrapped by errors about .npy files that cannot be read.
var ErrNPY = errors.New(".npy file")

const (
	npyMagic = "\x93NUMPY"
	// npyAlign is what the header's length is a multiple of, so that NumPy
	// maps the entries aligned.
	npyAlign = 64
	// maxNPYHeader bounds the header in bytes; version 1 cannot hold more.
	maxNPYHeader = 1 << 16
	// maxRank is NumPy's own limit on axes.
	maxRank = 64
)

// An npyHeader is what a .npy file says about its entries. They are in C
// order and little-endian; other files are refused.
type npyHeader struct {
	shape []int
	dtype DType
	// size is the length of the header in bytes: where the entries start.
	size int64
}

// bytes returns the size of the entries.
func (h npyHeader) bytes() (int64, bool) { return product(int64(h.dtype.Size()), h.shape...) }

// encode returns the header in format version 1 with its padding.
func (h npyHeader) encode() []byte {
	descr := "<f4"
	if h.dtype == Float64 {
		descr = "<f8"
	}
	var shape strings.Builder
	for i, n := range h.shape {
		if i > 0 {
			shape.WriteString(", ")
		}
		shape.WriteString(strconv.Itoa(n))
	}
	if len(h.shape) == 1 {
		shape.WriteString(",") // Python's tuple of one
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape.String())
	const fixed = len(npyMagic) + 4
	pad := (npyAlign - (fixed+len(dict)+1)%npyAlign) % npyAlign
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)+pad+1))
	b = append(b, dict...)
	b = append(b, strings.Repeat(" ", pad)...)
	return append(b, '\n')
}

// readNPYHeader reads a header of any format version. It reads at most 64
// KiB, whatever the file claims.
func readNPYHeader(r io.Reader) (npyHeader, error) {
	fail := func(format string, args ...any) (npyHeader, error) {
		return npyHeader{}, fmt.Errorf("%w: "+format, append([]any{ErrNPY}, args...)...)
	}
	start := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(r, start); err != nil {
		return fail("ends within its first %d bytes", len(start))
	}
	if string(start[:len(npyMagic)]) != npyMagic {
		return fail("does not start with the magic of NumPy's format")
	}
	major := start[len(npyMagic)]
	if major < 1 || major > 3 {
		return fail("format version %d, want 1 to 3", major)
	}
	length := make([]byte, 4)
	if major == 1 {
		length = length[:2]
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return fail("ends within its header")
	}
	n := uint32(binary.LittleEndian.Uint16(length))
	if major > 1 {
		n = binary.LittleEndian.Uint32(length)
	}
	if n > maxNPYHeader {
		return fail("header of %d bytes, want at most %d", n, maxNPYHeader)
	}
	dict := make([]byte, n)
	if _, err := io.ReadFull(r, dict); err != nil {
		return fail("ends within its header")
	}
	h, err := parseNPYDict(string(dict))
	if err != nil {
		return fail("header: %w", err)
	}
	h.size = int64(len(start)+len(length)) + int64(n)
	return h, nil
}

// parseNPYDict reads the Python dictionary of a header: the keys descr,
// fortran_order and shape, each once, in any order.
func parseNPYDict(text string) (npyHeader, error) {
	var h npyHeader
	p := &pyScanner{rest: text}
	if !p.eat("{") {
		return h, p.want("{")
	}
	seen := map[string]bool{}
	for !p.eat("}") {
		key, err := p.quoted()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("key %q appears twice", key)
		}
		seen[key] = true
		if !p.eat(":") {
			return h, p.want(":")
		}
		switch key {
		case "descr":
			h.dtype, err = p.descr()
		case "fortran_order":
			err = p.cOrder()
		case "shape":
			h.shape, err = p.shape()
		default:
			err = fmt.Errorf("key %q, want descr, fortran_order and shape", key)
		}
		if err != nil {
			return h, err
		}
		if !p.eat(",") && !strings.HasPrefix(p.rest, "}") {
			return h, p.want(", or }")
		}
	}
	p.blank()
	if p.rest != "" {
		return h, p.want("nothing more")
	}
	if len(seen) != 3 {
		return h, fmt.Errorf("%d of the keys descr, fortran_order and shape", len(seen))
	}
	if _, ok := h.bytes(); !ok {
		return h, fmt.Errorf("shape %v exceeds 8 EiB", h.shape)
	}
	return h, nil
}

// A pyScanner reads the few Python literals of a header.
type pyScanner struct{ rest string }

func (p *pyScanner) blank() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// eat skips blanks, then tok and the blanks after it, if it is next.
func (p *pyScanner) eat(tok string) bool {
	p.blank()
	rest, ok := strings.CutPrefix(p.rest, tok)
	if ok {
		p.rest = rest
		p.blank()
	}
	return ok
}

// want says what was expected where scanning stopped.
func (p *pyScanner) want(what string) error {
	return fmt.Errorf("at %q: want %s", p.rest[:min(len(p.rest), 20)], what)
}

func (p *pyScanner) quoted() (string, error) {
	p.blank()
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", p.want("a quoted string")
	}
	s, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok {
		return "", p.want("a closing quote")
	}
	p.rest = rest
	return s, nil
}

func (p *pyScanner) descr() (DType, error) {
	s, err := p.quoted()
	switch {
	case err != nil:
		return "", err
	case s == "<f4":
		return Float32, nil
	case s == "<f8":
		return Float64, nil
	}
	return "", fmt.Errorf("entries of type %q, want '<f4' or '<f8'; convert them with NumPy's astype", s)
}

func (p *pyScanner) cOrder() error {
	switch {
	case p.eat("False"):
		return nil
	case p.eat("True"):
		return errors.New("entries in Fortran order, want C order; convert them with numpy.ascontiguousarray")
	}
	return p.want("False")
}

func (p *pyScanner) shape() ([]int, error) {
	if !p.eat("(") {
		return nil, p.want("(")
	}
	shape := []int{}
	comma := true
	for !p.eat(")") {
		if !comma {
			return nil, p.want(", or )")
		}
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.ParseInt(p.rest[:digits], 10, 64)
		if err != nil || n > math.MaxInt {
			return nil, p.want("a size")
		}
		p.rest = p.rest[digits:]
		if shape = append(shape, int(n)); len(shape) > maxRank {
			return nil, fmt.Errorf("more than %d axes", maxRank)
		}
		comma = p.eat(",")
	}
	if len(shape) == 1 && !comma {
		return nil, fmt.Errorf("shape (%d) is no tuple", shape[0])
	}
	return shape, nil
}
