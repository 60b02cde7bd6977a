package diagnose

import (
	"fmt"
	"strings"

	"github.com/gontk/ntk/internal/report"
)

// steep is the growth of the condition number over a sweep that is worth a
// warning: as much slower does the slowest mode learn against the fastest.
const steep = 10

// Verdicts says in sentences what the numbers mean for training.
func (r *Result) Verdicts() []report.Verdict {
	if len(r.Depths) == 0 {
		return nil
	}
	var out []report.Verdict
	if v, ok := r.learningVerdict(); ok {
		out = append(out, v)
	}
	if v, ok := r.signalVerdict(); ok {
		out = append(out, v)
	}
	out = append(out, r.conditionVerdict())
	if v, ok := r.boundVerdict(); ok {
		out = append(out, v)
	}
	if v, ok := r.negativeVerdict(); ok {
		out = append(out, v)
	}
	out = append(out, r.rateVerdict())
	if v, ok := r.remedyVerdict(); ok {
		out = append(out, v)
	}
	if v, ok := r.limitVerdict(); ok {
		out = append(out, v)
	}
	return out
}

func (r *Result) conditionVerdict() report.Verdict {
	first := &r.Depths[0]
	a := first.summarize()
	if len(r.Depths) == 1 {
		return report.Verdict{
			Title: fmt.Sprintf("The condition number is %s.", a.text(len(first.Seeds))),
			Text:  "Gradient descent at its largest stable rate needs about as many steps to learn the slowest mode.",
		}
	}
	last := &r.Depths[len(r.Depths)-1]
	b := last.summarize()
	at := fmt.Sprintf("from %s at depth %s to %s at depth %s", a.text(1), first.name(), b.text(1), last.name())
	ratio := b.condition / a.condition
	about := "×"
	switch {
	case a.bound && b.bound: // a quotient of bounds says nothing
		return report.Verdict{Title: fmt.Sprintf("The condition number goes %s.", at), Text: "Both are lower bounds, so that their ratio is not known."}
	case b.bound:
		about = "at least ×"
	case a.bound:
		about = "at most ×"
	}
	switch {
	case ratio >= steep && !a.bound:
		return report.Verdict{
			Level:  report.Warning,
			Title:  fmt.Sprintf("The condition number grows with depth, %s%s: %s.", about, report.Number(ratio), at),
			Text:   "The slowest mode of the deepest network learns that much slower, relative to the fastest.",
			Remedy: "use fewer layers, residual connections, normalization, or another gain of the weights",
		}
	case ratio > 1:
		return report.Verdict{Title: fmt.Sprintf("The condition number grows with depth, %s%s: %s.", about, report.Number(ratio), at)}
	}
	return report.Verdict{
		Level: report.Good,
		Title: fmt.Sprintf("The condition number does not grow with depth, %s%s: %s.", about, report.Number(ratio), at),
	}
}

// boundVerdict reports where λ_min is lost in the arithmetic's error.
func (r *Result) boundVerdict() (report.Verdict, bool) {
	var depths []string
	for i := range r.Depths {
		if r.Depths[i].summarize().bound {
			depths = append(depths, r.Depths[i].name())
		}
	}
	if depths == nil {
		return report.Verdict{}, false
	}
	v := report.Verdict{
		Level: report.Warning,
		Title: fmt.Sprintf("λmin is below the error of %s arithmetic (depth %s): the condition number is a lower bound.", r.DType, strings.Join(depths, ", ")),
		Text:  "For some seed the smallest eigenvalue is not distinguishable from zero.",
	}
	if strings.EqualFold(r.DType, "float32") {
		v.Remedy = "--dtype float64 measures it"
	} else {
		v.Remedy = "look for equal examples, or for outputs that depend on each other"
	}
	return v, true
}

// negativeVerdict reports an eigenvalue that no rounding explains.
func (r *Result) negativeVerdict() (report.Verdict, bool) {
	for i := range r.Depths {
		for _, s := range r.Depths[i].Seeds {
			if m := s.Eigenvalues[len(s.Eigenvalues)-1]; m < -2*s.EigenvalueError {
				return report.Verdict{
					Level: report.Bad,
					Title: fmt.Sprintf("Θ is not positive semidefinite: λmin is %s ± %s (depth %s, seed %d).", report.Number(m), report.Number(s.EigenvalueError), r.Depths[i].name(), s.Seed),
					Text:  "The error of the arithmetic was estimated from a sample of entries and is too small to explain this.",
				}, true
			}
		}
	}
	return report.Verdict{}, false
}

func (r *Result) rateVerdict() report.Verdict {
	low, high := r.Depths[0].summarize(), r.Depths[0].summarize()
	for i := range r.Depths {
		s := r.Depths[i].summarize()
		if s.rateMean < low.rateMean {
			low = s
		}
		if s.rateMean > high.rateMean {
			high = s
		}
	}
	rates := report.Number(low.rateMean)
	if high.rateMean != low.rateMean {
		rates += " to " + report.Number(high.rateMean)
	}
	return report.Verdict{
		Title: fmt.Sprintf("Gradient descent on ½ mean (f−y)² diverges above the rate %s.", rates),
		Text:  "This is 2·N·O/λ1, as long as the kernel stays what it is at initialization; on ½ Σ (f−y)² it is 2/λ1.",
	}
}
