package onnx_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models/onnx"
)

// build parses a file and records its network on 2 examples of shape [4], or what
// the file says.
func build(content []byte, o onnx.Options) error {
	m, err := onnx.Parse(content, o)
	if err != nil {
		return err
	}
	var in []shapes.Shape
	for _, v := range m.Inputs() {
		dims := []int{2}
		for _, d := range v.Shape {
			if d < 0 || d > 64 {
				d = 4
			}
			dims = append(dims, d)
		}
		in = append(in, shapes.Make(dtypes.Float32, dims...))
	}
	_, err = graph.Record(mlctx.New(), m.Model(), in...)
	return err
}

// TestDamaged gives files with something wrong with them. Each must be refused by
// one line that says what and where.
func TestDamaged(t *testing.T) {
	mlp, err := os.ReadFile(filepath.Join("testdata", "mlp.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	v := func(names ...string) []string { return names }
	w := initializer(dense("w", 1, float32s(make([]float32, 12)...), 4, 3))
	gemm := apply("fc", "Gemm", v("x", "w"), v("y"))
	reshape := apply("r", "Reshape", v("x", "shape"), v("y"))
	with := func(nodes ...message) []byte { return file(17, network(append(nodes, w)...)) }
	tensor := func(t message) []byte { return file(17, network(gemm, initializer(t))) }
	alone := func(op string, attrs ...message) []byte { return with(apply("n", op, v("x"), v("y"), attrs...)) }
	huge := constant("shape", 1<<30, 1<<30)

	for _, tc := range []struct {
		name    string
		content []byte
		want    []string
	}{
		{"empty", nil, v("no graph")},
		{"text", []byte("this is no model\n"), v("damaged")},
		{"cut in half", mlp[:len(mlp)/2], v("cut short or damaged")},
		{"cut by a byte", mlp[:len(mlp)-1], v("cut short or damaged")},
		{"another byte", append(slices.Clone(mlp), 0xff), v("cut short or damaged")},
		{"graph of the wrong type", message(nil).number(7, 1), v("field 7", "wire type 0")},
		{"two graphs", append(file(17, network(gemm, w)), file(17, network(gemm, w))...), v("two graphs")},
		{"old opset", file(3, network(gemm, w)), v("opset 3", "7 to 21")},
		{"new opset", file(99, network(gemm, w)), v("opset 99", "export again")},
		{"functions", append(with(gemm), message(nil).bytes(25, nil)...), v("functions")},
		{"sparse", with(gemm, message(nil).bytes(15, nil)), v("sparse")},
		{"no output", file(17, append(slices.Clone(gemm), value(11, "x", 1, -1, 4)...)), v("no output")},
		{"no input", file(17, append(slices.Clone(gemm), value(12, "y", 1, -1, 3)...)), v("no input")},
		{"no node", with(), v("no node makes", `"y"`)},
		{"input is no tensor", file(17, append(slices.Concat(gemm, w), slices.Concat(message(nil).bytes(11, message(nil).text(1, "x")), value(12, "y", 1, -1, 3))...)), v(`input "x"`, "no tensor")},
		{"input of text", file(17, slices.Concat(gemm, w, value(11, "x", 8, -1, 4), value(12, "y", 1, -1, 3))), v(`input "x"`, "string")},
		{"cycle", with(apply("first", "Add", v("x", "b"), v("a")), apply("second", "Relu", v("a"), v("b")), apply("third", "Relu", v("b"), v("y"))), v(`"first" (op Add)`, `"second"`, "cycle")},
		{"node that reads itself", with(apply("self", "Add", v("x", "y"), v("y"))), v(`"self"`, "cycle")},
		{"missing initializer", file(17, network(gemm)), v(`"fc" (op Gemm)`, `"w"`, "no initializer")},
		{"two initializers", with(gemm, w), v("two initializers", `"w"`)},
		{"two nodes make one value", with(gemm, apply("again", "Relu", v("x"), v("y"))), v(`"fc"`, `"again"`, "both make")},
		{"unknown operator", alone("Frobnicate"), v(`"n" (op Frobnicate)`, "operator is not supported")},
		{"operator without a name", with(apply("", "Loop", v("x"), v("y"))), v("number 0 (op Loop)", "not supported")},
		{"operator of another domain", with(message(nil).bytes(1, message(nil).text(1, "x").text(2, "y").text(4, "Relu").text(7, "com.acme"))), v("com.acme.Relu", "not supported")},
		{"too many inputs", with(apply("n", "Relu", v("x", "w"), v("y"))), v("2 inputs", "want 1")},
		{"too few inputs", with(apply("n", "Gemm", v("x"), v("y"))), v("1 inputs", "want 2")},
		{"empty first input", with(apply("n", "Gemm", v("", "w"), v("y"))), v("lacks its input 0")},
		{"initializer too short", tensor(dense("w", 1, float32s(1, 2, 3), 4, 3)), v(`"w"`, "12 bytes, want 48")},
		{"initializer too long", tensor(dense("w", 1, float32s(make([]float32, 13)...), 4, 3)), v(`"w"`, "52 bytes, want 48")},
		{"initializer of negative size", tensor(dense("w", 1, nil, -4, 3)), v(`"w"`, "size -4")},
		{"initializer of huge size", tensor(dense("w", 1, nil, 1<<31, 1<<31)), v(`"w"`, "more than")},
		{"initializer beyond int64", tensor(dense("w", 1, nil, 1<<62, 1<<62)), v(`"w"`, "4611686018427387904")},
		{"initializer without data", tensor(message(nil).number(1, 4).number(1, 3).number(2, 1).text(8, "w")), v(`"w"`, "no data")},
		{"initializer of text", tensor(dense("w", 8, nil, 4, 3)), v(`"w"`, "string")},
		{"initializer of half", tensor(dense("w", 10, make([]byte, 24), 4, 3)), v(`"w"`, "float16", "float32")},
		{"initializer of an unknown type", tensor(dense("w", 77, nil, 4, 3)), v(`"w"`, "77")},
		{"external data", tensor(dense("w", 1, nil, 4, 3).number(14, 1)), v(`"w"`, "another file")},
		{"initializer of whole numbers", tensor(dense("w", 7, int64s(make([]int64, 12)...), 4, 3)), v(`"fc" (op Gemm)`)},
		{"shapes that do not fit", tensor(dense("w", 1, float32s(make([]float32, 15)...), 5, 3)), v(`"fc" (op Gemm)`, "[2 4]", "[5 3]")},
		{"attribute of another type", alone("Softmax", text("axis", "x")), v(`"n" (op Softmax)`, "attribute axis", "type 3")},
		{"attribute twice", alone("Softmax", integer("axis", 1), integer("axis", 1)), v(`"axis" twice`)},
		{"axis out of range", alone("Softmax", integer("axis", 2)), v(`"n" (op Softmax)`, "axis 2")},
		{"axes twice", alone("Transpose", integers("perm", 0, 0)), v(`"n" (op Transpose)`, "twice")},
		{"permutation too short", alone("Transpose", integers("perm", 0)), v("perm", "[0]")},
		{"two open sizes", with(reshape, constant("shape", -1, -1)), v(`"r" (op Reshape)`, "[-1 -1]")},
		{"another size", with(reshape, constant("shape", 2, 5)), v(`"r" (op Reshape)`, "[2 4]", "[2 5]")},
		{"shape from data", with(apply("c", "Cast", v("x"), v("shape"), integer("to", 7)), reshape), v(`"r" (op Reshape)`, `"shape"`, "depends on the data")},
		{"huge constant", with(apply("c", "ConstantOfShape", v("shape"), v("z")), apply("a", "Add", v("x", "z"), v("y")), huge), v(`"c" (op ConstantOfShape)`, "more than")},
		{"huge expansion", with(apply("e", "Expand", v("x", "shape"), v("y")), constant("shape", 1<<40, 2, 4)), v(`"e" (op Expand)`, "more than")},
		{"huge padding", with(apply("p", "Pad", v("x", "pads"), v("y")), constant("pads", 0, 0, 1<<62, 1<<62)), v(`"p" (op Pad)`)},
		{"huge range", with(apply("g", "Range", v("a", "b", "c"), v("z")), apply("y", "Add", v("x", "z"), v("y")), constant("a", 0), constant("b", 1<<50), constant("c", 1)), v(`"g" (op Range)`, "a range of")},
		{"division of sizes by zero", with(apply("d", "Div", v("a", "b"), v("shape")), reshape, constant("a", 8), constant("b", 0)), v(`"d" (op Div)`, "by 0")},
		{"convolution of a vector", with(apply("c", "Conv", v("x", "w"), v("y"))), v(`"c" (op Conv)`, "[2 4]")},
		{"index out of range", with(apply("g", "Gather", v("x", "i"), v("y"), integer("axis", 1)), constant("i", 4)), v(`"g" (op Gather)`, "index 4", "size 4")},
		{"parts that do not add up", with(apply("s", "Split", v("x", "i"), v("y", "z"), integer("axis", 1)), constant("i", 3, 2)), v(`"s" (op Split)`, "[3 2]")},
		{"equation", with(apply("e", "Einsum", v("x", "w"), v("y"), text("equation", "ab,cd->ae"))), v(`"e" (op Einsum)`, "axis e")},
		{"mask of Dropout read", with(apply("d", "Dropout", v("x"), v("z", "mask")), apply("w", "Where", v("mask", "x", "z"), v("y"))), v(`"mask"`, "not supported")},
		{"training mode", with(apply("d", "Dropout", v("x", "", "t"), v("y")), initializer(dense("t", 9, []byte{1}))), v(`"d" (op Dropout)`, "training mode")},
		{"batch built in", file(17, slices.Concat(reshape, constant("shape", 4), value(11, "x", 1, 1, 4), value(12, "y", 1, 4))), v(`"r" (op Reshape)`, "fixes the batch at 1", "dynamic batch axis")},
		{"batch summed away", alone("ReduceSum", integer("keepdims", 0)), v("first axis", "batch")},
		{"a line break in a name", with(apply("a\nb", "Frob\nnicate", v("x"), v("y"))), v(`a\nb`)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := build(tc.content, onnx.Options{})
			if err == nil {
				t.Fatal("no error")
			}
			checkError(t, err)
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
		})
	}
	if err := build(with(gemm), onnx.Options{}); err != nil {
		t.Errorf("the network that all others damage: %v", err)
	}
}

// checkError fails unless err is one line of readable length and no crash.
func checkError(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
	if !strings.Contains(err.Error(), "onnx: ") && !strings.Contains(err.Error(), "graph: ") {
		t.Errorf("error %q does not say where it comes from", err)
	}
	if r := runtime.Error(nil); errors.As(err, &r) {
		t.Errorf("runtime error: %v", err)
	}
}

// TestBounds refuses files by size before they are read.
func TestBounds(t *testing.T) {
	path := filepath.Join("testdata", "mlp.onnx")
	_, err := onnx.Load(path, onnx.Options{MaxBytes: 1000})
	if err == nil || !strings.Contains(err.Error(), "more than 1000") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s and the bound", err, path)
	}
	if _, err := onnx.Load(filepath.Join("testdata", "none.onnx"), onnx.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
	if _, err := onnx.Load("testdata", onnx.Options{}); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("error %v, want one that says it is a folder", err)
	}
}

// TestOutput chooses outputs by name.
func TestOutput(t *testing.T) {
	read := func(name, output string) error {
		_, err := onnx.Load(filepath.Join("testdata", name+".onnx"), onnx.Options{Output: output})
		return err
	}
	if err := read("ops", ""); err == nil || !strings.Contains(err.Error(), "choose one by name") || !strings.Contains(err.Error(), "out_sigmoid") {
		t.Errorf("error %v, want one that lists the outputs", err)
	}
	if err := read("mlp", "nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) || !strings.Contains(err.Error(), "output") {
		t.Errorf("error %v, want one that names the outputs", err)
	}
	if err := read("mlp", "/1/Relu_output_0"); err != nil {
		t.Errorf("a value inside: %v", err)
	}
}

// FuzzParse wants an error of one line or a network of any bytes.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"mlp", "cnn", "transformer"} {
		content, err := os.ReadFile(filepath.Join("testdata", name+".onnx"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	v := func(names ...string) []string { return names }
	image := slices.Concat(apply("r", "Reshape", v("x", "s"), v("i")), constant("s", 0, 1, 2, 2))
	k := initializer(dense("k", 1, float32s(1, 2, 3, 4), 1, 1, 2, 2))
	for _, g := range []message{
		apply("n", "Conv", v("i", "k"), v("y"), integers("pads", 1, 0, 1, 0), integers("strides", 1, 2), integers("dilations", 1, 1), integer("group", 1)),
		apply("n", "Conv", v("i", "k"), v("y"), text("auto_pad", "SAME_UPPER")),
		apply("n", "ConvTranspose", v("i", "k"), v("y"), integers("strides", 2, 2), integers("output_padding", 1, 0)),
		apply("n", "MaxPool", v("i"), v("y"), integers("kernel_shape", 2, 1), integers("dilations", 1, 2), integer("ceil_mode", 1)),
		apply("n", "AveragePool", v("i"), v("y"), integers("kernel_shape", 2, 2), integers("pads", 1, 1, 1, 1), integer("count_include_pad", 1)),
		slices.Concat(apply("n", "Pad", v("x", "p"), v("y"), text("mode", "reflect")), constant("p", 0, 1, 0, 2)),
		slices.Concat(apply("n", "Slice", v("x", "p", "q", "q", "p"), v("y")), constant("p", -1), constant("q", 1)),
		slices.Concat(apply("n", "Gather", v("x", "p"), v("y"), integer("axis", 1)), constant("p", -1, 0)),
		slices.Concat(apply("n", "Split", v("x", "p"), v("y", "z"), integer("axis", 1)), constant("p", 1, 3)),
		slices.Concat(apply("a", "Shape", v("x"), v("a")), apply("b", "ConstantOfShape", v("a"), v("b")), apply("n", "Add", v("b", "x"), v("y"))),
		slices.Concat(apply("n", "Expand", v("x", "p"), v("y")), constant("p", 2, 1, 4)),
		slices.Concat(apply("n", "Tile", v("x", "p"), v("y")), constant("p", 1, 3)),
		slices.Concat(apply("n", "Unsqueeze", v("x", "p"), v("z")), apply("m", "Squeeze", v("z", "p"), v("y")), constant("p", 1)),
		apply("n", "Einsum", v("x", "x"), v("y"), text("equation", "ab,ac->abc")),
		apply("n", "Softmax", v("x"), v("y"), integer("axis", 1)),
		apply("n", "ReduceMean", v("x"), v("y"), integers("axes", 1), integer("keepdims", 1)),
		apply("n", "DepthToSpace", v("i"), v("y"), integer("blocksize", 1)),
		apply("n", "Trilu", v("i"), v("y"), integer("upper", 0)),
		apply("n", "Transpose", v("x"), v("y"), integers("perm", 1, 0)),
		apply("n", "LayerNormalization", v("x", "x"), v("y"), integer("axis", 0)),
		apply("n", "MatMul", v("i", "i"), v("y")),
	} {
		f.Add(file(17, network(image, k, g)))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := build(content, onnx.Options{}); err != nil {
			checkError(t, err)
		}
	})
}
