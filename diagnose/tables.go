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
	list := []report.Table{r.training(), r.spectrum()}
	list = append(list, r.propagation()...)
	list = append(list, r.learning()...)
	list = append(list, r.remedies()...)
	return append(list, r.weights(topShares))
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
		Columns: []report.Column{right("depth"), right("λ1"), right("λmin"), right("± error"), right("median λ"), right("effective rank"), right("of"), right("time (s)")},
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		s := d.summarize()
		t.Rows = append(t.Rows, []string{
			d.name(), report.Number(s.max), report.Number(s.min), report.Number(s.minError),
			report.Number(s.median), report.Number(s.rank), fmt.Sprint(r.Dimension), report.Number(s.seconds),
		})
	}
	return t
}

// propagation says what each depth does to signals; no table if none is measured.
func (r *Result) propagation() []report.Table {
	t := report.Table{
		Columns: []report.Column{
			right("depth"), right("hidden layers"), right("q first"), right("q last"), right("c first"), right("c last"), right("predicted"),
			right("gradient² per layer"), right("largest σ(∂f/∂x)"), right("smallest"), right("Θ from limit (%)"),
		},
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		p, ok := d.propagate()
		if !ok {
			continue
		}
		t.Caption = fmt.Sprintf("Signal on %d examples: lengths q, correlations c, growth of gradients towards the input", d.Signal.Examples)
		predicted, large, small, distance := "–", "–", "–", "–"
		if c := d.Signal.Layers[p.hidden-1].Correlation; c != nil {
			predicted = report.Number(*c)
		}
		if j := d.jacobian(); j != nil {
			large, small = report.Number(j.Largest), report.Number(j.Smallest)
		}
		if d.Limit != nil && d.Limit.Distance != nil {
			distance = report.Number(100 * *d.Limit.Distance)
		}
		t.Rows = append(t.Rows, []string{
			d.name(), fmt.Sprint(p.hidden), report.Number(p.firstLength), report.Number(p.lastLength),
			report.Number(p.firstCorrelation), report.Number(p.lastCorrelation), predicted, p.perLayer(), large, small, distance,
		})
	}
	if t.Rows == nil {
		return nil
	}
	return []report.Table{t}
}

// jacobian returns means over seeds, nil if it is not measured.
func (d *Depth) jacobian() *Jacobian {
	var j Jacobian
	k := 0.0
	for _, s := range d.Seeds {
		if s.Signal != nil && s.Signal.Jacobian != nil {
			k++
			j.Largest += s.Signal.Jacobian.Largest
			j.Smallest += s.Signal.Jacobian.Smallest
			j.MeanSquare += s.Signal.Jacobian.MeanSquare
		}
	}
	if k == 0 {
		return nil
	}
	return &Jacobian{j.Largest / k, j.Smallest / k, j.MeanSquare / k}
}

// learning says what kernels say of learning the targets; no table without targets.
func (r *Result) learning() []report.Table {
	t := report.Table{
		Columns: []report.Column{
			right("depth"), right("loss left (%)"), right("modes not learned"), right("of the targets (%)"), right("alignment of Θ"),
			right("first step at rate 1"), right("first drop of the loss (%)"),
		},
	}
	for i := range r.Depths {
		o, ok := r.Depths[i].outlook()
		if !ok {
			continue
		}
		t.Caption = fmt.Sprintf("Learning the targets in %d steps at half the largest stable rate, by the kernel at the start", o.steps)
		t.Rows = append(t.Rows, []string{
			r.Depths[i].name(), report.Number(100 * o.left), report.Number(o.unlearned), report.Number(100 * o.unlearnedShare), report.Number(o.alignment),
			report.Number(o.firstStep), report.Number(100 * o.drop),
		})
	}
	if t.Rows == nil {
		return nil
	}
	return []report.Table{t}
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
