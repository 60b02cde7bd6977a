package predict

import (
	"fmt"
	"math"
)

// A Report says what rounding and a singular kernel did to a [Dynamics].
type Report struct {
	// Negative counts eigenvalues below zero, which are taken for 0, as are those
	// within rounding of it: exponents must not grow, nor rounding be learned.
	// Lowest is the lowest of them, 0 if there is none.
	Negative int
	Lowest   float64
	// Explained says that no eigenvalue is more negative than rounding and the
	// entries' error explain; otherwise the matrix is no kernel.
	Explained bool
	// Null counts modes whose λ + r is zero within its error. They are never
	// learned, and left out at t = ∞.
	Null int
	// Unlearned is the share of ‖f_0 − y‖² that lies along them.
	Unlearned float64
}

// Notes returns the report in sentences, none if there is nothing to say.
func (r Report) Notes() []string {
	var notes []string
	if r.Negative > 0 && r.Explained {
		notes = append(notes, fmt.Sprintf("%d eigenvalues are negative, the lowest %.3g, as rounding explains; taken for 0", r.Negative, r.Lowest))
	}
	if !r.Explained {
		notes = append(notes, fmt.Sprintf("the matrix is not positive semidefinite: %d eigenvalues are negative, the lowest %.3g, more than rounding explains; taken for 0", r.Negative, r.Lowest))
	}
	if r.Null > 0 {
		notes = append(notes, fmt.Sprintf("%d modes have eigenvalues of zero within their error and are never learned: %.3g of the initial squared error", r.Null, r.Unlearned))
	}
	return notes
}

func (d *Dynamics) report() {
	r := &d.Report
	r.Explained = d.Modes.PSD()
	var lost, total float64
	for j, l := range d.Modes.Values {
		if l < 0 {
			r.Negative++
			r.Lowest = min(r.Lowest, l)
		}
		e := dot(d.u0.Row(j), d.u0.Row(j))
		total += e
		if d.null[j] {
			r.Null++
			lost += e
		}
	}
	if total > 0 {
		r.Unlearned = lost / total
	}
}

// Projections returns, for each filter, the train outputs along every mode,
// Vᵀf [D, C], C = O for a kernel of one output and 1 for a full one. Without a ridge
// gradient descent moves each by itself,
//
//	u_{k+1,j} = u_{k,j} + (ηλ_j/size)(y_j − u_{k,j}).
func (d *Dynamics) Projections(filters ...Filter) ([]Matrix, error) {
	out := make([]Matrix, len(filters))
	for i, f := range filters {
		if len(f.Left) != d.u0.Rows || len(f.Dual) != d.u0.Rows {
			return nil, fmt.Errorf("predict: filter %d is for %d modes; this kernel has %d", i, len(f.Left), d.u0.Rows)
		}
		out[i] = NewMatrix(d.u0.Rows, d.u0.Cols)
		for j := range d.u0.Rows {
			left := d.left(f, j)
			for k, u := range d.u0.Row(j) {
				out[i].Row(j)[k] = d.uy.Row(j)[k] + left*u
			}
		}
	}
	return out, nil
}

// Loss returns ‖f − y‖²/(2·size) on the training examples, without the penalty.
func (d *Dynamics) Loss(f Filter) (float64, error) {
	if len(f.Left) != d.u0.Rows || len(f.Dual) != d.u0.Rows {
		return 0, fmt.Errorf("predict: a filter is for %d modes; this kernel has %d", len(f.Left), d.u0.Rows)
	}
	s := 0.0
	for j := range d.u0.Rows {
		left := d.left(f, j)
		s += left * left * dot(d.u0.Row(j), d.u0.Row(j))
	}
	return s / (2 * d.Size), nil
}

// Alignment returns the share of ‖y‖² along each mode, which sum to 1; zeros if y is
// zero. Targets along the first modes are learned fast, and generalize.
func (d *Dynamics) Alignment() []float64 {
	out, total := make([]float64, d.uy.Rows), 0.0
	for j := range out {
		out[j] = dot(d.uy.Row(j), d.uy.Row(j))
		total += out[j]
	}
	for j := range out {
		if total > 0 {
			out[j] /= total
		}
	}
	return out
}

// TargetAlignment returns the kernel's alignment with the targets,
// <Θ, yyᵀ>/(‖Θ‖·‖yyᵀ‖) with Frobenius norms, between 0 and 1 for a kernel.
//
// Source: Cristianini et al., "On kernel-target alignment" (NIPS 2001).
func (d *Dynamics) TargetAlignment() float64 {
	var inner, theta, target float64
	c := d.uy.Cols
	for j, l := range d.Modes.Values {
		inner += l * dot(d.uy.Row(j), d.uy.Row(j))
		theta += l * l
	}
	// ‖yyᵀ‖ = ‖yᵀy‖, and the latter is C × C.
	for a := range c {
		for b := range c {
			s := 0.0
			for j := range d.uy.Rows {
				s += d.uy.Data[j*c+a] * d.uy.Data[j*c+b]
			}
			target += s * s
		}
	}
	if theta == 0 || target == 0 {
		return 0
	}
	return inner / math.Sqrt(theta*target)
}

// TimeToLearn returns, for every mode, the time at which gradient flow has left the
// given share of its error: ln(1/share)·size/(η(λ+r)), +Inf for modes that are
// never learned. It returns an error if the rate is not positive or the share not
// between 0 and 1.
func (d *Dynamics) TimeToLearn(rate, share float64) ([]float64, error) {
	if err := checkShare(rate, share); err != nil {
		return nil, err
	}
	return d.perMode(func(l float64) float64 { return -math.Log(share) * d.Size / (rate * l) }), nil
}

// StepsToLearn returns, for every mode, after how many steps gradient descent has
// left at most the given share of its error, +Inf for modes that are never learned
// or diverge. Errors are those of [Dynamics.TimeToLearn].
func (d *Dynamics) StepsToLearn(rate, share float64) ([]float64, error) {
	if err := checkShare(rate, share); err != nil {
		return nil, err
	}
	return d.perMode(func(l float64) float64 {
		z := rate * l / d.Size
		if z >= 2 {
			return math.Inf(1)
		}
		// ln|1−z|, with the digits of a small z.
		return max(1, math.Ceil(2*math.Log(share)/math.Log1p(-z*(2-z))))
	}), nil
}

func (d *Dynamics) perMode(value func(pull float64) float64) []float64 {
	out := make([]float64, len(d.pull))
	for j, l := range d.pull {
		out[j] = math.Inf(1)
		if !d.null[j] {
			out[j] = value(l)
		}
	}
	return out
}

func checkShare(rate, share float64) error {
	if err := checkRate(rate); err != nil {
		return err
	}
	if rate == 0 || !(share > 0 && share < 1) {
		return fmt.Errorf("predict: learning rate %g and share %g; want a rate above 0, a share between 0 and 1", rate, share)
	}
	return nil
}

// MaxRate returns the largest learning rate for which gradient descent does not
// diverge, 2·size/(λ_1 + r).
func (d *Dynamics) MaxRate() float64 { return d.maxRate(2) }

// MaxRateHeavyBall is [Dynamics.MaxRate] with momentum μ, 2(1+μ)·size/(λ_1 + r).
func (d *Dynamics) MaxRateHeavyBall(momentum float64) float64 { return d.maxRate(2 * (1 + momentum)) }

// MaxRateNesterov is [Dynamics.MaxRate] for Nesterov's method with constant momentum
// μ, 2(1+μ)/(1+2μ)·size/(λ_1 + r): less than without momentum if μ is above 0.
func (d *Dynamics) MaxRateNesterov(momentum float64) float64 {
	return d.maxRate(2 * (1 + momentum) / (1 + 2*momentum))
}

func (d *Dynamics) maxRate(z float64) float64 {
	if d.pull[0] <= 0 {
		return math.Inf(1)
	}
	return z * d.Size / d.pull[0]
}

// Contraction returns the rate (λ_min + r)/size at which gradient flow shrinks the
// error, ‖f_t − y‖ ≤ e^{−ηt·rate}‖f_0 − y‖ without a ridge; 0 for a singular kernel.
func (d *Dynamics) Contraction() float64 {
	last := len(d.pull) - 1
	if d.null[last] {
		return 0
	}
	return d.pull[last] / d.Size
}
