package cmd

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"

	"github.com/gontk/ntk/internal/kerneltest"
)

// onnxFile is a file of models/onnx/testdata, and what PyTorch says of it.
func onnxFile(t *testing.T, name string) (path string, arrays map[string]*tensors.Tensor) {
	t.Helper()
	dir := filepath.Join("..", "models", "onnx", "testdata")
	arrays, err := numpy.FromNpzFile(filepath.Join(dir, name+".npz"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name+".onnx"), arrays
}

// inputs returns x of a file in float64.
func inputs(t *testing.T, arrays map[string]*tensors.Tensor) (shape []int, x []float64) {
	t.Helper()
	err := arrays["x"].ConstFlatData(func(flat any) {
		for _, v := range flat.([]float32) {
			x = append(x, float64(v))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return arrays["x"].Shape().Dimensions, x
}

func tuple(shape ...int) string {
	return "(" + strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", ", ") + ")"
}

// TestONNX computes Θ of trained networks in ONNX files and compares it with loops
// of torch.autograd.grad. The images of the second come channels last, as data sets
// here are, and the file reads them channels first: Θ tells whether that was heeded.
// Float32 allows 1e-4 of the largest entry.
func TestONNX(t *testing.T) {
	for _, name := range []string{"mlp", "cnn"} {
		t.Run(name, func(t *testing.T) {
			path, arrays := onnxFile(t, name)
			shape, x := inputs(t, arrays)
			if len(shape) == 4 {
				n, c, h, w := shape[0], shape[1], shape[2], shape[3]
				last := make([]float64, len(x))
				for i := range n {
					for k := range c {
						for p := range h * w {
							last[(i*h*w+p)*c+k] = x[(i*c+k)*h*w+p]
						}
					}
				}
				shape, x = []int{n, h, w, c}, last
			}
			data := write(t, "x.npy", npy(tuple(shape...), x...))
			out := filepath.Join(t.TempDir(), "out")
			r := succeed(t, nil, "gram", "--model", path, "--data", data, "--examples", "all", "--standardize", "none",
				"--outputs", "full", "--backend", "go", "--out", out)
			for _, want := range []string{path + ", as they are: no seed"} {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("stderr %q lacks %q", r.stderr, want)
				}
			}
			if said := strings.Contains(r.stderr, "images as nchw: axes of the data transposed from nhwc"); said != (len(shape) == 4) {
				t.Errorf("stderr %q; says %v that axes were transposed", r.stderr, said)
			}
			_, _, theta := readNPY(t, filepath.Join(out, "theta.npy"))
			kerneltest.Close(t, name, theta, kerneltest.Floats(t, arrays["theta"]), 1e-4)
		})
	}
}

// TestReinit draws the weights of a file anew: from the seed, and not as trained.
func TestReinit(t *testing.T) {
	path, arrays := onnxFile(t, "mlp")
	shape, x := inputs(t, arrays)
	data := write(t, "x.npy", npy(tuple(shape...), x...))
	theta := func(seed string) []byte {
		r := succeed(t, nil, "spectrum", "--model", path, "--reinit", "--seed", seed, "--data", data, "--examples", "all", "--backend", "go", "--json")
		return []byte(r.stdout)
	}
	trained := succeed(t, nil, "spectrum", "--model", path, "--data", data, "--examples", "all", "--backend", "go", "--json")
	one := theta("1")
	if !bytes.Equal(one, theta("1")) {
		t.Error("one seed gives two spectra")
	}
	if bytes.Equal(one, theta("2")) || bytes.Equal(one, []byte(trained.stdout)) {
		t.Error("the weights were not drawn from the seed")
	}
}

// TestFlattened gives images to a network that reads vectors: it flattens them
// channels first, as PyTorch does, and says so.
func TestFlattened(t *testing.T) {
	path, _ := onnxFile(t, "mlp") // reads 6 features
	image := func(i int) float64 { return float64(i%5) - 1.5 }
	nhwc, flat := make([]float64, 12), make([]float64, 12) // 2 images of 1×2 pixels and 3 channels
	for n := range 2 {
		for p := range 2 {
			for c := range 3 {
				nhwc[n*6+p*3+c] = image(n*6 + c*2 + p)
				flat[n*6+c*2+p] = image(n*6 + c*2 + p)
			}
		}
	}
	run := func(data string) reply {
		return succeed(t, nil, "spectrum", "--model", path, "--data", data, "--examples", "all", "--standardize", "none", "--backend", "go", "--json")
	}
	images := run(write(t, "x.npy", npy("(2, 1, 2, 3)", nhwc...)))
	vectors := run(write(t, "x.npy", npy("(2, 6)", flat...)))
	values := func(r reply) string {
		_, list, _ := strings.Cut(r.stdout, `"eigenvalues"`)
		list, _, _ = strings.Cut(list, "]")
		return list
	}
	if values(images) == "" || values(images) != values(vectors) {
		t.Errorf("eigenvalues %s of images, %s of vectors", values(images), values(vectors))
	}
	if want := "examples of shape [3 1 2] (nchw) flattened to [6]"; !strings.Contains(images.stderr, want) {
		t.Errorf("stderr %q lacks %q", images.stderr, want)
	}
}

// TestONNXLimit holds the limit of a file beside that of the same layers as a
// spec, weights drawn alike: N(0, 2/fan-in), shifts 0.
func TestONNXLimit(t *testing.T) {
	path, arrays := onnxFile(t, "mlp")
	shape, x := inputs(t, arrays)
	data := write(t, "x.npy", npy(tuple(shape...), x...))
	dense := func(width int) string {
		return fmt.Sprintf(`{"op": "dense", "width": %d, "w_std": 1.4142135623730951, "b_std": 0}`, width)
	}
	spec := write(t, "mlp.json", []byte(`{"input_shape": [6], "parameterization": "standard", "layers": [`+
		dense(16)+`, {"op": "relu"}, `+dense(12)+`, {"op": "gelu"}, `+dense(3)+`]}`))
	limit := func(model, array string) []float64 {
		out := filepath.Join(t.TempDir(), "limit")
		succeed(t, nil, "limit", "--model", model, "--data", data, "--labels", "none", "--examples", "all", "--quiet", "--out", out)
		_, _, k := readNPY(t, filepath.Join(out, array))
		return k
	}
	for _, array := range []string{"nngp.npy", "ntk.npy"} {
		want := limit(spec, array)
		// The file has GELU as a formula with √2 in float32, off by 2e-8 relative.
		for i, v := range limit(path, array) {
			if !(math.Abs(v-want[i]) <= 1e-6*math.Abs(want[0])) {
				t.Errorf("%s[%d] is %g, of the spec %g", array, i, v, want[i])
			}
		}
	}
}
