package cmd

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gontk/ntk/predict"
)

// plane gives n examples of two features in [−1, 1] as a CSV file, with targets
// f(a, b) or, where classes is set, the class of their sign.
func plane(t *testing.T, n int, classes bool) (path string, x [][]float64, y []float64) {
	t.Helper()
	text := "a,b,y\n"
	for i := range n {
		a, b := math.Sin(1.7*float64(i)), math.Cos(2.3*float64(i*i))
		f := a*b + 0.3*a
		label := fmt.Sprint(f)
		if classes {
			// Decided by a formula, and mixed for one in seven.
			label = "no"
			if (f > 0) != (i%7 == 3) {
				label = "yes"
			}
			f = map[string]float64{"no": 0, "yes": 1}[label]
		}
		text += fmt.Sprintf("%v,%v,%s\n", a, b, label)
		x, y = append(x, []float64{a, b}), append(y, f)
	}
	return write(t, "points.csv", []byte(text)), x, y
}

// solve solves the system by Gauss's elimination with pivots.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for c := range n {
		p := c
		for i := c; i < n; i++ {
			if math.Abs(a[i][c]) > math.Abs(a[p][c]) {
				p = i
			}
		}
		a[c], a[p], b[c], b[p] = a[p], a[c], b[p], b[c]
		for i := c + 1; i < n; i++ {
			f := a[i][c] / a[c][c]
			for j := c; j < n; j++ {
				a[i][j] -= f * a[c][j]
			}
			b[i] -= f * b[c]
		}
	}
	for c := n - 1; c >= 0; c-- {
		for j := c + 1; j < n; j++ {
			b[c] -= a[c][j] * b[j]
		}
		b[c] /= a[c][c]
	}
	return b
}

// formulas of the kernels at γ = 0.7, degree 3 and shift 1 in two dimensions.
var formulas = map[string]func(a, b []float64) float64{
	"linear":     func(a, b []float64) float64 { return (a[0]*b[0] + a[1]*b[1]) / 2 },
	"gaussian":   func(a, b []float64) float64 { return math.Exp(-0.7 * squares(a, b) / 2) },
	"laplace":    func(a, b []float64) float64 { return math.Exp(-0.7 * math.Sqrt(squares(a, b)/2)) },
	"polynomial": func(a, b []float64) float64 { return math.Pow(0.7*(a[0]*b[0]+a[1]*b[1])/2+1, 3) },
	// Θ of w·x is x·x', whatever the weights: of any number of draws.
	"line": func(a, b []float64) float64 { return a[0]*b[0] + a[1]*b[1] },
}

func squares(a, b []float64) float64 {
	return (a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1])
}

// ridgeOf is ridge regression on targets, less their mean if centred, with a ridge
// relative to the mean of K(x, x), by plain loops: predictions of the others.
func ridgeOf(k func(a, b []float64) float64, x [][]float64, y []float64, train, test []int, ridge float64, centred bool) []float64 {
	n := len(train)
	mean, diagonal := 0.0, 0.0
	for _, i := range train {
		if centred {
			mean += y[i] / float64(n)
		}
		diagonal += k(x[i], x[i]) / float64(n)
	}
	a, b := make([][]float64, n), make([]float64, n)
	for p, i := range train {
		b[p] = y[i] - mean
		for _, j := range train {
			a[p] = append(a[p], k(x[i], x[j]))
		}
		a[p][p] += ridge * diagonal
	}
	w := solve(a, b)
	var out []float64
	for _, i := range test {
		f := mean
		for p, j := range train {
			f += w[p] * k(x[i], x[j])
		}
		out = append(out, f)
	}
	return out
}

func closeTo(t *testing.T, name string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tol) {
			t.Errorf("%s: value %d is %.12g, want %.12g", name, i, got[i], want[i])
		}
	}
}

// TestPredict compares predictions of numbers with plain loops, for every kernel;
// with all examples as centres Falkon's are the same to its tolerance; a Gram matrix
// in a file is the kernel of the network that it is of.
func TestPredict(t *testing.T) {
	const n, m = 12, 7
	file, x, y := plane(t, n+m, false)
	own := []Model{linear("line", 1, nil)}
	common := strings.Fields("--backend go --quiet --examples 12 --test-examples 7 --json --train " + file)
	// The limits of one dense layer are both proportional to x·x'.
	dense := write(t, "dense.json", []byte(`{"layers": [{"op": "dense", "width": 1, "w_std": 1.5, "b_std": null}], "parameterization": "ntk", "input_shape": [2]}`))
	gram := filepath.Join(t.TempDir(), "gram")
	succeed(t, own, "gram", "--model", "line", "--backend", "go", "--dtype", "float64", "--quiet", "--examples", "19", "--data", file, "--out", gram)
	for _, tc := range []struct {
		kernel, of, more string
		tol              float64
	}{
		// Of orders of summation, times the condition number of K + r: at most 1e4.
		{"linear", "linear", "--ridge 0.01", 1e-12},
		{"gaussian", "gaussian", "--ridge 0.01 --gamma 0.7", 1e-11},
		{"laplace", "laplace", "--ridge 0.01 --gamma 0.7", 1e-11},
		{"polynomial", "polynomial", "--ridge 0.01 --gamma 0.7", 1e-11},
		{"line", "line", "--ridge 0.01 --draws 3 --dtype float64", 1e-12},
		{"limit:" + dense, "line", "--ridge 0.01", 1e-12},
		{"nngp:" + dense, "line", "--ridge 0.01 --method gp", 1e-11},
		{filepath.Join(gram, "theta.npy"), "line", "--ridge 0.01", 1e-12},
		{"gaussian", "gaussian", "--ridge 0.01 --gamma 0.7 --method falkon --centres 12", 1e-4}, // Tol is 1e-6
		{"gaussian", "gaussian", "--ridge 0.01 --gamma 0.7 --method gp", 1e-11},
	} {
		t.Run(tc.kernel+" "+tc.more, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			args := append(append([]string{"predict", "--kernel", tc.kernel, "--out", out}, common...), strings.Fields(tc.more)...)
			r := succeed(t, own, args...)
			_, shape, got := readNPY(t, filepath.Join(out, "predictions.npy"))
			if fmt.Sprint(shape) != "[7 1]" {
				t.Fatalf("predictions are %v, want [7 1]", shape)
			}
			want := ridgeOf(formulas[tc.of], x, y, upTo(n), upTo(n + m)[n:], 0.01, true)
			closeTo(t, "predictions", got, want, tc.tol)
			j := decode(t, "ntk/predict/1", r.stdout)
			squared, mean, spread := 0.0, 0.0, 0.0
			for i, f := range want {
				squared += (f - y[n+i]) * (f - y[n+i]) / m
				mean += y[n+i] / m
			}
			for i := range want {
				spread += (y[n+i] - mean) * (y[n+i] - mean) / m
			}
			closeTo(t, "RMSE and R²", []float64{at(t, j, "rmse").(float64), at(t, j, "r2").(float64)}, []float64{math.Sqrt(squared), 1 - squared/spread}, 1e-4)
			if at(t, j, "accuracy") != nil || at(t, j, "train") != 12.0 || at(t, j, "test") != 7.0 {
				t.Errorf("accuracy %v of %v and %v examples", at(t, j, "accuracy"), at(t, j, "train"), at(t, j, "test"))
			}
			if r := succeed(t, nil, "verify", out); !strings.Contains(r.stdout, "predictions.npy") {
				t.Errorf("verify says %q", r.stdout)
			}
		})
	}
}

// TestPredictProcess compares the variances of a Gaussian process with plain loops.
func TestPredictProcess(t *testing.T) {
	const n, m = 12, 7
	file, x, _ := plane(t, n+m, false)
	out := filepath.Join(t.TempDir(), "out")
	r := succeed(t, nil, append([]string{"predict", "--kernel", "gaussian", "--method", "gp", "--gamma", "0.7", "--ridge", "0.01", "--out", out, "--train", file},
		strings.Fields("--quiet --json --examples 12 --test-examples 7")...)...)
	j := decode(t, "ntk/predict/1", r.stdout)
	scale, noise := at(t, j, "gp.prior_variance").(float64), at(t, j, "gp.noise_variance").(float64)
	if !(math.Abs(noise/scale-0.01) < 1e-14) {
		t.Errorf("noise %g over variance %g, want 0.01", noise, scale)
	}
	k := formulas["gaussian"]
	var want []float64
	for i := n; i < n+m; i++ {
		a, b := make([][]float64, n), make([]float64, n)
		for p := range n {
			for q := range n {
				a[p] = append(a[p], k(x[p], x[q]))
			}
			a[p][p] += 0.01
			b[p] = k(x[p], x[i])
		}
		v := 1.0
		for p, w := range solve(a, append([]float64{}, b...)) {
			v -= w * b[p]
		}
		want = append(want, scale*v+noise)
	}
	_, _, got := readNPY(t, filepath.Join(out, "variances.npy"))
	closeTo(t, "variances", got, want, 1e-11)
}

// TestPredictGrid repeats the choice of a ridge in folds, and the accuracy with it, by
// plain loops.
func TestPredictGrid(t *testing.T) {
	const n, m = 30, 20
	file, x, y := plane(t, n+m, true)
	out := filepath.Join(t.TempDir(), "out")
	r := succeed(t, nil, append([]string{"predict", "--kernel", "gaussian", "--gamma", "0.7", "--ridge", "1e-3,0.1,10", "--out", out, "--train", file},
		strings.Fields("--quiet --json --examples 30 --test-examples 20 --folds 3 --fold-seed 4 --targets onehot")...)...)
	j := decode(t, "ntk/predict/1", r.stdout)
	labels := make([]int, n)
	for i := range labels {
		labels[i] = int(y[i])
	}
	splits, err := predict.Folds(n, 3, labels, 4)
	if err != nil {
		t.Fatal(err)
	}
	right := func(train, test []int, ridge float64) float64 {
		k := formulas["gaussian"]
		var of [2][]float64
		for c := range of {
			one := make([]float64, n+m)
			for i, v := range y {
				if int(v) == c {
					one[i] = 1
				}
			}
			of[c] = ridgeOf(k, x, one, train, test, ridge, false)
		}
		s := 0.0
		for p, i := range test {
			if (of[1][p] > of[0][p]) == (y[i] == 1) {
				s++
			}
		}
		return s / float64(len(test))
	}
	best, score := 0.0, -1.0
	for g, ridge := range []float64{1e-3, 0.1, 10} {
		mean := 0.0
		for _, s := range splits {
			mean += right(s.Train, s.Test, ridge) / 3
		}
		if got := at(t, j, fmt.Sprintf("grid.%d.score", g)).(float64); !(math.Abs(got-mean) < 1e-14) {
			t.Errorf("ridge %g: score %g, want %g", ridge, got, mean)
		}
		if mean > score {
			best, score = ridge, mean
		}
	}
	if at(t, j, "chosen.ridge") != best {
		t.Errorf("chosen %v, want %g", at(t, j, "chosen.ridge"), best)
	}
	want := right(upTo(n), upTo(n + m)[n:], best)
	got := at(t, j, "accuracy").(float64)
	if !(math.Abs(got-want) < 1e-14) || !(math.Abs(at(t, j, "accuracy_error").(float64)-math.Sqrt(want*(1-want)/m)) < 1e-14) {
		t.Errorf("accuracy %g ± %v, want %g", got, at(t, j, "accuracy_error"), want)
	}
	if _, _, classes := readNPY(t, filepath.Join(out, "classes.npy")); len(classes) != m {
		t.Errorf("%d classes predicted, want %d", len(classes), m)
	}
}

// TestPredictClasses: two clusters far apart are told apart by every method, and by
// the protocol of the UCI sets on all folds.
func TestPredictClasses(t *testing.T) {
	text := "a,b,label\n"
	for i := range 40 {
		side := float64(i%2)*6 - 3
		text += fmt.Sprintf("%v,%v,%s\n", side+math.Sin(float64(i)), math.Cos(float64(3*i)), []string{"left", "right"}[i%2])
	}
	file := write(t, "clusters.csv", []byte(text))
	own := []Model{linear("line", 2, nil)}
	for _, args := range []string{
		"--kernel gaussian --gamma 0.5 --method svm", "--kernel line --method svm --C 1", "--kernel laplace --gamma 0.1,1 --method ridge",
		"--kernel gaussian --method gp", "--kernel polynomial --method falkon --centres 10", "--kernel linear --targets onehot --ridge 0.1",
		"--kernel gaussian --method svm --protocol uci", "--kernel limit:mlp --depths 1,2 --protocol uci", "--kernel line --protocol uci --draws 2",
	} {
		if !strings.Contains(args, "uci") {
			args += " --examples 20 --test-examples 20"
		}
		r := succeed(t, own, append([]string{"predict", "--backend", "go", "--quiet", "--json", "--train", file}, strings.Fields(args)...)...)
		j := decode(t, "ntk/predict/1", r.stdout)
		if a := at(t, j, "accuracy"); a != 1.0 {
			t.Errorf("%s: accuracy %v, want 1", args, a)
		}
		if strings.Contains(args, "uci") {
			if f := at(t, j, "fold_accuracies").([]any); len(f) != 4 {
				t.Errorf("%s: %d folds, want 4", args, len(f))
			}
		}
		text := succeed(t, own, append([]string{"predict", "--backend", "go", "--quiet", "--train", file}, strings.Fields(args)...)...).stdout
		if !strings.Contains(text, "100.00 %") {
			t.Errorf("%s: prints %q", args, text)
		}
	}
}

// TestWilson has the limits that Newcombe (Stat. Med. 17 (1998) 857, table I) gives.
func TestWilson(t *testing.T) {
	for _, tc := range []struct{ k, n, low, high float64 }{
		{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718},
	} {
		low, high := wilson(tc.k, tc.n)
		closeTo(t, fmt.Sprintf("%g of %g", tc.k, tc.n), []float64{low, high}, []float64{tc.low, tc.high}, 5e-5)
	}
}

// TestPredictResume stops after a draw, goes on as the last line says, and has the
// predictions of a run that was left alone; another configuration is refused.
func TestPredictResume(t *testing.T) {
	file, _, _ := plane(t, 19, false)
	out, whole := filepath.Join(t.TempDir(), "stopped"), filepath.Join(t.TempDir(), "whole")
	args := func(out string, more ...string) []string {
		return append([]string{"predict", "--kernel", "mlp", "--width", "4", "--backend", "go", "--train", file, "--examples", "12", "--test-examples", "7", "--draws", "3", "--ridge", "0.1", "--out", out}, more...)
	}
	r := interruptAt(t, "Θ of seed 2", nil, args(out, "--force")...)
	_, how, ok := strings.Cut(r.stderr, "to go on: ntk ")
	if want := strings.Join(args(out, "--resume"), " "); !ok || how != want {
		t.Fatalf("to go on it says %q, want %q", r.stderr, want)
	}
	if m := readManifest(t, out); at(t, m, "incomplete") == "" {
		t.Error("the manifest does not say that results are missing")
	}
	for name, change := range map[string][]string{"draws": {"--draws", "4"}, "seed": {"--seed", "2"}, "width": {"--width", "5"}} {
		if r := do(t.Context(), nil, args(out, append(change, "--resume", "--quiet")...)...); r.status != exitFailure || !strings.Contains(r.stderr, name) {
			t.Errorf("another %s: status %d, %q", name, r.status, r.stderr)
		}
	}
	if r := succeed(t, nil, args(out, "--resume")...); !strings.Contains(r.stderr, "1 of 3 draws are there") {
		t.Errorf("going on says %q", r.stderr)
	}
	succeed(t, nil, args(whole)...)
	for _, name := range []string{"predictions.npy", "kernel.npy"} {
		_, _, got := readNPY(t, filepath.Join(out, name))
		_, _, want := readNPY(t, filepath.Join(whole, name))
		closeTo(t, name, got, want, 0)
	}
	if r := succeed(t, nil, args(out, "--resume")...); !strings.Contains(r.stderr, "3 of 3 draws are there") {
		t.Errorf("a finished run says %q", r.stderr)
	}
	if r := succeed(t, nil, "verify", out); strings.Contains(r.stdout, "of3") {
		t.Errorf("draws in between are left: %q", r.stdout)
	}
}
