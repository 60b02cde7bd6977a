package models

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// A descent is gradient descent of a network on one batch, each weight at its
// own rate:
//
//	L = ½ Σ (f − y)²/n,  θ ← θ − rate·η_θ·∂L/∂θ.
type descent struct {
	backend backends.Backend
	dtype   dtypes.DType
	ctx     *mlctx.Context
	exec    backends.Executable
	params  []string // of the program, in order
	weights []string // parameters that a step replaces, in the order of the outputs
	names   []string // of the coordinates: layers with weights, and the output
	x, y    backends.Buffer
	state   map[string]backends.Buffer
}

// Parameters that are no weights, in the order that graph.Inputs names them.
const descentX, descentY, descentRate = "input:0", "input:1", "input:2"

// newDescent compiles a step of s on x and y.
func newDescent(backend backends.Backend, s *Spec, x, y *tensors.Tensor) (*descent, error) {
	c, err := s.check()
	if err != nil {
		return nil, err
	}
	if len(c.inputs) != 1 {
		return nil, fmt.Errorf("models: %s reads %d inputs; gradient descent is for networks of one", s.title(), len(c.inputs))
	}
	d := &descent{backend: backend, dtype: x.DType(), ctx: mlctx.New(), state: map[string]backends.Buffer{}}
	r, err := graph.Trace(d.ctx, "gradient descent", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		in := graph.Inputs(g, x.Shape(), y.Shape(), shapes.Make(d.dtype))
		var coordinates []*gx.Node
		d.names = nil
		f := s.model(c, func(l Layer, y *gx.Node) {
			d.names = append(d.names, fmt.Sprintf("%s (%s)", c.placed[l].scope, l.Op()))
			coordinates = append(coordinates, y)
		})(ctx, in[:1])[0]
		if n := len(coordinates); n > 0 && coordinates[n-1] == f {
			d.names, coordinates = d.names[:n-1], coordinates[:n-1]
		}
		d.names = append(d.names, "output")
		coordinates = append(coordinates, f)
		loss := gx.MulScalar(gx.ReduceAllSum(gx.Square(gx.Sub(f, in[1]))), 0.5/float64(x.Shape().Dimensions[0]))
		return append([]*gx.Node{loss}, append(d.step(ctx, loss, in[2]), coordinates...)...)
	})
	if err != nil {
		return nil, err
	}
	for i := range r.Program.Params {
		d.params = append(d.params, r.Program.ParamName(i))
	}
	need := lower.For(backend, d.dtype)
	d.exec, err = graph.Compile(backend, r.Program, func(it graph.Interpreter) graph.Interpreter { return lower.New(it, need) })
	if err != nil {
		return nil, err
	}
	if d.x, err = graph.Upload(backend, x); err != nil {
		return nil, err
	}
	d.y, err = graph.Upload(backend, y)
	return d, err
}

// step returns Σ η|∂L/∂θ|², by which L falls per rate, and the weights after a step.
func (d *descent) step(ctx *mlctx.Context, loss, rate *gx.Node) []*gx.Node {
	g := loss.Graph()
	var weights []*gx.Node
	var etas []float64
	d.weights = nil
	for v := range ctx.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			of, _ := graph.Of(ctx, v)
			weights, etas = append(weights, v.ValueGraph(g)), append(etas, of.Eta)
			d.weights = append(d.weights, v.ParameterName())
		}
	}
	fall := gx.ScalarZero(g, d.dtype)
	out := []*gx.Node{nil}
	for i, dw := range graph.Gradient(loss, weights...) {
		fall = gx.Add(fall, scale(gx.ReduceAllSum(gx.Square(dw)), etas[i]))
		out = append(out, gx.Sub(weights[i], gx.Mul(scale(dw, etas[i]), rate)))
	}
	out[0] = fall
	return out
}

// draw draws the weights from seed.
func (d *descent) draw(seed uint64) error {
	if err := graph.Initialize(d.ctx, seed, true); err != nil {
		return err
	}
	for _, name := range d.params {
		switch name {
		case descentX, descentY, descentRate:
			continue
		}
		scope, short := mlctx.VariableScopeAndNameFromParameterName(name)
		v := d.ctx.GetVariableByScopeAndName(scope, short)
		if v == nil {
			return fmt.Errorf("models: %s is no variable of the network", name)
		}
		t, err := v.Value()
		if err != nil {
			return fmt.Errorf("models: value of %s: %w", v.ScopeAndName(), err)
		}
		b, err := graph.Upload(d.backend, t)
		if err != nil {
			return err
		}
		if err := d.put(name, b); err != nil {
			return err
		}
	}
	return nil
}

// put replaces a weight on the device.
func (d *descent) put(name string, b backends.Buffer) error {
	old, ok := d.state[name]
	d.state[name] = b
	if !ok {
		return nil
	}
	return d.backend.BufferFinalize(old)
}

// A moment is what a step sees before it moves the weights.
type moment struct {
	loss, fall  float64
	coordinates [][]float64
}

// run takes a step.
func (d *descent) run(rate float64) (m moment, err error) {
	r := tensors.FromScalar(rate)
	if d.dtype == dtypes.Float32 {
		r = tensors.FromScalar(float32(rate))
	}
	rateAt, err := graph.Upload(d.backend, r)
	if err != nil {
		return m, err
	}
	defer func() { _ = d.backend.BufferFinalize(rateAt) }()
	in := make([]backends.Buffer, len(d.params))
	for i, name := range d.params {
		switch name {
		case descentX:
			in[i] = d.x
		case descentY:
			in[i] = d.y
		case descentRate:
			in[i] = rateAt
		default:
			in[i] = d.state[name]
		}
	}
	out, err := d.exec.Execute(in, nil, 0)
	if err != nil {
		return m, fmt.Errorf("models: a step of gradient descent: %w", err)
	}
	for i, name := range d.weights {
		if err := d.put(name, out[2+i]); err != nil {
			return m, err
		}
	}
	for i, b := range append(out[:2:2], out[2+len(d.weights):]...) {
		v, err := graph.TakeFloats(d.backend, b)
		switch {
		case err != nil:
			return m, err
		case i == 0:
			m.loss = v[0]
		case i == 1:
			m.fall = v[0]
		default:
			m.coordinates = append(m.coordinates, v)
		}
	}
	return m, nil
}

// close frees the program and what is on the device.
func (d *descent) close() {
	if d.exec != nil {
		d.exec.Finalize()
	}
	for _, b := range d.state {
		_ = d.backend.BufferFinalize(b)
	}
	for _, b := range []backends.Buffer{d.x, d.y} {
		if b != nil {
			_ = d.backend.BufferFinalize(b)
		}
	}
}
