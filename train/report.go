package train

import (
	"fmt"
	"time"

	"github.com/gontk/ntk/internal/report"
)

// About is what a report says beside the numbers. Its zero value works.
type About struct {
	// Model and Data name the network and the examples.
	Model, Data string
	// Command is the command line, Facts what was run on what.
	Command string
	Facts   []report.Fact
	// Incomplete says why points are missing; empty means none are.
	Incomplete string
	Generated  time.Time
}

// Report returns the evolution as one document.
func (r *Result) Report(a About) *report.Report {
	doc := &report.Report{
		Title:    fmt.Sprintf("How the kernel of %s evolves", a.Model),
		Subtitle: fmt.Sprintf("%d steps of %s on %d examples, measured at %d steps", r.Taken, r.Optimizer, r.Examples, len(r.Points)),
		Command:  a.Command, Facts: append(r.facts(a), a.Facts...), Generated: a.Generated,
	}
	verdict := report.Section{Title: "Verdict", Verdicts: r.Verdicts()}
	if a.Incomplete != "" {
		v := report.Verdict{Level: report.Warning, Title: "This report is incomplete: " + a.Incomplete + "."}
		verdict.Verdicts = append([]report.Verdict{v}, verdict.Verdicts...)
	}
	doc.Sections = []report.Section{verdict}
	if len(r.Points) == 0 {
		return doc
	}
	doc.Sections = append(doc.Sections,
		report.Section{Title: "Training", Text: trainingText, Figures: r.fitFigures(), Tables: []report.Table{r.fits()}},
		report.Section{Title: "Kernel", Text: kernelText, Figures: r.kernelFigures(), Tables: []report.Table{r.kernels()}},
		report.Section{Title: "Spectrum", Figures: r.spectrumFigures()},
		report.Section{Title: "Weights", Text: weightsText, Figures: r.weightFigures()},
	)
	return doc
}

const (
	trainingText = "The linearized network, f(θ0) + J(θ0)(θ − θ0), is trained by the same steps on the same examples. The kernel at " +
		"the start predicts what training would give if Θ stayed what it was. Gaps are root mean squares of the difference from " +
		"the network's outputs, over examples and outputs: where they are small, the kernel at the start says all there is to say."
	kernelText = "The kernel distance is 1 − <Θ, Θ'>/(‖Θ‖‖Θ'‖), from the start; the velocity is the distance between one point and " +
		"the next over the steps between them (Fort et al. 2020). CKA is the alignment of centred kernels, with that of the targets, yyᵀ, " +
		"and with the kernel at the start."
	weightsText = "How far the weights have moved, relative to where they began, and the share of the units of piecewise linear " +
		"activations that are on another side of their kink than at the start."
)

func (r *Result) facts(a About) []report.Fact {
	facts := []report.Fact{
		{Name: "network", Value: fmt.Sprintf("%s, %d parameters, %d outputs", a.Model, r.Parameters, r.Outputs)},
		{Name: "data", Value: a.Data},
		{Name: "examples", Value: fmt.Sprintf("%d to train on, %d to test on, Θ on the first %d of the former", r.Examples, r.Tests, r.Probe)},
		{Name: "loss", Value: r.Loss},
		{Name: "optimizer", Value: fmt.Sprintf("%s, rate %s, momentum %s, batches of %d", r.Optimizer, report.Number(r.Rate), report.Number(r.Momentum), r.Batch)},
		{Name: "matrix", Value: fmt.Sprintf("Θ %s of %d examples", r.Reduction, r.Probe)},
	}
	if r.Method != "" {
		facts = append(facts, report.Fact{Name: "prediction", Value: r.Method})
	}
	return append(facts, report.Fact{Name: "time", Value: r.Elapsed.Round(time.Millisecond).String()})
}

// lazyGap is the gap, relative to how far the outputs have moved, up to which the
// kernel at the start is said to predict training.
const lazyGap = 0.1

// Verdicts returns what the points say about the kernel at the start as a guide.
func (r *Result) Verdicts() []report.Verdict {
	var out []report.Verdict
	for _, n := range r.Notes {
		out = append(out, report.Verdict{Level: report.Info, Title: n})
	}
	if len(r.Points) < 2 {
		return out
	}
	first, last := &r.Points[0], &r.Points[len(r.Points)-1]
	text := fmt.Sprintf("Kernel distance %s, weights moved by %s of their norm", report.Number(last.Distance), number(last.WeightChange))
	if last.Units > 0 {
		text += fmt.Sprintf(", %s %% of %d activations flipped", report.Number(100*last.Flipped), last.Units)
	}
	v := report.Verdict{Text: text + "."}
	p := last.Linearized
	moved := r.moved()
	switch {
	case p == nil:
		v.Title = fmt.Sprintf("After %d steps the kernel is at distance %s from the start", last.Step, report.Number(last.Distance))
	case p.Gap == nil:
		v.Level, v.Title = report.Warning, "The linearized network diverges at this rate: the kernel at the start does not describe training"
	case moved > 0 && *p.Gap <= lazyGap*moved:
		v.Level, v.Title = report.Good, fmt.Sprintf("Training is close to that of the kernel at the start: the linearized network is within %s of the outputs, which moved by %s", report.Number(*p.Gap), report.Number(moved))
	default:
		v.Level, v.Title = report.Info, fmt.Sprintf("The network learns features: the linearized one is %s from the outputs, which moved by %s", report.Number(*p.Gap), report.Number(moved))
	}
	out = append(out, v)
	if first.MaxRate != nil && r.Rate > *first.MaxRate && r.Optimizer != "adam" {
		out = append(out, report.Verdict{
			Level: report.Warning, Title: fmt.Sprintf("The rate %s is above the largest stable one of the kernel at the start, %s", report.Number(r.Rate), number(first.MaxRate)),
			Text: "A network may train at such rates; its kernel changes until it may.",
		})
	}
	return append(out, r.guarantee()...)
}

// moved returns how far the outputs on training examples have moved, as a root mean square.
func (r *Result) moved() float64 {
	if m := r.Points[len(r.Points)-1].Moved; m != nil {
		return *m
	}
	return 0
}
