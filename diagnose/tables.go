package diagnose

import (
	"fmt"

	"github.com/gontk/ntk/internal/report"
)

// topShares is how many weights of a depth a terminal shows.
const topShares = 5

// Tables returns the diagnosis for a terminal: what matters for training at
// each depth, the spectrum behind it, and the weights with the largest shares.
func (r *Result) Tables() []report.Table {
	if len(r.Depths) == 0 {
		return nil
	}
	return []report.Table{r.training(), r.spectrum(), r.weights(topShares)}
}

func right(name string) report.Column { return report.Column{Name: name, Align: report.Right} }

// over says which seeds numbers are of.
func (r *Result) over() string {
	n := len(r.Depths[0].Seeds)
	if n == 1 {
		return fmt.Sprintf("seed %d", r.Depths[0].Seeds[0].Seed)
	}
	return fmt.Sprintf("%d seeds", n)
}

func (r *Result) training() report.Table {
	t := report.Table{
		Caption: fmt.Sprintf("%s on %d examples, Θ %s [%d, %d], %s", r.Model, r.Examples, r.Reduction, r.Dimension, r.Dimension, r.over()),
		Columns: []report.Column{right("depth"), right("parameters"), right("condition number"), right("largest rate on ½Σ(f−y)²"), right("on ½mean(f−y)²"), right("trace")},
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		s := d.summarize()
		t.Rows = append(t.Rows, []string{
			d.name(), fmt.Sprint(d.Parameters), s.text(len(d.Seeds)),
			report.Number(s.rateSum), report.Number(s.rateMean), report.Number(s.trace),
		})
	}
	return t
}

func (r *Result) spectrum() report.Table {
	t := report.Table{
		Caption: "Spectrum of Θ",
		Columns: []report.Column{right("depth"), right("λ1"), right("λmin"), right("± error"), right("effective rank"), right("of"), right("time (s)")},
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		s := d.summarize()
		t.Rows = append(t.Rows, []string{
			d.name(), report.Number(s.max), report.Number(s.min), report.Number(s.minError),
			report.Number(s.rank), fmt.Sprint(r.Dimension), report.Number(s.seconds),
		})
	}
	return t
}

// weights lists the n largest shares of each depth; n = 0 means all, in the
// network's order.
func (r *Result) weights(n int) report.Table {
	t := report.Table{
		Caption: "Share of the trace by weight",
		Columns: []report.Column{right("depth"), {Name: "weight"}, {Name: "share", Unit: "%", Align: report.Right}},
	}
	if n > 0 {
		t.Caption += fmt.Sprintf(", the largest %d", n)
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		list := d.shares()
		if n > 0 {
			list = top(list, n)
		}
		for _, s := range list {
			t.Rows = append(t.Rows, []string{d.name(), s.weight, report.Number(100 * s.part)})
		}
	}
	return t
}
