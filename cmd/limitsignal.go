package cmd

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/limits"
)

// signalResult is what limit --signal prints with --json.
type signalResult struct {
	Schema  string       `json:"schema"`
	Command string       `json:"command"`
	Model   string       `json:"model"`
	Steps   []signalStep `json:"steps"`
	Edges   []edgePoint  `json:"edges"`
}

// A signalStep is a step z' = W φ(z) + b, or several alike in a row.
type signalStep struct {
	Weights     []string   `json:"weights"`
	Activation  string     `json:"activation,omitempty"`
	WVar        *float64   `json:"weight_variance"`
	BVar        *float64   `json:"bias_variance"`
	Variance    *float64   `json:"fixed_variance"`
	Chi1        *float64   `json:"chi1"`
	Correlation *float64   `json:"fixed_correlation"`
	XiQ         *float64   `json:"variance_depth"`
	XiC         *float64   `json:"correlation_depth"`
	Phase       string     `json:"phase,omitempty"`
	QMap        []mapPoint `json:"q_map"`
	CMap        []mapPoint `json:"c_map"`
	Why         string     `json:"why,omitempty"`

	layer dual.Layer
}

type mapPoint struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// An edgePoint is a point of the edge of chaos of an activation.
type edgePoint struct {
	Activation string   `json:"activation"`
	BVar       float64  `json:"bias_variance"`
	WVar       *float64 `json:"weight_variance"` // nil: there is none
	Variance   *float64 `json:"fixed_variance"`
}

// edgeBiases are the bias variances that edges of chaos are listed at.
var edgeBiases = []float64{0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1}

// signals analyses the steps of a limit.
func signals(list []limits.SignalLayer) (steps []signalStep, edges []edgePoint) {
	seen := map[string]bool{}
	for _, l := range list {
		if k := len(steps) - 1; k >= 0 && steps[k].alike(l) {
			steps[k].Weights = append(steps[k].Weights, l.Weight)
			continue
		}
		s := signalStep{Weights: []string{l.Weight}, Why: l.Why, layer: l.Layer}
		if l.Why == "" {
			s.analyse()
			if f := l.Activation; !seen[f.Name] {
				seen[f.Name] = true
				edges = append(edges, edgesOf(f)...)
			}
		}
		steps = append(steps, s)
	}
	return steps, edges
}

// alike reports whether the next weight makes the same step, but for rounding.
func (s *signalStep) alike(l limits.SignalLayer) bool {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*(math.Abs(a)+math.Abs(b)) }
	if s.Why != "" || l.Why != "" {
		return s.Why == l.Why
	}
	return s.layer.Activation.Name == l.Activation.Name && near(s.layer.WeightVariance, l.WeightVariance) && near(s.layer.BiasVariance, l.BiasVariance)
}

// analyse fills in what maps say of the step. What has no fixed point of a positive
// variance keeps Why to say so.
func (s *signalStep) analyse() {
	l := s.layer
	s.Activation, s.WVar, s.BVar = l.Activation.Name, finite(l.WeightVariance), finite(l.BiasVariance)
	s.QMap = points(func(q float64) (float64, error) { return l.Q(q) }, 0.25, 0.5, 1, 2, 4)
	q, err := l.FixedVariance()
	if err != nil {
		s.Why = err.Error()
		return
	}
	s.Variance = finite(q)
	if q == 0 {
		s.Phase = "variances vanish"
		return
	}
	s.CMap = points(func(c float64) (float64, error) { return l.C(q, c) }, 0, 0.2, 0.4, 0.6, 0.8, 1)
	chi, err := l.Chi1(q)
	if err == nil {
		s.Chi1 = finite(chi)
		s.Phase = phase(chi)
	}
	d, derr := l.DepthScales()
	if derr != nil || err != nil {
		s.Why = fmt.Sprint(firstError(err, derr))
		return
	}
	s.Correlation, s.XiQ, s.XiC = finite(d.FixedCorrelation), finite(d.Variance), finite(d.Correlation)
}

func firstError(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// points are those of a map that it can be computed at.
func points(f func(float64) (float64, error), at ...float64) []mapPoint {
	var list []mapPoint
	for _, x := range at {
		if y, err := f(x); err == nil && finite(y) != nil {
			list = append(list, mapPoint{x, y})
		}
	}
	return list
}

// phase names the side of the edge of chaos.
func phase(chi float64) string {
	switch {
	case math.Abs(chi-1) <= 1e-9:
		return "edge of chaos"
	case chi < 1:
		return "order: inputs become alike, gradients vanish"
	default:
		return "chaos: inputs become unlike, gradients explode"
	}
}

func edgesOf(f *dual.Activation) []edgePoint {
	var list []edgePoint
	for _, b := range edgeBiases {
		p := edgePoint{Activation: f.Name, BVar: b}
		if l, q, err := dual.EdgeOfChaos(f, b); err == nil {
			p.WVar, p.Variance = finite(l.WeightVariance), finite(q)
		}
		list = append(list, p)
	}
	return list
}

// printSignal prints the steps and edges of a limit.
func (a *app) printSignal(name string, derived *limits.Limit) error {
	r := signalResult{Schema: "ntk/signal/1", Command: a.command(), Model: name}
	r.Steps, r.Edges = signals(derived.Signal())
	if a.json {
		return a.printJSON(r)
	}
	right := func(name string) report.Column { return report.Column{Name: name, Align: report.Right} }
	t := report.Table{
		Caption: fmt.Sprintf("steps z' = W φ(z) + b of %s: fixed variance q*, C'(1) = χ1, fixed correlation c*, depth scales ξ in layers", name),
		Columns: []report.Column{
			{Name: "weights"}, {Name: "φ"}, right("σ_w²"), right("σ_b²"), right("q*"), right("χ1"), right("c*"), right("ξ_q"), right("ξ_c"), {Name: "phase"},
		},
	}
	for _, s := range r.Steps {
		weights, last := s.Weights[0], s.Weights[len(s.Weights)-1]
		if last != weights {
			weights = fmt.Sprintf("%s … %s (%d)", weights, last, len(s.Weights))
		}
		// The depth scale of what does not shrink is infinite.
		deep := func(x *float64) string {
			if x == nil && s.Chi1 != nil {
				return "∞"
			}
			return optional(x)
		}
		said := s.Phase
		if s.Why != "" {
			said = s.Why
		}
		t.Rows = append(t.Rows, []string{
			weights, s.Activation, optional(s.WVar), optional(s.BVar), optional(s.Variance), optional(s.Chi1), optional(s.Correlation), deep(s.XiQ), deep(s.XiC), said,
		})
	}
	tables := []report.Table{t}
	if len(r.Edges) > 0 {
		e := report.Table{
			Caption: "edge of chaos: σ_w² E[φ'²] = 1 at q* = σ_w² E[φ²] + σ_b²",
			Columns: []report.Column{{Name: "φ"}, right("σ_b²"), right("σ_w²"), right("q*")},
		}
		for _, p := range r.Edges {
			e.Rows = append(e.Rows, []string{p.Activation, report.Number(p.BVar), optional(p.WVar), optional(p.Variance)})
		}
		tables = append(tables, e)
	}
	return a.printTables(tables)
}

// optional writes a number that there may be none of.
func optional(x *float64) string {
	if x == nil {
		return "–"
	}
	return report.Number(*x)
}
