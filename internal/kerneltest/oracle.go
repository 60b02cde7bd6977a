// Package kerneltest holds what tests of kernels share: reference values and
// the laws that every kernel obeys.
package kerneltest

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"
)

// A Case is one reference computation of testdata/oracles, whose README says
// what the fields and arrays are.
type Case struct {
	Name             string          `json:"name"`
	File             string          `json:"file"`
	Kind             string          `json:"kind"`
	Layers           json.RawMessage `json:"layers"`
	Parameterization string          `json:"parameterization"`
	InputShape       []int           `json:"input_shape"`
	RelTol           float64         `json:"rtol"`
	AbsTol           float64         `json:"atol_rel"`
	Params           []string        `json:"params"`
	JointBatch       bool            `json:"joint_batch"`
	// Of kind evolution.
	LearningRate float64 `json:"learning_rate"`
	Momentum     float64 `json:"momentum"`
	Loss         string  `json:"loss"`

	dir string
}

// Oracles returns the cases of a kind from the folder in NTK_ORACLES or else
// from testdata/oracles. It fails the test if there are none.
func Oracles(t testing.TB, kind string) []Case {
	t.Helper()
	dir := os.Getenv("NTK_ORACLES")
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "testdata", "oracles")
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatalf("reference values: %v", err)
	}
	var all, cases []Case
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("reference values: %s: %v", dir, err)
	}
	for _, c := range all {
		if c.Kind == kind {
			c.dir = dir
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		t.Fatalf("reference values: %s has no case of kind %q", dir, kind)
	}
	return cases
}

// Spec returns the case's network as models.ParseSpec reads it.
func (c Case) Spec(t testing.TB) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"layers": c.Layers, "parameterization": c.Parameterization, "input_shape": c.InputShape,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Arrays reads the case's file.
func (c Case) Arrays(t testing.TB) map[string]*tensors.Tensor {
	t.Helper()
	arrays, err := numpy.FromNpzFile(filepath.Join(c.dir, c.File))
	if err != nil {
		t.Fatalf("%s: %v", c.File, err)
	}
	return arrays
}

// Check compares got with the array want entry by entry:
//
//	|got − want| ≤ rtol·|want| + atol_rel·max|want|,
//
// the tolerance that comes with the case, and why, in the oracles' README.
func (c Case) Check(t testing.TB, name string, got []float64, want *tensors.Tensor) {
	t.Helper()
	if want == nil {
		t.Errorf("%s: %s has no such array", name, c.File)
		return
	}
	w := Floats(t, want)
	if len(got) != len(w) {
		t.Errorf("%s: %d entries, want %d of shape %s", name, len(got), len(w), want.Shape())
		return
	}
	top := 0.0
	for _, x := range w {
		top = math.Max(top, math.Abs(x))
	}
	for i, x := range w {
		if e := math.Abs(got[i] - x); !(e <= c.RelTol*math.Abs(x)+c.AbsTol*top) {
			t.Errorf("%s: entry %d of %s is %.15g, want %.15g (off by %.2g of the largest)", name, i, want.Shape(), got[i], x, e/top)
			return
		}
	}
}

// Floats copies a float64 tensor.
func Floats(t testing.TB, x *tensors.Tensor) (v []float64) {
	t.Helper()
	err := x.ConstFlatData(func(flat any) { v = append(v, flat.([]float64)...) })
	if err != nil {
		t.Fatal(err)
	}
	return v
}
