package diagnose

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gontk/ntk/internal/report"
)

// series names a depth in legends.
func (r *Result) series(d *Depth) string {
	if d.Depth == 0 {
		return r.Model
	}
	return fmt.Sprintf("depth %d", d.Depth)
}

// spectrumFigure plots the first seed's eigenvalues of every depth.
func (r *Result) spectrumFigure() report.Figure {
	l := report.Line{
		Title: "Eigenvalues of Θ, first seed",
		X:     report.Axis{Label: "index", Log: true},
		Y:     report.Axis{Label: "eigenvalue", Log: true},
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		l.Series = append(l.Series, report.Series{Name: r.series(d), Y: d.Seeds[0].Eigenvalues})
	}
	return l
}

// conditionFigure plots the condition number against depth, nil without a sweep.
func (r *Result) conditionFigure() report.Figure {
	if len(r.Depths) < 2 {
		return nil
	}
	s := report.Series{Name: "geometric mean over seeds, with the range"}
	for i := range r.Depths {
		d := &r.Depths[i]
		m := d.summarize()
		if finite(m.condition) == nil || finite(m.high) == nil {
			m.condition, m.low, m.high = math.NaN(), math.NaN(), math.NaN()
		}
		s.X = append(s.X, float64(d.Depth))
		s.Y = append(s.Y, m.condition)
		// The mean of equal numbers may differ from them in the last digit.
		s.Low, s.High = append(s.Low, min(m.low, m.condition)), append(s.High, max(m.high, m.condition))
	}
	if len(r.Depths[0].Seeds) < 2 {
		s.Name, s.Low, s.High = "condition number", nil, nil
	}
	return report.Line{
		Title:  "Condition number against depth",
		X:      report.Axis{Label: "depth", Log: true},
		Y:      report.Axis{Label: "condition number λ1/λmin", Log: true},
		Series: []report.Series{s},
	}
}

// heatmaps draws the first seed's Θ of every depth, examples ordered by class.
// A Full Θ is averaged over the outputs, (1/O) Σ_o Θ[o, o], to be readable.
func (r *Result) heatmaps(labels []float64, names []string) []report.Figure {
	var out []report.Figure
	for i := range r.Depths {
		d := &r.Depths[i]
		s := d.Seeds[0]
		if s.theta == nil {
			continue
		}
		order, groups := byClass(r.Examples, labels, names)
		h := report.Heatmap{
			Title:    fmt.Sprintf("Gram matrix Θ of %s, seed %d", r.series(d), s.Seed),
			Rows:     r.Examples,
			Cols:     r.Examples,
			Values:   permuted(meanKernel(s.theta, r.Examples, r.Dimension), order),
			RowLabel: "example", ColLabel: "example",
			Label:     "Θ, mean over outputs",
			RowGroups: groups, ColGroups: groups,
		}
		if groups != nil {
			h.RowLabel, h.ColLabel = "example, by class", "example, by class"
		}
		out = append(out, h)
	}
	return out
}

// byClass returns the examples in the order of their classes, and the classes.
// Without labels the order is that of the data and there are no groups.
func byClass(n int, labels []float64, names []string) ([]int, []report.Group) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if len(labels) != n {
		return order, nil
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(labels[a], labels[b]) })
	var groups []report.Group
	for k, i := range order {
		if k == 0 || labels[i] != labels[order[k-1]] {
			name := report.Number(labels[i])
			if c := int(labels[i]); c >= 0 && c < len(names) {
				name = names[c]
			}
			groups = append(groups, report.Group{Name: name})
		}
		groups[len(groups)-1].Size++
	}
	return order, groups
}

// permuted returns the square matrix a with its rows and columns in another order.
func permuted(a []float64, order []int) []float64 {
	n := len(order)
	out := make([]float64, len(a))
	for i, p := range order {
		for j, q := range order {
			out[i*n+j] = a[p*n+q]
		}
	}
	return out
}

// shareFigures draws every depth's shares, in the network's order.
func (r *Result) shareFigures() []report.Figure {
	var out []report.Figure
	for i := range r.Depths {
		d := &r.Depths[i]
		b := report.Bars{Title: "Share of the trace by weight, " + r.series(d), Label: "share of tr Θ", Unit: "%"}
		for _, s := range d.shares() {
			b.Items = append(b.Items, report.Bar{Label: s.weight, Value: 100 * s.part})
		}
		if len(b.Items) > 0 {
			out = append(out, b)
		}
	}
	return out
}
