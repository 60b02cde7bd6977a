package report

import "strconv"

// summary holds the statistics over drawable entries.
type summary struct {
	entries             span
	mean, diagonal, off float64
	lost                int
	hasSides            bool // square, with finite entries on and off the diagonal
}

func (h Heatmap) summary() summary {
	var s summary
	var on, off float64
	nOn, nOff := 0, 0
	for i, v := range h.Values {
		switch {
		case !drawable(v):
			s.lost++
			continue
		case i/h.Cols == i%h.Cols:
			on += v
			nOn++
		default:
			off += v
			nOff++
		}
		s.entries.add(v)
	}
	s.mean = (on + off) / float64(max(nOn+nOff, 1))
	if h.Rows == h.Cols && nOn > 0 && nOff > 0 {
		s.hasSides = true
		s.diagonal, s.off = on/float64(nOn), off/float64(nOff)
	}
	return s
}

// Limits of the tables that a heat map is worth.
const (
	maxTableSide  = 16
	maxTableGroup = 24
)

// Table returns the mean of each pair of groups, or the whole of a small
// matrix, or else a summary of the entries.
func (h Heatmap) Table() *Table {
	if h.check() != nil {
		return nil
	}
	if n, m := len(h.RowGroups), len(h.ColGroups); n > 0 && m > 0 && n <= maxTableGroup && m <= maxTableGroup {
		return h.groupTable()
	}
	if h.Rows <= maxTableSide && h.Cols <= maxTableSide {
		t := &Table{Caption: h.Title, Columns: []Column{{Name: "", Align: Right}}}
		for j := range h.Cols {
			t.Columns = append(t.Columns, Column{Name: strconv.Itoa(j), Align: Right})
		}
		for i := range h.Rows {
			row := []string{strconv.Itoa(i)}
			for j := range h.Cols {
				row = append(row, Number(h.Values[i*h.Cols+j]))
			}
			t.Rows = append(t.Rows, row)
		}
		return t
	}
	s := h.summary()
	t := &Table{Caption: h.Title + ": summary", Columns: []Column{{Name: "statistic"}, {Name: "value", Unit: h.Unit, Align: Right}}}
	t.Rows = append(t.Rows, []string{"entries", strconv.Itoa(len(h.Values))}, []string{"not finite", strconv.Itoa(s.lost)})
	if s.entries.seen {
		t.Rows = append(t.Rows, []string{"smallest", Number(s.entries.lo)}, []string{"largest", Number(s.entries.hi)}, []string{"mean", Number(s.mean)})
	}
	if s.hasSides {
		t.Rows = append(t.Rows, []string{"mean on the diagonal", Number(s.diagonal)}, []string{"mean off the diagonal", Number(s.off)})
	}
	return t
}

// groupTable averages the entries of each pair of groups.
func (h Heatmap) groupTable() *Table {
	t := &Table{Caption: h.Title + ": means of groups", Columns: []Column{{Name: h.RowLabel}}}
	for _, g := range h.ColGroups {
		t.Columns = append(t.Columns, Column{Name: g.Name, Align: Right})
	}
	top := 0
	for _, r := range h.RowGroups {
		row := []string{r.Name}
		left := 0
		for _, c := range h.ColGroups {
			sum := 0.0
			for i := top; i < top+r.Size; i++ {
				for j := left; j < left+c.Size; j++ {
					sum += h.Values[i*h.Cols+j]
				}
			}
			mean := ""
			if n := r.Size * c.Size; n > 0 {
				mean = Number(sum / float64(n))
			}
			row = append(row, mean)
			left += c.Size
		}
		t.Rows = append(t.Rows, row)
		top += r.Size
	}
	return t
}
