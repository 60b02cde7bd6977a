package empirical

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/axes"
)

// ErrInteract is returned, wrapped, for models whose examples interact, such as
// batch normalization by the statistics of the batch: they have no Jacobian of
// one example, but one of the batch (Options.Joint).
var ErrInteract = fmt.Errorf("examples of a batch interact")

// independent makes sure, once, that f(x) of an example does not depend on the
// batch around it: by where the batch axis goes in the Program, and by values
// of a batch against its single examples, at random weights, because weights
// that start at zero hide what they will mix.
func (f *Network) independent(ctx context.Context) error {
	if f.checked {
		return nil
	}
	if err := canceled(ctx); err != nil {
		return err
	}
	a, err := axes.Analyze(f.forward.Program, axes.Inputs(f.forward))
	if err != nil {
		return err
	}
	if mixing := a.BatchMixing(); len(mixing) > 0 {
		return fmt.Errorf("empirical: %w: %s; Options.Joint (--joint) takes a batch as one function", ErrInteract, mixing[0])
	}
	d, scale, err := f.batchDifference()
	if err != nil {
		return err
	}
	// Rounding differs between batch sizes by a few ulp per layer.
	tol := 1e-3
	if f.dtype == dtypes.Float64 {
		tol = 1e-9
	}
	if !(d <= tol*scale) {
		return fmt.Errorf("empirical: %w: f of an example changes by %.3g (of %.3g) with the other example of a batch of 2; Options.Joint (--joint) takes a batch as one function", ErrInteract, d, scale)
	}
	f.checked = true
	return nil
}

// batchDifference returns max |f(x_0, x_1) − (f(x_0, x_0), f(x_1, x_1))| over
// outputs and max |f|, for two random examples and random weights.
func (f *Network) batchDifference() (diff, scale float64, err error) {
	ex, err := compile(f.backend, f.dtype, f.forward.Program.Prune())
	if err != nil {
		return 0, 0, err
	}
	defer ex.Finalize()
	in := make([]backends.Buffer, len(f.forward.Program.Params))
	free, err := f.randomWeights(in)
	defer free()
	if err != nil {
		return 0, 0, err
	}
	var ys [3][]float64
	for k, rows := range [][2]int{{0, 1}, {0, 0}, {1, 1}} {
		if ys[k], err = f.randomForward(ex, in, rows); err != nil {
			return 0, 0, err
		}
	}
	o := len(ys[0]) / 2
	for i, y := range ys[0] {
		single := ys[1][i%o]
		if i >= o {
			single = ys[2][i]
		}
		if math.IsNaN(y) != math.IsNaN(single) {
			return math.NaN(), scale, nil
		}
		// Random weights may overflow, or leave f's domain; structure has spoken.
		if d := math.Abs(y - single); !math.IsNaN(d) {
			diff = math.Max(diff, d)
			scale = math.Max(scale, min(math.Abs(y), math.Abs(single)))
		}
	}
	return diff, scale, nil
}

// randomWeights puts random weights, and what is not trained as it is, in their
// places among the parameters of f. What it uploads for that, free frees.
func (f *Network) randomWeights(in []backends.Buffer) (free func(), err error) {
	var drawn []backends.Buffer
	free = func() { _ = f.freeAll(drawn) }
	p := f.forward.Program
	for i, v := range p.Params {
		name := p.ParamName(i)
		switch {
		case strings.HasPrefix(name, inputName):
		case f.trainable(name):
			in[i], err = f.uploadRandom(name, v.Shape, [2]int{})
			if err == nil {
				drawn = append(drawn, in[i])
			}
		default:
			in[i], err = f.weight(name)
		}
		if err != nil {
			return free, err
		}
	}
	return free, nil
}

// uploadRandom uploads an input of two random examples, or a random weight.
func (f *Network) uploadRandom(name string, s shapes.Shape, rows [2]int) (backends.Buffer, error) {
	flat, err := f.randomValues(name, s, rows)
	if err != nil {
		return nil, err
	}
	b, err := f.backend.BufferFromFlatData(0, flat, s)
	if err != nil {
		return nil, fmt.Errorf("empirical: checking the batch axis: %w", err)
	}
	return b, nil
}

// randomForward evaluates f, recorded at batch 2, on two of two random examples.
// in has the weights in their places.
func (f *Network) randomForward(ex backends.Executable, in []backends.Buffer, rows [2]int) ([]float64, error) {
	p := f.forward.Program
	in = slices.Clone(in)
	for i, v := range p.Params {
		name := p.ParamName(i)
		if !strings.HasPrefix(name, inputName) {
			continue
		}
		b, err := f.uploadRandom(name, v.Shape, rows)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.backend.BufferFinalize(b) }()
		in[i] = b
	}
	out, err := ex.Execute(in, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("empirical: checking the batch axis: %w", err)
	}
	a, err := f.host(out[0])
	if err != nil {
		return nil, err
	}
	y := a.floats(p.Outputs[0].Shape.Size())
	return y, f.free(&block{f: a})
}

func (f *Network) trainable(param string) bool {
	for _, w := range f.gradient.weights {
		if w.variable.ParameterName() == param {
			return true
		}
	}
	return false
}

// randomValues draws an input, example by example, or a weight of the size that
// keeps signals near 1.
func (f *Network) randomValues(name string, s shapes.Shape, rows [2]int) (any, error) {
	if !s.DType.IsFloat() { // indices: 0 is always one; examples must differ where they can
		values := make([]float64, s.Size())
		half := len(values) / 2
		for i := range values {
			if rows[i/max(half, 1)%2] == 1 {
				values[i] = 1
			}
		}
		return graph.FlatOf(s.DType, values...)
	}
	if !strings.HasPrefix(name, inputName) {
		fan := 1
		if r := s.Rank(); r > 0 {
			fan = s.Size() / s.Dimensions[r-1]
		}
		return drawFlat(name, s, 1/math.Sqrt(float64(fan)))
	}
	one := shapes.Make(s.DType, s.Dimensions[1:]...)
	var values []float64
	for _, r := range rows {
		z, err := drawValues(fmt.Sprint(name, " ", r), one, 1)
		if err != nil {
			return nil, err
		}
		values = append(values, z...)
	}
	return graph.FlatOf(s.DType, values...)
}

func drawFlat(name string, s shapes.Shape, tau float64) (any, error) {
	z, err := drawValues(name, s, tau)
	if err != nil {
		return nil, err
	}
	return graph.FlatOf(s.DType, z...)
}

func drawValues(name string, s shapes.Shape, tau float64) ([]float64, error) {
	t, err := graph.Draw(graph.Gaussian(tau), 0, name, shapes.Make(dtypes.Float64, s.Dimensions...))
	if err != nil {
		return nil, err
	}
	var z []float64
	err = t.ConstFlatData(func(flat any) { z = append(z, flat.([]float64)...) })
	return z, err
}
