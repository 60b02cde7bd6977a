package predict

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/native"
)

// LossFlowOptions configures [NewLossFlow].
type LossFlowOptions struct {
	// Kernel says which kernel the matrix is; zero means PerOutput.
	Kernel Reduction
	// Rate η; 0 means 1. Time counts steps of gradient descent at this rate.
	Rate float64
	// Momentum μ; 0 means none.
	Momentum float64
	// Tol is the largest error of a step relative to the largest output so far;
	// 0 means 1e-8.
	Tol float64
	// MaxSteps bounds the steps of one Advance; 0 means 10⁶.
	MaxSteps int
}

// A LossFlow is gradient flow on any loss of the outputs under a kernel that stays
// what it is,
//
//	df/dt = −ηΘ·∂L/∂f,
//
// solved by an adaptive Runge-Kutta method of order 5. With momentum μ it is
//
//	df/dτ = q,  dq/dτ = −Θ·∂L/∂f − (1−μ)/√η·q,  τ = √η·t,  q(0) = 0.
//
// On squared loss [Dynamics] has closed forms.
type LossFlow struct {
	theta  Matrix // [D, D], of one output or of all
	f0     Matrix // [N, O]
	loss   Loss
	opts   LossFlowOptions
	blas   *native.BLAS
	groups int // vectors in the state: f, w, and q, s with momentum
}

// A FlowState is where a flow is: plain data, to be stored and resumed from with the
// same result to the bit.
type FlowState struct {
	// Time t, in steps.
	Time float64
	// Outputs [N, O] on training examples, and Weights [N, O], by which those on
	// others are f_0(x) + Θ(x, X)·Weights.
	Outputs, Weights Matrix
	// OutputSpeed and WeightSpeed are their derivatives by √η·t with momentum.
	OutputSpeed, WeightSpeed Matrix
	// Step is the step to try next, Peaks the largest output and output speed so far.
	Step  float64
	Peaks [2]float64
	// Steps counts steps taken.
	Steps int
}

// NewLossFlow returns the flow for theta, the kernel of the training examples with
// themselves, and outputs f0 [N, O] before training. It returns an error if shapes
// disagree, theta is not symmetric, an entry is not finite, or an option is out of
// range.
func NewLossFlow(blas *native.BLAS, theta, f0 Matrix, loss Loss, opts LossFlowOptions) (*LossFlow, error) {
	n, o := f0.Rows, f0.Cols
	if n < 1 || o < 1 {
		return nil, fmt.Errorf("predict: f0 is [%d, %d]; want examples and outputs, zeros if they start there", n, o)
	}
	if err := f0.check("f0", n, o); err != nil {
		return nil, err
	}
	if err := loss.check(); err != nil {
		return nil, err
	}
	if !(opts.Rate >= 0 && opts.Tol >= 0 && opts.Momentum >= 0 && opts.Momentum < 1) || math.IsInf(opts.Rate, 1) || opts.MaxSteps < 0 {
		return nil, fmt.Errorf("predict: Rate %g, Tol %g, Momentum %g, MaxSteps %d; want finite numbers, 0 or more, momentum below 1", opts.Rate, opts.Tol, opts.Momentum, opts.MaxSteps)
	}
	if opts.Rate == 0 {
		opts.Rate = 1
	}
	if opts.Tol == 0 {
		opts.Tol = 1e-8
	}
	if opts.MaxSteps == 0 {
		opts.MaxSteps = 1e6
	}
	l := &LossFlow{f0: copyOf(f0), loss: loss, opts: opts, blas: blas, groups: 2}
	if opts.Momentum > 0 {
		l.groups = 4
	}
	var err error
	if l.theta, err = opts.Kernel.perOutput("theta", theta, n, n, o); err != nil {
		return nil, err
	}
	return l, l.theta.checkSymmetric("theta", l.theta.Rows)
}

// Start returns the state at time 0.
func (l *LossFlow) Start() *FlowState {
	n, o := l.f0.Rows, l.f0.Cols
	return &FlowState{
		Outputs: copyOf(l.f0), Weights: NewMatrix(n, o), OutputSpeed: NewMatrix(n, o), WeightSpeed: NewMatrix(n, o),
		Peaks: [2]float64{maxAbs(l.f0.Data), 0},
	}
}

// Loss returns L at a state.
func (l *LossFlow) Loss(s *FlowState) float64 { return l.loss.Value(s.Outputs) }

// Advance moves the state to time t, which must be finite and not before the
// state's. If ctx is cancelled, or MaxSteps do not suffice, it returns an error, and
// the state is where it came.
func (l *LossFlow) Advance(ctx context.Context, s *FlowState, t float64) error {
	if !(t >= s.Time) || math.IsInf(t, 1) {
		return fmt.Errorf("predict: time %g for a flow at time %g; want a finite one, not before", t, s.Time)
	}
	n, o := l.f0.Rows, l.f0.Cols
	parts := []Matrix{s.Outputs, s.Weights, s.OutputSpeed, s.WeightSpeed}
	names := []string{"Outputs", "Weights", "OutputSpeed", "WeightSpeed"}
	y := make([]float64, 0, l.groups*n*o)
	for i := range l.groups {
		if err := parts[i].check(names[i]+" of the state", n, o); err != nil {
			return err
		}
		y = append(y, parts[i].Data...)
	}
	unit := l.opts.Rate
	if l.opts.Momentum > 0 {
		unit = math.Sqrt(l.opts.Rate)
	}
	solver := newODE(len(y), l.derivative, func(e, before, after []float64) float64 { return l.errorOf(s, e, before, after) })
	time, end := s.Time*unit, t*unit
	err := solver.advance(ctx, y, &time, &s.Step, end, l.opts.MaxSteps, func() {
		s.Steps++
		l.peaks(s, y)
	})
	for i := range l.groups {
		copy(parts[i].Data, y[i*n*o:][:n*o])
	}
	if s.Time = time / unit; err == nil {
		s.Time = t
	}
	return err
}

// derivative of (f, w) is (−Θg, −g), that of (f, w, q, s) is
// (q, s, −Θg − cq, −g − cs), g = ∂L/∂f and c = (1−μ)/√η.
func (l *LossFlow) derivative(dst, y []float64) error {
	n, o, dim := l.f0.Rows, l.f0.Cols, l.theta.Rows
	part := func(v []float64, i int) []float64 { return v[i*n*o:][:n*o] }
	last := l.groups - 2 // where −Θg and −g go
	fall, pull := part(dst, last), part(dst, last+1)
	l.loss.Gradient(Matrix{n, o, pull}, Matrix{n, o, part(y, 0)})
	for i := range pull {
		pull[i] = -pull[i]
	}
	view := func(v []float64) Matrix { return Matrix{dim, n * o / dim, v} }
	if err := addProduct(l.blas, view(fall), 1, plain(l.theta), plain(view(pull)), 0); err != nil {
		return err
	}
	if last == 0 {
		return nil
	}
	c := (1 - l.opts.Momentum) / math.Sqrt(l.opts.Rate)
	q, s := part(y, 2), part(y, 3)
	copy(part(dst, 0), q)
	copy(part(dst, 1), s)
	for i := range fall {
		fall[i] -= c * q[i]
		pull[i] -= c * s[i]
	}
	return nil
}

// errorOf judges outputs and their speed; the weights' errors along small
// eigenvalues do not reach outputs.
func (l *LossFlow) errorOf(s *FlowState, e, _, after []float64) float64 {
	n, worst := len(l.f0.Data), 0.0
	for i, group := range []int{0, 2} {
		if group >= l.groups {
			break
		}
		scale := l.opts.Tol * max(s.Peaks[i], maxAbs(after[group*n:][:n]))
		size := 0.0
		for _, v := range e[group*n:][:n] {
			if v != v {
				return math.NaN()
			}
			size = max(size, math.Abs(v))
		}
		if size > 0 {
			worst = max(worst, size/scale)
		}
	}
	return worst
}

func (l *LossFlow) peaks(s *FlowState, y []float64) {
	n := len(l.f0.Data)
	s.Peaks[0] = max(s.Peaks[0], maxAbs(y[:n]))
	if l.groups > 2 {
		s.Peaks[1] = max(s.Peaks[1], maxAbs(y[2*n:3*n]))
	}
}

// Test returns the outputs [M, O] at M other examples, from theta = Θ(x, X) of the
// same reduction, and f0 [M, O], zero meaning 0.
func (l *LossFlow) Test(theta, f0 Matrix, s *FlowState) (Matrix, error) {
	n, o, m := l.f0.Rows, l.f0.Cols, theta.Rows
	if l.opts.Kernel == Full {
		m /= o
	}
	theta, err := l.opts.Kernel.perOutput("the kernel of test with training examples", theta, m, n, o)
	if err != nil {
		return Matrix{}, err
	}
	f0 = f0.orZero(m, o)
	if err := f0.check("f0 of test examples", m, o); err != nil {
		return Matrix{}, err
	}
	dim := l.theta.Rows
	out := copyOf(f0).reshape(theta.Rows, n*o/dim)
	err = addProduct(l.blas, out, 1, plain(theta), plain(s.Weights.reshape(dim, n*o/dim)), 1)
	return out.reshape(m, o), err
}
