package cmd

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDiagnose has a linear network with 2 outputs and orthogonal examples
// a_i e_i, a = (2, 5, 1): Θ is diagonal, with a_i² for each output, whatever the
// weights.
func TestDiagnose(t *testing.T) {
	file := write(t, "x.npy", npy("(3, 3)", 2, 0, 0, 0, 5, 0, 0, 0, -1))
	own := []Model{linear("line", 2, nil)}
	for _, tc := range []struct {
		outputs string
		values  []float64
		rank    float64
	}{
		{"full", []float64{25, 25, 4, 4, 1, 1}, 3600.0 / 1284}, // 60²/(2·(625 + 16 + 1))
		{"mean", []float64{25, 4, 1}, 900.0 / 642},
	} {
		for _, dtype := range []string{"float32", "float64"} {
			r := succeed(t, own, "diagnose", "--model", "line", "--backend", "go", "--data", file, "--examples", "all",
				"--seeds", "2", "--seed", "7", "--outputs", tc.outputs, "--dtype", dtype, "--json")
			j := decode(t, "ntk/diagnose/1", r.stdout)
			for path, want := range map[string]any{
				"result.model": "line", "result.examples": 3.0, "result.outputs": 2.0, "result.reduction": tc.outputs,
				"result.dimension": float64(len(tc.values)), "result.depths.0.depth": 0.0, "result.depths.0.parameters": 6.0,
				"backend.kind": "go", "result.depths.0.seeds.0.seed": 7.0, "result.depths.0.seeds.1.seed": 8.0,
			} {
				if got := at(t, j, path); got != want {
					t.Errorf("%s, %s: %s is %v, want %v", tc.outputs, dtype, path, got, want)
				}
			}
			for _, s := range at(t, j, "result.depths.0.seeds").([]any) {
				var values []float64
				for _, v := range at(t, s, "eigenvalues").([]any) {
					values = append(values, v.(float64))
				}
				if !slices.EqualFunc(values, tc.values, func(a, b float64) bool { return math.Abs(a-b) <= 1e-13*25 }) {
					t.Errorf("%s, %s: eigenvalues %v, want %v", tc.outputs, dtype, values, tc.values)
				}
				// Rounding of the solver alone: the entries are exact.
				const tol = 1e-13
				near(t, "condition number", at(t, s, "condition"), 25, tol)
				near(t, "largest rate, ½ sum", at(t, s, "max_rate_half_sum"), 2/25.0, tol)
				near(t, "largest rate, ½ mean", at(t, s, "max_rate_half_mean"), 2*3*2/25.0, tol)
				near(t, "trace", at(t, s, "trace"), 60, tol)
				near(t, "effective rank", at(t, s, "effective_rank"), tc.rank, tol)
				near(t, "share", at(t, s, "shares.0.part"), 1, tol)
				if at(t, s, "condition_exact") != true || at(t, s, "precision.max") != 0.0 {
					t.Errorf("exact %v, error of entries %v", at(t, s, "condition_exact"), at(t, s, "precision.max"))
				}
			}
		}
	}
}

// TestDiagnoseOne has one example and one output: Θ = x·x.
func TestDiagnoseOne(t *testing.T) {
	file := write(t, "x.npy", npy("(1, 2)", 3, 4))
	r := succeed(t, []Model{linear("line", 1, nil)}, "diagnose", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--seeds", "1", "--json")
	j := decode(t, "ntk/diagnose/1", r.stdout)
	near(t, "λ1", at(t, j, "result.depths.0.seeds.0.eigenvalues.0"), 25, 1e-14)
	near(t, "condition number", at(t, j, "result.depths.0.seeds.0.condition"), 1, 1e-14)
}

// TestDiagnoseFiles reads what --out leaves: each Θ, a report, and where they
// come from.
func TestDiagnoseFiles(t *testing.T) {
	x := []float64{2, 0, 0, 0, 5, 0, 0, 0, -1}
	file := write(t, "x.npy", npy("(3, 3)", x...))
	out := filepath.Join(t.TempDir(), "a folder")
	began := time.Now().Add(-time.Second) // created is cut to the second
	args := []string{"diagnose", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--seeds", "2", "--outputs", "full", "--out", out}
	r := succeed(t, []Model{linear("line", 2, nil)}, args...)
	if want := "report: " + filepath.Join(out, "report.html") + "\n"; !strings.HasSuffix(r.stdout, want) {
		t.Errorf("stdout %q does not end with %q", r.stdout, want)
	}
	for _, name := range []string{"theta-seed1.npy", "theta-seed2.npy"} {
		_, shape, theta := readNPY(t, filepath.Join(out, name))
		if !reflect.DeepEqual(shape, []int{3, 3, 2, 2}) {
			t.Fatalf("%s has shape %v", name, shape)
		}
		for k, v := range theta {
			i, j, p, q := k/12, k/4%3, k/2%2, k%2
			want := 0.0
			if p == q {
				want = inner(x, 3, i, j)
			}
			if v != want {
				t.Errorf("%s[%d, %d, %d, %d] is %g, want %g", name, i, j, p, q, v, want)
			}
		}
	}

	m := readManifest(t, out)
	for path, want := range map[string]any{
		"command":      "ntk " + strings.Join(args[:len(args)-1], " ") + " '" + out + "'",
		"config.model": "line", "config.data": file, "config.examples": "3", "config.outputs": "full",
		"config.dtype": "float32", "config.backend": "go",
		"seeds.0": 1.0, "seeds.1": 2.0, "data.name": "x.npy", "data.classes": 0.0, "data.shape.1": 3.0,
		"data.sha256": hashOf([]int{3, 3}, x, 0, nil), "backend.kind": "go", "version.go": runtime.Version(), "machine.os": runtime.GOOS,
	} {
		if got := at(t, m, path); got != want {
			t.Errorf("manifest: %s is %v, want %v", path, got, want)
		}
	}
	for _, path := range []string{"blas", "version.ntk", "version.gomlx", "machine.cpu", "data.description", "schema"} {
		if at(t, m, path) == "" {
			t.Errorf("manifest: %s is empty", path)
		}
	}
	if _, ok := m["incomplete"]; ok {
		t.Error("the manifest says that results are missing")
	}
	created, err := time.Parse(time.RFC3339, at(t, m, "created").(string))
	if err != nil || created.Before(began) || created.After(time.Now()) {
		t.Errorf("created %v (%v), began %v", created, err, began)
	}
	if s := at(t, m, "seconds").(float64); !(s > 0 && s < time.Since(began).Seconds()) {
		t.Errorf("it took %g s", s)
	}

	// The manifest lists the files that there are.
	var listed []string
	for _, f := range at(t, m, "files").([]any) {
		listed = append(listed, f.(string))
	}
	slices.Sort(listed)
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, e := range entries {
		there = append(there, e.Name())
	}
	if !slices.Equal(listed, there) {
		t.Errorf("the manifest lists %q, the folder holds %q", listed, there)
	}

	// Neither says on which host it was made, or by whom.
	for _, name := range []string{manifestName, "report.html"} {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		host, _ := os.Hostname()
		home, _ := os.UserHomeDir()
		for _, private := range []string{host, home} {
			if len(private) > 5 && strings.Contains(string(text), private) {
				t.Errorf("%s contains %q", name, private)
			}
		}
	}
}

func readManifest(t *testing.T, folder string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, "ntk/manifest/1", string(text))
}

// hashOf is the sum that docs/json.md describes.
func hashOf(shape []int, x []float64, classes int, y []float64) string {
	words := []uint64{uint64(len(shape))}
	for _, n := range shape {
		words = append(words, uint64(n))
	}
	for _, v := range x {
		words = append(words, math.Float64bits(v))
	}
	words = append(words, uint64(classes), uint64(len(y)))
	for _, v := range y {
		words = append(words, math.Float64bits(v))
	}
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestDiagnoseDepths compares depths: a network c·w·x has c² times the kernel.
func TestDiagnoseDepths(t *testing.T) {
	file := write(t, "x.npy", npy("(2, 2)", 1, 0, 0, 3))
	r := succeed(t, []Model{scaled("scaled")}, "diagnose", "--model", "scaled", "--backend", "go", "--data", file, "--examples", "all",
		"--seeds", "1", "--depths", "1,4", "--json")
	j := decode(t, "ntk/diagnose/1", r.stdout)
	for i, depth := range []float64{1, 4} {
		d := at(t, j, fmt.Sprintf("result.depths.%d", i))
		if at(t, d, "depth") != depth {
			t.Errorf("depth %v, want %g", at(t, d, "depth"), depth)
		}
		near(t, "λ1", at(t, d, "seeds.0.eigenvalues.0"), 9*depth*depth, 1e-13)
		near(t, "condition number", at(t, d, "seeds.0.condition"), 9, 1e-13)
	}
	verdicts, err := json.Marshal(at(t, j, "verdicts"))
	if err != nil {
		t.Fatal(err)
	}
	// 2·N·O/λ1 of λ1 = 9 and 144.
	for _, want := range []string{"does not grow with depth", "the rate 0.02778 to 0.4444"} {
		if !strings.Contains(string(verdicts), want) {
			t.Errorf("verdicts %s lack %q", verdicts, want)
		}
	}
	// Every depth is called so by the report and the files.
	out := filepath.Join(t.TempDir(), "out")
	r = succeed(t, []Model{scaled("scaled")}, "diagnose", "--model", "scaled", "--backend", "go", "--data", file, "--examples", "all",
		"--seeds", "1", "--depths", "1,4", "--out", out)
	if _, shape, _ := readNPY(t, filepath.Join(out, "theta-depth4-seed1.npy")); !reflect.DeepEqual(shape, []int{2, 2, 1, 1}) {
		t.Errorf("theta-depth4-seed1.npy has shape %v", shape)
	}
	if !strings.Contains(r.stdout, "Note: ") && !strings.Contains(r.stdout, "Good: ") {
		t.Errorf("no verdict in %q", r.stdout)
	}
}
