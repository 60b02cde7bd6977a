package diagnose

import (
	"context"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

// KnownKernel computes Θ of f(x) = w·x, which is x xᵀ whatever w is, through
// the whole machinery and returns the largest error relative to the largest entry.
func KnownKernel(ctx context.Context, backend backends.Backend, blas *native.BLAS) (float64, error) {
	x := []float32{1, 2, 3, -1, 0.5, 2, 0, 1, -2, 4, -3, 1}
	const n, d = 4, 3
	model := func(ctx *mlctx.Context, in []*gx.Node) []*gx.Node {
		w := ctx.VariableWithShape("w", shapes.Make(dtypes.Float32, d, 1)).ValueGraph(in[0].Graph())
		return []*gx.Node{gx.Dot(in[0], w)}
	}
	f, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float32, d))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	g, err := f.NTK(ctx, empirical.Batch{tensors.FromFlatDataAndDimensions(x, n, d)}, nil, empirical.Options{BLAS: blas})
	if err != nil {
		return 0, err
	}
	worst, top := 0.0, 0.0
	for i := range n {
		for j := range n {
			want := 0.0
			for k := range d {
				want += float64(x[i*d+k]) * float64(x[j*d+k])
			}
			worst = max(worst, math.Abs(g.Values[i*n+j]-want))
			top = max(top, math.Abs(want))
		}
	}
	return worst / top, nil
}

// A form is an op form whose rate matters.
type form struct {
	name  string
	flops float64
	bytes float64
	dims  [][]int
	dtype dtypes.DType
	build func(xs []*gx.Node) *gx.Node
}

func forms() []form {
	const n = 1024
	matmul := func(xs []*gx.Node) *gx.Node { return gx.Dot(xs[0], xs[1]) }
	conv := func(xs []*gx.Node) *gx.Node {
		return gx.Convolve(xs[0], xs[1]).StridePerAxis(1, 1).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	}
	return []form{
		{"matrix product, float32", 2 * n * n * n, 0, [][]int{{n, n}, {n, n}}, dtypes.Float32, matmul},
		{"matrix product, float64", 2 * n * n * n / 8, 0, [][]int{{n / 2, n / 2}, {n / 2, n / 2}}, dtypes.Float64, matmul},
		{"convolution 3×3, float32", 2 * 32 * 16 * 16 * 64 * 9 * 64, 0, [][]int{{32, 16, 16, 64}, {3, 3, 64, 64}}, dtypes.Float32, conv},
		{"Jacobians of a convolution", 2 * 8 * 640 * 256 * 576, 0, [][]int{{8, 640, 256}, {8, 256, 576}}, dtypes.Float32, func(xs []*gx.Node) *gx.Node {
			return gx.Einsum("nit,ntj->nij", xs[0], xs[1])
		}},
		{"elementwise, float32", 1 << 24, 3 * 4 * (1 << 24), [][]int{{1 << 12, 1 << 12}, {1 << 12, 1 << 12}}, dtypes.Float32, func(xs []*gx.Node) *gx.Node {
			return gx.Mul(xs[0], xs[1])
		}},
	}
}

// Rates measures how fast the backend and the host do what kernels need.
func Rates(backend backends.Backend, blas *native.BLAS, progress func(done, total int, what string)) ([]machine.Rate, error) {
	fs := forms()
	total := len(fs) + 1
	var out []machine.Rate
	for i, f := range fs {
		progress(i, total, f.name)
		r, err := f.measure(backend)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	progress(len(fs), total, "Gram matrix on the host")
	const m, k = 640, 8192
	a, c := make([]float32, m*k), make([]float32, m*m)
	for i := range a {
		a[i] = float32(i%7) - 3
	}
	r, err := machine.Measure("Gram matrix on the host, float32", m*m*k, 0, func() error {
		return blas.Syrk32(m, k, 1, unsafe.Pointer(&a[0]), k, 0, unsafe.Pointer(&c[0]), m)
	})
	if err != nil {
		return nil, err
	}
	return append(out, r), nil
}

// measure times one form, inputs resident on the device.
func (f form) measure(backend backends.Backend) (machine.Rate, error) {
	var inputs []any
	for _, d := range f.dims {
		inputs = append(inputs, tensors.FromShape(shapes.Make(f.dtype, d...)))
	}
	exec, err := gx.NewExec(backend, func(xs []*gx.Node) *gx.Node { return f.build(xs) })
	if err != nil {
		return machine.Rate{}, fmt.Errorf("measuring %s: %w", f.name, err)
	}
	defer exec.Finalize()
	r, err := machine.Measure(f.name, f.flops, 200*time.Millisecond, func() error {
		outs, err := exec.Exec(inputs...)
		if err != nil {
			return err
		}
		return outs[0].FinalizeAll()
	})
	if f.bytes > 0 {
		r.Bytes = r.FLOPs * f.bytes / f.flops
	}
	return r, err
}
