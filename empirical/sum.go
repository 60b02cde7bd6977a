package empirical

import "sync"

// A sum holds the terms of a tile that were added up so far, row-major as the
// tile is: [r1, r2, O, O] for Full, [r1, r2, O] for Diagonal, [r1, r2]
// otherwise.
//
// Its rows (n, o) and columns (m, p), where o and p run over per outputs, come
// in groups: Full has one group of all outputs, Diagonal a group for each
// output, the others have neither.
type sum struct {
	values      []float64
	r1, r2      int
	first       int // of a block's examples that row and column 0 stand for
	groups, per int
	symmetric   bool // rows and columns are the same examples

	scale float64 // of the term that is being added
	trace float64 // Σ of its diagonal, unscaled; only of a symmetric tile
}

// newSum returns the sum of no terms.
func (c *contraction[F]) newSum(b1, b2 *block) *sum {
	s := c.emptySum(b1 == b2)
	s.r1, s.r2 = b1.rows, b2.rows
	s.values = grow(&c.sum, s.groups*s.r1*s.per*s.r2*s.per)
	clear(s.values)
	return s
}

// emptySum returns the sum of no examples.
func (c *contraction[F]) emptySum(symmetric bool) *sum {
	s := &sum{groups: 1, per: 1, symmetric: symmetric}
	switch c.outputs {
	case Full:
		s.per = c.o
	case Diagonal:
		s.groups = c.o
	}
	return s
}

// A line is a row (n, o) of a group of a sum.
type line struct {
	values      []float64
	stride, per int
}

// line returns row i = (n, o) of a group, from column (m, 0) on.
func (s *sum) line(group, i, m int) line {
	n, o := i/s.per, i%s.per
	l := line{stride: s.groups * s.per * s.per, per: s.per}
	l.values = s.values[(n*s.r2+m)*l.stride+o*s.per+group:]
	return l
}

// at returns the columns (m, p) of all p, m counted from the line's start.
func (l line) at(m int) []float64 { return l.values[m*l.stride:][:l.per] }

// from returns the first column of row i that is looked at.
func (s *sum) from(i int) int {
	if s.symmetric {
		return i
	}
	return 0
}

// workspaces keeps contractions that are done with: fresh memory costs more to
// fault in than a small tile to compute. The garbage collector empties it.
var workspaces sync.Pool

// grow returns n entries of what buf has room for, with anything in them.
func grow[F float32 | float64](buf *[]F, n int) []F {
	if cap(*buf) < n {
		*buf = make([]F, n)
	}
	*buf = (*buf)[:n]
	return *buf
}
