package report

import (
	"fmt"
	"math"
)

// Heatmap shows a matrix by colour: viridis where all entries have one sign, a
// diverging map centred at zero where they have both.
type Heatmap struct {
	Title string
	// Alt is the text alternative; empty means one written from the data.
	Alt string
	// Rows and Cols are the matrix' shape; Values holds it row by row. Above
	// 256 rows or columns the cells are means of square blocks, and a note
	// says so.
	Rows, Cols int
	Values     []float64
	// RowLabel and ColLabel say what an index means; empty means nothing.
	RowLabel, ColLabel string
	// Label and Unit say what an entry is.
	Label, Unit string
	// RowGroups and ColGroups name consecutive rows and columns, such as the
	// classes of ordered examples; lines are drawn between them. Their sizes
	// add up to Rows and Cols; nil means none.
	RowGroups, ColGroups []Group
	// Low and High fix the range of colours, so that several heat maps can be
	// compared; both zero mean the range of the cells. Cells outside are
	// clipped and counted in a note.
	Low, High float64
}

// A Group is a run of consecutive rows or columns.
type Group struct {
	Name string
	Size int
}

func (h Heatmap) check() error {
	if h.Rows < 1 || h.Cols < 1 {
		return fmt.Errorf("%w: heat map %q is %d by %d, it needs at least one entry", ErrInvalid, h.Title, h.Rows, h.Cols)
	}
	// Dividing avoids the overflow of Rows·Cols.
	if len(h.Values)/h.Cols != h.Rows || len(h.Values)%h.Cols != 0 {
		return fmt.Errorf("%w: heat map %q is %d by %d but has %d values", ErrInvalid, h.Title, h.Rows, h.Cols, len(h.Values))
	}
	if h.Low > h.High || !drawable(h.Low) || !drawable(h.High) {
		return fmt.Errorf("%w: heat map %q has the colour range %g to %g", ErrInvalid, h.Title, h.Low, h.High)
	}
	if err := checkGroups(h.RowGroups, h.Rows, "rows", h.Title); err != nil {
		return err
	}
	return checkGroups(h.ColGroups, h.Cols, "columns", h.Title)
}

func checkGroups(groups []Group, n int, side, title string) error {
	if groups == nil {
		return nil
	}
	sum := 0
	for _, g := range groups {
		if g.Size < 0 || g.Size > n {
			return fmt.Errorf("%w: group %q of heat map %q has %d of %d %s", ErrInvalid, g.Name, title, g.Size, n, side)
		}
		sum += g.Size
	}
	if sum != n {
		return fmt.Errorf("%w: the groups of heat map %q have %d %s, the matrix has %d", ErrInvalid, title, sum, side, n)
	}
	return nil
}

// block is the side of the square of entries that one cell stands for.
func (h Heatmap) block() int {
	return max(1, (max(h.Rows, h.Cols)+maxCells-1)/maxCells)
}

// cells are what a heat map draws.
type cells struct {
	means         []float64
	height, width int
	block         int
	colors        colormap
	low, high     float64 // the ends of the colour range
	outside       int     // cells beyond an end
	lost          int     // cells with an entry that is not drawable
}

func (h Heatmap) cells() cells {
	c := cells{block: h.block(), colors: viridis}
	c.means, c.height, c.width = blockMeans(h.Values, h.Rows, h.Cols, c.block)
	var s span
	for _, v := range c.means {
		if math.IsNaN(v) {
			c.lost++
		} else {
			s.add(v)
		}
	}
	if h.Low != 0 || h.High != 0 {
		s = span{h.Low, h.High, true}
	}
	if s.lo < 0 && s.hi > 0 {
		c.colors = diverging
		s.hi = max(-s.lo, s.hi)
		s.lo = -s.hi
	}
	c.low, c.high = s.lo, s.hi
	for _, v := range c.means {
		if v < c.low || v > c.high {
			c.outside++
		}
	}
	return c
}

// index returns the palette index of a cell.
func (c cells) index(v float64) uint8 {
	switch {
	case math.IsNaN(v):
		return levels
	case c.constant():
		return levels / 2
	}
	t := (v - c.low) / (c.high - c.low)
	return uint8(math.Round(min(max(t, 0), 1) * (levels - 1)))
}

// Describe returns the title, the text alternative, and notes on averaged,
// clipped and missing entries.
func (h Heatmap) Describe() Description {
	d := Description{Title: h.Title, Alt: h.Alt}
	if h.check() != nil {
		return d // SVG says what is wrong
	}
	c, s := h.cells(), h.summary()
	if d.Alt == "" {
		d.Alt = fmt.Sprintf("Heat map of a %d by %d matrix", h.Rows, h.Cols)
		if h.Label != "" {
			d.Alt += " of " + h.Label
		}
		if s.entries.seen {
			d.Alt += fmt.Sprintf("; entries from %s to %s, mean %s", Number(s.entries.lo), Number(s.entries.hi), Number(s.mean))
		}
		if s.hasSides {
			d.Alt += fmt.Sprintf("; mean on the diagonal %s, off it %s", Number(s.diagonal), Number(s.off))
		}
		d.Alt += "."
	}
	if c.block > 1 {
		d.Notes = append(d.Notes, fmt.Sprintf("The matrix has %d × %d entries; each cell is the mean of %d × %d of them (fewer at the right and lower edge if these do not divide).",
			h.Rows, h.Cols, c.block, c.block))
	}
	if s.lost > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s NaN, infinite or beyond 1e300; cells with such entries are grey (%d of %d).",
			plural(s.lost, "entry")+are(s.lost), c.lost, len(c.means)))
	}
	if c.outside > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s outside the range of colours and shown in the colour of its end.",
			plural(c.outside, "cell")+are(c.outside)))
	}
	b := h.plotSide(c)
	if n := hiddenNames(h.RowGroups, b.height, lineStep) + hiddenNames(h.ColGroups, b.width, nameRoom(b.slanted)); n > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s too narrow for their names, which are left out.", plural(n, "group")+are(n)))
	}
	return d
}

func are(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}
