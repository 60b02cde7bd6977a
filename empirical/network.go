// Package empirical evaluates finite-width NTK and NNGP Gram matrices of GoMLX
// models.
package empirical

import (
	"context"
	"fmt"
	"sync"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A Model builds the graph of a network; see [graph.Model].
type Model = graph.Model

// A Network is a model with weights, ready for Jacobians and Gram matrices.
// Its weights live on the backend's device.
//
// A Network may be used by one goroutine at a time.
type Network struct {
	backend backends.Backend
	ctx     *mlctx.Context
	model   graph.Model // of one output
	heads   []Head
	inputs  []shapes.Shape // of one example
	dtype   dtypes.DType

	original graph.Model // of as many outputs as heads

	forward  *graph.Recording // at batch 2
	gradient *gradient        // of one example

	mu      sync.Mutex
	weights map[string]backends.Buffer // by parameter name
	execs   map[string]*blockExec      // by block size and ways
	joint   map[int]*gradient          // of batches of a size
	checked bool                       // examples do not interact

	footprints map[string]footprint // of Jacobian Programs, by ways
}

// New records model on inputs of the given shapes, one for each input, of a
// single example, without the batch axis. Their dtype, float32 or float64, is
// that of the arithmetic. Integer inputs (indices) are allowed beside them.
//
// Variables of ctx keep their values; those without are drawn by
// [graph.Initialize] with seed 0. Weights are used in inference mode.
//
// A model may return several outputs [batch, …]: its O outputs are those of all
// these heads, one head after the other ([Network.Heads]).
//
// It returns an error if the model cannot be built or differentiated, and if it
// has no trainable weight or an output that is not [batch, …] or of another dtype.
func New(backend backends.Backend, ctx *mlctx.Context, model graph.Model, inputs ...shapes.Shape) (*Network, error) {
	f := &Network{
		backend: backend, ctx: ctx, original: model, inputs: inputs,
		weights: map[string]backends.Buffer{}, execs: map[string]*blockExec{}, joint: map[int]*gradient{}, footprints: map[string]footprint{},
	}
	for _, s := range inputs {
		if s.DType.IsFloat() {
			f.dtype = s.DType
		}
	}
	if f.dtype != dtypes.Float32 && f.dtype != dtypes.Float64 {
		return nil, fmt.Errorf("empirical: inputs are %v; one of them must be float32 or float64", inputs)
	}
	var err error
	if f.model, err = f.record(ctx, model); err != nil {
		return nil, err
	}
	if f.gradient, err = traceGradient(ctx, f.model, inputs); err != nil {
		return nil, err
	}
	if err := f.checkDTypes(); err != nil {
		return nil, err
	}
	if err := graph.Initialize(ctx, 0, false); err != nil {
		return nil, err
	}
	return f, nil
}

// batched puts a batch axis of size n before each shape.
func batched(inputs []shapes.Shape, n int) []shapes.Shape {
	out := make([]shapes.Shape, len(inputs))
	for i, s := range inputs {
		out[i] = shapes.Make(s.DType, append([]int{n}, s.Dimensions...)...)
	}
	return out
}

func (f *Network) checkDTypes() error {
	for _, w := range f.gradient.weights {
		if dt := w.variable.Shape().DType; dt != f.dtype {
			return fmt.Errorf("empirical: weight %s is %s, the input %s: use one dtype", w.name, dt, f.dtype)
		}
	}
	return nil
}

// Outputs returns O, the number of outputs of one example, of all heads.
func (f *Network) Outputs() int { return f.gradient.outputs }

// Parameters returns P, the number of trainable parameters that f uses.
func (f *Network) Parameters() int {
	p := 0
	for _, w := range f.gradient.weights {
		p += w.size()
	}
	return p
}

// DType returns the dtype of the arithmetic.
func (f *Network) DType() dtypes.DType { return f.dtype }

// Context returns the GoMLX context that holds the weights.
func (f *Network) Context() *mlctx.Context { return f.ctx }

// Program returns the forward Program, recorded at batch 2. Several heads are one
// output [2, O].
func (f *Network) Program() *graph.Program { return f.forward.Program }

// Redraw draws all trainable weights anew from seed and uploads them.
func (f *Network) Redraw(seed uint64) error {
	if err := graph.Initialize(f.ctx, seed, true); err != nil {
		return err
	}
	return f.Sync()
}

// Sync forgets the weights on the device, so that the next call uploads what
// the context holds now. Call it after changing variables.
func (f *Network) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, b := range f.weights {
		delete(f.weights, name)
		if err := f.backend.BufferFinalize(b); err != nil {
			return fmt.Errorf("empirical: freeing weight %s: %w", name, err)
		}
	}
	return nil
}

// Close frees the weights and programs on the device.
func (f *Network) Close() error {
	for _, e := range f.execs {
		e.exec.Finalize()
	}
	clear(f.execs)
	return f.Sync()
}

// weight returns the device buffer of the variable behind a parameter.
func (f *Network) weight(param string) (backends.Buffer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.weights[param]; ok {
		return b, nil
	}
	scope, name := mlctx.VariableScopeAndNameFromParameterName(param)
	v := f.ctx.GetVariableByScopeAndName(scope, name)
	if v == nil {
		return nil, fmt.Errorf("empirical: variable %s is gone from the context", param)
	}
	t, err := v.Value()
	if err != nil {
		return nil, fmt.Errorf("empirical: value of %s: %w", v.ScopeAndName(), err)
	}
	b, err := graph.Upload(f.backend, t)
	if err != nil {
		return nil, fmt.Errorf("empirical: uploading %s: %w", v.ScopeAndName(), err)
	}
	f.weights[param] = b
	return b, nil
}

// A Batch holds examples: one tensor for each input of the model, axis 0 being
// the examples.
type Batch []*tensors.Tensor

// Len returns the number of examples.
func (b Batch) Len() int {
	if len(b) == 0 || b[0].Rank() == 0 {
		return 0
	}
	return b[0].Shape().Dimensions[0]
}

// ErrShape is returned, wrapped, for examples that do not fit the model.
var ErrShape = fmt.Errorf("shape")

func (f *Network) checkBatch(name string, b Batch) error {
	if len(b) != len(f.inputs) {
		return fmt.Errorf("empirical: %w: %s has %d tensors, the model %d inputs", ErrShape, name, len(b), len(f.inputs))
	}
	n := b.Len()
	if n == 0 {
		return fmt.Errorf("empirical: %w: %s has no examples", ErrShape, name)
	}
	for i, t := range b {
		want := batched(f.inputs[i:i+1], n)[0]
		if !t.Shape().Equal(want) {
			return fmt.Errorf("empirical: %w: input %d of %s is %s, want %s", ErrShape, i, name, t.Shape(), want)
		}
	}
	return nil
}

// ErrNotFinite is returned, wrapped, when an entry is NaN or infinite.
var ErrNotFinite = fmt.Errorf("not finite")

func canceled(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return nil
}
