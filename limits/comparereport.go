package limits

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/report"
)

// each returns the two kernels, Θ first.
func (c *Comparison) each() []*Agreement { return []*Agreement{c.NTK, c.NNGP} }

// symbol is what formulas call a kernel.
func (k Kernel) symbol() string {
	if k == NNGP {
		return "K"
	}
	return "Θ"
}

// Sections returns the comparison for a report: verdicts, then tables and plots
// of each kernel.
func (c *Comparison) Sections() []report.Section {
	list := []report.Section{{Title: "Verdict", Verdicts: c.Verdicts()}}
	for _, a := range c.each() {
		s := report.Section{Title: "NTK, Θ", Text: aboutTheta, Tables: c.tables(a), Figures: []report.Figure{a.figure()}}
		if a.Kernel == NNGP {
			s.Title, s.Text = "NNGP, K", aboutK
		}
		list = append(list, s)
	}
	return list
}

const (
	aboutTheta = "Deviations are relative to √(Θ_ii Θ_jj) and over entries i ≤ j. The bias E Θ_s − Θ_∞ of networks of width n is " +
		"c/n to first order, the noise of a single draw falls as 1/√n. The mean of M draws is known to noise/√M, so that the bias shows " +
		"once M is comparable with n: scores are given with it and once the fitted c/n is taken away."
	aboutK = "K is the second moment of the outputs over draws, averaged over outputs. f fᵀ of one network does not concentrate: " +
		"its noise does not fall with n, only with the number of draws and of outputs."
)

// Tables returns the comparison for a terminal.
func (c *Comparison) Tables() []report.Table {
	var list []report.Table
	for _, a := range c.each() {
		list = append(list, c.tables(a)...)
	}
	return list
}

func right(name string) report.Column { return report.Column{Name: name, Align: report.Right} }

func (c *Comparison) tables(a *Agreement) []report.Table {
	k := a.Kernel.symbol()
	t := report.Table{Caption: fmt.Sprintf("%s over widths, %d draws of each, on %d examples", k, c.Seeds, c.N)}
	if c.Refusal == nil {
		t.Columns = []report.Column{
			right("width"), right("RMS deviation of a draw"), right("noise"), right("bias"),
			right("mean − limit in s.e.: RMS"), right("max"), right("less c/n: RMS"), right("max"),
		}
	} else {
		t.Columns = []report.Column{right("width"), right("noise of a draw")}
	}
	for i := range a.Widths {
		w := &a.Widths[i]
		row := []string{fmt.Sprint(w.Width)}
		if c.Refusal == nil {
			row = append(row, plusMinus(w.Deviation, w.DeviationError))
		}
		row = append(row, plusMinus(w.Noise, w.NoiseError))
		if c.Refusal == nil {
			row = append(row, plusMinus(w.Bias, w.BiasError), digits(w.Scores.RMS), digits(w.Scores.Max), digits(w.Unbiased.RMS), digits(w.Unbiased.Max))
		}
		t.Rows = append(t.Rows, row)
	}
	list := []report.Table{t, a.laws()}
	if c.Refusal != nil && a.Fit != nil {
		list = append(list, c.extrapolated(a))
	}
	return list
}

// laws lists what is fitted over the widths.
func (a *Agreement) laws() report.Table {
	t := report.Table{
		Caption: fmt.Sprintf("%s against the width n", a.Kernel.symbol()),
		Columns: []report.Column{{Name: "law"}, right("fitted"), right("expected")},
	}
	add := func(name, fitted, expected string) { t.Rows = append(t.Rows, []string{name, fitted, expected}) }
	power, limit := "-0.5", a.Widths[0].Limit != nil
	if a.Kernel == NNGP {
		power = "0"
	}
	if limit {
		add("power of the RMS deviation of a draw", plusMinus(a.Deviation.Exponent, a.Deviation.Error), power)
	}
	add("power of the noise of a draw", plusMinus(a.Noise.Exponent, a.Noise.Error), power)
	f := a.Fit
	if f == nil {
		return t
	}
	add("c/n, RMS of c", digits(f.Coefficient), "")
	add("χ² of a + c/n per degree of freedom", digits(f.ChiSquare), "1")
	if limit {
		add("a at n = ∞ in s.e.: RMS", digits(f.Offset.RMS), "1")
		n := int(math.Sqrt(float64(len(f.Limit))))
		add(fmt.Sprintf("a at n = ∞ in s.e.: max, at (%d, %d)", f.Offset.Row, f.Offset.Col), digits(f.Offset.Max), "at most "+digits(a.Expected(n)))
	}
	return t
}

// shownExamples is how many examples' entries a table of the extrapolation has.
const shownExamples = 4

// extrapolated lists some entries of what stands in for a limit.
func (c *Comparison) extrapolated(a *Agreement) report.Table {
	t := report.Table{
		Caption: fmt.Sprintf("%s extrapolated in 1/n to n = ∞, from these networks and not derived; of the first examples", a.scaled()),
		Columns: []report.Column{right("i"), right("j"), right("a"), right("± s.e.")},
	}
	for i := range min(c.N, shownExamples) {
		for j := i; j < min(c.N, shownExamples); j++ {
			t.Rows = append(t.Rows, []string{fmt.Sprint(i), fmt.Sprint(j), report.Number(a.Fit.Limit[i*c.N+j]), digits(a.Fit.LimitError[i*c.N+j])})
		}
	}
	return t
}

// scaled names the kernel with the power of n that is divided out.
func (a *Agreement) scaled() string {
	switch k := a.Kernel.symbol(); {
	case a.Growth == 1:
		return k + "/n"
	case a.Growth > 0:
		return fmt.Sprintf("%s/n^%d", k, a.Growth)
	case a.Growth < 0:
		return fmt.Sprintf("n^%d·%s", -a.Growth, k)
	default:
		return k
	}
}

// figure plots deviations against the width.
func (a *Agreement) figure() report.Figure {
	l := report.Line{
		Title: fmt.Sprintf("Deviations of %s against the width", a.Kernel.symbol()),
		X:     report.Axis{Label: "width n", Log: true},
		Y:     report.Axis{Label: "relative to √(Θ_ii Θ_jj)", Log: true},
	}
	if a.Kernel == NNGP {
		l.Y.Label = "relative to √(K_ii K_jj)"
	}
	series := func(name string, at func(w *WidthAgreement) (y, stderr float64)) {
		s := report.Series{Name: name}
		for i := range a.Widths {
			y, e := at(&a.Widths[i])
			if math.IsNaN(e) {
				e = 0
			}
			s.X, s.Y = append(s.X, float64(a.Widths[i].Width)), append(s.Y, y)
			s.Low, s.High = append(s.Low, y-e), append(s.High, y+e)
		}
		l.Series = append(l.Series, s)
	}
	if a.Widths[0].Limit != nil {
		series("RMS deviation of a draw from the limit", func(w *WidthAgreement) (float64, float64) { return w.Deviation, w.DeviationError })
	}
	series("noise of a draw", func(w *WidthAgreement) (float64, float64) { return w.Noise, w.NoiseError })
	if a.Widths[0].Limit != nil {
		series("bias", func(w *WidthAgreement) (float64, float64) { return w.Bias, w.BiasError })
	}
	return l
}

// Verdicts says in sentences whether networks have the limit.
func (c *Comparison) Verdicts() []report.Verdict {
	var list []report.Verdict
	if c.Refusal != nil {
		list = append(list, report.Verdict{
			Level: report.Warning, Title: "No limit is derived: " + c.Refusal.Reason + ".",
			Text: fmt.Sprintf("At %s. What stands for n = ∞ is extrapolated from the networks that were drawn, with statistical errors.", c.Refusal.place()),
		})
	}
	for _, w := range c.Warnings {
		list = append(list, report.Verdict{Level: report.Warning, Title: "Derivation: " + w + "."})
	}
	for _, a := range c.each() {
		list = append(list, a.verdicts(c.N)...)
	}
	return list
}

// poorFit is χ² per degree of freedom from which a + c/n is called insufficient.
const poorFit = 2

func (a *Agreement) verdicts(n int) []report.Verdict {
	var list []report.Verdict
	k := a.Kernel.symbol()
	if f := a.Fit; f != nil && a.Widths[0].Limit != nil {
		v := report.Verdict{Level: report.Good, Title: k + " of finite networks tends to the derived limit."}
		if !(f.Offset.Max <= a.Expected(n)) {
			v = report.Verdict{
				Level: report.Bad, Title: k + " of finite networks does not tend to the derived limit.",
				Remedy: "leave out the smallest widths, whose bias is more than c/n; if it stays, report it with the model",
			}
		}
		v.Text = fmt.Sprintf("Extrapolated by a + c/n the entry farthest off is at %s standard errors, RMS %s; of a right limit all are within %s with probability 0.99.",
			digits(f.Offset.Max), digits(f.Offset.RMS), digits(a.Expected(n)))
		list = append(list, v)
	}
	if f := a.Fit; f != nil && f.ChiSquare > poorFit {
		list = append(list, report.Verdict{
			Level: report.Warning, Title: fmt.Sprintf("a + c/n does not describe %s at these widths: χ² is %s per degree of freedom.", k, digits(f.ChiSquare)),
			Remedy: "leave out the smallest widths",
		})
	}
	if a.Kernel == NTK {
		list = append(list, a.concentration()...)
	}
	return list
}

// concentration says whether Θ becomes deterministic.
func (a *Agreement) concentration() []report.Verdict {
	p := a.Noise
	switch {
	case math.IsNaN(p.Exponent) || math.IsNaN(p.Error):
		return nil
	case math.Abs(p.Exponent+0.5) <= 0.1+2*p.Error:
		return []report.Verdict{{Level: report.Good, Title: fmt.Sprintf("The noise of Θ falls as n^%s, as 1/√n should.", plusMinus(p.Exponent, p.Error))}}
	case math.Abs(p.Exponent) <= 0.1+2*p.Error:
		return []report.Verdict{{Level: report.Bad, Title: fmt.Sprintf("The noise of Θ does not fall with n (n^%s): Θ stays random at any width.", plusMinus(p.Exponent, p.Error))}}
	}
	return []report.Verdict{{
		Level: report.Warning, Title: fmt.Sprintf("The noise of Θ falls as n^%s, not as n^-0.5.", plusMinus(p.Exponent, p.Error)),
		Remedy: "take larger widths",
	}}
}

// digits writes a number of statistics: two significant digits are known.
func digits(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.2g", v)
}

// plusMinus writes a value to the digits that its standard error leaves.
func plusMinus(v, stderr float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if !(stderr > 0) || math.IsInf(stderr, 1) {
		return report.Number(v)
	}
	decimals := max(0, 1-int(math.Floor(math.Log10(stderr))))
	return fmt.Sprintf("%.*f ± %.*f", decimals, v, decimals, stderr)
}
