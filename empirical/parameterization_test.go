package empirical_test

import (
	"math"
	"slices"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
)

// tanhNet is a network of the zoo for inputs of 4 features, with one output.
func tanhNet(t *testing.T, name, param string, depth, width int, gain, biases float64) graph.Model {
	t.Helper()
	build, err := models.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := build(models.Config{
		Depth: depth, Width: width, Activation: "tanh", WStd: gain, BStd: biases,
		Parameterization: param, InputShape: []int{4},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestParameterizationsDrawOneFunction: networks of NTK and of Standard are drawn
// from one distribution of functions. With one seed they are one function; with
// seeds of their own f(x1), f(x1) + f(x2) and f(x1)·f(x2) pass the test of
// Kolmogorov and Smirnov, which networks of another gain fail.
func TestParameterizationsDrawOneFunction(t *testing.T) {
	const seeds = 600
	// The largest distance of two empirical distributions at the level 0.001.
	critical := 1.95 * math.Sqrt(2./seeds)
	x := examples(t, 2, "x", 4)
	sample := func(param string, gain float64, from uint64) (s [3][]float64) {
		model := tanhNet(t, "mlp", param, 2, 16, gain, 0.3)
		net := network(t, kerneltest.Backend(t).GoMLX, model, 4)
		exec := forwardOf(t, net, func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return model(ctx, []*gx.Node{x})[0] })
		for seed := range uint64(seeds) {
			if err := net.Redraw(from + seed); err != nil {
				t.Fatal(err)
			}
			y := outputsAt(t, exec, x)
			a, b := y[0][0], y[1][0]
			s[0], s[1], s[2] = append(s[0], a), append(s[1], a+b), append(s[2], a*b)
		}
		return s
	}
	ntk := sample("ntk", 1.2, 0)
	same := sample("standard", 1.2, 0)
	other := sample("standard", 1.2, seeds)
	louder := sample("standard", 1.8, seeds)
	for i, what := range []string{"f(x1)", "f(x1) + f(x2)", "f(x1)·f(x2)"} {
		for seed, v := range ntk[i] {
			if !(math.Abs(same[i][seed]-v) <= 1e-13*(1+math.Abs(v))) { // σ/√n multiplies before or after
				t.Errorf("seed %d: %s is %.16g in NTK, %.16g in Standard", seed, what, v, same[i][seed])
			}
		}
		if d := kolmogorov(ntk[i], other[i]); !(d <= critical) {
			t.Errorf("%s: the distributions of NTK and Standard are %.3f apart, want ≤ %.3f", what, d, critical)
		}
		if d := kolmogorov(ntk[i], louder[i]); !(d > critical) {
			t.Errorf("%s: the distributions at gains 1.2 and 1.8 are only %.3f apart: the test has no power", what, d)
		}
	}
}

// kolmogorov is the largest distance of the distribution functions of a and b.
func kolmogorov(a, b []float64) float64 {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	worst, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		v := min(a[i], b[j])
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		worst = max(worst, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return worst
}

// TestParameterizationsKernel: Θ grows as n in Standard, and goes to a constant
// in NTK, mean field and muP: slopes of log Θ against log n, with the errors that
// the spread over seeds gives them.
func TestParameterizationsKernel(t *testing.T) {
	widths := []int{64, 192, 576}
	const seeds = 30
	x := empirical.Batch{examples(t, 3, "x", 4)}
	for _, tc := range []struct {
		name, param string
		depth       int
		want        float64
	}{
		{"mlp", "ntk", 2, 0}, {"mlp", "standard", 2, 1}, {"mlp", "mup", 2, 0}, {"shallow", "mean-field", 1, 0},
	} {
		logs := make([][]float64, seeds)
		for _, n := range widths {
			net := network(t, kerneltest.Backend(t).GoMLX, tanhNet(t, tc.name, tc.param, tc.depth, n, 1.2, 0), 4)
			for seed := range logs {
				if err := net.Redraw(uint64(100*n + seed)); err != nil { // independent over widths
					t.Fatal(err)
				}
				g, err := net.NTK(t.Context(), x, nil, empirical.Options{Outputs: empirical.Trace})
				if err != nil {
					t.Fatal(err)
				}
				logs[seed] = append(logs[seed], math.Log(g.Values[0]+g.Values[4]+g.Values[8]))
			}
		}
		slope, err := fittedSlope(widths, logs)
		t.Logf("%s: Θ goes as n^(%.3f ± %.3f)", tc.param, slope, err)
		// In Standard the first layer's part has the factor 4, the other two have n: at
		// these widths the slope is up to 0.03 short.
		if !(math.Abs(slope-tc.want) <= 0.03+4*err) || !(err <= 0.03) {
			t.Errorf("%s: Θ goes as n^(%.3f ± %.3f), want n^%g", tc.param, slope, err, tc.want)
		}
	}
}

// fittedSlope returns the mean over seeds of the least squares slope of logs, one
// for each width, and its standard error.
func fittedSlope(widths []int, logs [][]float64) (mean, se float64) {
	var x []float64
	centre := 0.0
	for _, n := range widths {
		x = append(x, math.Log(float64(n)))
		centre += math.Log(float64(n)) / float64(len(widths))
	}
	var slopes []float64
	for _, y := range logs {
		xy, xx := 0.0, 0.0
		for i, v := range x {
			xy += (v - centre) * y[i]
			xx += (v - centre) * (v - centre)
		}
		slopes = append(slopes, xy/xx)
		mean += xy / xx / float64(len(logs))
	}
	for _, s := range slopes {
		se += (s - mean) * (s - mean)
	}
	return mean, math.Sqrt(se / float64(len(slopes)*(len(slopes)-1)))
}
