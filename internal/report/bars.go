package report

import (
	"fmt"
	"io"
	"strings"
)

// Bars compares values by horizontal bars from zero, in the order given.
type Bars struct {
	Title string
	// Alt is the text alternative; empty means one written from the data.
	Alt string
	// Label and Unit say what a value is, such as "share of the trace" in "%".
	Label, Unit string
	// Of more than 60 bars the first 60 are drawn, and a note says so; the
	// table has all of them.
	Items []Bar
}

// A Bar is one labelled value. One that is NaN or infinite has no bar.
type Bar struct {
	Label string
	Value float64
}

const (
	maxBars      = 60
	barStep      = 24.0
	barThickness = 14.0
	maxLabelRoom = 220.0
	// maxInlineUnit is how many columns a unit may take beside each value.
	maxInlineUnit = 3
)

// Describe returns the title, the text alternative, and notes on bars that are
// not drawn.
func (b Bars) Describe() Description {
	d := Description{Title: b.Title, Alt: b.Alt}
	lost := 0
	for _, i := range b.Items {
		if !drawable(i.Value) {
			lost++
		}
	}
	if d.Alt == "" {
		var s strings.Builder
		s.WriteString("Bar chart")
		if b.Label != "" {
			s.WriteString(" of " + b.caption())
		}
		fmt.Fprintf(&s, "; %s.", plural(len(b.Items), "bar"))
		for n, i := range b.Items {
			if n == 10 {
				s.WriteString(" The rest is in the table.")
				break
			}
			fmt.Fprintf(&s, " %s: %s.", i.Label, b.value(i))
		}
		d.Alt = s.String()
	}
	if n := len(b.Items); n > maxBars {
		d.Notes = append(d.Notes, fmt.Sprintf("The first %d of %d bars are drawn; the table has all.", maxBars, n))
	}
	if lost > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s NaN, infinite or beyond 1e300 and without a bar.", plural(lost, "value")+are(lost)))
	}
	return d
}

// value is an item's value, with its unit if that is short and there is a value.
func (b Bars) value(i Bar) string {
	if b.Unit == "" || displayWidth(b.Unit) > maxInlineUnit || !drawable(i.Value) {
		return Number(i.Value)
	}
	return Number(i.Value) + " " + b.Unit
}

// caption names the values, with their unit if each value does not.
func (b Bars) caption() string {
	a := Axis{Label: b.Label}
	if displayWidth(b.Unit) > maxInlineUnit {
		a.Unit = b.Unit
	}
	return a.caption(0)
}

// Table returns all items.
func (b Bars) Table() *Table {
	name := b.Label
	if name == "" {
		name = "value"
	}
	t := &Table{Caption: b.Title, Columns: []Column{{Name: ""}, {Name: name, Unit: b.Unit, Align: Right}}}
	for _, i := range b.Items {
		t.Rows = append(t.Rows, []string{i.Label, Number(i.Value)})
	}
	return t.thin(maxTableRows)
}

// SVG implements [Figure].
func (b Bars) SVG(w io.Writer, id string) error {
	items := b.Items[:min(len(b.Items), maxBars)]
	labelRoom, valueRoom := 0.0, 0.0
	data := span{seen: true} // bars start at zero, so zero is always shown
	for _, i := range items {
		labelRoom = max(labelRoom, min(textWidth(i.Label), maxLabelRoom))
		valueRoom = max(valueRoom, textWidth(b.value(i)))
		if drawable(i.Value) {
			data.add(i.Value)
		}
	}
	if data.hi == data.lo {
		data.hi = 1
	}
	top := 4.0
	caption := b.caption()
	if caption != "" {
		top += lineStep
	}
	height := top + barStep*float64(max(len(items), 1)) + 4
	c := openSVG(id, height, b.Describe())
	if caption != "" {
		c.label(plotWidth, 14, "end", "ink", fitText(caption, plotWidth), caption)
	}
	if len(items) == 0 {
		c.label(plotWidth/2, top+16, "middle", "muted", "no bars to draw", "")
	}
	s := scale{lo: data.lo, hi: data.hi, from: labelRoom + 8, to: plotWidth - valueRoom - 10}
	zero := s.at(0)
	for n, i := range items {
		y := top + barStep*float64(n)
		base := y + barStep/2 + fontSize/3
		c.label(labelRoom, base, "end", "ink", fitText(i.Label, maxLabelRoom), i.Label)
		c.label(plotWidth, base, "end", "muted", b.value(i), "")
		if !drawable(i.Value) {
			continue
		}
		end := s.at(i.Value)
		c.open("g", "class", "s1", "fill", seriesColors[0])
		c.shape(i.Label+": "+b.value(i), "rect", "class", "dot", "x", px(min(zero, end)), "y", px(y+(barStep-barThickness)/2),
			"width", px(max(end, zero)-min(zero, end)), "height", px(barThickness))
		c.close("g")
	}
	c.rule("axis", zero, top, zero, height-4)
	return c.finish(w)
}
