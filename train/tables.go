package train

import (
	"fmt"

	"github.com/gontk/ntk/internal/report"
)

func right(name, unit string) report.Column {
	return report.Column{Name: name, Unit: unit, Align: report.Right}
}

// number writes what may not be there.
func number(x *float64) string {
	if x == nil {
		return "–"
	}
	return report.Number(*x)
}

// percent writes a share.
func percent(x *float64) string {
	if x == nil {
		return "–"
	}
	return report.Number(100 * *x)
}

// Tables returns the evolution for a terminal: how well the network fits, beside
// what stands for it, and what became of the kernel.
func (r *Result) Tables() []report.Table {
	return []report.Table{r.fits(), r.kernels()}
}

// hasTest reports whether there are test examples, hasClasses whether accuracies.
func (r *Result) hasTest() bool { return r.Tests > 0 }

func (r *Result) hasClasses() bool { return len(r.Points) > 0 && r.Points[0].Network.Accuracy != nil }

// A predictor is the network, or what stands for it.
type predictor struct {
	name string
	of   func(p *Point) *Prediction
}

// predictors lists those that have points.
func (r *Result) predictors() []predictor {
	all := []predictor{
		{"network", func(p *Point) *Prediction { return &Prediction{Fit: p.Network} }},
		{"linearized", func(p *Point) *Prediction { return p.Linearized }},
		{"kernel at the start", func(p *Point) *Prediction { return p.Kernel }},
	}
	var out []predictor
	for _, q := range all {
		if len(r.Points) > 0 && q.of(&r.Points[0]) != nil {
			out = append(out, q)
		}
	}
	return out
}

func (r *Result) fits() report.Table {
	t := report.Table{
		Caption: fmt.Sprintf("%s on %d examples, batches of %d, rate %s", r.Optimizer, r.Examples, r.Batch, report.Number(r.Rate)),
		Columns: []report.Column{right("step", ""), {Name: "of"}, right("loss", "")},
	}
	add := func(has bool, c report.Column) {
		if has {
			t.Columns = append(t.Columns, c)
		}
	}
	add(r.hasClasses(), right("accuracy", "%"))
	add(r.hasTest(), right("test loss", ""))
	add(r.hasTest() && r.hasClasses(), right("test accuracy", "%"))
	several := len(r.predictors()) > 1
	add(several, right("rms gap", ""))
	add(several && r.hasTest(), right("test gap", ""))
	for i := range r.Points {
		p := &r.Points[i]
		for _, q := range r.predictors() {
			f := q.of(p)
			if f == nil {
				continue
			}
			row := []string{fmt.Sprint(p.Step), q.name, number(f.Loss)}
			cell := func(has bool, text string) {
				if has {
					row = append(row, text)
				}
			}
			cell(r.hasClasses(), percent(f.Accuracy))
			cell(r.hasTest(), number(f.TestLoss))
			cell(r.hasTest() && r.hasClasses(), percent(f.TestAccuracy))
			cell(several, number(f.Gap))
			cell(several && r.hasTest(), number(f.TestGap))
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func (r *Result) kernels() report.Table {
	t := report.Table{
		Caption: fmt.Sprintf("Θ %s on %d examples", r.Reduction, r.Probe),
		Columns: []report.Column{
			right("step", ""), right("distance", ""), right("velocity", "per step"), right("CKA with targets", ""), right("with Θ0", ""),
			right("λ1", ""), right("condition", ""), right("effective rank", ""), right("‖θ−θ0‖/‖θ0‖", ""), right("flipped", "%"),
		},
	}
	for i := range r.Points {
		p := &r.Points[i]
		kappa := number(p.Condition)
		if p.Condition != nil && !p.Exact {
			kappa = "≥ " + kappa
		}
		flipped := "–" // no kinks
		if p.Units > 0 {
			flipped = report.Number(100 * p.Flipped)
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(p.Step), report.Number(p.Distance), number(p.Velocity), number(p.TargetCKA), number(p.StartCKA),
			report.Number(p.Eigenvalues[0]), kappa, report.Number(p.EffectiveRank), number(p.WeightChange), flipped,
		})
	}
	return t
}
