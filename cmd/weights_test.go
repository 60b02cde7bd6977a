package cmd

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/checkpoints"

	"github.com/gontk/ntk/internal/kerneltest"
)

// twoLayers is f(x) = w·h/√2, h = Wx/√3, so that
//
//	Θ(x, x') = h·h'/2 + |w|²·x·x'/6.
const twoLayers = `{"layers": [{"op": "dense", "width": 2, "w_std": 1, "b_std": null}, {"op": "dense", "width": 1, "w_std": 1, "b_std": null}],
	"parameterization": "ntk", "input_shape": [3]}`

var (
	twoFirst = []float64{1, -2, 0.5, 3, 4, -1} // W [3, 2]
	twoLast  = []float64{2, -0.5}              // w [2, 1]
	twoData  = []float64{1, 2, 3, -1, 0, 2, 0.5, -2, 1}
)

// twoTheta is Θ of twoLayers on twoData.
func twoTheta() []float64 {
	norm := twoLast[0]*twoLast[0] + twoLast[1]*twoLast[1]
	hidden := func(n, j int) (h float64) {
		for i := range 3 {
			h += twoData[n*3+i] * twoFirst[i*2+j]
		}
		return h
	}
	var theta []float64
	for n := range 3 {
		for m := range 3 {
			sum := 0.0
			for j := range 2 {
				sum += hidden(n, j) * hidden(m, j) / 3 / 2
			}
			for i := range 3 {
				sum += norm * twoData[n*3+i] * twoData[m*3+i] / 6
			}
			theta = append(theta, sum)
		}
	}
	return theta
}

// npz is an archive as NumPy writes it.
func npz(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range members {
		w, err := z.Create(name + ".npy")
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestWeights compares Θ at weights from files with its closed form, in float64
// to rounding, for every verb that computes it.
func TestWeights(t *testing.T) {
	spec := write(t, "two.json", []byte(twoLayers))
	data := write(t, "x.npy", npy("(3, 3)", twoData...))
	file := write(t, "w.npz", npz(t, map[string][]byte{"p0/W": npy("(3, 2)", twoFirst...), "p1/W": npy("(2, 1)", twoLast...)}))
	dir := t.TempDir()
	ctx := mlctx.New()
	ctx.In("p0").VariableWithValue("W", tensors.FromFlatDataAndDimensions(twoFirst, 3, 2))
	ctx.In("p1").VariableWithValue("W", tensors.FromFlatDataAndDimensions(twoLast, 2, 1))
	h, err := checkpoints.Build(ctx).Dir(dir).Done()
	if err == nil {
		err = h.Save()
	}
	if err != nil {
		t.Fatal(err)
	}
	const tol = 1e-13 // sums of a dozen products
	for _, from := range [][]string{{"--weights", file}, {"--checkpoint", dir}} {
		common := append([]string{"--model", spec, "--data", data, "--examples", "all", "--dtype", "float64", "--backend", "go"}, from...)
		said := func(r reply) {
			if want := "weights are those of " + strings.Join(from, " "); !strings.Contains(r.stderr, want) {
				t.Errorf("stderr %q lacks %q", r.stderr, want)
			}
		}
		out := filepath.Join(t.TempDir(), "gram")
		said(succeed(t, nil, append([]string{"gram", "--out", out}, common...)...))
		_, _, theta := readNPY(t, filepath.Join(out, "theta.npy"))
		kerneltest.Close(t, "gram "+from[0], theta, twoTheta(), tol)
		var m struct{ Seeds []uint64 }
		text, err := os.ReadFile(filepath.Join(out, manifestName))
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil || len(m.Seeds) > 0 {
			t.Errorf("manifest with seeds %v, %v; want none", m.Seeds, err)
		}

		out = filepath.Join(t.TempDir(), "diagnose")
		said(succeed(t, nil, append([]string{"diagnose", "--outputs", "mean", "--out", out}, common...)...))
		_, _, theta = readNPY(t, filepath.Join(out, "theta-seed0.npy"))
		kerneltest.Close(t, "diagnose "+from[0], theta, twoTheta(), tol)

		r := succeed(t, nil, append([]string{"spectrum", "--json"}, common...)...)
		said(r)
		var s spectrumResult
		if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
			t.Fatal(err)
		}
		// The sums of eigenvalues and of their squares are Θ's trace and square norm.
		got, want := []float64{0, 0}, []float64{0, 0}
		for _, l := range s.Eigenvalues {
			got[0], got[1] = got[0]+l, got[1]+l*l
		}
		for i, x := range twoTheta() {
			if i%4 == 0 {
				want[0] += x
			}
			want[1] += x * x
		}
		kerneltest.Close(t, "spectrum "+from[0], got, want, tol)
	}
}

// TestBadWeights gives flags and files that do not go together.
func TestBadWeights(t *testing.T) {
	spec := write(t, "two.json", []byte(twoLayers))
	data := write(t, "x.npy", npy("(3, 3)", twoData...))
	first, last := npy("(3, 2)", twoFirst...), npy("(2, 1)", twoLast...)
	good := write(t, "good.npz", npz(t, map[string][]byte{"p0/W": first, "p1/W": last}))
	lacks := write(t, "lacks.npz", npz(t, map[string][]byte{"p0/W": first}))
	shape := write(t, "shape.npz", npz(t, map[string][]byte{"p0/W": npy("(2, 3)", twoFirst...), "p1/W": last}))
	text := write(t, "w.txt", []byte("1 2 3"))
	mlp, _ := onnxFile(t, "mlp")
	broken := write(t, "broken.onnx", []byte("this is no model\n"))
	empty := t.TempDir()
	run := "--data " + data + " --examples all --dtype float64 --backend go --model "
	for _, tc := range []struct {
		name   string
		status int
		args   string
		want   []string
	}{
		{"seed", 2, "gram --explain --seed 2 --weights " + good + " " + run + spec, []string{"--seed", good, "as they are"}},
		{"seeds", 2, "diagnose --seeds 2 --weights " + good + " " + run + spec, []string{"--seeds", good}},
		{"both", 2, "diagnose --checkpoint " + empty + " --weights " + good + " " + run + spec, []string{"--weights", "--checkpoint"}},
		{"depths", 2, "diagnose --depths 1,2 --weights " + good + " " + run + "mlp", []string{"--depths", good}},
		{"a weight is missing", 1, "gram --explain --weights " + lacks + " " + run + spec, []string{lacks, "lacks", `"p1/W"`}},
		{"another shape", 1, "spectrum --weights " + shape + " " + run + spec, []string{shape, `"p0/W"`, "[2 3]", "[3 2]"}},
		{"another dtype", 1, "diagnose --weights " + good + " " + strings.Replace(run, "float64", "float32", 1) + spec, []string{good, "Float64", "Float32"}},
		{"another extension", 1, "diagnose --weights " + text + " " + run + spec, []string{text, ".npz or .safetensors"}},
		{"no such file", 1, "diagnose --weights none.npz " + run + spec, []string{"none.npz", "no such file"}},
		{"no checkpoint", 1, "diagnose --checkpoint " + empty + " " + run + spec, []string{empty, "no checkpoints"}},
		{"weights of a Gram file", 2, "spectrum --weights " + good + " " + data, []string{"--weights", data}},
		{"reinit of a spec", 2, "diagnose --reinit " + run + spec, []string{"--reinit", ".onnx"}},
		{"output of the zoo", 2, "diagnose --onnx-output y " + run + "mlp", []string{"--onnx-output", ".onnx"}},
		{"reinit and weights", 2, "diagnose --reinit --weights " + good + " " + run + mlp, []string{"--reinit", good}},
		{"seed of an ONNX file", 2, "diagnose --seed 2 " + run + mlp, []string{"--seed", mlp, "--reinit"}},
		{"depth of an ONNX file", 2, "diagnose --depth 2 --data " + write(t, "v.npy", npy("(1, 6)", 1, 2, 3, 4, 5, 6)) + " --examples all --backend go --model " + mlp, []string{"--depth", mlp}},
		{"width of an ONNX file", 2, "diagnose --width 2 " + run + mlp, []string{"--width", mlp}},
		{"data of another shape", 1, "diagnose " + run + mlp, []string{mlp, "[6]", "[3]"}},
		{"layout of an ONNX file", 2, "diagnose --layout nhwc --examples 2 --backend go --model " + filepath.Join(filepath.Dir(mlp), "cnn.onnx"), []string{"--layout nhwc", "cnn.onnx", "nchw"}},
		{"no ONNX file", 1, "diagnose " + run + broken, []string{broken, "damaged"}},
		{"no such ONNX file", 1, "diagnose " + run + "none.onnx", []string{"none.onnx", "no such file"}},
		{"several outputs", 1, "diagnose " + run + filepath.Join(filepath.Dir(mlp), "ops.onnx"), []string{"ops.onnx", "outputs", "out_sigmoid"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := do(t.Context(), nil, strings.Fields(tc.args)...)
			if r.status != tc.status || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "ntk: ") {
				t.Errorf("status %d, stdout %q, stderr %q; want %d, nothing, and one line", r.status, r.stdout, r.stderr, tc.status)
			}
			for _, w := range tc.want {
				if !strings.Contains(r.stderr, w) {
					t.Errorf("stderr %q lacks %q", r.stderr, w)
				}
			}
		})
	}
}
