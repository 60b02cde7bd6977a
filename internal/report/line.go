package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Line plots one or more series against linear or logarithmic axes.
type Line struct {
	Title string
	// Alt is the text alternative; empty means one written from the data.
	Alt    string
	X, Y   Axis
	Series []Series
}

// A Series is a sequence of points, joined in the order given. A point that
// an axis cannot show interrupts the line, and is counted in the notes.
type Series struct {
	Name string
	// X may be nil, which means 1, 2, 3, …
	X, Y []float64
	// Low and High are the ends of an interval around each Y, in units of y:
	// both nil, or both as long as Y.
	Low, High []float64
	// Band draws the intervals as one shaded band instead of error bars.
	Band bool
	// Points draws a marker at every point, and no line. A line of more than
	// 2000 points is thinned to what can be seen, and a note says so.
	Points bool
}

// x returns the abscissa of point i.
func (s Series) x(i int) float64 {
	if s.X == nil {
		return float64(i + 1)
	}
	return s.X[i]
}

func (s Series) check() error {
	switch n := len(s.Y); {
	case s.X != nil && len(s.X) != n:
		return fmt.Errorf("%w: series %q has %d x and %d y", ErrInvalid, s.Name, len(s.X), n)
	case len(s.Low) != len(s.High):
		return fmt.Errorf("%w: series %q has %d lower and %d upper ends", ErrInvalid, s.Name, len(s.Low), len(s.High))
	case s.Low != nil && len(s.Low) != n:
		return fmt.Errorf("%w: series %q has %d intervals for %d y", ErrInvalid, s.Name, len(s.Low), n)
	}
	for i := range s.Low {
		if s.Low[i] > s.High[i] {
			return fmt.Errorf("%w: series %q, point %d: the interval's lower end %g is above its upper end %g",
				ErrInvalid, s.Name, i, s.Low[i], s.High[i])
		}
	}
	return nil
}

func (l Line) check() error {
	for _, s := range l.Series {
		if err := s.check(); err != nil {
			return fmt.Errorf("%w (figure %q)", err, l.Title)
		}
	}
	return nil
}

// Describe returns the title, the text alternative, and notes on points and
// intervals that the axes cannot show and on how many points the line visits.
func (l Line) Describe() Description {
	d := Description{Title: l.Title, Alt: l.Alt}
	if l.check() != nil {
		return d // SVG says what is wrong
	}
	traces := l.traces()
	for _, t := range traces {
		d.Notes = append(d.Notes, t.notes()...)
	}
	if d.Alt == "" {
		d.Alt = l.alt(traces)
	}
	return d
}

// alt describes the data in sentences.
func (l Line) alt(traces []trace) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Line plot of %s against %s", l.Y.name("y"), l.X.name("x"))
	switch {
	case l.X.Log && l.Y.Log:
		b.WriteString(", both axes logarithmic")
	case l.X.Log:
		b.WriteString(", horizontal axis logarithmic")
	case l.Y.Log:
		b.WriteString(", vertical axis logarithmic")
	}
	fmt.Fprintf(&b, "; %d series.", len(traces))
	for i, t := range traces {
		points := slices.Concat(t.runs...)
		name := t.series.Name
		if name == "" {
			name = fmt.Sprintf("Series %d", i+1)
		}
		fmt.Fprintf(&b, " %s: %s", name, plural(len(points), "point"))
		if len(points) > 0 {
			first, last := points[0], points[len(points)-1]
			var y span
			for _, p := range points {
				y.add(p.y)
			}
			fmt.Fprintf(&b, ", from %s at %s to %s at %s, lowest %s, highest %s",
				Number(first.y), Number(first.x), Number(last.y), Number(last.x), Number(y.lo), Number(y.hi))
		}
		b.WriteString(".")
	}
	return b.String()
}

// Table returns the data, points left out of the plot included: one column per
// series if they share their x, else one row per point of each series. Of more
// than 1000 rows every k-th is kept, and the caption says so.
func (l Line) Table() *Table {
	if l.check() != nil || len(l.Series) == 0 {
		return nil
	}
	t := &Table{Caption: l.Title}
	x := Column{Name: l.X.name("x"), Unit: l.X.Unit, Align: Right}
	if l.sharedX() {
		t.Columns = []Column{x}
		for _, s := range l.Series {
			t.Columns = append(t.Columns, s.columns(s.Name, l.Y)...)
		}
		for i := range l.Series[0].Y {
			row := []string{Number(l.Series[0].x(i))}
			for _, s := range l.Series {
				row = append(row, s.cells(i)...)
			}
			t.Rows = append(t.Rows, row)
		}
		return t.thin(maxTableRows)
	}
	withIntervals := slices.ContainsFunc(l.Series, func(s Series) bool { return s.Low != nil })
	t.Columns = append([]Column{{Name: "series"}, x},
		Series{Low: make([]float64, 0)}.columns(l.Y.name("y"), l.Y)...)
	if !withIntervals {
		t.Columns = t.Columns[:3]
	}
	for _, s := range l.Series {
		for i := range s.Y {
			row := append([]string{s.Name, Number(s.x(i))}, s.cells(i)...)
			for len(row) < len(t.Columns) {
				row = append(row, "")
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t.thin(maxTableRows)
}

// maxTableRows keeps a page of many plots below 2 MB.
const maxTableRows = 1000

// sharedX reports whether all series have the same abscissas.
func (l Line) sharedX() bool {
	first := l.Series[0]
	for _, s := range l.Series[1:] {
		if len(s.Y) != len(first.Y) {
			return false
		}
		for i := range s.Y {
			if s.x(i) != first.x(i) {
				return false
			}
		}
	}
	return true
}

// columns are the columns of the table that [Series.cells] fills.
func (s Series) columns(name string, y Axis) []Column {
	if name == "" {
		name = y.name("y")
	}
	columns := []Column{{Name: name, Unit: y.Unit, Align: Right}}
	if s.Low != nil {
		columns = append(columns,
			Column{Name: name + ", low", Unit: y.Unit, Align: Right},
			Column{Name: name + ", high", Unit: y.Unit, Align: Right})
	}
	return columns
}

func (s Series) cells(i int) []string {
	cells := []string{Number(s.Y[i])}
	if s.Low != nil {
		cells = append(cells, Number(s.Low[i]), Number(s.High[i]))
	}
	return cells
}

// thin keeps every k-th row so that at most limit remain, and says so.
func (t *Table) thin(limit int) *Table {
	n := len(t.Rows)
	if n <= limit {
		return t
	}
	k := (n + limit - 1) / limit
	var kept [][]string
	for i := 0; i < n; i += k {
		kept = append(kept, t.Rows[i])
	}
	t.Rows = kept
	t.Caption = strings.TrimSpace(t.Caption + " (one row in " + strconv.Itoa(k) + " of " + strconv.Itoa(n) + ")")
	return t
}
