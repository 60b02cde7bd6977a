package lower

import (
	"slices"

	"github.com/gontk/ntk/graph"
)

// A label names an axis in an einsum.
type label string

// einsum multiplies l and r, whose axes have the given labels, and sums over
// the labels that out lacks, which both have. The result's axes are in the
// order of out. It is one DotGeneral and, if need be, a Transpose.
func (b builder) einsum(l graph.Op, ls []label, r graph.Op, rs []label, out []label) graph.Op {
	var a graph.DotGeneralAttrs
	for i, x := range ls {
		j := slices.Index(rs, x)
		switch {
		case j < 0:
		case slices.Contains(out, x):
			a.LB, a.RB = append(a.LB, i), append(a.RB, j)
		default:
			a.LC, a.RC = append(a.LC, i), append(a.RC, j)
		}
	}
	var got []label // DotGeneral's order: batch, l's own, r's own
	for _, i := range a.LB {
		got = append(got, ls[i])
	}
	for _, i := range graph.CrossAxes(len(ls), a.LC, a.LB) {
		got = append(got, ls[i])
	}
	for _, j := range graph.CrossAxes(len(rs), a.RC, a.RB) {
		got = append(got, rs[j])
	}
	perm := make([]int, len(out))
	for i, x := range out {
		perm[i] = slices.Index(got, x)
	}
	return b.Transpose(b.DotGeneral(l, a.LC, a.LB, r, a.RC, a.RB), perm...)
}
