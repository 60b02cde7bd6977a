package lower_test

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

// A layer is a square convolution in the layout of GoMLX: [N, size, size, in].
type layer struct{ n, size, in, out, stride int }

// forward and filterGradient are the two shapes that convolutions come in: a
// small kernel over a large image, and a kernel as large as the image.
func (l layer) forward() (graph.ConvGeneralAttrs, []int, []int) {
	a := graph.ConvGeneralAttrs{
		Axes: backends.ConvolveAxesConfig{
			InputBatch: 0, InputChannels: 3, InputSpatial: []int{1, 2},
			KernelInputChannels: 2, KernelOutputChannels: 3, KernelSpatial: []int{0, 1},
			OutputBatch: 0, OutputChannels: 3, OutputSpatial: []int{1, 2},
		},
		Strides: []int{l.stride, l.stride}, Paddings: [][2]int{{1, 1}, {1, 1}},
		InputDilations: []int{1, 1}, KernelDilations: []int{1, 1}, ChannelGroups: 1, BatchGroups: 1,
	}
	return a, []int{l.n, l.size, l.size, l.in}, []int{3, 3, l.in, l.out}
}

func (l layer) filterGradient() (graph.ConvGeneralAttrs, []int, []int) {
	a, x, _ := l.forward()
	a.Axes = backends.ConvolveAxesConfig{
		InputBatch: 3, InputChannels: 0, InputSpatial: []int{1, 2},
		KernelInputChannels: 0, KernelOutputChannels: 3, KernelSpatial: []int{1, 2},
		OutputBatch: 2, OutputChannels: 3, OutputSpatial: []int{0, 1},
	}
	o := (l.size-1)/l.stride + 1
	a.KernelDilations, a.Strides = a.Strides, []int{1, 1}
	end := (o-1)*l.stride + 3 - l.size - 1
	a.Paddings = [][2]int{{1, end}, {1, end}}
	return a, x, []int{l.n, o, o, l.out}
}

func BenchmarkConvGeneral(b *testing.B) {
	for _, l := range []layer{{16, 32, 3, 64, 1}, {16, 16, 64, 64, 1}, {16, 16, 64, 128, 2}} {
		for _, dt := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			for _, gradient := range []bool{false, true} {
				a, x, w := l.forward()
				if gradient {
					a, x, w = l.filterGradient()
				}
				name := fmt.Sprintf("%+v/%s/gradient=%t", l, dt, gradient)
				flops := 2 * 9 * float64(l.n*l.size*l.size/l.stride/l.stride*l.in*l.out)
				for _, way := range []struct {
					name    string
					backend func(testing.TB) backends.Backend
					need    lower.Set
				}{
					{"go", goBackend, lower.Set{}},
					{"go slices", goBackend, sets()["slices"]},
					{"go gather", goBackend, sets()["gather"]},
					{"xla", xlaBackend, lower.XLA()},
					{"xla lowered", xlaBackend, lower.XLAFloat64()},
				} {
					b.Run(name+"/"+way.name, func(b *testing.B) {
						benchmark(b, way.backend(b), way.need, a, dt, x, w, flops)
					})
				}
			}
		}
	}
}

// benchmark times executions of one convolution.
func benchmark(b *testing.B, backend backends.Backend, need lower.Set, a graph.ConvGeneralAttrs, dt dtypes.DType, x, w []int, flops float64) {
	rec := graph.NewRecorder("convolution")
	var in []graph.Op
	var buffers []backends.Buffer
	for i, dims := range [][]int{x, w} {
		s := shapes.Make(dt, dims...)
		p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: fmt.Sprint("p", i), Shape: s})
		if err != nil {
			b.Fatal(err)
		}
		flat, err := graph.FlatOf(dt, make([]float64, s.Size())...)
		if err != nil {
			b.Fatal(err)
		}
		buffer, err := backend.BufferFromFlatData(0, flat, s)
		if err != nil {
			b.Fatal(err)
		}
		in, buffers = append(in, p[0]), append(buffers, buffer)
	}
	y, err := rec.Apply(backends.OpTypeConvGeneral, a, in...)
	if err != nil {
		b.Fatal(err)
	}
	exe, err := graph.Compile(backend, rec.Program(y...), func(it graph.Interpreter) graph.Interpreter {
		return lower.New(it, need)
	})
	if err != nil {
		b.Fatal(err)
	}
	defer exe.Finalize()
	for b.Loop() {
		out, err := exe.Execute(buffers, nil, 0)
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range out {
			if err := backend.BufferFinalize(o); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
