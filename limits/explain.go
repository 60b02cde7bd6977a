package limits

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gontk/ntk/graph"
)

// Explain prints the derived recursion: for every value that has a pair with
// itself how K and Θ come about, in order, then the statistics and warnings.
// Values are numbered as in the recorded program; M is K of fields and the
// product of numbers.
func (l *Limit) Explain() string {
	p := l.plan
	var b strings.Builder
	different := 0
	for _, n := range p.cross {
		if n.v != n.w {
			different++
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", p.title(n.v.v, len(n.list)), n.rule.text(p.builder, n))
	}
	if different > 0 {
		fmt.Fprintf(&b, "and %d pairs of different values (branches, weights used twice, gates)\n", different)
	}
	for _, e := range p.program.Eqns {
		if v := e.Out[0]; p.needed[v] && p.values[v].born {
			fmt.Fprintf(&b, "%s: a mean along a width, deterministic in the limit: no gradient passes\n", p.title(v, p.values[v].layout.np))
		}
	}
	if r, text := p.compile(); r != nil {
		fmt.Fprintf(&b, "in float32 computed in vectors, as a %s; in float64 %s\n", text, exactName)
	} else {
		fmt.Fprintf(&b, "computed %s: %s\n", exactName, text)
	}
	for _, w := range l.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

// title names a value, where it was built, and how many numbers it has.
func (d *derivation) title(v *graph.Value, pairs int) string {
	s := fmt.Sprintf("%%%d %s", v.ID, v.Def.Op)
	if at := v.Def.Source(); at != "" {
		s += " (" + at + ")"
	}
	if pairs > 1 {
		s += fmt.Sprintf(", %d pairs of positions", pairs)
	}
	return s
}

// inputsOf lists the values that a linear map reads.
func (m *linearMap) inputsOf() string {
	var list []string
	for _, t := range m.targets {
		if s := fmt.Sprintf("%%%d", t.v.ID); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return strings.Join(list, ", ")
}

// width returns the number of entries that one entry of a birth sums over.
func (r *birthRows) width() float64 {
	n := 0.0
	for _, row := range r.rows {
		s := 0.0
		for _, t := range row {
			s += t.multiple
		}
		n = max(n, s)
	}
	return n
}
