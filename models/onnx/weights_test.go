package onnx_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models/onnx"
)

// parameters are what PyTorch counts (testdata/make.py prints it); running
// statistics are no parameters of PyTorch's.
var parameters = map[string]int{"mlp": 355, "cnn": 279, "resnet18": 25457, "transformer": 667, "encoder": 618}

func TestWeights(t *testing.T) {
	for name, want := range parameters {
		m := load(t, name, onnx.Options{})
		trained, frozen := 0, 0
		for _, w := range m.Weights() {
			n := 1
			for _, d := range w.Shape {
				n *= d
			}
			if statistic := strings.HasSuffix(w.Name, "running_mean") || strings.HasSuffix(w.Name, "running_var"); statistic != w.Frozen {
				t.Errorf("%s: %s is frozen: %v", name, w.Name, w.Frozen)
			}
			if w.Frozen {
				frozen++
			} else {
				trained += n
			}
		}
		if trained != want {
			t.Errorf("%s: %d parameters, want %d", name, trained, want)
		}
		// Those of the context are the same, and trainable unless frozen.
		ctx := record(t, m)
		inContext := 0
		for v := range ctx.IterVariables() {
			if v.Trainable {
				inContext += v.Shape().Size()
			} else {
				frozen--
			}
			if !v.HasValue() {
				t.Errorf("%s: %s has no value", name, v.Name())
			}
		}
		if inContext != want || frozen != 0 {
			t.Errorf("%s: the context has %d parameters, want %d; %d statistics too few", name, inContext, want, frozen)
		}
	}
	var names []string
	for _, w := range load(t, "mlp", onnx.Options{}).Weights() {
		names = append(names, w.Name)
	}
	if want := []string{"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
}

// record builds a model on two examples into a context of its own.
func record(t *testing.T, m *onnx.Model) *mlctx.Context {
	t.Helper()
	ctx := mlctx.New()
	in := shapes.Make(dtypes.Float32, append([]int{2}, m.Inputs()[0].Shape...)...)
	if _, err := graph.Record(ctx, m.Model(), in); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestReinit draws weights anew and compares their mean squares with g²/fan-in.
// That of n normal entries deviates by √(2/n), relative: 5 of these are allowed.
func TestReinit(t *testing.T) {
	for _, c := range []struct {
		file   string
		square map[string]float64 // by name
		exact  map[string]float64 // all entries
	}{
		{"resnet18", map[string]float64{
			"conv1.weight": 2.0 / (3 * 49), "stages.7.conv2.weight": 2.0 / (24 * 9), "stages.6.down.0.weight": 2.0 / 12, "fc.weight": 2.0 / 24,
		}, map[string]float64{"bn1.weight": 1, "bn1.bias": 0, "bn1.running_mean": 0, "bn1.running_var": 1, "fc.bias": 0}},
		{"transformer", map[string]float64{ // no rectifier; weights are transposed before the products
			"qkv.weight": 1.0 / 8, "down.weight": 1.0 / 16, "up.weight": 1.0 / 8, "head.weight": 1.0 / 8,
		}, map[string]float64{"ln1.weight": 1, "ln1.bias": 0, "qkv.bias": 0, "position": 0}},
	} {
		ctx := record(t, load(t, c.file, onnx.Options{Reinit: true}))
		if err := graph.Initialize(ctx, 7, false); err != nil {
			t.Fatal(err)
		}
		entries := func(name string) []float64 {
			v := ctx.GetVariableByScopeAndName(mlctx.RootScope, name)
			if v == nil {
				t.Fatalf("%s: no variable %s", c.file, name)
			}
			return floats(t, v.MustValue())
		}
		for name, want := range c.square {
			sum, x := 0.0, entries(name)
			for _, y := range x {
				sum += y * y
			}
			got, tol := sum/float64(len(x)), 5*math.Sqrt(2/float64(len(x)))
			if !(math.Abs(got/want-1) <= tol) {
				t.Errorf("%s: mean square of %s is %g, want %g within %.2g", c.file, name, got, want, tol)
			}
		}
		for name, want := range c.exact {
			for _, y := range entries(name) {
				if y != want {
					t.Errorf("%s: an entry of %s is %g, want %g", c.file, name, y, want)
					break
				}
			}
		}
	}
}

// TestContextWins leaves alone variables that a context has, and refuses those of
// another shape.
func TestContextWins(t *testing.T) {
	m := load(t, "mlp", onnx.Options{})
	in := shapes.Make(dtypes.Float32, 2, 6)
	ctx := mlctx.New()
	ctx.VariableWithValue("4.bias", []float32{1, 2, 3})
	if _, err := graph.Record(ctx, m.Model(), in); err != nil {
		t.Fatal(err)
	}
	if got := floats(t, ctx.GetVariableByScopeAndName("/", "4.bias").MustValue()); !slices.Equal(got, []float64{1, 2, 3}) {
		t.Errorf("4.bias is %v, want the context's 1, 2, 3", got)
	}
	ctx = mlctx.New()
	ctx.VariableWithValue("4.bias", []float32{1, 2})
	if _, err := graph.Record(ctx, m.Model(), in); err == nil || !strings.Contains(err.Error(), "4.bias") {
		t.Errorf("error %v, want one that names 4.bias", err)
	}
}

// TestInputs refuses inputs that the file does not take.
func TestInputs(t *testing.T) {
	m := load(t, "cnn", onnx.Options{})
	if got := m.Layout(); got != "nchw" {
		t.Errorf("layout %q, want nchw", got)
	}
	if got := load(t, "transformer", onnx.Options{}).Layout(); got != "" {
		t.Errorf("layout of a network of tokens %q, want none", got)
	}
	for _, in := range []shapes.Shape{
		shapes.Make(dtypes.Float32, 2, 8, 8, 2), shapes.Make(dtypes.Float32, 2, 2, 8), shapes.Make(dtypes.Int32, 2, 2, 8, 8),
	} {
		_, err := graph.Record(mlctx.New(), m.Model(), in)
		if err == nil || !strings.Contains(err.Error(), `"input"`) || strings.Contains(err.Error(), "\n") {
			t.Errorf("input %s: error %v, want one line that names the input", in, err)
		}
	}
	if _, err := graph.Record(mlctx.New(), m.Model()); err == nil {
		t.Error("no input: no error")
	}
}
