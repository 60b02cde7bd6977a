package onnx_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models/onnx"
)

func floatAttr(name string, v float32) message {
	raw := math.Float32bits(v)
	a := message(nil).text(1, name)
	a = append(a, 2<<3|5, byte(raw), byte(raw>>8), byte(raw>>16), byte(raw>>24)) // fixed32 of field 2
	return a.number(20, 1)
}

// TestOpsets covers what changed between opsets, and attributes that PyTorch does
// not write. x is [[1, −2, 3, −4], [5, 6, −7, 8]]; results are by hand.
func TestOpsets(t *testing.T) {
	x := []float64{1, -2, 3, -4, 5, 6, -7, 8}
	v := func(names ...string) []string { return names }
	e := func(a, b float64) float64 { return math.Exp(a) / (math.Exp(a) + math.Exp(b)) }
	image := apply("i", "Reshape", v("x", "s"), v("image")) // [2, 1, 2, 2]
	square := constant("s", 0, 1, 2, 2)
	ones := initializer(dense("k", 1, float32s(1, 1, 1, 1), 1, 1, 2, 2))
	back := func(size int64) []message {
		return []message{apply("f", "Reshape", v("z", "back"), v("y")), constant("back", -1, size)}
	}
	for _, tc := range []struct {
		name  string
		opset int64
		graph []message
		want  []float64
	}{
		{
			"Clip by attributes", 7,
			[]message{apply("n", "Clip", v("x"), v("y"), floatAttr("min", -2), floatAttr("max", 4))},
			[]float64{1, -2, 3, -2, 4, 4, -2, 4},
		},
		{"Squeeze and Unsqueeze by attributes", 11, []message{
			apply("u", "Unsqueeze", v("x"), v("a"), integers("axes", 0, -1)), apply("s", "Squeeze", v("a"), v("y"), integers("axes", 0, 3)),
		}, x},
		{
			"Slice by attributes", 9,
			[]message{apply("n", "Slice", v("x"), v("y"), integers("starts", 1), integers("ends", 1<<31), integers("axes", 1))},
			[]float64{-2, 3, -4, 6, -7, 8},
		},
		{"Slice with steps below 0", 13, []message{
			apply("n", "Slice", v("x", "a", "b", "c", "d"), v("y")),
			constant("a", -1), constant("b", math.MinInt64), constant("c", 1), constant("d", -3),
		}, []float64{-4, 1, 8, 5}},
		{
			"Split by attribute", 11,
			[]message{apply("n", "Split", v("x"), v("z", "y"), integers("split", 1, 3), integer("axis", 1))},
			[]float64{-2, 3, -4, 6, -7, 8},
		},
		{"Split into unequal parts", 18, []message{
			apply("c", "Slice", v("x", "a", "b", "o"), v("x3")),
			apply("n", "Split", v("x3"), v("z", "y"), integer("axis", 1), integer("num_outputs", 2)), constant("a", 0), constant("b", 3), constant("o", 1),
		}, []float64{3, -7}},
		{
			"Softmax over all axes from one", 11,
			[]message{image, square, apply("n", "Softmax", v("image"), v("z"), integer("axis", 3)), message(slices.Concat(back(4)...))},
			[]float64{e(1, -2), e(-2, 1), e(3, -4), e(-4, 3), e(5, 6), e(6, 5), e(-7, 8), e(8, -7)},
		},
		{"Softmax over two axes", 11, []message{
			apply("r", "Reshape", v("x", "s"), v("image")), constant("s", 0, 2, 2),
			apply("n", "Softmax", v("image"), v("z"), integer("axis", 1)),
			apply("q", "ReduceSum", v("z"), v("y"), integers("axes", 1, 2), integer("keepdims", 0)),
		}, []float64{1, 1}},
		{
			"Pad by attribute", 10,
			[]message{apply("n", "Pad", v("x"), v("y"), integers("pads", 0, 1, 0, 0), floatAttr("value", 9))},
			[]float64{9, 1, -2, 3, -4, 9, 5, 6, -7, 8},
		},
		{
			"Pad wraps", 19,
			[]message{apply("n", "Pad", v("x", "p"), v("y"), text("mode", "wrap")), constant("p", 0, 1, 0, 2)},
			[]float64{-4, 1, -2, 3, -4, 1, -2, 8, 5, 6, -7, 8, 5, 6},
		},
		{
			"Pad of axes", 18,
			[]message{apply("n", "Pad", v("x", "p", "", "a"), v("y")), constant("p", 1, 0), constant("a", -1)},
			[]float64{0, 1, -2, 3, -4, 0, 5, 6, -7, 8},
		},
		{
			"Gather from the end", 13,
			[]message{apply("n", "Gather", v("x", "i"), v("y"), integer("axis", 1)), constant("i", -1, 0, 0)},
			[]float64{-4, 1, 1, 8, 5, 5},
		},
		{
			"Conv, SAME_UPPER", 13,
			[]message{image, square, ones, apply("n", "Conv", v("image", "k"), v("z"), text("auto_pad", "SAME_UPPER")), message(slices.Concat(back(4)...))},
			[]float64{-2, -6, -1, -4, 12, 14, 1, 8},
		},
		{
			"Conv, SAME_LOWER", 13,
			[]message{image, square, ones, apply("n", "Conv", v("image", "k"), v("z"), text("auto_pad", "SAME_LOWER")), message(slices.Concat(back(4)...))},
			[]float64{1, -1, 4, -2, 5, 11, -2, 12},
		},
		{"DepthToSpace, DCR", 13, []message{
			apply("r", "Reshape", v("x", "s"), v("image")), constant("s", 0, 4, 1, 1),
			apply("n", "DepthToSpace", v("image"), v("z"), integer("blocksize", 2)), message(slices.Concat(back(4)...)),
		}, x},
		{"SpaceToDepth", 13, []message{image, square, apply("n", "SpaceToDepth", v("image"), v("z"), integer("blocksize", 2)), message(slices.Concat(back(4)...))}, x},
		{"Gemm with β", 13, []message{
			apply("n", "Gemm", v("x", "w", "c"), v("y"), floatAttr("alpha", 2), floatAttr("beta", -1), integer("transB", 1)),
			initializer(dense("w", 1, float32s(1, 0, 0, 1), 1, 4)), initializer(dense("c", 1, float32s(10), 1)),
		}, []float64{2*(1-4) - 10, 2*(5+8) - 10}},
		{"Sum, Mean, Max, Min of three", 13, []message{
			apply("n", "Neg", v("x"), v("n")), apply("s", "Sum", v("x", "n", "x"), v("s")), apply("m", "Mean", v("x", "x", "s"), v("m")),
			apply("a", "Max", v("m", "n", "n"), v("a")), apply("b", "Min", v("a", "x", "s"), v("y")),
		}, x},
		{"Gelu", 20, []message{apply("n", "Gelu", v("x"), v("y"))}, each(x, func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 })},
		{"HardSigmoid's defaults", 13, []message{apply("n", "HardSigmoid", v("x"), v("y"))}, each(x, func(x float64) float64 { return math.Max(0, math.Min(1, 0.2*x+0.5)) })},
		{"Constants of all types", 13, []message{
			apply("a", "Constant", nil, v("a"), floatAttr("value_float", 2)), apply("b", "Mul", v("x", "a"), v("b")),
			apply("c", "Constant", nil, v("c"), integers("value_ints", 1)), apply("d", "Unsqueeze", v("b", "c"), v("d")),
			apply("s", "Squeeze", v("d", "c"), v("y")),
		}, each(x, func(x float64) float64 { return 2 * x })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := onnx.Parse(file(tc.opset, network(tc.graph...)), onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, m, dtypes.Float64, tensors.FromFlatDataAndDimensions(x, 2, 4))
			kerneltest.Close(t, tc.name, got, tc.want, 1e-12) // rounding of a few sums
		})
	}
}

func each(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = f(x[i])
	}
	return y
}
