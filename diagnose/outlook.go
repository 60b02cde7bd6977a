package diagnose

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/report"
)

// An outlook puts what kernels of one depth's seeds say of learning together.
type outlook struct {
	seeds           int
	left, low, high float64 // of the loss after the budget of steps
	steps           int
	unlearned       float64 // modes, their share of the targets
	unlearnedShare  float64
	alignment       float64
	firstStep, drop float64
}

func (d *Depth) outlook() (o outlook, ok bool) {
	o.low, o.high = math.Inf(1), math.Inf(-1)
	for _, s := range d.Seeds {
		if l := s.Learning; l != nil {
			o.seeds++
			o.steps = l.Steps
			o.left += l.Left
			o.low, o.high = min(o.low, l.Left), max(o.high, l.Left)
			o.unlearned += float64(l.Unlearned)
			o.unlearnedShare += l.UnlearnedShare
			o.alignment += l.TargetAlignment
			o.firstStep += l.FirstStep
			o.drop += l.FirstDrop
		}
	}
	k := float64(o.seeds)
	for _, x := range []*float64{&o.left, &o.unlearned, &o.unlearnedShare, &o.alignment, &o.firstStep, &o.drop} {
		*x /= k
	}
	return o, o.seeds > 0
}

// trains is what may be left of the loss for a network to train, and stuck what is
// left of one that does not.
const trains, stuck = 0.1, 0.5

// learningVerdict says whether the deepest network will learn in the budget.
func (r *Result) learningVerdict() (report.Verdict, bool) {
	d := &r.Depths[len(r.Depths)-1]
	o, ok := d.outlook()
	if !ok {
		return report.Verdict{}, false
	}
	at := ""
	if d.Depth != 0 {
		at = fmt.Sprintf(" at depth %d", d.Depth)
	}
	left := report.Number(100*o.left) + " %"
	if o.seeds > 1 {
		left += fmt.Sprintf(" (%s … %s)", report.Number(100*o.low), report.Number(100*o.high))
	}
	v := report.Verdict{
		Text: fmt.Sprintf("This is gradient descent on ½ mean (f−y)² with the kernel of the start, from outputs 0, at half the largest stable rate. "+
			"%s of %d modes keep more than a tenth of their error: %s %% of the targets' square is along them.",
			report.Number(o.unlearned), r.Examples, report.Number(100*o.unlearnedShare)),
	}
	switch j, growth := d.judge(); j {
	case faded:
		v.Level = report.Bad
		v.Title = fmt.Sprintf("It will not train%s: gradients at the first hidden layer are ×%s of those at the last; the kernel, if it stayed what it is, would leave %s of the loss after %d steps.", at, report.Number(growth), left, o.steps)
		v.Remedy = "see which of --remedies makes the difference"
	case willTrain:
		v.Level = report.Good
		v.Title = fmt.Sprintf("It will train%s: the kernel leaves %s of the loss after %d steps.", at, left, o.steps)
	case willNot:
		v.Level = report.Bad
		v.Title = fmt.Sprintf("It will not train in %d steps%s: the kernel leaves %s of the loss.", o.steps, at, left)
		v.Remedy = "see which of --remedies makes the difference, or give it more steps"
	default:
		v.Level = report.Warning
		v.Title = fmt.Sprintf("It will train slowly%s: the kernel leaves %s of the loss after %d steps.", at, left, o.steps)
		v.Remedy = "give it more steps, or try --remedies"
	}
	return v, true
}

// A judgement says whether a network will train.
type judgement string

const (
	willTrain  judgement = "trains"
	willSlowly judgement = "trains slowly"
	willNot    judgement = "does not train"
	// faded is willNot because gradients vanish or explode.
	faded judgement = "does not train: gradients"
	open  judgement = "no labels"
)

// judge weighs what the kernel leaves of the loss and the growth of gradients.
func (d *Depth) judge() (j judgement, growth float64) {
	growth = 1
	if p, ok := d.propagate(); ok {
		growth = p.growth
	}
	o, ok := d.outlook()
	switch {
	case !ok:
		return open, growth
	case max(growth, 1/growth) >= strong:
		return faded, growth
	case o.left <= trains:
		return willTrain, growth
	case o.left >= stuck:
		return willNot, growth
	}
	return willSlowly, growth
}

// limitVerdict says how far Θ is from its limit.
func (r *Result) limitVerdict() (report.Verdict, bool) {
	d := &r.Depths[len(r.Depths)-1]
	switch {
	case d.Limit == nil:
		return report.Verdict{}, false
	case d.Limit.Missing != "":
		return report.Verdict{Title: "Θ is not compared with a limit of infinite width: " + d.Limit.Missing + "."}, true
	case d.Limit.Distance == nil:
		return report.Verdict{}, false
	}
	return report.Verdict{
		Title: fmt.Sprintf("Θ is %s %% away from its limit of infinite width, on %d examples.", report.Number(100**d.Limit.Distance), d.Limit.Examples),
		Text:  fmt.Sprintf("This is ‖Θ̄ − Θ∞‖/‖Θ∞‖ of the mean over %d networks; a single one is %s %% away.", len(d.Seeds), report.Number(100*d.limitDistance())),
	}, true
}

// limitDistance is the mean over seeds.
func (d *Depth) limitDistance() float64 {
	sum, k := 0.0, 0.0
	for _, s := range d.Seeds {
		if s.LimitDistance != nil {
			sum, k = sum+*s.LimitDistance, k+1
		}
	}
	return sum / k
}
