package train

import (
	"fmt"
	"math"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/report"
)

// guaranteed is the loss that the theory of wide networks promises after s steps of
// gradient flow on squared loss: while λmin(Θ_t) ≥ λ0/2, λ0 being the smallest eigenvalue
// of Θ of all training examples at the start,
//
//	L_t ≤ e^{−λ0·t}·L_0,  t = ηs/size.
//
// NaN stands for what it says nothing of: momentum, Adam and minibatches, another loss, Θ
// of some examples only or averaged over outputs, and a λ0 within its error of zero. So
// do steps of a rate up to size/λ1, whose factors (1 − z)² are below e^{−2z}, but for what
// Θ changes within one.
//
// Source: Du, Zhai, Póczos, Singh, arXiv 1810.02054, theorem 3.2.
func (e *evolution) guaranteed(first *Point, s int) float64 {
	c := &e.c
	n, o := c.Train.Y.Rows, c.Train.Y.Cols
	whole := c.Probe == n && (o == 1 || c.Outputs == empirical.Full)
	if c.Optimizer.Name != "sgd" || c.Loss.Kind != Squared || e.order.Batch != n || !whole || !first.Exact || first.Network.Loss == nil {
		return math.NaN()
	}
	return *first.Network.Loss * math.Exp(-smallest(first)*c.Optimizer.Rate*float64(s)/c.Loss.Size(n, o))
}

// smallest is λmin of the probe's Θ.
func smallest(p *Point) float64 { return p.Eigenvalues[len(p.Eigenvalues)-1] }

// guarantee says whether the promise held at every point; no verdict where none was made.
func (r *Result) guarantee() []report.Verdict {
	share, at, above := 1.0, 0, -1
	for i := range r.Points {
		p := &r.Points[i]
		if p.LossBound == nil || p.Network.Loss == nil {
			return nil
		}
		if s := smallest(p) / smallest(&r.Points[0]); s < share {
			share, at = s, p.Step
		}
		// Both are sums of as many squares: what rounding makes of them is no failure.
		if above < 0 && *p.Network.Loss > *p.LossBound*(1+1e-5) {
			above = p.Step
		}
	}
	v := report.Verdict{
		Level: report.Good, Title: "The theory of wide networks holds here: λmin(Θ) stays above half of what it was, and the loss below exp(−λ0·t)",
		Text: fmt.Sprintf("λmin(Θ) was never below %s of its start, λ0 = %s (at step %d).", report.Number(share), report.Number(smallest(&r.Points[0])), at),
	}
	switch {
	case share < 0.5:
		v.Level, v.Title = report.Info, "λmin(Θ) falls below half of what it was: the theory of wide networks promises nothing"
	case above >= 0:
		v.Level, v.Title = report.Info, fmt.Sprintf("The loss is above exp(−λ0·t) times that of the start, at step %d first", above)
	}
	return []report.Verdict{v}
}
