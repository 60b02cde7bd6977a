package onnx_test

import (
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models/onnx"
)

// arrays reads what PyTorch said: testdata/make.py.
func arrays(t *testing.T, name string) map[string]*tensors.Tensor {
	t.Helper()
	a, err := numpy.FromNpzFile(filepath.Join("testdata", name+".npz"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func load(t testing.TB, name string, o onnx.Options) *onnx.Model {
	t.Helper()
	m, err := onnx.Load(filepath.Join("testdata", name+".onnx"), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run evaluates a model with its own weights.
func run(t *testing.T, m *onnx.Model, dt dtypes.DType, inputs ...*tensors.Tensor) []float64 {
	t.Helper()
	var data []any
	for _, x := range inputs {
		data = append(data, convert(t, x, dt))
	}
	exec, err := mlctx.NewExec(kerneltest.Backend(t).GoMLX, mlctx.New(), func(ctx *mlctx.Context, xs []*gx.Node) *gx.Node {
		return m.Model()(ctx, xs)[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	y, err := exec.Exec1(data...)
	if err != nil {
		t.Fatal(err)
	}
	return floats(t, y)
}

func convert(t *testing.T, x *tensors.Tensor, dt dtypes.DType) *tensors.Tensor {
	t.Helper()
	v := floats(t, x)
	if dt == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(v, x.Shape().Dimensions...)
	}
	f := make([]float32, len(v))
	for i := range v {
		f[i] = float32(v[i])
	}
	return tensors.FromFlatDataAndDimensions(f, x.Shape().Dimensions...)
}

func floats(t *testing.T, x *tensors.Tensor) (v []float64) {
	t.Helper()
	err := x.ConstFlatData(func(flat any) {
		switch f := flat.(type) {
		case []float64:
			v = append(v, f...)
		case []float32:
			for _, y := range f {
				v = append(v, float64(y))
			}
		default:
			t.Fatalf("array of %s", x.DType())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestOps compares every operator with PyTorch's own function, in float64. The
// weights and constants are float32 in the file, and PyTorch computed in float64
// from the same ones; constants that PyTorch folds itself are rounded to float32.
func TestOps(t *testing.T) {
	want := arrays(t, "ops")
	names := 0
	for name, w := range want {
		if len(name) < 5 || name[:4] != "out_" {
			continue
		}
		names++
		t.Run(name[4:], func(t *testing.T) {
			m := load(t, "ops", onnx.Options{Output: name})
			var in []*tensors.Tensor
			for _, v := range m.Inputs() {
				in = append(in, want[v.Name])
			}
			got := run(t, m, dtypes.Float64, in...)
			kerneltest.Close(t, name, got, floats(t, w), 1e-6)
		})
	}
	if names < 100 {
		t.Errorf("%d operators, want 100 or more", names)
	}
}
