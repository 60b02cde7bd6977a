package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/report"
)

// About is what a report says beside the numbers. Its zero value works.
type About struct {
	// Command is the command line, Facts what was run on what.
	Command string
	Facts   []report.Fact
	// Labels has the class of every example, to order the Gram matrix by, and
	// ClassNames what they are called; nil keeps the order of the data.
	Labels     []float64
	ClassNames []string
	// Incomplete says why networks are missing; empty means none are.
	Incomplete string
	Generated  time.Time
}

// Report returns the diagnosis as one document. Numbers over seeds are geometric
// means for condition numbers and means for everything else, but rates are the
// largest that are stable for every seed.
func (r *Result) Report(a About) *report.Report {
	doc := &report.Report{
		Title:     fmt.Sprintf("Will %s train?", r.Model),
		Subtitle:  fmt.Sprintf("The neural tangent kernel at initialization on %d examples", r.Examples),
		Command:   a.Command,
		Facts:     append(r.facts(), a.Facts...),
		Generated: a.Generated,
	}
	verdict := report.Section{Title: "Verdict", Verdicts: r.Verdicts()}
	if a.Incomplete != "" {
		v := report.Verdict{Level: report.Warning, Title: "This report is incomplete: " + a.Incomplete + "."}
		verdict.Verdicts = append([]report.Verdict{v}, verdict.Verdicts...)
	}
	if len(r.Depths) == 0 {
		doc.Sections = []report.Section{verdict}
		return doc
	}
	verdict.Tables = []report.Table{r.training()}
	doc.Sections = []report.Section{
		verdict,
		{Title: "Spectrum", Text: r.matrix(), Tables: []report.Table{r.spectrum()}, Figures: []report.Figure{r.spectrumFigure(), r.densityFigure()}},
	}
	if f := r.conditionFigure(); f != nil {
		doc.Sections = append(doc.Sections, report.Section{Title: "Depth", Figures: append([]report.Figure{f}, r.depthFigures()...)})
	}
	if ts := r.learning(); ts != nil {
		doc.Sections = append(doc.Sections, report.Section{Title: "Learning", Text: learningText, Tables: ts, Figures: r.learningFigures()})
	}
	if ts := r.propagation(); ts != nil {
		doc.Sections = append(doc.Sections, report.Section{Title: "Signal", Text: r.signalText(), Tables: ts, Figures: r.signalFigures()})
	}
	if ts := r.remedies(); ts != nil {
		doc.Sections = append(doc.Sections, report.Section{Title: "Remedies", Text: remediesText, Tables: ts})
	}
	if fs := r.heatmaps(a.Labels, a.ClassNames); len(fs) > 0 {
		doc.Sections = append(doc.Sections, report.Section{Title: "Gram matrix", Figures: fs})
	}
	doc.Sections = append(doc.Sections,
		report.Section{Title: "Weights", Text: sharesText, Figures: r.shareFigures()},
		report.Section{Title: "Plan", Tables: r.plans()},
	)
	return doc
}

const sharesText = "The share of a weight is the trace of its term of Θ over the trace of Θ, averaged over seeds: " +
	"how much of the movement of the outputs early in training that weight is responsible for."

const learningText = "What the kernel at the start says of gradient descent on ½ mean (f−y)² from outputs 0, at half the largest stable rate: " +
	"a mode of eigenvalue λ keeps (1 − λ/λ1)^k of its error after k steps. Targets are centred one-hot vectors for classes."

const remediesText = "The network of the last depth as it is, and changed in one way each, with the same seeds. " +
	"Their kernels differ in scale, so that steps and rates are each one's own; Θ of batch norm is that of the joint function of all examples."

// signalText says what the section is about, and what is missing in it.
func (r *Result) signalText() string {
	text := "The length q of a layer is the mean square of what its weight makes of activations, the correlation c the mean cosine of pairs of examples, " +
		"the gradient the mean of ‖∂f/∂z‖² over outputs and examples. Predicted curves start from what is measured at the first layer."
	if m := r.Depths[len(r.Depths)-1].Signal.Missing; m != "" {
		text += "\n\nNothing is predicted: " + m + "."
	}
	return text
}

// matrix says which matrix the numbers are of.
func (r *Result) matrix() string {
	if r.Reduction == "full" {
		return fmt.Sprintf("The matrix is the full Θ as [N·O, N·O] = [%d, %d] with index (n, o).", r.Dimension, r.Dimension)
	}
	return fmt.Sprintf("The matrix is Mean [N, N] = [%d, %d], (1/O) Σ_o Θ(x, x')[o, o]: "+
		"the kernel that all outputs share in the limit of infinite width.", r.Dimension, r.Dimension)
}

func (r *Result) facts() []report.Fact {
	facts := []report.Fact{
		{Name: "network", Value: r.Model},
		{Name: "data", Value: r.Data},
		{Name: "data sha256", Value: r.DataHash},
		{Name: "matrix", Value: r.matrix()},
		{Name: "outputs", Value: r.outputs()},
		{Name: "weights", Value: r.weightsThatCount()},
		{Name: "dtype", Value: r.DType},
	}
	if len(r.Depths) > 0 {
		var seeds []string
		for _, s := range r.Depths[0].Seeds {
			seeds = append(seeds, fmt.Sprint(s.Seed))
		}
		facts = append(facts,
			report.Fact{Name: "seeds", Value: strings.Join(seeds, ", ")},
			report.Fact{Name: "precision", Value: r.precision()})
	}
	return append(facts, report.Fact{Name: "time", Value: r.Elapsed.Round(time.Millisecond).String()})
}

// outputs says which outputs count.
func (r *Result) outputs() string {
	if len(r.Of) == 0 {
		return fmt.Sprint(r.Outputs)
	}
	return fmt.Sprintf("%d: %s of the network's", r.Outputs, strings.Trim(fmt.Sprint(r.Of), "[]"))
}

// weightsThatCount says which weights Θ sums over.
func (r *Result) weightsThatCount() string {
	if len(r.Params) == 0 {
		return "all that are trainable"
	}
	return "those that match " + strings.Join(r.Params, " or ")
}

// precision reports the largest relative error of sampled entries.
func (r *Result) precision() string {
	worst, examples := 0.0, 0
	for _, d := range r.Depths {
		for _, s := range d.Seeds {
			examples = max(examples, s.Precision.Examples)
			if s.Precision.Scale > 0 {
				worst = max(worst, s.Precision.Max/s.Precision.Scale)
			}
		}
	}
	if strings.EqualFold(r.DType, "float64") {
		return "float64 throughout"
	}
	return fmt.Sprintf("entries of Θ differ from float64 by at most %s of the largest, on %d sampled examples per network", report.Number(worst), examples)
}

// plans returns a table for each depth, a row for each line of its plan.
func (r *Result) plans() []report.Table {
	var out []report.Table
	for i := range r.Depths {
		d := &r.Depths[i]
		t := report.Table{Caption: "Plan, " + r.series(d), Columns: []report.Column{{Name: "step"}}}
		for line := range strings.Lines(d.Plan) {
			t.Rows = append(t.Rows, []string{strings.Join(strings.Fields(line), " ")})
		}
		out = append(out, t)
	}
	return out
}
