package diagnose

import (
	"context"
	"math"

	"github.com/gontk/ntk/predict"
)

// A Learning is what the kernel at the start says of gradient descent on ½·mean of
// (f−y)², from outputs 0 and at half the largest stable rate, N·O/λ_1: each mode
// of Θ, Mean [N, N], keeps (1 − λ_j/λ_1)^k of its error after k steps.
type Learning struct {
	Rate  float64 `json:"rate"`
	Steps int     `json:"steps"`
	// Left is the share of the loss that is left after Steps.
	Left float64 `json:"loss_left"`
	// FirstStep is what the first step changes the outputs by, root mean square,
	// at the rate 1; FirstDrop the share it takes off the loss at Rate.
	FirstStep float64 `json:"first_step"`
	FirstDrop float64 `json:"first_step_drop"`
	// Unlearned counts modes with more than a tenth of their error left after
	// Steps, UnlearnedShare is the share of the targets' square along them.
	Unlearned      int     `json:"unlearned_modes"`
	UnlearnedShare float64 `json:"unlearned_share"`
	// TargetAlignment is <Θ, yyᵀ>/(‖Θ‖‖yyᵀ‖); Alignment has the share of the targets'
	// square along each mode, by descending eigenvalue.
	TargetAlignment float64   `json:"target_alignment"`
	Alignment       []float64 `json:"alignment"`

	values []float64 // of the modes
}

// learned is how much of a mode's error may be left of what is learned.
const learned = 0.1

// targets returns what the outputs are to be: centred one-hot vectors of classes,
// or the numbers of a regression; none without labels.
func (c *Config) targets() (predict.Matrix, error) {
	if c.Without.Learning {
		return predict.Matrix{}, nil
	}
	n := c.Data.Len()
	y, o := c.Data.Targets()
	if o == 0 {
		return predict.Matrix{}, nil
	}
	if c.Data.Classes == 0 {
		return predict.Matrix{Rows: n, Cols: o, Data: y}, nil
	}
	classes := make([]int, n)
	for i, v := range c.Data.Y {
		classes[i] = int(v)
	}
	return predict.OneHot(classes, c.Data.Classes, true)
}

// learn analyses theta, Mean [N, N], whose eigenvalues err by about deviation.
func (c *Config) learn(ctx context.Context, theta []float64, y predict.Matrix, deviation float64) (*Learning, error) {
	if y.Rows == 0 {
		return nil, nil
	}
	n := y.Rows
	d, err := predict.NewDynamics(ctx, c.BLAS, predict.Matrix{Rows: n, Cols: n, Data: theta}, predict.Matrix{}, y, predict.DynamicsOptions{Error: deviation})
	if err != nil {
		return nil, err
	}
	l := &Learning{
		Rate: d.MaxRate() / 2, Steps: c.steps(), Left: 1, TargetAlignment: d.TargetAlignment(), Alignment: d.Alignment(), values: d.Modes.Values,
	}
	if !(l.Rate > 0) || math.IsInf(l.Rate, 0) {
		l.Rate = 0
		return l, nil // a kernel that is zero learns nothing
	}
	need, err := d.StepsToLearn(l.Rate, learned)
	if err != nil {
		return nil, err
	}
	l.Left = 0
	square, size := 0.0, float64(n*y.Cols) // of y
	for _, v := range y.Data {
		square += v * v
	}
	for j, a := range l.Alignment {
		z := max(0, d.Modes.Values[j]) / d.Modes.Values[0]
		l.Left += a * math.Pow(1-z, 2*float64(l.Steps))
		l.FirstDrop += a * z * (2 - z)
		l.FirstStep += a * math.Pow(d.Modes.Values[j]/size, 2)
		if need[j] > float64(l.Steps) {
			l.Unlearned++
			l.UnlearnedShare += a
		}
	}
	l.FirstStep = math.Sqrt(l.FirstStep * square / size)
	return l, nil
}

// defaultSteps is the budget of steps unless the caller says.
const defaultSteps = 1000

func (c *Config) steps() int {
	if c.Steps > 0 {
		return c.Steps
	}
	return defaultSteps
}

// errorAfter is what a mode keeps of its error after k steps.
func (l *Learning) errorAfter(mode int, k float64) float64 {
	return math.Pow(1-max(0, l.values[mode])/l.values[0], k)
}

// lossAfter is the share of the loss after k steps.
func (l *Learning) lossAfter(k float64) float64 {
	sum := 0.0
	for j, a := range l.Alignment {
		sum += a * math.Pow(l.errorAfter(j, k), 2)
	}
	return sum
}
