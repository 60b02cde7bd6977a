package train

import "math"

// A Point is what was measured after some steps. Its JSON form is stable; null
// stands for what is not finite, or not there.
type Point struct {
	Step int `json:"step"`
	// Epochs is how often the steps went through the examples.
	Epochs float64 `json:"epochs"`

	// Network is the network itself; Linearized the one linearized at the start,
	// trained by the same steps; Kernel what the kernel at the start predicts.
	Network    Fit         `json:"network"`
	Linearized *Prediction `json:"linearized,omitempty"`
	Kernel     *Prediction `json:"kernel,omitempty"`

	// Moved is how far the network's outputs on training examples are from those at
	// the start, as the root of the mean square over examples and outputs.
	Moved *float64 `json:"moved"`

	// Distance is that of Θ from Θ at the start, Velocity the distance from Θ at
	// the point before over the number of steps.
	Distance float64  `json:"kernel_distance"`
	Velocity *float64 `json:"kernel_velocity"`
	// TargetCKA is the centred alignment of Θ with yyᵀ, StartCKA that with Θ at
	// the start.
	TargetCKA *float64 `json:"target_cka"`
	StartCKA  *float64 `json:"start_cka"`

	// Eigenvalues of Θ, descending, and how far arithmetic may have moved one.
	Eigenvalues     []float64 `json:"eigenvalues"`
	EigenvalueError float64   `json:"eigenvalue_error"`
	// Condition is λ_1/λ_min, a lower bound if not Exact.
	Condition     *float64 `json:"condition"`
	Exact         bool     `json:"condition_exact"`
	EffectiveRank float64  `json:"effective_rank"`
	// MaxRate is the largest stable rate of gradient descent on the loss of a
	// batch, by λ_1 on the probe; see Config.Probe.
	MaxRate *float64 `json:"max_rate"`
	// LossBound is what the loss is promised to be at most, e^{−λ0·t} times that of the
	// start, if λmin(Θ) stays above half of its start λ0; null where nothing is promised:
	// it needs gradient descent on squared loss in full batches, and the whole Θ of all
	// training examples.
	LossBound *float64 `json:"loss_bound"`
	// Trace is Σ_n (1/O) Σ_o Θ(x_n, x_n)[o, o].
	Trace float64 `json:"trace"`

	// WeightChange is ‖θ−θ0‖/‖θ0‖ over all trained weights.
	WeightChange *float64 `json:"weight_change"`
	// Flipped is the share of Units, pre-activations of the probe at kinks, that
	// are on the other side of it than at the start.
	Flipped float64 `json:"flipped"`
	Units   int     `json:"units"`

	// Seconds is the time that measuring took.
	Seconds float64 `json:"seconds"`
}

// A Fit says how well outputs fit the targets. The loss is that of all examples,
// with their own number in its size.
type Fit struct {
	Loss *float64 `json:"loss"`
	// Accuracy is the share of examples whose largest output is that of the
	// class; null without classes.
	Accuracy *float64 `json:"accuracy"`
	// TestLoss and TestAccuracy are those of the test examples.
	TestLoss     *float64 `json:"test_loss"`
	TestAccuracy *float64 `json:"test_accuracy"`
}

// A Prediction is the fit of outputs that stand for the network's, with how far
// they are from them: the root of the mean of (f − f_network)² over examples and
// outputs.
type Prediction struct {
	Fit
	Gap     *float64 `json:"gap"`
	TestGap *float64 `json:"test_gap"`
}

// finite returns nil for NaN and infinities.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// rms returns the root mean square difference.
func rms(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum / float64(len(a)))
}
