package tiles

// A layout is a spec in normal form that knows where its entries are stored.
type layout struct {
	Spec
	// bases holds, for each tile of a part and the end, how many pairs of
	// examples are stored before it; nil for an array that is no part.
	bases []int64
}

func (s Spec) layout() layout {
	l := layout{Spec: s}
	if s.Part == (Part{}) {
		return l
	}
	l.bases = make([]int64, 1, s.count()+1)
	for t := range s.each() {
		l.bases = append(l.bases, l.bases[len(l.bases)-1]+int64(t.Rows)*int64(t.Cols))
	}
	return l
}

// place returns where row i of a region is stored: the index of its first
// entry that is, and how many columns come before that and are not.
func (l layout) place(r region, i int) (at int64, skip int) {
	m, k := int64(r.Row+i), int64(l.tail())
	switch {
	case l.bases != nil:
		tile, _ := l.index(r.Tile) // regions of a part are its tiles
		return (l.bases[tile] + int64(i)*int64(r.Cols)) * k, 0
	case l.Packed:
		if r.source == diagonal {
			skip = i
		}
		n := int64(r.Col + skip)
		// Rows above have N, N−1, …, N−m+1 pairs.
		return (m*int64(l.N2) - m*(m-1)/2 + n - m) * k, skip
	}
	return (m*int64(l.N2) + int64(r.Col)) * k, 0
}

// rows calls f for each row that the tile fills, with what is stored of it,
// [columns, Tail...], and the index of its first entry. f must not keep row.
func (l layout) rows(t Tile, data []float64, f func(at int64, row []float64) error) error {
	for _, r := range l.regions(t) {
		row := make([]float64, r.Cols*l.tail())
		for i := range r.Rows {
			l.fillRow(row, data, r, i)
			at, skip := l.place(r, i)
			if err := f(at, row[skip*l.tail():]); err != nil {
				return err
			}
		}
	}
	return nil
}
