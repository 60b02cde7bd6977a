package report

import (
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"
)

// A canvas collects one SVG element. Colours are written twice: as classes,
// which the page's style sheet maps to the reader's light or dark palette, and
// as attributes, which serve where the SVG stands alone.
type canvas struct {
	b strings.Builder
}

// openSVG starts the root element with its title and text alternative.
func openSVG(id string, height float64, d Description) *canvas {
	c := &canvas{}
	c.open("svg", "xmlns", "http://www.w3.org/2000/svg", "class", "plot", "role", "img",
		"aria-labelledby", id+"-title "+id+"-desc",
		"viewBox", "0 0 "+px(plotWidth)+" "+px(height),
		"font-family", "system-ui, sans-serif", "font-size", px(fontSize))
	c.element("title", d.Title, "id", id+"-title")
	c.element("desc", d.Alt, "id", id+"-desc")
	return c
}

// finish closes the root element and writes everything to w.
func (c *canvas) finish(w io.Writer) error {
	c.close("svg")
	_, err := io.WriteString(w, c.b.String())
	return err
}

// open writes a start tag; attrs are names and values in turn.
func (c *canvas) open(name string, attrs ...string) { c.tag(name, ">", attrs) }

// leaf writes an element without content.
func (c *canvas) leaf(name string, attrs ...string) { c.tag(name, "/>\n", attrs) }

func (c *canvas) close(name string) { c.b.WriteString("</" + name + ">\n") }

// element writes an element whose content is text.
func (c *canvas) element(name, text string, attrs ...string) {
	c.tag(name, ">", attrs)
	c.escape(text)
	// No line break: white space inside <text> would be drawn.
	c.b.WriteString("</" + name + ">")
}

// shape writes an element whose tooltip says hint; an empty hint means none.
func (c *canvas) shape(hint, name string, attrs ...string) {
	if hint == "" {
		c.leaf(name, attrs...)
		return
	}
	c.open(name, attrs...)
	c.element("title", hint)
	c.close(name)
}

// label writes text at (x, y); anchor is start, middle or end, ink a class. If
// text is short for something longer, whole is shown as a tooltip.
func (c *canvas) label(x, y float64, anchor, ink, text, whole string) {
	c.open("text", "x", px(x), "y", px(y), "text-anchor", anchor, "class", ink, "fill", inks[ink])
	if whole != "" && whole != text {
		c.element("title", whole)
	}
	c.escape(text)
	c.close("text")
}

// rule writes a straight line of a class of ink.
func (c *canvas) rule(ink string, x1, y1, x2, y2 float64) {
	c.leaf("line", "class", ink, "stroke", inks[ink], "x1", px(x1), "y1", px(y1), "x2", px(x2), "y2", px(y2))
}

func (c *canvas) tag(name, end string, attrs []string) {
	c.b.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		c.b.WriteString(" " + attrs[i] + `="`)
		c.escape(attrs[i+1])
		c.b.WriteByte('"')
	}
	c.b.WriteString(end)
}

// escape makes any text safe inside XML and HTML alike; bytes and characters
// that XML forbids become U+FFFD.
func (c *canvas) escape(text string) {
	// Writing to a strings.Builder does not fail.
	_ = xml.EscapeText(&c.b, []byte(text))
}

// inks are the light palette's colours for text and lines, by class.
var inks = map[string]string{
	"ink":   "#1b1b1f",
	"muted": "#55585f",
	"axis":  "#75787f",
	"grid":  "#dddfe2",
	"minor": "#ededef",
}

// px formats a coordinate to a tenth of a unit, a twelfth of a millimetre at
// most on a screen.
func px(v float64) string {
	// Adding zero turns -0 into 0.
	return strconv.FormatFloat(math.Round(v*10)/10+0, 'f', -1, 64)
}
