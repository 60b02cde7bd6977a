package limits

import (
	"fmt"

	"github.com/gontk/ntk/internal/machine"
)

// pairBytes is how much memory the evaluation of one pair of examples holds at
// most: K and Θ of the nodes that are still read.
func (p *plan) pairBytes() int64 {
	live, peak := int64(0), int64(0)
	for i, n := range p.cross {
		live += 16 * int64(len(n.list))
		peak = max(peak, live)
		for _, done := range p.last[i] {
			live -= 16 * int64(len(done.list))
		}
	}
	return peak
}

// exampleBytes is how much the preparation of an example holds at most, and
// keptBytes what stays of it.
func (p *plan) exampleBytes() int64 {
	total := p.keptBytes()
	for _, n := range p.list {
		if n.own {
			total += 8 * int64(len(n.list))
		}
	}
	return total
}

func (p *plan) keptBytes() int64 {
	total := 8 * int64(len(p.factors))
	for _, n := range p.variances {
		total += 8 * int64(n.rows)
	}
	for n := range p.moments {
		total += 8 * int64(len(n.list))
	}
	for _, n := range p.means {
		total += 8 * int64(n.rows)
	}
	for v := range p.needed {
		total += 8 * int64(p.values[v].layout.np)
	}
	return total
}

// bytes returns what is kept of the examples and of the entries of K and Θ that
// no Writer stores, and what each thread takes.
func (l *Limit) bytes(examples, entries int) (kept, each int64) {
	p := l.plan
	return p.keptBytes()*int64(examples) + 16*int64(entries), max(p.pairBytes(), p.exampleBytes())
}

// Bytes estimates the peak that Gram takes of so many examples beside what a
// Writer keeps: with its default number of threads if the budget allows them.
func (l *Limit) Bytes(examples int, opts GramOptions) (int64, error) {
	n, err := l.threads(opts.threads(), opts.budget(), examples, 0)
	kept, each := l.bytes(examples, 0)
	return kept + int64(n)*each, err
}

// threads returns how many pairs the budget allows at once, at most the wanted
// number, or an error if it is none.
func (l *Limit) threads(wanted int, budget machine.Budget, examples, entries int) (int, error) {
	kept, each := l.bytes(examples, entries)
	n := min(int64(wanted), (budget.Bytes-kept)/max(each, 1))
	if n < 1 {
		return 0, fmt.Errorf("limits: %w", budget.Exceeded(fmt.Sprintf("%d examples and one pair of them", examples), kept+each, "take fewer examples"))
	}
	return int(n), nil
}
