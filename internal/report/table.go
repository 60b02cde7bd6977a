package report

import (
	"fmt"
	"io"
	"strings"
)

// Align is the side of its column that a cell keeps to.
type Align int

// Text goes left, numbers go right.
const (
	Left Align = iota
	Right
)

// A Column is the head of a table's column.
type Column struct {
	Name string
	// Unit follows the name in parentheses; empty means none.
	Unit  string
	Align Align
}

// heading returns the column's name with its unit.
func (c Column) heading() string {
	if c.Unit == "" {
		return c.Name
	}
	return c.Name + " (" + c.Unit + ")"
}

// A Table is text in rows and columns, shown in HTML and on terminals.
type Table struct {
	// Caption is a line above the table; empty means none.
	Caption string
	Columns []Column
	// Rows have as many cells as there are columns.
	Rows [][]string
}

func (t *Table) check() error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("%w: table %q has no columns", ErrInvalid, t.Caption)
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("%w: row %d of table %q has %d cells, the table has %d columns",
				ErrInvalid, i, t.Caption, len(row), len(t.Columns))
		}
	}
	return nil
}

// Escape sequences of terminals; every start ends with reset.
const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

// WriteText writes the table for a terminal, with aligned columns. width is
// the terminal's, in columns; 0 means without limit. Where the table is wider,
// text columns are wrapped, the widest first; numbers are never broken, so a
// table of many numbers may stay wider. color adds bold and faint.
//
// It returns [ErrInvalid] if a row does not have one cell per column, and the
// writer's errors.
func (t *Table) WriteText(w io.Writer, width int, color bool) error {
	if err := t.check(); err != nil {
		return err
	}
	style := func(s, code string) string {
		if !color || s == "" {
			return s
		}
		return code + s + reset
	}
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = printable(c.heading())
	}
	rows := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = make([]string, len(row))
		for j, cell := range row {
			rows[i][j] = printable(cell)
		}
	}
	widths := t.widths(append([][]string{head}, rows...), width)

	var b strings.Builder
	if t.Caption != "" {
		limit := width
		if limit <= 0 {
			limit = displayWidth(t.Caption) + 1
		}
		for _, line := range wrap(printable(t.Caption), limit) {
			b.WriteString(style(line, bold) + "\n")
		}
	}
	for _, line := range t.lines(head, widths) {
		b.WriteString(style(line, bold) + "\n")
	}
	rules := make([]string, len(widths))
	for i, n := range widths {
		rules[i] = strings.Repeat("─", n)
	}
	b.WriteString(style(strings.Join(rules, columnGap), faint) + "\n")
	for _, row := range rows {
		for _, line := range t.lines(row, widths) {
			b.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const columnGap = "  "

// minTextWidth is how narrow a wrapped column may become.
const minTextWidth = 8

// widths returns the columns' widths, shrinking text columns from the widest
// down until all fit into total.
func (t *Table) widths(rows [][]string, total int) []int {
	widths := make([]int, len(t.Columns))
	for _, row := range rows {
		for i, cell := range row {
			for _, line := range strings.Split(cell, "\n") {
				widths[i] = max(widths[i], displayWidth(line))
			}
		}
	}
	if total <= 0 {
		return widths
	}
	excess := len(columnGap)*(len(widths)-1) - total
	for _, n := range widths {
		excess += n
	}
	for ; excess > 0; excess-- {
		widest := -1
		for i, c := range t.Columns {
			if c.Align == Left && widths[i] > minTextWidth && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// lines lays out one row, as many lines high as its highest cell.
func (t *Table) lines(row []string, widths []int) []string {
	cells := make([][]string, len(row))
	height := 1
	for i, cell := range row {
		cells[i] = wrap(cell, max(widths[i], 1))
		height = max(height, len(cells[i]))
	}
	out := make([]string, height)
	for k := range out {
		parts := make([]string, len(row))
		for i, lines := range cells {
			text := ""
			if k < len(lines) {
				text = lines[k]
			}
			pad := strings.Repeat(" ", max(0, widths[i]-displayWidth(text)))
			if t.Columns[i].Align == Right {
				parts[i] = pad + text
			} else {
				parts[i] = text + pad
			}
		}
		out[k] = strings.TrimRight(strings.Join(parts, columnGap), " ")
	}
	return out
}
