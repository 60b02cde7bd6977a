package diagnose

import (
	"fmt"
	"math"
	"strings"

	"github.com/gontk/ntk/internal/report"
)

// A propagation puts the signals of one depth's seeds together. The hidden layers
// are all but the last.
type propagation struct {
	hidden int // layers
	seeds  int
	// growth is by what factor the squared gradient grows from the last hidden
	// layer to the first. logMean ± logError is the logarithm of that of one layer,
	// over the later half of them: lengths change most in the first ones, and at the
	// edge of chaos growth is a power of depth. The error is NaN for one seed.
	growth            float64
	logMean, logError float64
	// Means over seeds at the first and the last hidden layer.
	firstLength, lastLength           float64
	firstCorrelation, lastCorrelation float64
}

// propagate returns what the seeds say, if there are two hidden layers and each has
// a gradient.
func (d *Depth) propagate() (p propagation, ok bool) {
	var logs []float64
	total := 0.0
	for _, s := range d.Seeds {
		if s.Signal == nil || len(s.Signal.Layers) < 3 {
			continue
		}
		p.hidden = len(s.Signal.Layers) - 1
		half := 0
		if p.hidden >= 4 {
			half = p.hidden/2 - 1
		}
		first, middle, last := s.Signal.Layers[0], s.Signal.Layers[half], s.Signal.Layers[p.hidden-1]
		if first.Gradient <= 0 || middle.Gradient <= 0 || last.Gradient <= 0 {
			continue
		}
		total += math.Log(first.Gradient / last.Gradient)
		logs = append(logs, math.Log(middle.Gradient/last.Gradient)/float64(p.hidden-1-half))
		p.firstLength += first.Length
		p.lastLength += last.Length
		p.firstCorrelation += first.Correlation
		p.lastCorrelation += last.Correlation
	}
	p.seeds = len(logs)
	if p.seeds == 0 {
		return p, false
	}
	k := float64(p.seeds)
	p.firstLength, p.lastLength = p.firstLength/k, p.lastLength/k
	p.firstCorrelation, p.lastCorrelation = p.firstCorrelation/k, p.lastCorrelation/k
	p.logMean, p.logError = meanError(logs)
	p.growth = math.Exp(total / k)
	return p, true
}

// meanError returns the mean and its standard error, NaN for one number.
func meanError(x []float64) (mean, err float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v / n
	}
	sum := 0.0
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sum / (n - 1) / n)
}

// perLayer writes the factor of one layer with its error.
func (p propagation) perLayer() string {
	x := math.Exp(p.logMean)
	if math.IsNaN(p.logError) {
		return report.Number(x)
	}
	return fmt.Sprintf("%s ± %s", report.Number(x), report.Number(round(x*p.logError)))
}

// round keeps two digits of an error.
func round(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-1)
	return math.Round(x/unit) * unit
}

// A regime says what depth does to a signal.
type regime string

// The regimes of signal propagation, and inputs that become alike at the edge of
// chaos, as in deep ReLU networks.
const (
	ordered   regime = "order"
	chaotic   regime = "chaos"
	critical  regime = "near the edge of chaos"
	alike     regime = "near the edge of chaos, with inputs that become alike"
	uncertain regime = "not told apart by the seeds"
)

const (
	// mild is the growth of squared gradients over as many layers as are hidden, or
	// their decay, that is order or chaos; strong that over the whole network which
	// keeps it from training.
	mild, strong = 10.0, 1e4
	// closer is by what factor 1 − c may shrink.
	closer = 10.0
)

// regime judges the growth of gradients, and of the correlation. A growth within
// two standard errors of a bound is uncertain.
func (p propagation) regime() regime {
	total, err := p.logMean*float64(p.hidden-1), p.logError*float64(p.hidden-1)
	bound := math.Log(mild)
	if !math.IsNaN(err) && math.Abs(math.Abs(total)-bound) < 2*err {
		return uncertain
	}
	switch {
	case total > bound:
		return chaotic
	case total < -bound:
		return ordered
	case 1-p.lastCorrelation < (1-p.firstCorrelation)/closer:
		return alike
	}
	return critical
}

// signalVerdict says what the deepest network does to signals.
func (r *Result) signalVerdict() (report.Verdict, bool) {
	d := &r.Depths[len(r.Depths)-1]
	p, ok := d.propagate()
	if !ok {
		return report.Verdict{}, false
	}
	at := ""
	if d.Depth != 0 {
		at = fmt.Sprintf(" at depth %d", d.Depth)
	}
	v := report.Verdict{Text: p.evidence(d)}
	size := max(p.growth, 1/p.growth)
	switch p.regime() {
	case chaotic:
		v.Title = fmt.Sprintf("Chaos%s: squared gradients grow ×%s per layer towards the input, ×%s over %d hidden layers.", at, p.perLayer(), report.Number(p.growth), p.hidden)
		v.Remedy = "take a smaller σ_w (the edge of chaos), residual connections, or layer norm"
	case ordered:
		v.Title = fmt.Sprintf("Order%s: squared gradients shrink ×%s per layer towards the input, ×%s over %d hidden layers.", at, p.perLayer(), report.Number(p.growth), p.hidden)
		v.Remedy = "take a larger σ_w (the edge of chaos), residual connections, or layer norm"
	case alike:
		v.Title = fmt.Sprintf("Inputs become alike%s: correlations go from %s to %s over %d hidden layers, gradients keep their size.", at, report.Number(p.firstCorrelation), report.Number(p.lastCorrelation), p.hidden)
		v.Remedy = "take fewer layers, residual connections, or a shaped activation (dks, tat)"
		size = mild
	case uncertain:
		v.Title = fmt.Sprintf("Order or chaos%s is not told apart by %d seeds: squared gradients change ×%s per layer towards the input.", at, p.seeds, p.perLayer())
		return v, true
	default:
		v.Level = report.Good
		v.Title = fmt.Sprintf("Signals pass%s: squared gradients change ×%s per layer, ×%s over %d hidden layers.", at, p.perLayer(), report.Number(p.growth), p.hidden)
		return v, true
	}
	v.Level = report.Warning
	if size >= strong {
		v.Level = report.Bad
	}
	return v, true
}

// evidence says what was measured and what the limit predicts.
func (p propagation) evidence(d *Depth) string {
	text := []string{fmt.Sprintf("Lengths go from %s to %s, correlations of different examples from %s to %s.",
		report.Number(p.firstLength), report.Number(p.lastLength), report.Number(p.firstCorrelation), report.Number(p.lastCorrelation))}
	layer := &d.Signal.Layers[p.hidden-1]
	if layer.Correlation != nil {
		text = append(text, fmt.Sprintf("The limit of infinite width predicts the length %s and the correlation %s.", report.Number(*layer.Length), report.Number(*layer.Correlation)))
	}
	if layer.FixedChi != nil {
		said := fmt.Sprintf("In deep networks of such layers χ is %s", report.Number(*layer.FixedChi))
		if layer.DepthScale != nil {
			said += fmt.Sprintf(", and differences of inputs are forgotten over %s layers", report.Number(*layer.DepthScale))
		}
		text = append(text, said+".")
	}
	return strings.Join(text, " ")
}
