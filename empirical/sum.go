package empirical

import "sync"

// A sum holds the terms of a tile that were added up so far, in groups of rows
// (n, o) and columns (m, p), where o and p run over per outputs: Full has one
// group of all outputs, Diagonal a group for each output, the others have
// neither.
type sum struct {
	values      []float64 // [groups, r1·per, r2·per]
	r1, r2      int
	groups, per int
	symmetric   bool // rows and columns are the same examples

	scale float64 // of the term that is being added
	trace float64 // Σ of its diagonal, unscaled; only of a symmetric tile
}

// newSum returns the sum of no terms.
func (c *contraction[F]) newSum(b1, b2 *block) *sum {
	s := &sum{r1: b1.rows, r2: b2.rows, groups: 1, per: 1, symmetric: b1 == b2}
	switch c.outputs {
	case Full:
		s.per = c.o
	case Diagonal:
		s.groups = c.o
	}
	s.values = grow(&c.sum, s.groups*s.r1*s.per*s.r2*s.per)
	clear(s.values)
	return s
}

// row returns row i = (n, o) of a group.
func (s *sum) row(group, i int) []float64 {
	cols := s.r2 * s.per
	return s.values[(group*s.r1*s.per+i)*cols:][:cols]
}

// from returns the first column of row i that is looked at.
func (s *sum) from(i int) int {
	if s.symmetric {
		return i
	}
	return 0
}

// arrange turns the order of a sum into that of a tile, [r1, r2, …].
func (c *contraction[F]) arrange(s *sum) []float64 {
	if s.per == 1 && s.groups == 1 {
		return s.values
	}
	grow(&c.out, len(s.values))
	o := max(s.per, s.groups)
	_ = parallel(c.blas, s.r1, func(_, n int) error { // its tasks do not fail
		for p := range o {
			if s.per == 1 { // [O, r1, r2] → [r1, r2, O]
				for m, x := range s.row(p, n) {
					c.out[(n*s.r2+m)*o+p] = x
				}
				continue
			}
			row := s.row(0, n*o+p) // [r1, O, r2, O] → [r1, r2, O, O]
			for m := range s.r2 {
				copy(c.out[((n*s.r2+m)*o+p)*o:][:o], row[m*o:][:o])
			}
		}
		return nil
	})
	return c.out
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
