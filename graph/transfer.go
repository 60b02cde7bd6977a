package graph

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// Upload copies a tensor to the backend's device.
func Upload(backend backends.Backend, x *tensors.Tensor) (b backends.Buffer, err error) {
	cerr := x.ConstFlatData(func(flat any) { b, err = backend.BufferFromFlatData(0, flat, x.Shape()) })
	if cerr != nil {
		return nil, cerr
	}
	return b, err
}

// UploadFloats copies numbers to the backend's device as an array of dt, row-major
// with the given dimensions.
func UploadFloats(backend backends.Backend, dt dtypes.DType, x []float64, dims ...int) (backends.Buffer, error) {
	flat, err := FlatOf(dt, x...)
	if err != nil {
		return nil, err
	}
	return backend.BufferFromFlatData(0, flat, shapes.Make(dt, dims...))
}

// Download copies a buffer to the host.
func Download(backend backends.Backend, b backends.Buffer) (*tensors.Tensor, error) {
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

// TakeFloats reads a buffer of float32 or float64 and frees it.
func TakeFloats(backend backends.Backend, b backends.Buffer) ([]float64, error) {
	x, err := Download(backend, b)
	if err != nil {
		return nil, err
	}
	y, err := Floats(x)
	if err != nil {
		return nil, err
	}
	return y, backend.BufferFinalize(b)
}

// Floats copies the entries of a tensor of float32 or float64, row-major.
func Floats(x *tensors.Tensor) (y []float64, err error) {
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
			err = fmt.Errorf("graph: a tensor of %s, want float32 or float64", x.DType())
		}
	})
	if cerr != nil {
		return nil, cerr
	}
	return y, err
}
