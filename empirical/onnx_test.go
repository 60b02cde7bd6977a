package empirical_test

import (
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models/onnx"
)

// TestONNX compares the full Θ of networks in ONNX files, at their trained
// weights, with loops of torch.autograd.grad over examples and outputs, in float64
// at the same float32 weights (models/onnx/testdata/make.py). In float64 what
// differs is the order of sums and constants that PyTorch rounds to float32 in the
// file, such as √2 in GELU: 1e-6. In float32 the networks' own rounding adds: 1e-4,
// the relative error that max|Θ| may have.
func TestONNX(t *testing.T) {
	for _, name := range []string{"mlp", "cnn", "transformer", "encoder", "resnet18"} {
		t.Run(name, func(t *testing.T) {
			if (name == "resnet18" || name == "encoder") && testing.Short() {
				t.Skip("compiling it takes seconds")
			}
			dir := filepath.Join("..", "models", "onnx", "testdata")
			m, err := onnx.Load(filepath.Join(dir, name+".onnx"), onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := numpy.FromNpzFile(filepath.Join(dir, name+".npz"))
			if err != nil {
				t.Fatal(err)
			}
			x := want["x"]
			for _, c := range []struct {
				dtype dtypes.DType
				tol   float64
			}{{dtypes.Float64, 1e-6}, {dtypes.Float32, 1e-4}} {
				if c.dtype == dtypes.Float64 && testing.Short() {
					continue // compiling again takes seconds
				}
				shape := x.Shape().Dimensions
				f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), m.Model(), shapes.Make(c.dtype, shape[1:]...))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = f.Close() }()
				g, err := f.NTK(t.Context(), empirical.Batch{as(t, x, c.dtype)}, nil, empirical.Options{Outputs: empirical.Full})
				if err != nil {
					t.Fatal(err)
				}
				kerneltest.Close(t, name+" "+c.dtype.String(), g.Values, kerneltest.Floats(t, want["theta"]), c.tol)
			}
		})
	}
}

// as copies a float32 tensor in another dtype.
func as(t *testing.T, x *tensors.Tensor, dt dtypes.DType) *tensors.Tensor {
	t.Helper()
	if dt == dtypes.Float32 {
		return x
	}
	var v []float64
	err := x.ConstFlatData(func(flat any) {
		for _, y := range flat.([]float32) {
			v = append(v, float64(y))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return tensors.FromFlatDataAndDimensions(v, x.Shape().Dimensions...)
}
