package report

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// A Figure is a plot with a text alternative and its data as a table.
type Figure interface {
	// Describe returns what is said about the plot in words.
	Describe() Description
	// Table returns the plot's data, or nil where it has none worth reading.
	Table() *Table
	// SVG writes the plot as one <svg> element. The id prefixes the ids
	// inside it, so it has to be unique in the document.
	SVG(w io.Writer, id string) error
}

// A Description says in words what a figure shows.
type Description struct {
	// Title names the figure.
	Title string
	// Alt is the text alternative, for readers who do not see the plot.
	Alt string
	// Notes say what the plot leaves out, averages or clips. They are part of
	// the result and shown below the plot.
	Notes []string
}

// checkFigure returns [ErrInvalid] for a figure that cannot be called.
func checkFigure(f Figure) error {
	if f == nil {
		return fmt.Errorf("%w: a figure is nil", ErrInvalid)
	}
	if v := reflect.ValueOf(f); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("%w: a figure is a nil %T", ErrInvalid, f)
	}
	return nil
}

// Sizes of every plot, in units of the SVG view box. On a desk the page shows
// 520 units as 640 px, on a phone as about 360 px.
const (
	plotWidth = 520.0
	// fontSize is what is drawn on a wide page.
	fontSize = 13.0
	// layoutFont is what room is left for: the style sheet enlarges text to
	// it on narrow screens, where fontSize would be 9 px.
	layoutFont = 15.0
	// charWidth is the room for one narrow character, in em. Digits take
	// 0.56 em in Helvetica and 0.64 em in DejaVu Sans, the widest common one.
	charWidth = 0.62
	lineStep  = 20.0
)

// textWidth estimates the room that s needs, from above for common fonts.
func textWidth(s string) float64 {
	n := float64(displayWidth(s))
	// Signs and the ellipsis are wider than digits: 0.84 and 1 em.
	n += 0.6 * float64(strings.Count(s, "−")+strings.Count(s, "×")+strings.Count(s, "…"))
	return n * charWidth * layoutFont
}

// fitText shortens s in its middle until it needs at most width: the ends of
// a weight's path tell more than its middle.
func fitText(s string, width float64) string {
	if textWidth(s) <= width {
		return s
	}
	r := []rune(s)
	for keep := len(r) - 1; keep > 1; keep-- {
		tail := keep / 2
		short := string(r[:keep-tail]) + "…" + string(r[len(r)-tail:])
		if textWidth(short) <= width {
			return short
		}
	}
	return "…"
}

// drawable reports whether v can be a coordinate or a colour. Beyond 1e300
// differences and block sums overflow.
func drawable(v float64) bool { return v >= -1e300 && v <= 1e300 }

// span is the closed interval of the values seen so far.
type span struct {
	lo, hi float64
	seen   bool
}

func (s *span) add(v float64) {
	if !s.seen {
		*s = span{v, v, true}
		return
	}
	s.lo, s.hi = min(s.lo, v), max(s.hi, v)
}

// plural returns "1 point" or "3 points".
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "entry":
		return fmt.Sprintf("%d entries", n)
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
