// Package train trains networks while it watches their tangent kernels.
package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/predict"
)

// ErrDiverged is returned, wrapped, when the loss is NaN or infinite.
var ErrDiverged = errors.New("training diverged")

// Options configures a Trainer.
type Options struct {
	// Optimizer is GoMLX's or one like it. It is required.
	Optimizer optimizers.Interface
	// Loss; zero is half the mean of (f − y)².
	Loss Loss
	// Seed draws what the context has no values of.
	Seed uint64
	// Joint evaluates outputs of all examples as one batch that f is a function of.
	Joint bool
	// Memory is the budget in bytes for a step or an evaluation; 0 means half of
	// what the machine or its cgroup allows.
	Memory int64
}

func (o Options) budget() machine.Budget {
	if o.Memory > 0 {
		return machine.Budget{Bytes: o.Memory, Source: "--memory"}
	}
	return machine.DefaultBudget()
}

// A Trainer moves the weights of a network by an optimizer, one batch at a time.
//
// A step is the model, the loss, GoMLX's gradient and the optimizer's update in
// one Program, which [graph.Trace] records: so gradients are those that package
// empirical has, right where GoMLX v0.26.0 has them wrong, and products where it
// has sums of products. Weights and the optimizer's variables stay on the device;
// Sync brings them back into the context.
//
// Gradients are multiplied by the weights' learning rates η ([graph.Of]), so
// that gradient descent moves outputs along Θ, if the optimizer takes gradients,
// as GoMLX's do. To Adam, which divides by their size, they make no difference.
//
// A Trainer may be used by one goroutine at a time.
type Trainer struct {
	backend backends.Backend
	ctx     *mlctx.Context
	model   graph.Model
	inputs  []shapes.Shape // of one example
	dtype   dtypes.DType
	opts    Options

	state   map[string]backends.Buffer // by parameter name
	moved   map[string]bool            // those that the context has older values of
	steps   map[int]*step              // by batch size
	forward map[int]program            // f, by batch size

	patterns map[int]patternProgram // by batch size
	block    int                    // examples in an evaluation; 0: not planned yet
	trained  []*mlctx.Variable      // that the optimizer moves, once a step is compiled
	done     int                    // steps
}

// New returns a Trainer of a model with the variables of ctx, for inputs of the
// given shapes, of a single example. Nothing is compiled yet.
func New(backend backends.Backend, ctx *mlctx.Context, model graph.Model, opts Options, inputs ...shapes.Shape) (*Trainer, error) {
	t := &Trainer{
		backend: backend, ctx: ctx, model: model, inputs: inputs, opts: opts,
		state: map[string]backends.Buffer{}, moved: map[string]bool{}, steps: map[int]*step{},
		forward: map[int]program{}, patterns: map[int]patternProgram{},
	}
	if opts.Optimizer == nil {
		return nil, fmt.Errorf("train: no optimizer")
	}
	for _, s := range inputs {
		if s.DType.IsFloat() {
			t.dtype = s.DType
		}
	}
	if t.dtype != dtypes.Float32 && t.dtype != dtypes.Float64 {
		return nil, fmt.Errorf("train: inputs are %v; one of them must be float32 or float64", inputs)
	}
	return t, nil
}

// Steps returns how many steps were taken.
func (t *Trainer) Steps() int { return t.done }

// Step takes a step on the examples x with targets y [n, o], and returns the loss
// before it. Every batch size is compiled once.
//
// It returns an error for shapes that do not fit, one that wraps ErrDiverged if
// the loss is not finite, and the cause of ctx, before it takes the step, if ctx
// has ended.
func (t *Trainer) Step(ctx context.Context, x empirical.Batch, y predict.Matrix) (float64, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	n := x.Len()
	if err := t.check(x); err != nil {
		return 0, err
	}
	s, err := t.stepOf(n)
	if err != nil {
		return 0, err
	}
	if y.Rows != n || y.Cols != s.outputs {
		return 0, fmt.Errorf("train: targets are %d × %d, want %d × %d", y.Rows, y.Cols, n, s.outputs)
	}
	targets, err := graph.UploadFloats(t.backend, t.dtype, y.Data, n, s.outputs)
	if err != nil {
		return 0, fmt.Errorf("train: uploading targets: %w", err)
	}
	defer func() { _ = t.backend.BufferFinalize(targets) }()
	out, err := t.execute(s.program, x, targets)
	if err != nil {
		return 0, fmt.Errorf("train: step %d: %w", t.done, err)
	}
	for i, name := range s.changed {
		if err := t.put(name, out[1+i]); err != nil {
			return 0, err
		}
		t.moved[name] = true
	}
	t.done++
	loss, err := graph.TakeFloats(t.backend, out[0])
	if err != nil {
		return 0, fmt.Errorf("train: reading the loss: %w", err)
	}
	if l := loss[0]; math.IsNaN(l) || math.IsInf(l, 0) {
		return l, fmt.Errorf("%w: the loss is %g at step %d; take a smaller rate", ErrDiverged, l, t.done-1)
	}
	return loss[0], nil
}

// Sync gives the context the values that variables have on the device. A Network
// that uses the context needs its own Sync afterwards.
func (t *Trainer) Sync() error {
	for name := range t.moved {
		v, err := t.variable(name)
		if err != nil {
			return err
		}
		x, err := graph.Download(t.backend, t.state[name])
		if err == nil {
			err = v.SetValue(x)
		}
		if err != nil {
			return fmt.Errorf("train: value of %s: %w", v.ScopeAndName(), err)
		}
	}
	clear(t.moved)
	return nil
}

// Reload makes the next step the first, from the values that the variables of the
// context have now, those of the optimizer too: the reverse of Sync. What was compiled
// stays.
func (t *Trainer) Reload() error {
	t.done = 0
	return t.forget()
}

// forget drops what is on the device, for the context has newer values.
func (t *Trainer) forget() error {
	clear(t.moved)
	for name, b := range t.state {
		delete(t.state, name)
		if err := t.backend.BufferFinalize(b); err != nil {
			return fmt.Errorf("train: freeing %s: %w", name, err)
		}
	}
	return nil
}

// Close frees what is on the device. What was not brought back by Sync is lost.
func (t *Trainer) Close() error {
	for _, s := range t.steps {
		s.exec.Finalize()
	}
	for _, p := range t.forward {
		p.exec.Finalize()
	}
	for _, p := range t.patterns {
		if p.exec != nil {
			p.exec.Finalize()
		}
	}
	clear(t.steps)
	clear(t.forward)
	clear(t.patterns)
	return t.forget()
}

// check compares a batch with the model's inputs.
func (t *Trainer) check(x empirical.Batch) error {
	if len(x) != len(t.inputs) {
		return fmt.Errorf("train: %d inputs, the model has %d", len(x), len(t.inputs))
	}
	n := x.Len()
	if n == 0 {
		return fmt.Errorf("train: no examples")
	}
	for i, want := range batched(t.inputs, n) {
		if s := x[i].Shape(); !s.Equal(want) {
			return fmt.Errorf("train: input %d is %s, want %s", i, s, want)
		}
	}
	return nil
}

// batched puts a batch axis of size n before each shape.
func batched(inputs []shapes.Shape, n int) []shapes.Shape {
	out := make([]shapes.Shape, len(inputs))
	for i, s := range inputs {
		out[i] = shapes.Make(s.DType, append([]int{n}, s.Dimensions...)...)
	}
	return out
}
