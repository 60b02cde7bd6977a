package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Room around a line plot, in view box units.
const (
	lineHeight  = 270.0 // of the plot area
	tickLength  = 5.0
	labelGap    = 4.0 // between a tick and its label
	rightMargin = 14.0
	belowPlot   = 2*lineStep + tickLength + 6
)

// SVG implements [Figure]. It returns [ErrInvalid] if a series' lengths
// disagree or an interval is upside down.
func (l Line) SVG(w io.Writer, id string) error {
	if err := l.check(); err != nil {
		return err
	}
	traces := l.traces()
	xs, ys := l.extent(traces)
	sx, sy := newScale(xs, l.X.Log), newScale(ys, l.Y.Log)

	yTicks, yFactor := sy.ticks(6)
	left := tickLength + labelGap
	for _, t := range yTicks {
		left = max(left, textWidth(t.label)+tickLength+labelGap)
	}
	keys := l.legend()
	top := float64(keys.rows)*lineStep + lineStep + 10
	sx.from, sx.to = left, plotWidth-rightMargin
	sy.from, sy.to = top+lineHeight, top
	xTicks, xFactor := sx.spacedTicks(8)

	c := openSVG(id, top+lineHeight+belowPlot, l.Describe())
	keys.draw(c)
	c.label(0, top-12, "start", "ink", fitText(l.Y.caption(yFactor), plotWidth), l.Y.caption(yFactor))
	l.drawAxes(c, sx, sy, xTicks, yTicks)
	xCaption := l.X.caption(xFactor)
	c.label(sx.to, top+lineHeight+belowPlot-6, "end", "ink", fitText(xCaption, plotWidth), xCaption)
	for i, t := range traces {
		t.draw(c, sx, sy, lookOf(i))
	}
	if !xs.seen {
		c.label((sx.from+sx.to)/2, (sy.from+sy.to)/2, "middle", "muted", "no points to draw", "")
	}
	return c.finish(w)
}

// drawAxes draws the grid, the frame's lower and left sides, and tick labels.
func (l Line) drawAxes(c *canvas, sx, sy scale, xTicks, yTicks []tick) {
	bottom, top := sy.from, sy.to
	for _, t := range gridTicks(xTicks) {
		x := sx.at(t.value)
		c.rule(t.ink(), x, bottom, x, top)
	}
	for _, t := range gridTicks(yTicks) {
		y := sy.at(t.value)
		c.rule(t.ink(), sx.from, y, sx.to, y)
	}
	c.rule("axis", sx.from, bottom, sx.to, bottom)
	c.rule("axis", sx.from, bottom, sx.from, top)
	for _, t := range xTicks {
		x, length := sx.at(t.value), tickLength/2
		if t.label != "" {
			length = tickLength
			c.label(labelAt(x, t.label), bottom+tickLength+15, "middle", "muted", t.label, "")
		}
		c.rule("axis", x, bottom, x, bottom+length)
	}
	for _, t := range yTicks {
		y, length := sy.at(t.value), tickLength/2
		if t.label != "" {
			length = tickLength
			// A third of the font size centres digits on the tick.
			c.label(sx.from-tickLength-labelGap, y+fontSize/3, "end", "muted", t.label, "")
		}
		c.rule("axis", sx.from-length, y, sx.from, y)
	}
}

// Markers are drawn at every point of a short series, with the point's values
// as a tooltip, and some way apart on a long one, to tell it from others.
const (
	everyMarker = 60
	markerGap   = 45.0
)

func (t trace) draw(c *canvas, sx, sy scale, look look) {
	c.open("g", "class", look.class, "fill", look.light, "stroke", look.light)
	total := 0
	for _, run := range t.drawn {
		t.drawIntervals(c, run, sx, sy)
		if !t.series.Points && len(run) > 1 {
			c.leaf("path", "class", "line", "fill", "none", "stroke-width", "1.8", "stroke-linejoin", "round",
				"stroke-dasharray", look.dash, "d", linePath(run, sx, sy))
		}
		total += len(run)
	}
	lastX, lastY := math.Inf(-1), 0.0
	for _, run := range t.drawn {
		for _, p := range run {
			x, y, hint := sx.at(p.x), sy.at(p.y), ""
			if total <= everyMarker {
				hint = t.hint(p)
			} else if !t.series.Points && len(run) > 1 && math.Hypot(x-lastX, y-lastY) < markerGap {
				continue // the line shows it; a lone point has no line
			}
			lastX, lastY = x, y
			c.shape(hint, "path", "class", "dot", "stroke-width", "0", "d", look.marker(x, y, 3.6))
		}
	}
	c.close("g")
}

// hint is a point's tooltip.
func (t trace) hint(p point) string {
	s := fmt.Sprintf("%s, %s", Number(p.x), Number(p.y))
	if p.hasBar {
		s += fmt.Sprintf(" [%s, %s]", Number(p.low), Number(p.high))
	}
	if t.series.Name != "" {
		s = t.series.Name + ": " + s
	}
	return s
}

// drawIntervals draws the intervals of one run as error bars or as bands over
// consecutive points; a lone interval is always a bar.
func (t trace) drawIntervals(c *canvas, run []point, sx, sy scale) {
	lowEnd := func(p point) float64 {
		if sy.log && p.low < 1e-300 {
			return sy.from
		}
		return sy.at(p.low)
	}
	for start := 0; start < len(run); {
		if !run[start].hasBar {
			start++
			continue
		}
		end := start
		for end < len(run) && run[end].hasBar {
			end++
		}
		part := run[start:end]
		start = end
		if t.series.Band && len(part) > 1 {
			var d strings.Builder
			for i, p := range part {
				writePoint(&d, i, sx.at(p.x), sy.at(p.high))
			}
			for i := len(part) - 1; i >= 0; i-- {
				writePoint(&d, 1, sx.at(part[i].x), lowEnd(part[i]))
			}
			c.leaf("path", "class", "band", "stroke", "none", "fill-opacity", "0.18", "d", d.String()+"Z")
			continue
		}
		for _, p := range part {
			x, high, low := sx.at(p.x), sy.at(p.high), lowEnd(p)
			c.leaf("path", "class", "bar", "fill", "none", "stroke-width", "1.2", "d",
				fmt.Sprintf("M%s %sH%sM%s %sV%sM%s %sH%s", px(x-3), px(high), px(x+3), px(x), px(high), px(low), px(x-3), px(low), px(x+3)))
		}
	}
}

// linePath joins a run, leaving out points that fall on the one before.
func linePath(run []point, sx, sy scale) string {
	var d strings.Builder
	last := [2]float64{math.NaN(), math.NaN()}
	for i, p := range run {
		at := [2]float64{math.Round(sx.at(p.x) * 10), math.Round(sy.at(p.y) * 10)}
		if at == last {
			continue
		}
		last = at
		writePoint(&d, i, sx.at(p.x), sy.at(p.y))
	}
	return d.String()
}

// writePoint appends a path command: a move for the first point, else a line.
func writePoint(d *strings.Builder, i int, x, y float64) {
	if i == 0 {
		d.WriteByte('M')
	} else {
		d.WriteByte('L')
	}
	d.WriteString(px(x) + " " + px(y))
}
