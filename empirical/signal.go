package empirical

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/machine"
)

// A Signal is what a network does to some examples on their way through its
// layers, and to gradients on their way back.
type Signal struct {
	Layers []LayerSignal
	// Jacobian has ∂f/∂x (∂f/∂x)ᵀ [O, O] of each example, row-major, with respect
	// to its first input; nil if it was not asked for.
	Jacobian [][]float64
}

// A LayerSignal is the signal at z, what a weight makes of activations, with what
// constants and biases make of it before anything else acts on it.
type LayerSignal struct {
	// Weight is its scope and name, Shape that of the product without the batch axis.
	Weight string
	Shape  []int
	// Gram has z(x)·z(x')/size [N, N], row-major: lengths q on its diagonal.
	Gram []float64
	// Gradient is the mean over examples of ‖∂<f, u>/∂z‖²/O, of random signs u: for
	// wide layers the mean over outputs of ‖∂f_o/∂z‖².
	Gradient float64
}

// A SignalProbe measures the signal of a Network.
type SignalProbe struct {
	f        *Network
	exec     backends.Executable
	params   []string
	examples int
	joint    bool
	layers   []LayerSignal // without numbers
	inputs   int           // entries of the first input of an example; 0 for integers
}

// signalExamples is on how many examples a signal is measured: 120 pairs, at a
// fraction of what Jacobians of all examples cost.
const signalExamples = 16

// SignalProbe compiles a measurement on the first examples of batches of n, up to
// 16 of them, or on all of a joint function's. Layers are the products and
// convolutions that a weight has with activations whose first axis is the batch.
//
// It returns [machine.ErrBudget] if the activations of two examples do not fit
// memory, 0 meaning the default budget, and an error if there is no layer.
func (f *Network) SignalProbe(n int, joint bool, memory int64) (*SignalProbe, error) {
	p := &SignalProbe{f: f, examples: min(n, signalExamples), joint: joint}
	if joint {
		p.examples = n
	}
	budget := Options{Memory: memory}.budget()
	one := 0.0 // bytes of everything that one example's gradient computes
	for _, e := range f.gradient.program.Eqns {
		for _, v := range e.Out {
			if e.Op != backends.OpTypeParameter {
				one += float64(v.Shape.Memory())
			}
		}
	}
	if fit := int(math.Min(float64(budget.Bytes)/one, 1<<30)); fit < p.examples {
		if joint || fit < 2 {
			return nil, fmt.Errorf("%w: the signal of %d examples needs %s of %s (%s); raise --memory", machine.ErrBudget,
				p.examples, machine.FormatBytes(int64(one*float64(p.examples))), machine.FormatBytes(budget.Bytes), budget.Source)
		}
		p.examples = fit
	}
	rec, err := p.trace()
	if err != nil {
		return nil, err
	}
	program := rec.Program.Prune()
	for i := range program.Params {
		p.params = append(p.params, program.ParamName(i))
	}
	if p.exec, err = compile(f.backend, f.dtype, program); err != nil {
		return nil, err
	}
	return p, nil
}

// Examples returns on how many examples the signal is measured.
func (p *SignalProbe) Examples() int { return p.examples }

// Layers returns the layers without numbers.
func (p *SignalProbe) Layers() []LayerSignal { return p.layers }

// Close frees the program.
func (p *SignalProbe) Close() { p.exec.Finalize() }

// HasJacobian reports whether ∂f/∂x is measured: of functions of one example with
// an input of floats and at most 64 outputs, each of which takes a backward pass.
func (p *SignalProbe) HasJacobian() bool {
	return !p.joint && p.inputs > 0 && p.f.Outputs() <= 64
}

// Measure returns the signal of the first examples of x at the weights that the
// network has. It returns [ErrShape] if x has too few, and [ErrNotFinite] for
// numbers that are not finite.
func (p *SignalProbe) Measure(ctx context.Context, x Batch, jacobian bool) (*Signal, error) {
	if err := p.f.checkBatch("x", x); err != nil {
		return nil, err
	}
	if x.Len() < p.examples || p.joint && x.Len() != p.examples {
		return nil, fmt.Errorf("empirical: %w: %d examples; the signal is measured on %d", ErrShape, x.Len(), p.examples)
	}
	o := p.f.Outputs()
	u, err := signs(p.examples, o)
	if err != nil {
		return nil, err
	}
	values, err := p.run(ctx, x, u)
	if err != nil {
		return nil, err
	}
	s := &Signal{Layers: make([]LayerSignal, len(p.layers))}
	for i, l := range p.layers {
		l.Gram, l.Gradient = values[2*i], values[2*i+1][0]/float64(p.examples*o)
		if !(l.Gradient-l.Gradient == 0) {
			return nil, fmt.Errorf("empirical: the gradient at %s is %g, %w", l.Weight, l.Gradient, ErrNotFinite)
		}
		for j, v := range l.Gram {
			if v-v != 0 {
				return nil, fmt.Errorf("empirical: the signal of example %d at %s is %g, %w", j/p.examples, l.Weight, v, ErrNotFinite)
			}
		}
		s.Layers[i] = l
	}
	if jacobian && p.HasJacobian() {
		s.Jacobian, err = p.jacobian(ctx, x)
	}
	return s, err
}

// jacobian pulls back every output.
func (p *SignalProbe) jacobian(ctx context.Context, x Batch) ([][]float64, error) {
	o, d := p.f.Outputs(), p.inputs
	rows := make([][]float64, o) // of output, [N, d]
	for k := range o {
		u := make([]float64, p.examples*o)
		for n := range p.examples {
			u[n*o+k] = 1
		}
		values, err := p.run(ctx, x, u)
		if err != nil {
			return nil, err
		}
		rows[k] = values[len(values)-1]
	}
	out := make([][]float64, p.examples)
	for n := range out {
		out[n] = make([]float64, o*o)
		for a := range o {
			for b := range a + 1 {
				sum := 0.0
				for i, v := range rows[a][n*d:][:d] {
					sum += v * rows[b][n*d+i]
				}
				out[n][a*o+b], out[n][b*o+a] = sum, sum
			}
		}
	}
	return out, nil
}

// run executes the program for cotangents u [N, O].
func (p *SignalProbe) run(ctx context.Context, x Batch, u []float64) ([][]float64, error) {
	if err := canceled(ctx); err != nil {
		return nil, err
	}
	f := p.f
	in := make([]backends.Buffer, len(p.params))
	for i, name := range p.params {
		var k int
		var b backends.Buffer
		var err error
		switch {
		case name == cotangentName:
			b, err = graph.UploadFloats(f.backend, f.dtype, u, p.examples, f.Outputs())
		case scan(name, inputName, &k):
			b, err = uploadRows(f.backend, x[k], 0, p.examples, p.examples)
		default:
			if in[i], err = f.weight(name); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("empirical: measuring the signal: %w", err)
		}
		defer func() { _ = f.backend.BufferFinalize(b) }()
		in[i] = b
	}
	out, err := p.exec.Execute(in, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("empirical: measuring the signal: %w", err)
	}
	values := make([][]float64, len(out))
	for i, b := range out {
		v, rerr := graph.TakeFloats(f.backend, b)
		if rerr != nil && err == nil {
			err = fmt.Errorf("empirical: reading the signal: %w", rerr)
		}
		values[i] = v
	}
	return values, err
}

// signs draws u: with it E[<J, u>²] = Σ_o J_o², exact for one output.
func signs(n, o int) ([]float64, error) {
	u, err := drawValues("signal", shapes.Make(dtypes.Float64, n, o), 1)
	for i, z := range u {
		u[i] = math.Copysign(1, z)
	}
	return u, err
}
