package train

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/report"
)

// steps returns the points' steps, one more than each on a logarithmic axis, which
// has no 0.
func (r *Result) axis() ([]float64, report.Axis) {
	x := make([]float64, len(r.Points))
	for i, p := range r.Points {
		x[i] = float64(p.Step) + 1
	}
	return x, report.Axis{Label: "step + 1", Log: true}
}

// line plots what of returns of every point, for some series.
func (r *Result) line(title, label, unit string, log bool, names []string, of func(p *Point, i int) *float64) report.Figure {
	x, axis := r.axis()
	l := report.Line{Title: title, X: axis, Y: report.Axis{Label: label, Unit: unit, Log: log}}
	for i, name := range names {
		s := report.Series{Name: name, X: x}
		any := false
		for k := range r.Points {
			y := math.NaN()
			if v := of(&r.Points[k], i); v != nil {
				y, any = *v, true
			}
			s.Y = append(s.Y, y)
		}
		if any {
			l.Series = append(l.Series, s)
		}
	}
	return l
}

func (r *Result) fitFigures() []report.Figure {
	qs := r.predictors()
	var names []string
	for _, q := range qs {
		names = append(names, q.name)
	}
	of := func(get func(*Prediction) *float64) func(*Point, int) *float64 {
		return func(p *Point, i int) *float64 {
			if f := qs[i].of(p); f != nil {
				return get(f)
			}
			return nil
		}
	}
	figures := []report.Figure{r.line("Loss on training examples", "loss", "", true, names, of(func(f *Prediction) *float64 { return f.Loss }))}
	if r.hasClasses() {
		figures = append(figures, r.line("Accuracy on training examples", "accuracy", "", false, names, of(func(f *Prediction) *float64 { return f.Accuracy })))
	}
	if r.hasTest() {
		figures = append(figures, r.line("Loss on test examples", "loss", "", true, names, of(func(f *Prediction) *float64 { return f.TestLoss })))
	}
	if r.hasTest() && r.hasClasses() {
		figures = append(figures, r.line("Accuracy on test examples", "accuracy", "", false, names, of(func(f *Prediction) *float64 { return f.TestAccuracy })))
	}
	if len(qs) > 1 {
		figures = append(figures, r.line("Gap from the network's outputs, training examples", "root mean square", "", true, names, of(func(f *Prediction) *float64 { return f.Gap })))
		if r.hasTest() {
			figures = append(figures, r.line("Gap from the network's outputs, test examples", "root mean square", "", true, names, of(func(f *Prediction) *float64 { return f.TestGap })))
		}
	}
	return figures
}

func (r *Result) kernelFigures() []report.Figure {
	return []report.Figure{
		r.line("Distance of Θ from the start", "kernel distance", "", false, []string{"distance"}, func(p *Point, _ int) *float64 { return &p.Distance }),
		r.line("Velocity of Θ", "kernel velocity", "per step", true, []string{"velocity"}, func(p *Point, _ int) *float64 { return p.Velocity }),
		r.line("Centred alignment of Θ", "CKA", "", false, []string{"with targets", "with Θ at the start"}, func(p *Point, i int) *float64 {
			return []*float64{p.TargetCKA, p.StartCKA}[i]
		}),
	}
}

func (r *Result) spectrumFigures() []report.Figure {
	l := report.Line{Title: "Eigenvalues of Θ", X: report.Axis{Label: "index", Log: true}, Y: report.Axis{Label: "eigenvalue", Log: true}}
	// The start, the end, and two between.
	n := len(r.Points)
	seen := -1
	for k := range 4 {
		if i := k * (n - 1) / 3; i != seen {
			l.Series = append(l.Series, report.Series{Name: fmt.Sprintf("step %d", r.Points[i].Step), Y: r.Points[i].Eigenvalues})
			seen = i
		}
	}
	return []report.Figure{
		l,
		r.line("Condition number of Θ", "λ1/λmin", "", true, []string{"condition number"}, func(p *Point, _ int) *float64 { return p.Condition }),
		r.line("Effective rank of Θ", "(Σλ)²/Σλ²", "", false, []string{"effective rank"}, func(p *Point, _ int) *float64 { return &p.EffectiveRank }),
		r.line("Largest stable rate by Θ", "rate", "", true, []string{"largest stable rate"}, func(p *Point, _ int) *float64 { return p.MaxRate }),
	}
}

func (r *Result) weightFigures() []report.Figure {
	figures := []report.Figure{
		r.line("Distance of the weights from the start", "‖θ−θ0‖/‖θ0‖", "", false, []string{"weights"}, func(p *Point, _ int) *float64 { return p.WeightChange }),
	}
	if r.Points[0].Units > 0 {
		figures = append(figures, r.line("Activations flipped", "share", "", false, []string{"flipped"}, func(p *Point, _ int) *float64 { return &p.Flipped }))
	}
	return figures
}
