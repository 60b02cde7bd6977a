package diagnose

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/report"
)

// mostDepths is how many depths a figure of layers shows: the last ones.
const mostDepths = 4

// signalFigures draws the signal through the layers, and the maps of the last depth.
func (r *Result) signalFigures() []report.Figure {
	figures := []report.Figure{
		r.layerFigure("Lengths through the layers", "q", true,
			func(l LayerSignal) float64 { return l.Length }, func(l *SignalLayer) *float64 { return l.Length }),
		r.layerFigure("Correlations through the layers", "c", false,
			func(l LayerSignal) float64 { return l.Correlation }, func(l *SignalLayer) *float64 { return l.Correlation }),
		r.layerFigure("Gradients through the layers", "‖∂f/∂z‖²", true,
			func(l LayerSignal) float64 { return l.Gradient }, func(*SignalLayer) *float64 { return nil }),
	}
	return append(figures, r.mapFigures()...)
}

// layerFigure draws means over seeds with their range, and what is predicted for
// the last depth. The output, whose correlations are of few entries, is left out.
func (r *Result) layerFigure(title, label string, log bool, measured func(LayerSignal) float64, predicted func(*SignalLayer) *float64) report.Figure {
	f := report.Line{Title: title, X: report.Axis{Label: "layer"}, Y: report.Axis{Label: label, Log: log}}
	for i := max(0, len(r.Depths)-mostDepths); i < len(r.Depths); i++ {
		d := &r.Depths[i]
		p, ok := d.propagate()
		if !ok {
			continue
		}
		s := report.Series{Name: r.series(d), Band: true}
		forecast := report.Series{Name: "predicted, " + r.series(d)}
		for l := range p.hidden {
			mean, low, high, k := 0.0, math.Inf(1), math.Inf(-1), 0.0
			for _, seed := range d.Seeds {
				if seed.Signal != nil {
					v := measured(seed.Signal.Layers[l])
					mean, low, high, k = mean+v, min(low, v), max(high, v), k+1
				}
			}
			mean /= k
			s.X, s.Y = append(s.X, float64(l+1)), append(s.Y, mean)
			// The mean of equal numbers may differ from them in the last digit.
			s.Low, s.High = append(s.Low, min(low, mean)), append(s.High, max(high, mean))
			if v := predicted(&d.Signal.Layers[l]); v != nil {
				forecast.X, forecast.Y = append(forecast.X, float64(l+1)), append(forecast.Y, *v)
			}
		}
		if len(d.Seeds) < 2 {
			s.Low, s.High, s.Band = nil, nil, false
		}
		f.Series = append(f.Series, s)
		if i == len(r.Depths)-1 && len(forecast.Y) > 1 {
			f.Series = append(f.Series, forecast)
		}
	}
	return f
}

// mapFigures draws the maps of lengths and correlations of the steps of the last
// depth, one of each kind, up to three.
func (r *Result) mapFigures() []report.Figure {
	d := &r.Depths[len(r.Depths)-1]
	q := report.Line{Title: "Map of lengths", X: report.Axis{Label: "q"}, Y: report.Axis{Label: "Q(q)"}}
	c := report.Line{Title: "Map of correlations at the fixed length", X: report.Axis{Label: "c"}, Y: report.Axis{Label: "C(c)"}}
	seen := map[string]bool{}
	for i := range d.Signal.steps {
		step := &d.Signal.steps[i]
		if step.Why != "" {
			continue
		}
		name := fmt.Sprintf("%s, σ_w² = %s, σ_b² = %s", step.Activation.Name, report.Number(step.WeightVariance), report.Number(step.BiasVariance))
		if seen[name] || len(seen) == 3 {
			continue
		}
		seen[name] = true
		fixed, err := step.FixedVariance()
		if err != nil || fixed == 0 {
			fixed = 1 // of the scale that lengths start at
		}
		const points = 41
		var qs, cs report.Series
		qs.Name, cs.Name = name, name
		for k := range points {
			u := float64(k) / (points - 1)
			if y, err := step.Q(2 * fixed * u); err == nil && finite(y) != nil {
				qs.X, qs.Y = append(qs.X, 2*fixed*u), append(qs.Y, y)
			}
			if y, err := step.C(fixed, u); err == nil && finite(y) != nil {
				cs.X, cs.Y = append(cs.X, u), append(cs.Y, y)
			}
		}
		q.Series, c.Series = append(q.Series, qs), append(c.Series, cs)
	}
	if len(q.Series) == 0 {
		return nil
	}
	top := 0.0
	for _, s := range q.Series {
		for _, x := range s.X {
			top = max(top, x)
		}
	}
	q.Series = append(q.Series, report.Series{Name: "unchanged", X: []float64{0, top}, Y: []float64{0, top}})
	c.Series = append(c.Series, report.Series{Name: "unchanged", X: []float64{0, 1}, Y: []float64{0, 1}})
	return []report.Figure{q, c}
}
