package diagnose

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/report"
)

// depthFigures plots eigenvalues and the trace against depth.
func (r *Result) depthFigures() []report.Figure {
	curve := func(name string, of func(Seed) float64) report.Series {
		s := report.Series{Name: name}
		for i := range r.Depths {
			d := &r.Depths[i]
			mean, low, high := 0.0, math.Inf(1), math.Inf(-1)
			for _, seed := range d.Seeds {
				v := of(seed)
				mean, low, high = mean+v/float64(len(d.Seeds)), min(low, v), max(high, v)
			}
			s.X, s.Y = append(s.X, float64(d.Depth)), append(s.Y, mean)
			s.Low, s.High = append(s.Low, min(low, mean)), append(s.High, max(high, mean))
		}
		if len(r.Depths[0].Seeds) < 2 {
			s.Low, s.High = nil, nil
		}
		return s
	}
	depth := report.Axis{Label: "depth", Log: true}
	return []report.Figure{
		report.Line{
			Title: "Eigenvalues against depth, means over seeds, with the range", X: depth, Y: report.Axis{Label: "eigenvalue", Log: true},
			Series: []report.Series{
				curve("λ1", func(s Seed) float64 { return s.Eigenvalues[0] }),
				curve("median", func(s Seed) float64 { return s.Median }),
				curve("λmin", func(s Seed) float64 { return s.Eigenvalues[len(s.Eigenvalues)-1] }),
			},
		},
		report.Line{
			Title: "Trace of Θ against depth", X: depth, Y: report.Axis{Label: "tr Θ", Log: true},
			Series: []report.Series{curve("trace", func(s Seed) float64 { return s.Trace })},
		},
	}
}

// densityFigure estimates the density of log10 λ of each depth, all seeds together,
// by Gaussians of Silverman's width. Eigenvalues within their error of 0 are left out.
func (r *Result) densityFigure() report.Figure {
	f := report.Line{
		Title: "Density of the eigenvalues of Θ, all seeds",
		X:     report.Axis{Label: "log10 of the eigenvalue"}, Y: report.Axis{Label: "share of the eigenvalues per unit"},
	}
	for i := range r.Depths {
		d := &r.Depths[i]
		var logs []float64
		all := 0
		for _, s := range d.Seeds {
			for _, v := range s.Eigenvalues {
				all++
				if v > s.EigenvalueError && v > 0 {
					logs = append(logs, math.Log10(v))
				}
			}
		}
		s := report.Series{Name: r.series(d)}
		s.X, s.Y = density(logs, float64(all))
		if s.X != nil {
			f.Series = append(f.Series, s)
		}
	}
	return f
}

// density returns a sum of Gaussians, one at each x, of weight 1/all.
func density(x []float64, all float64) (at, y []float64) {
	if len(x) == 0 {
		return nil, nil
	}
	mean, err := meanError(x)
	spread := err * math.Sqrt(float64(len(x)))
	// Silverman, Density Estimation (1986), eq. (3.28).
	h := 1.06 * spread * math.Pow(float64(len(x)), -0.2)
	if !(h > 0.01) { // equal eigenvalues, or one: a peak that can be seen
		h = 0.01
	}
	low, high := mean, mean
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	low, high = low-3*h, high+3*h
	const points = 161
	for k := range points {
		u := low + (high-low)*float64(k)/(points-1)
		sum := 0.0
		for _, v := range x {
			z := (u - v) / h
			sum += math.Exp(-z*z/2) / (h * math.Sqrt(2*math.Pi) * all)
		}
		at, y = append(at, u), append(y, sum)
	}
	return at, y
}

// learningFigures draw what is left of the loss at each depth, and the modes of the
// last one, first seeds.
func (r *Result) learningFigures() []report.Figure {
	loss := report.Line{
		Title: "Loss left by the kernel at the start, first seed", X: report.Axis{Label: "step", Log: true}, Y: report.Axis{Label: "share of the loss", Log: true},
	}
	modes := report.Line{X: report.Axis{Label: "step", Log: true}, Y: report.Axis{Label: "share of the mode's error", Log: true}}
	for i := range r.Depths {
		l := r.Depths[i].Seeds[0].Learning
		if l == nil || l.Rate == 0 {
			continue
		}
		at := report.Series{Name: r.series(&r.Depths[i])}
		steps := stepsTo(l.Steps)
		for _, k := range steps {
			at.X, at.Y = append(at.X, k), append(at.Y, l.lossAfter(k))
		}
		loss.Series = append(loss.Series, at)
		if i < len(r.Depths)-1 {
			continue
		}
		modes.Title = "Modes of " + r.series(&r.Depths[i]) + ", first seed"
		for m := 1; m < len(l.values); m *= 4 { // the first is learned at once
			s := report.Series{Name: fmt.Sprintf("mode %d, λ = %s", m+1, report.Number(l.values[m]))}
			for _, k := range steps {
				if y := l.errorAfter(m, k); y > 1e-6 {
					s.X, s.Y = append(s.X, k), append(s.Y, y)
				}
			}
			modes.Series = append(modes.Series, s)
		}
	}
	if len(modes.Series) == 0 {
		return []report.Figure{loss}
	}
	return []report.Figure{loss, modes}
}

// stepsTo spaces steps evenly on a logarithmic axis.
func stepsTo(n int) []float64 {
	var list []float64
	last := 0.0
	for k := range 61 {
		if s := math.Round(math.Pow(float64(n), float64(k)/60)); s > last {
			list, last = append(list, s), s
		}
	}
	return list
}
