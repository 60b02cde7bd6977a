package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"io"
)

// A box is the size of a heat map's plot area in view box units.
type box struct {
	left, width, height float64
	below               float64 // room for what stands below the plot
	slanted             bool    // column names, as some are too wide for their columns
}

// Room beside a heat map.
const (
	barGap      = 16.0 // between plot and colour bar
	barWidth    = 14.0
	maxNameRoom = 110.0 // for the name of a group
	maxHeight   = 520.0
	minHeight   = 60.0
)

// plotSide returns the plot area: as wide as the labels leave room for, and as
// high as the matrix' shape asks, within limits.
func (h Heatmap) plotSide(c cells) box {
	room := textWidth(fmt.Sprint(h.Rows - 1))
	for _, g := range h.RowGroups {
		room = max(room, min(textWidth(g.Name), maxNameRoom))
	}
	b := box{left: room + tickLength + labelGap}
	barRoom := barGap + barWidth + tickLength + labelGap
	ticks, _ := c.ticks(h)
	widest := 0.0
	for _, t := range ticks {
		widest = max(widest, textWidth(t.label))
	}
	b.width = plotWidth - b.left - barRoom - widest
	b.height = min(max(b.width*float64(h.Rows)/float64(h.Cols), minHeight), maxHeight)
	b.below = belowPlot
	if hiddenNames(h.ColGroups, b.width, 0) > 0 {
		b.slanted = true
		longest := 0.0
		for _, g := range h.ColGroups {
			longest = max(longest, min(textWidth(g.Name), maxNameRoom))
		}
		// At 45° a name is 0.71 times as high as it is long.
		b.below = 0.71*longest + 12 + lineStep
	}
	return b
}

// SVG implements [Figure]. It returns [ErrInvalid] if the shape, the values
// and the groups disagree.
func (h Heatmap) SVG(w io.Writer, id string) error {
	if err := h.check(); err != nil {
		return err
	}
	cells := h.cells()
	b := h.plotSide(cells)
	top := lineStep + 8
	c := openSVG(id, top+b.height+b.below, h.Describe())
	c.label(0, top-12, "start", "ink", fitText(h.RowLabel, b.left+b.width), h.RowLabel)
	c.label(b.left+b.width, top+b.height+b.below-6, "end", "ink", fitText(h.ColLabel, b.left+b.width), h.ColLabel)

	// The inner view box has one unit per entry and clips: edge cells that
	// average fewer entries are as narrow as these.
	uri, err := cells.png()
	if err != nil {
		return err
	}
	c.open("svg", "x", px(b.left), "y", px(top), "width", px(b.width), "height", px(b.height),
		"viewBox", fmt.Sprintf("0 0 %d %d", h.Cols, h.Rows), "preserveAspectRatio", "none", "overflow", "hidden")
	c.image(uri, 0, 0, float64(cells.width*cells.block), float64(cells.height*cells.block))
	c.close("svg")

	sx := scale{hi: float64(h.Cols), from: b.left, to: b.left + b.width}
	sy := scale{hi: float64(h.Rows), from: top, to: top + b.height}
	h.drawRows(c, sx, sy)
	h.drawCols(c, sx, sy, b.slanted)
	c.leaf("rect", "class", "axis", "fill", "none", "stroke", inks["axis"],
		"x", px(b.left), "y", px(top), "width", px(b.width), "height", px(b.height))
	if err := h.drawBar(c, cells, b, top); err != nil {
		return err
	}
	return c.finish(w)
}

// png returns the cells as the data URI of a paletted image.
func (c cells) png() (string, error) {
	img := image.NewPaletted(image.Rect(0, 0, c.width, c.height), c.colors.palette())
	for i, v := range c.means {
		img.Pix[i/c.width*img.Stride+i%c.width] = c.index(v)
	}
	return dataURI(img)
}

func dataURI(img image.Image) (string, error) {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, img); err != nil {
		return "", fmt.Errorf("report: encoding a heat map: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// image draws a data URI without smoothing.
func (c *canvas) image(uri string, x, y, width, height float64) {
	c.leaf("image", "href", uri, "x", px(x), "y", px(y), "width", px(width), "height", px(height),
		"preserveAspectRatio", "none", "style", "image-rendering:pixelated")
}

// drawRows labels rows by group or by index.
func (h Heatmap) drawRows(c *canvas, sx, sy scale) {
	if h.RowGroups == nil {
		for _, i := range indexTicks(h.Rows, 6) {
			y := sy.at(i.value + 0.5)
			c.rule("axis", sx.from-tickLength, y, sx.from, y)
			c.label(sx.from-tickLength-labelGap, y+fontSize/3, "end", "muted", i.label, "")
		}
		return
	}
	for _, s := range spread(h.RowGroups, sy, lineStep) {
		if s.start > 0 {
			c.boundary(sx.from, sy.at(s.start), sx.to, sy.at(s.start))
		}
		if s.named {
			c.label(sx.from-labelGap-2, sy.at((s.start+s.end)/2)+fontSize/3, "end", "muted", fitText(s.name, maxNameRoom), s.name)
		}
	}
}

// drawCols labels columns by group or by index.
func (h Heatmap) drawCols(c *canvas, sx, sy scale, slanted bool) {
	baseline := sy.to + tickLength + 15
	if h.ColGroups == nil {
		ticks := indexTicks(h.Cols, 8)
		sx.hideOverlaps(ticks)
		for _, i := range ticks {
			x := sx.at(i.value + 0.5)
			c.rule("axis", x, sy.to, x, sy.to+tickLength)
			c.label(x, baseline, "middle", "muted", i.label, "")
		}
		return
	}
	for _, s := range spread(h.ColGroups, sx, nameRoom(slanted)) {
		if s.start > 0 {
			c.boundary(sx.at(s.start), sy.from, sx.at(s.start), sy.to)
		}
		x := sx.at((s.start + s.end) / 2)
		switch {
		case s.named && slanted:
			c.open("g", "transform", "rotate(-45 "+px(x+4)+" "+px(sy.to+12)+")")
			c.label(x+4, sy.to+12, "end", "muted", fitText(s.name, maxNameRoom), s.name)
			c.close("g")
		case s.named:
			c.label(x, baseline, "middle", "muted", s.name, "")
		}
	}
}

// boundary draws a line that shows on every colour: white on dark.
func (c *canvas) boundary(x1, y1, x2, y2 float64) {
	for _, pen := range [][2]string{{"#000", "1.6"}, {"#fff", "0.7"}} {
		c.leaf("line", "stroke", pen[0], "stroke-width", pen[1], "stroke-opacity", "0.75",
			"x1", px(x1), "y1", px(y1), "x2", px(x2), "y2", px(y2))
	}
}

// indexTicks returns at most about n whole indices of 0 … size-1.
func indexTicks(size, n int) []tick {
	if size == 1 {
		return []tick{{0, "0"}}
	}
	ticks, _ := linearTicks(0, float64(size-1), min(n, size-1))
	// Large indices are written in full: they are names, not quantities.
	for i, t := range ticks {
		ticks[i].label = decimal(int64(t.value), 0)
	}
	return ticks
}

// A stretch is a group's place along its side.
type stretch struct {
	start, end float64 // in rows or columns
	name       string
	named      bool // there is room for the name
}

// spread places groups along a scale. A name needs need units of room, or its
// own width if need is 0.
func spread(groups []Group, s scale, need float64) []stretch {
	var out []stretch
	at := 0
	for _, g := range groups {
		p := stretch{start: float64(at), end: float64(at + g.Size), name: g.Name}
		room := need
		if room == 0 {
			room = textWidth(g.Name) + 2
		}
		p.named = g.Name != "" && s.at(p.end)-s.at(p.start) >= room
		out = append(out, p)
		at += g.Size
	}
	return out
}

// nameRoom is the need of [spread] for names of columns: a line's height if
// they are slanted, else each name's own width.
func nameRoom(slanted bool) float64 {
	if slanted {
		return lineStep
	}
	return 0
}

// hiddenNames counts the names without room along a side of the given length.
func hiddenNames(groups []Group, length, need float64) (n int) {
	total := 0
	for _, g := range groups {
		total += g.Size
	}
	for _, s := range spread(groups, scale{hi: float64(total), to: length}, need) {
		if s.name != "" && !s.named {
			n++
		}
	}
	return n
}

// drawBar draws the colour bar with ticks, and what an entry is above it.
func (h Heatmap) drawBar(c *canvas, cells cells, b box, top float64) error {
	x, height := b.left+b.width+barGap, b.height
	img := image.NewRGBA(image.Rect(0, 0, 1, levels))
	s := scale{lo: cells.low, hi: cells.high, from: top + height, to: top}
	if cells.constant() {
		// One value has one colour: a bar of it, labelled in the middle.
		middle := top + height/2
		s = scale{lo: 0, hi: 1, from: middle, to: middle}
	}
	ticks, factor := cells.ticks(h)
	for i := range levels {
		t := 1 - float64(i)/(levels-1)
		if cells.constant() {
			t = 0.5
		}
		img.SetRGBA(0, i, cells.colors(t))
	}
	uri, err := dataURI(img)
	if err != nil {
		return err
	}
	c.image(uri, x, top, barWidth, height)
	c.leaf("rect", "class", "axis", "fill", "none", "stroke", inks["axis"],
		"x", px(x), "y", px(top), "width", px(barWidth), "height", px(height))
	for _, t := range ticks {
		y := s.at(t.value)
		c.rule("axis", x+barWidth, y, x+barWidth+tickLength, y)
		c.label(x+barWidth+tickLength+labelGap, y+fontSize/3, "start", "muted", t.label, "")
	}
	caption := Axis{Label: h.Label, Unit: h.Unit}.caption(factor)
	c.label(plotWidth, top-12, "end", "ink", fitText(caption, plotWidth-textWidth(h.RowLabel)-20), caption)
	return nil
}

// constant reports whether there is one value only, or none.
func (c cells) constant() bool { return !(c.low < c.high) }

// ticks returns the ticks of the colour bar and the factor of [linearTicks];
// fewer for a flat matrix, whose bar is short.
func (c cells) ticks(h Heatmap) ([]tick, int) {
	switch {
	case c.lost == len(c.means):
		return nil, 0
	case c.high-c.low <= 1e-12*max(-c.low, c.high):
		// One value, or too few digits apart to label two.
		return []tick{{c.low, Number(c.low)}}, 0
	case h.Rows < h.Cols/3:
		return linearTicks(c.low, c.high, 2)
	default:
		return linearTicks(c.low, c.high, 6)
	}
}
