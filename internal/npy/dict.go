package npy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parse parses the Python dictionary in a header, which has exactly the keys
// descr, fortran_order and shape.
func parse(text string) (Header, error) {
	p := &dict{rest: text}
	var h Header
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
			h.Descr = p.quoted()
		case "fortran_order":
			h.Fortran = p.bool()
		case "shape":
			h.Shape = p.tuple()
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
	if p.err != nil {
		return Header{}, p.err
	}
	return h, nil
}

// A dict parses the few Python literals a header is made of. The first failure
// stays; all methods do nothing after it.
type dict struct {
	rest string
	err  error
}

func (p *dict) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *dict) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// accept consumes s if it comes next, and space around it.
func (p *dict) accept(s string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, s)
	if p.err != nil || !ok {
		return false
	}
	p.rest = rest
	p.space()
	return true
}

func (p *dict) token(s string) {
	if !p.accept(s) {
		p.fail("%q expected before %.20q", s, p.rest)
	}
}

// quoted parses text without quotes and backslashes in it, which no header has.
func (p *dict) quoted() string {
	p.space()
	if p.err != nil || p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		p.fail("quoted text expected before %.20q", p.rest)
		return ""
	}
	value, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	switch {
	case !ok:
		p.fail("text without its closing quote")
	case strings.ContainsAny(value, "'\"\\\n"):
		p.fail("%.20q is no name", value)
	}
	p.rest = rest
	return value
}

func (p *dict) bool() bool {
	if p.accept("True") {
		return true
	}
	p.token("False")
	return false
}

// tuple parses (), (3,) or (3, 4), of sizes that fit an int.
func (p *dict) tuple() []int {
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
		if shape = append(shape, n); len(shape) > maxAxes {
			p.fail("more than %d axes", maxAxes)
		}
		// Python 2 wrote long integers as 3L.
		p.accept("L")
		if !p.accept(",") {
			if len(shape) == 1 {
				p.fail("shape (%d) is no tuple", n)
			}
			p.token(")")
			break
		}
	}
	return shape
}
