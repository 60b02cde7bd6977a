package train

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// variable returns the context's variable behind a parameter.
func (t *Trainer) variable(param string) (*mlctx.Variable, error) {
	v := t.ctx.GetVariableByScopeAndName(mlctx.VariableScopeAndNameFromParameterName(param))
	if v == nil {
		return nil, fmt.Errorf("train: variable %s is gone from the context", param)
	}
	return v, nil
}

// buffer returns a variable on the device, which gets the context's value first.
func (t *Trainer) buffer(param string) (backends.Buffer, error) {
	if b, ok := t.state[param]; ok {
		return b, nil
	}
	v, err := t.variable(param)
	if err != nil {
		return nil, err
	}
	x, err := v.Value()
	if err != nil {
		return nil, err
	}
	b, err := toDevice(t.backend, x)
	if err == nil {
		t.state[param] = b
	}
	return b, err
}

// put replaces a variable on the device.
func (t *Trainer) put(param string, b backends.Buffer) error {
	old, ok := t.state[param]
	t.state[param] = b
	if !ok {
		return nil
	}
	if err := t.backend.BufferFinalize(old); err != nil {
		return fmt.Errorf("train: freeing %s: %w", param, err)
	}
	return nil
}

func toDevice(backend backends.Backend, x *tensors.Tensor) (b backends.Buffer, err error) {
	cerr := x.ConstFlatData(func(flat any) { b, err = backend.BufferFromFlatData(0, flat, x.Shape()) })
	if cerr != nil {
		return nil, cerr
	}
	return b, err
}

// floats uploads numbers in a dtype.
func floats(backend backends.Backend, dtype dtypes.DType, x []float64, dims ...int) (backends.Buffer, error) {
	flat, err := graph.FlatOf(dtype, x...)
	if err != nil {
		return nil, err
	}
	return backend.BufferFromFlatData(0, flat, shapes.Make(dtype, dims...))
}

// toTensor copies a buffer to the host.
func toTensor(backend backends.Backend, b backends.Buffer) (*tensors.Tensor, error) {
	s, err := backend.BufferShape(b)
	if err != nil {
		return nil, err
	}
	x := tensors.FromShape(s)
	cerr := x.MutableFlatData(func(flat any) { err = backend.BufferToFlatData(b, flat) })
	if cerr != nil {
		return nil, cerr
	}
	return x, err
}

// read reads a float buffer as float64 and frees it.
func read(backend backends.Backend, b backends.Buffer) ([]float64, error) {
	x, err := toTensor(backend, b)
	if err != nil {
		return nil, err
	}
	y, err := toFloats(x)
	if err != nil {
		return nil, err
	}
	return y, backend.BufferFinalize(b)
}

// toFloats copies a float tensor's entries.
func toFloats(x *tensors.Tensor) (y []float64, err error) {
	cerr := x.ConstFlatData(func(flat any) {
		switch v := flat.(type) {
		case []float64:
			y = append(y, v...)
		case []float32:
			y = make([]float64, len(v))
			for i, z := range v {
				y[i] = float64(z)
			}
		default:
			err = fmt.Errorf("train: a tensor of %s, want floats", x.DType())
		}
	})
	if cerr != nil {
		return nil, cerr
	}
	return y, err
}
