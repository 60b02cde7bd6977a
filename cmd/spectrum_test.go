package cmd

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// path is the matrix [n, n] with 2 on the diagonal and −1 beside it. Its
// eigenvalues are 2 − 2 cos(kπ/(n+1)), k = 1 … n.
func path(n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = 2
		if i > 0 {
			a[i*n+i-1], a[(i-1)*n+i] = -1, -1
		}
	}
	return a
}

// pathEigenvalues are those of path(n), descending.
func pathEigenvalues(n int) []float64 {
	v := make([]float64, n)
	for k := range n {
		v[n-1-k] = 2 - 2*math.Cos(float64(k+1)*math.Pi/float64(n+1))
	}
	return v
}

// near compares floats up to a relative error.
func near(t *testing.T, what string, got any, want, tol float64) {
	t.Helper()
	x, ok := got.(float64)
	if !ok || !(math.Abs(x-want) <= tol*math.Abs(want)) {
		t.Errorf("%s is %v, want %.17g", what, got, want)
	}
}

// TestSpectrumOfFile computes spectra that have closed forms. In float64 the
// solver errs by n·ε relative to λ1: 1e-13 is far above that for n = 8.
func TestSpectrumOfFile(t *testing.T) {
	const n, tol = 8, 1e-13
	// Θ[i, j, o, p] = A[i, j] B[o, p] with B = (2 1; 1 2), of eigenvalues 3 and 1.
	var full []float64
	for _, a := range path(n) {
		full = append(full, 2*a, a, a, 2*a)
	}
	lambda := pathEigenvalues(n)
	var products []float64
	for i, j := 0, 0; i+j < 2*n; { // merges the descending lists 3λ and λ
		if i < n && (j == n || 3*lambda[i] >= lambda[j]) {
			products = append(products, 3*lambda[i])
			i++
		} else {
			products = append(products, lambda[j])
			j++
		}
	}
	for _, tc := range []struct {
		name    string
		file    []byte
		outputs float64
		want    []float64
		rank    float64 // (tr A)²/‖A‖_F²
	}{
		// tr = 2n, ‖A‖_F² = 4n + 2(n−1).
		{"[N, N]", npy(fmt.Sprintf("(%d, %d)", n, n), path(n)...), 1, lambda, 4 * n * n / (6.0*n - 2)},
		// The trace and the square of the norm of B are 4 and 10.
		{"[N, N, O, O]", npy(fmt.Sprintf("(%d, %d, 2, 2)", n, n), full...), 2, products, 16 * 4 * n * n / (10 * (6.0*n - 2))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := write(t, "theta.npy", tc.file)
			j := decode(t, "ntk/spectrum/1", succeed(t, nil, "spectrum", file, "--json").stdout)
			if at(t, j, "of") != file || at(t, j, "examples") != float64(n) || at(t, j, "outputs") != tc.outputs || at(t, j, "condition_exact") != true {
				t.Errorf("of %v, examples %v, outputs %v, exact %v", at(t, j, "of"), at(t, j, "examples"), at(t, j, "outputs"), at(t, j, "condition_exact"))
			}
			values := at(t, j, "eigenvalues").([]any)
			if len(values) != len(tc.want) {
				t.Fatalf("%d eigenvalues, want %d", len(values), len(tc.want))
			}
			for k, want := range tc.want {
				if got := values[k].(float64); !(math.Abs(got-want) <= tol*tc.want[0]) {
					t.Errorf("eigenvalue %d is %.17g, want %.17g", k, got, want)
				}
			}
			last := tc.want[len(tc.want)-1]
			near(t, "condition number", at(t, j, "condition"), tc.want[0]/last, tol*tc.want[0]/last)
			near(t, "effective rank", at(t, j, "effective_rank"), tc.rank, tol)
			near(t, "largest rate", at(t, j, "max_rate_half_sum"), 2/tc.want[0], tol)
		})
	}
}

// TestSpectrumSingular reports a bound where the smallest eigenvalue is lost.
func TestSpectrumSingular(t *testing.T) {
	ones := write(t, "ones.npy", npy("(3, 3)", 1, 1, 1, 1, 1, 1, 1, 1, 1)) // of rank 1: 3, 0, 0
	j := decode(t, "ntk/spectrum/1", succeed(t, nil, "spectrum", ones, "--json").stdout)
	near(t, "λ1", at(t, j, "eigenvalues.0"), 3, 1e-14)
	if at(t, j, "condition_exact") != false || !(at(t, j, "condition").(float64) > 1e14) {
		t.Errorf("condition number %v, exact %v, want a bound above 1e14", at(t, j, "condition"), at(t, j, "condition_exact"))
	}
	zero := write(t, "zero.npy", npy("(2, 2)", 0, 0, 0, 0))
	j = decode(t, "ntk/spectrum/1", succeed(t, nil, "spectrum", zero, "--json").stdout)
	if at(t, j, "condition") != nil || at(t, j, "max_rate_half_sum") != nil {
		t.Errorf("Θ = 0: condition number %v, largest rate %v, want null: neither is finite", at(t, j, "condition"), at(t, j, "max_rate_half_sum"))
	}
	if text := succeed(t, nil, "spectrum", zero).stdout; strings.Contains(text, "NaN") {
		t.Errorf("Θ = 0 prints NaN: %q", text)
	}
}

// TestSpectrumText reads what people see: λ = 3 and 1.
func TestSpectrumText(t *testing.T) {
	file := write(t, "theta.npy", npy("(2, 2)", 2, 1, 1, 2))
	text := succeed(t, nil, "spectrum", file, "--top", "1").stdout
	for _, want := range [][]string{
		{"1", "3", "75"}, // the first of the sum of 4
		{"2", "1", "100"},
		{"condition", "number", "3"},
		{"effective", "rank", "1.6", "of", "2"}, // 16/10
		{"largest", "stable", "rate", "on", "½Σ(f−y)²", "0.6667"},
	} {
		found := false
		for line := range strings.Lines(text) {
			found = found || strings.Join(strings.Fields(line), " ") == strings.Join(want, " ")
		}
		if !found {
			t.Errorf("no line %q in %q", want, text)
		}
	}
}

// TestSpectrumOfNetwork has orthogonal examples a_i e_i: Θ is diagonal, with
// a_i² for each output.
func TestSpectrumOfNetwork(t *testing.T) {
	file := write(t, "x.npy", npy("(3, 3)", 2, 0, 0, 0, 5, 0, 0, 0, -1))
	own := []Model{linear("line", 2, nil)}
	for outputs, want := range map[string][]float64{"mean": {25, 4, 1}, "full": {25, 25, 4, 4, 1, 1}} {
		r := succeed(t, own, "spectrum", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--outputs", outputs, "--json")
		j := decode(t, "ntk/spectrum/1", r.stdout)
		values := at(t, j, "eigenvalues").([]any)
		if len(values) != len(want) {
			t.Fatalf("%s: %d eigenvalues, want %d", outputs, len(values), len(want))
		}
		for k := range want {
			near(t, fmt.Sprintf("%s: eigenvalue %d", outputs, k), values[k], want[k], 1e-14)
		}
		near(t, "condition number", at(t, j, "condition"), 25, 1e-14)
	}
	// The same matrix through a file.
	out := filepath.Join(t.TempDir(), "theta")
	succeed(t, own, "gram", "--model", "line", "--backend", "go", "--data", file, "--examples", "all", "--quiet", "--out", out)
	j := decode(t, "ntk/spectrum/1", succeed(t, nil, "spectrum", filepath.Join(out, "theta.npy"), "--json").stdout)
	near(t, "λ1 of theta.npy", at(t, j, "eigenvalues.0"), 25, 1e-14)
}
