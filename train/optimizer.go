package train

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/gontk/ntk/predict"
)

// An Optimizer is a recipe: each network that is trained gets one of its own.
type Optimizer struct {
	// Name is sgd, momentum or adam; another one for those of your own.
	Name string
	// Rate η, and Momentum μ, 0 without.
	Rate, Momentum float64
	// New makes the optimizer.
	New func() optimizers.Interface
}

// SGD is GoMLX's gradient descent with a rate that stays what it is: its default
// divides it by the root of the step.
func SGD(rate float64) Optimizer {
	return Optimizer{Name: "sgd", Rate: rate, New: func() optimizers.Interface {
		return optimizers.StochasticGradientDescent().WithDecay(false).WithLearningRate(rate).Done()
	}}
}

// Momentum is HeavyBall.
func Momentum(rate, momentum float64) Optimizer {
	return Optimizer{Name: "momentum", Rate: rate, Momentum: momentum, New: func() optimizers.Interface {
		return HeavyBall(rate, momentum)
	}}
}

// Adam is GoMLX's, with its defaults: β = (0.9, 0.999), ε = 1e-7.
func Adam(rate float64) Optimizer {
	return Optimizer{Name: "adam", Rate: rate, New: func() optimizers.Interface {
		return optimizers.Adam().LearningRate(rate).Done()
	}}
}

// String describes the optimizer in words.
func (o Optimizer) String() string {
	if o.Momentum != 0 {
		return fmt.Sprintf("%s, rate %g, momentum %g", o.Name, o.Rate, o.Momentum)
	}
	return fmt.Sprintf("%s, rate %g", o.Name, o.Rate)
}

// isDescent reports whether a kernel says what the optimizer does: it moves
// outputs along Θ only if it moves weights along the gradient.
func (o Optimizer) isDescent() bool { return o.Name == "sgd" || o.Name == "momentum" }

// filter returns how far the optimizer has come after steps steps under a kernel
// that stays what it is.
func (o Optimizer) filter(d *predict.Dynamics, steps int) (predict.Filter, error) {
	if o.Momentum != 0 {
		return d.HeavyBall(o.Rate, o.Momentum, steps)
	}
	return d.Descent(o.Rate, steps)
}
