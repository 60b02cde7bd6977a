package diagnose

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/models"
)

// A Remedy is a network of the last depth, as it is (Name "none") or with one of
// [models.Remedies], in numbers over seeds as the summary has them.
type Remedy struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Missing says why it was not tried; then there are no numbers.
	Missing string `json:"missing,omitempty"`
	// Condition is a geometric mean, a lower bound if not Exact.
	Condition *float64 `json:"condition"`
	Exact     bool     `json:"condition_exact"`
	Largest   *float64 `json:"largest_eigenvalue"`
	// FirstStep and Left are those of [Learning].
	FirstStep *float64 `json:"first_step"`
	Left      *float64 `json:"loss_left"`
	// Growth of squared gradients from the last hidden layer to the first, and the
	// correlation of examples at the last.
	Growth      *float64 `json:"gradient_growth"`
	Correlation *float64 `json:"last_correlation"`
	Verdict     string   `json:"verdict"`
}

// tryRemedies diagnoses the network of a depth with each remedy.
func (c Config) tryRemedies(ctx context.Context, depth, done, total int, x empirical.Batch, r *Result) error {
	own := Remedy{Name: "none", Description: "the network as it is"}
	own.fill(&r.Depths[len(r.Depths)-1])
	r.Remedies = []Remedy{own}
	if c.Source.Spec == nil || c.Context != nil {
		return fmt.Errorf("diagnose: remedies are for networks of the zoo and specs, with weights that are drawn")
	}
	spec, err := c.Source.Spec(depth, c.Data.Shape[1:], c.Data.Classes)
	if err != nil {
		return err
	}
	for k, remedy := range models.Remedies() {
		m := Remedy{Name: remedy.Name, Description: remedy.Description}
		changed, err := remedy.Apply(spec)
		if err != nil {
			m.Missing = err.Error()
			r.Remedies = append(r.Remedies, m)
			continue
		}
		with := c
		with.Joint, with.Theta = c.Joint || remedy.Joint, nil
		with.Source.Build = func(int, []int, int) (empirical.Model, error) { return changed.Model() }
		d, err := with.depth(ctx, depth, done+k, total, x, r)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			m.Missing = plain(err)
		default:
			m.fill(d)
		}
		r.Remedies = append(r.Remedies, m)
	}
	return nil
}

// fill takes the numbers of a diagnosis.
func (m *Remedy) fill(d *Depth) {
	s := d.summarize()
	m.Condition, m.Exact, m.Largest = finite(s.condition), !s.bound, finite(s.max)
	if o, ok := d.outlook(); ok {
		m.FirstStep, m.Left = finite(o.firstStep), finite(o.left)
	}
	if p, ok := d.propagate(); ok {
		m.Growth, m.Correlation = finite(p.growth), finite(p.lastCorrelation)
	}
	j, _ := d.judge()
	m.Verdict = string(j)
}

// remedies is the table of before and after; none if none were tried.
func (r *Result) remedies() []report.Table {
	if len(r.Remedies) == 0 {
		return nil
	}
	t := report.Table{
		Caption: "Remedies at the last depth, " + r.over(),
		Columns: []report.Column{
			{Name: "remedy"},
			right("condition number"), right("λ1"), right("first step at rate 1"), right("loss left (%)"),
			right("growth of gradient²"), right("c last"),
			{Name: "verdict"},
		},
	}
	number := func(x *float64, scale float64) string {
		if x == nil {
			return "–"
		}
		return report.Number(*x * scale)
	}
	for _, m := range r.Remedies {
		said, bound := m.Verdict, ""
		if m.Missing != "" {
			said = "not tried: " + m.Missing
		} else if !m.Exact {
			bound = "≥ "
		}
		t.Rows = append(t.Rows, []string{
			m.Name, bound + number(m.Condition, 1), number(m.Largest, 1), number(m.FirstStep, 1), number(m.Left, 100),
			number(m.Growth, 1), number(m.Correlation, 1), said,
		})
	}
	return []report.Table{t}
}

// remedyVerdict names the remedy that leaves least of the loss, of those whose
// gradients pass.
func (r *Result) remedyVerdict() (report.Verdict, bool) {
	best, own := -1, math.NaN()
	for i, m := range r.Remedies {
		if m.Left == nil {
			continue
		}
		if i == 0 {
			own = *m.Left
		}
		if m.Verdict == string(faded) {
			continue
		}
		if best < 0 || *m.Left < *r.Remedies[best].Left {
			best = i
		}
	}
	switch {
	case len(r.Remedies) == 0 || math.IsNaN(own):
		return report.Verdict{}, false
	case best < 0:
		return report.Verdict{Level: report.Warning, Title: "None of the remedies lets gradients pass."}, true
	case best == 0:
		return report.Verdict{Title: "None of the remedies leaves less of the loss than the network as it is."}, true
	}
	m := r.Remedies[best]
	return report.Verdict{
		Title: fmt.Sprintf("Of the remedies %s helps most: it leaves %s %% of the loss, where the network as it is leaves %s %%.", m.Name, report.Number(100**m.Left), report.Number(100*own)),
		Text:  fmt.Sprintf("It is %s.", m.Description),
	}, true
}
