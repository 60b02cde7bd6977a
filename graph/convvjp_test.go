package graph_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

type convolution struct {
	name      string
	in        []int // H, W, C
	filter    []int // h, w, C/groups, O
	strides   []int
	pads      [][2]int
	dilations []int
	groups    int
}

var convolutions = []convolution{
	{"2×2", []int{5, 4, 2}, []int{2, 2, 2, 3}, []int{1, 1}, [][2]int{{0, 0}, {0, 0}}, []int{1, 1}, 1},
	{"4×2, stride 2, padded", []int{7, 6, 2}, []int{4, 2, 2, 3}, []int{2, 1}, [][2]int{{1, 2}, {0, 1}}, []int{1, 1}, 1},
	{"2×2, stride 2, a rest", []int{6, 6, 1}, []int{2, 2, 1, 2}, []int{2, 2}, [][2]int{{0, 1}, {1, 0}}, []int{1, 1}, 1},
	{"2×3, groups", []int{4, 5, 4}, []int{2, 3, 2, 6}, []int{1, 2}, [][2]int{{1, 0}, {1, 1}}, []int{1, 1}, 2},
	{"2×2, dilation 3", []int{7, 7, 1}, []int{2, 2, 1, 2}, []int{1, 1}, [][2]int{{0, 0}, {0, 0}}, []int{3, 3}, 1},
	{"3×3", []int{5, 5, 2}, []int{3, 3, 2, 2}, []int{2, 1}, [][2]int{{1, 1}, {0, 0}}, []int{1, 1}, 1},
}

func (c convolution) apply(x, w *gx.Node) *gx.Node {
	axes := backends.ConvolveAxesConfig{
		InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
		KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
		OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
	}
	return gx.ConvGeneral(x, w, axes, c.strides, c.pads, nil, c.dilations, c.groups, 1)
}

// loss is Σ conv(x, w)²/2, by plain loops.
func (c convolution) loss(x, w []float64) float64 {
	h, wd, ch := c.in[0], c.in[1], c.in[2]
	kh, kw, ci, co := c.filter[0], c.filter[1], c.filter[2], c.filter[3]
	outs := func(n, k, i int) int { return (n+c.pads[i][0]+c.pads[i][1]-(k-1)*c.dilations[i]-1)/c.strides[i] + 1 }
	sum := 0.0
	for i := range outs(h, kh, 0) {
		for j := range outs(wd, kw, 1) {
			for o := range co {
				z := 0.0
				for a := range kh {
					for b := range kw {
						y := i*c.strides[0] + a*c.dilations[0] - c.pads[0][0]
						xx := j*c.strides[1] + b*c.dilations[1] - c.pads[1][0]
						if y < 0 || y >= h || xx < 0 || xx >= wd {
							continue
						}
						for k := range ci {
							in := o/(co/c.groups)*ci + k
							z += x[(y*wd+xx)*ch+in] * w[((a*kw+b)*ci+k)*co+o]
						}
					}
				}
				sum += z * z / 2
			}
		}
	}
	return sum
}

func (c convolution) data(t *testing.T) (x, w []float64) {
	t.Helper()
	get := func(name string, dims []int) (v []float64) {
		z, err := graph.Draw(graph.Gaussian(1), 9, name, shapes.Make(dtypes.Float64, dims...))
		if err != nil {
			t.Fatal(err)
		}
		z.MustConstFlatData(func(flat any) { v = append(v, flat.([]float64)...) })
		return v
	}
	return get("x", c.in), get("w", c.filter)
}

// gradient computes ∂loss/∂x and ∂loss/∂w from a recorded graph on the pure-Go backend.
func (c convolution) gradient(t *testing.T, x, w []float64) (dx, dw []float64) {
	t.Helper()
	xs := shapes.Make(dtypes.Float64, append([]int{1}, c.in...)...)
	ws := shapes.Make(dtypes.Float64, c.filter...)
	rec, err := graph.Trace(mlctx.New(), "conv", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		in := graph.Inputs(g, xs, ws)
		return gx.Gradient(gx.MulScalar(gx.ReduceAllSum(gx.Square(c.apply(in[0], in[1]))), 0.5), in...)
	})
	if err != nil {
		t.Fatal(err)
	}
	b := pureGo(t)
	ex, err := graph.Compile(b, rec.Program.Prune(), func(it graph.Interpreter) graph.Interpreter { return lower.New(it, lower.SimpleGo()) })
	if err != nil {
		t.Fatal(err)
	}
	bx, err := b.BufferFromFlatData(0, x, xs)
	if err != nil {
		t.Fatal(err)
	}
	bw, err := b.BufferFromFlatData(0, w, ws)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ex.Execute([]backends.Buffer{bx, bw}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	read := func(buf backends.Buffer) (v []float64) {
		y, err := tensors.FromBuffer(b, buf)
		if err != nil {
			t.Fatal(err)
		}
		y.MustConstFlatData(func(flat any) { v = append(v, flat.([]float64)...) })
		return v
	}
	return read(out[0]), read(out[1])
}

// The loss is quadratic in x, so central differences are exact but for
// rounding: ε·loss/h ≈ 1e-12 at h = 1e-2, for losses around 100.
func TestConvolutionGradient(t *testing.T) {
	for _, c := range convolutions {
		t.Run(c.name, func(t *testing.T) {
			x, w := c.data(t)
			dx, dw := c.gradient(t, x, w)
			c.checkDifferences(t, "x", x, dx, x, w)
			c.checkDifferences(t, "w", w, dw, x, w)
		})
	}
}

// checkDifferences compares g with central differences of the loss in v, which
// is x or w.
func (c convolution) checkDifferences(t *testing.T, name string, v, g, x, w []float64) {
	t.Helper()
	if i, got, want := c.firstWrong(v, g, x, w); i >= 0 {
		t.Errorf("∂/∂%s[%d] is %g, want %g", name, i, got, want)
	}
}

func (c convolution) firstWrong(v, g, x, w []float64) (i int, got, want float64) {
	const h = 1e-2
	for i := range v {
		old := v[i]
		v[i] = old + h
		up := c.loss(x, w)
		v[i] = old - h
		down := c.loss(x, w)
		v[i] = old
		if want := (up - down) / (2 * h); !(math.Abs(g[i]-want) <= 1e-10*(1+math.Abs(want))) {
			return i, g[i], want
		}
	}
	return -1, 0, 0
}

// This fails when GoMLX's own gradient of a convolution with an even filter is
// right: then convvjp.go can go.
func TestGoMLXConvolutionGradient(t *testing.T) {
	ours := gx.VJPRegistration[gx.NodeTypeConvGeneral]
	gx.VJPRegistration[gx.NodeTypeConvGeneral] = graph.GoMLXConvVJP
	defer func() { gx.VJPRegistration[gx.NodeTypeConvGeneral] = ours }()
	c := convolutions[0]
	x, w := c.data(t)
	dx, _ := c.gradient(t, x, w)
	if i, _, _ := c.firstWrong(x, dx, x, w); i < 0 {
		t.Error("GoMLX's gradient of a 2×2 convolution is right now: remove graph/convvjp.go")
	}
}
