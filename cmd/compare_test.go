package cmd

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// linearNet is f = v·W x/√(n d), whose limit is Θ = 2 x·x'/d, K = x·x'/d.
const linearNet = `{"name": "linear", "layers": [{"op": "dense", "width": 4, "w_std": 1}, {"op": "dense", "width": 1, "w_std": 1}], "parameterization": "ntk", "input_shape": [3]}`

// TestCompare runs the verb on a linear network of one hidden layer: the limit that
// it writes is the closed form, to rounding, and the means are within the errors
// that it states.
func TestCompare(t *testing.T) {
	spec := write(t, "linear.json", []byte(linearNet))
	x := integers(3, 3)
	file := write(t, "x.npy", npy("(3, 3)", x...))
	out := filepath.Join(t.TempDir(), "widths")
	args := []string{"compare", "--model", spec, "--data", file, "--examples", "all", "--backend", "go", "--widths", "32,8,16", "--seeds", "8", "--quiet"}
	j := decode(t, "ntk/compare/1", succeed(t, nil, append(args, "--json", "--out", out)...).stdout)
	for i, n := range []float64{8, 16, 32} {
		if at(t, j, "kernels.0.widths."+string(rune('0'+i))+".width") != n {
			t.Errorf("widths are %v, want rising ones", at(t, j, "kernels.0.widths"))
		}
	}
	for prefix, factor := range map[string]float64{"theta": 2. / 3, "nngp": 1. / 3} {
		_, shape, limit := readNPY(t, filepath.Join(out, prefix+"-limit.npy"))
		_, _, mean := readNPY(t, filepath.Join(out, prefix+"-mean.npy"))
		_, _, stderr := readNPY(t, filepath.Join(out, prefix+"-error.npy"))
		if !slices.Equal(shape, []int{3, 3, 3}) {
			t.Fatalf("%s is %v, want examples, examples, widths", prefix, shape)
		}
		for k, v := range limit {
			want := factor * inner(x, 3, k/9, k/3%3)
			if !(math.Abs(v-want) <= 1e-10) {
				t.Errorf("%s-limit[%d] is %g, want %g", prefix, k, v, want)
			}
			// 27 entries of Student's law with 7 degrees of freedom: 8 errors are
			// exceeded in one of 1000 such tests; seeds are fixed.
			if !(math.Abs(mean[k]-want) <= 8*stderr[k]) || !(stderr[k] > 0) {
				t.Errorf("%s-mean[%d] is %g ± %g, want %g", prefix, k, mean[k], stderr[k], want)
			}
		}
	}
	if r := decode(t, "ntk/verify/1", succeed(t, nil, "verify", out, "--json").stdout); at(t, r, "good") != true {
		t.Errorf("verified: %v", r)
	}
	html, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil || !strings.Contains(string(html), "The width of linear") || !strings.Contains(string(html), "<svg") {
		t.Errorf("the report is none (%v)", err)
	}

	// What is stopped goes on, with more seeds than at first, to the same numbers.
	part := filepath.Join(t.TempDir(), "part")
	loud := append(slices.DeleteFunc(slices.Clone(args), func(s string) bool { return s == "--quiet" }), "--out", part)
	r := interruptAt(t, "width 16, draw 4 of 8", nil, loud...)
	if want := "to go on: ntk " + strings.Join(loud, " ") + " --resume"; !strings.Contains(r.stderr, want) {
		t.Fatalf("stderr %q, want %q", r.stderr, want)
	}
	// A kill in the midst of the last array leaves its journal.
	if err := os.WriteFile(filepath.Join(part, "theta-error.npy.journal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	succeed(t, nil, append(loud, "--resume")...)
	for _, name := range []string{"theta-mean.npy", "nngp-error.npy", "theta-extrapolated.npy"} {
		_, _, got := readNPY(t, filepath.Join(part, name))
		_, _, want := readNPY(t, filepath.Join(out, name))
		if !slices.Equal(got, want) {
			t.Errorf("%s after --resume is %v, want %v", name, got, want)
		}
	}
	j = decode(t, "ntk/compare/1", succeed(t, nil, append(loud, "--resume", "--seeds", "10", "--json")...).stdout)
	if at(t, j, "kernels.1.widths.2.draws") != 10.0 {
		t.Errorf("draws: %v, want 10", at(t, j, "kernels.1.widths.2.draws"))
	}
	if r := do(t.Context(), nil, append(loud, "--resume", "--shuffle", "3")...); r.status != 1 || !strings.Contains(r.stderr, "x1 sha256") {
		t.Errorf("other examples: status %d, stderr %q, want 1 and the difference", r.status, r.stderr)
	}
	if r := do(t.Context(), nil, loud...); r.status != 1 || !strings.Contains(r.stderr, "--force") {
		t.Errorf("a folder that is there: status %d, stderr %q", r.status, r.stderr)
	}
	// --force removes draws of other examples too, but no file of others.
	succeed(t, nil, append(loud, "--force", "--shuffle", "3")...)
	mine := filepath.Join(part, "draws", "width-8", "draws-0", "mine.txt")
	if err := os.WriteFile(mine, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := do(t.Context(), nil, append(loud, "--force")...); r.status != 1 || !strings.Contains(r.stderr, "no other files") {
		t.Errorf("a file of others: status %d, stderr %q", r.status, r.stderr)
	}

	text := succeed(t, nil, args...).stdout
	for _, want := range []string{"RMS deviation of a draw", "power of the noise", "tends to the derived limit"} {
		if !strings.Contains(text, want) {
			t.Errorf("printed is %q, without %q", text, want)
		}
	}
}

// TestCompareRefuses what has no several widths, before anything is drawn.
func TestCompareRefuses(t *testing.T) {
	spec := write(t, "linear.json", []byte(linearNet))
	file := write(t, "x.npy", npy("(3, 3)", integers(3, 3)...))
	own := []Model{linear("line", 4, nil)}
	for _, tc := range []struct {
		status int
		args   string
		want   []string
	}{
		{2, "--model line", []string{"line", "width is not known"}},
		{2, "--model net.onnx", []string{"net.onnx", "one width"}},
		{2, "--model " + spec + " --widths 0,4", []string{"--widths 0,4", "64,128,256"}},
		{1, "--model " + spec + " --memory 1KiB --widths 64,512", []string{"memory budget"}},
		{2, "--model " + spec + " --seeds 1", []string{"--seeds 1", "at least 2"}},
		{2, "--model mlp --width 3", []string{"--width", "--widths"}},
		{2, "--model " + spec + " --resume", []string{"--resume", "--out"}},
		{2, "--model " + spec + " --out x --resume --force", []string{"--force and --resume"}},
		{1, "--model " + write(t, "three.json", []byte(strings.Replace(linearNet, `"width": 4, "w_std": 1}`, `"width": 4, "w_std": 1}, {"op": "dense", "width": 3, "w_std": 1}`, 1))) + " --widths 5,10", []string{"whole"}},
	} {
		r := do(t.Context(), own, append([]string{"compare", "--data", file, "--examples", "all", "--backend", "go"}, strings.Fields(tc.args)...)...)
		if r.status != tc.status || strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
			t.Errorf("%s: status %d, stderr %q, stdout %q, want %d and one line", tc.args, r.status, r.stderr, r.stdout, tc.status)
		}
		for _, want := range tc.want {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%s: %q does not say %q", tc.args, r.stderr, want)
			}
		}
	}
}
