package train_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/train"
)

// evolution is an Evolve of an oracle's network, which measures at the oracle's
// steps.
func evolution(t *testing.T, c kerneltest.Case) train.Config {
	t.Helper()
	f, model := oracleNetwork(t, c)
	a := c.Arrays(t)
	var at []int
	for _, s := range kerneltest.Floats(t, a["steps"]) {
		at = append(at, int(s))
	}
	blas, err := native.DefaultBLAS("", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	o := train.SGD(c.LearningRate)
	if c.Momentum != 0 {
		o = train.Momentum(c.LearningRate, c.Momentum)
	}
	return train.Config{
		Backend: kerneltest.Backend(t).GoMLX, BLAS: blas, Network: f, Model: model, Optimizer: o, Loss: lossOf(t, c),
		Train: train.Examples{X: empirical.Batch{a["x_train"]}, Y: matrix(t, kerneltest.Floats(t, a["y_train"]), 12)},
		// The oracle has no targets of test examples.
		Test:  train.Examples{X: empirical.Batch{a["x_test"]}, Y: matrix(t, make([]float64, 18), 6)},
		Steps: at[len(at)-1], At: at, Linearize: true, Predict: true, FullUpTo: 1000,
	}
}

// TestEvolve holds that the points of a run are what follows from an oracle's
// arrays by plain loops.
func TestEvolve(t *testing.T) {
	for _, c := range kerneltest.Oracles(t, "evolution") {
		t.Run(c.Name, func(t *testing.T) {
			if testing.Short() && c.Momentum == 0 {
				t.Skip("its programs compile for two seconds; TestOracle covers their arithmetic")
			}
			a := c.Arrays(t)
			arrays := map[string][]float64{}
			for name, x := range a {
				arrays[name] = kerneltest.Floats(t, x)
			}
			r, err := train.Evolve(t.Context(), evolution(t, c))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Points) != len(arrays["steps"]) {
				t.Fatalf("%d points, want %d", len(r.Points), len(arrays["steps"]))
			}
			// The loss is a sum of 36 squares, the gap of differences that are
			// small: what the arrays' tolerance of 1e-8 makes of them.
			const tol = 1e-6
			last := len(r.Points) - 1
			for i, p := range r.Points {
				near(t, fmt.Sprint("loss ", i), *p.Network.Loss, arrays["loss"][i], tol)
				near(t, fmt.Sprint("loss of f_lin ", i), *p.Linearized.Loss, arrays["lin_loss"][i], tol)
				train, lin := part(arrays["train"], i, 36), part(arrays["lin_train"], i, 36)
				near(t, fmt.Sprint("gap ", i), *p.Linearized.Gap, distance(train, lin)/6, tol)
				test, linTest := part(arrays["test"], i, 18), part(arrays["lin_test"], i, 18)
				near(t, fmt.Sprint("gap on test examples ", i), *p.Linearized.TestGap, distance(test, linTest)/sqrt(18), tol)
				if p.Kernel == nil {
					t.Fatalf("no prediction of the kernel at point %d; notes %q", i, r.Notes)
				}
				if c.Loss[0] == '0' { // squared loss: descent under Θ is f_lin, exactly
					near(t, fmt.Sprint("gap of the kernel's prediction ", i), *p.Kernel.Gap, distance(train, lin)/6, tol)
					near(t, fmt.Sprint("the same on test examples ", i), *p.Kernel.TestGap, distance(test, linTest)/sqrt(18), tol)
				}
			}
			first, after := arrays["ntk_trace_first"], arrays["ntk_trace_last"]
			dot := 0.0
			for i := range first {
				dot += first[i] * after[i]
			}
			// 1 − a number near 1 keeps 1e-16/S of its digits.
			near(t, "kernel distance", r.Points[last].Distance, 1-dot/(size(first)*size(after)), 1e-9)
			trace := 0.0
			for i := range 12 {
				trace += after[i*12+i]
			}
			near(t, "trace", r.Points[last].Trace, trace, 1e-8)
		})
	}
}

// TestResume holds that a run that was stopped anywhere and goes on ends with the
// same weights and points, to the bit, as one that was left alone.
func TestResume(t *testing.T) {
	for _, name := range []string{"sgd", "momentum", "adam"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "momentum" {
				t.Skip("five runs compile for seconds each")
			}
			whole, weights := resumable(t, name, "")
			folder := t.TempDir()
			stopped := errors.New("stopped")
			for _, after := range []int{3, 9, 2} { // steps of each run
				ctx, cancel := context.WithCancelCause(t.Context())
				c := config(t, name, folder)
				began := -1
				c.Progress = func(p train.Progress) {
					if p.Stage == "training" {
						if began < 0 {
							began = p.Done
						}
						if p.Done >= began+after-1 {
							cancel(stopped)
						}
					}
				}
				if _, err := train.Evolve(ctx, c); !errors.Is(err, stopped) {
					t.Fatalf("error %v, want %v", err, stopped)
				}
			}
			again, end := resumable(t, name, folder)
			if !reflect.DeepEqual(weights, end) {
				t.Error("the weights differ from those of a run that was left alone")
			}
			if !reflect.DeepEqual(again.Points, whole.Points) {
				t.Errorf("points %s, want %s", text(t, again.Points), text(t, whole.Points))
			}
			if again.Taken != 20 || len(again.Points) != 6 {
				t.Errorf("%d steps, %d points, want 20 and 6", again.Taken, len(again.Points))
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// config is a run of a small network in minibatches, in float32 as users have it.
func config(t *testing.T, optimizer, folder string) train.Config {
	t.Helper()
	return configOn(t, kerneltest.Backend(t).GoMLX, optimizer, folder)
}

func configOn(t *testing.T, backend backends.Backend, optimizer, folder string) train.Config {
	t.Helper()
	model := oneLayer(24, 3)
	f, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtypes.Float32, 5))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Redraw(4); err != nil {
		t.Fatal(err)
	}
	blas, err := native.DefaultBLAS("", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	o := map[string]train.Optimizer{"sgd": train.SGD(0.3), "momentum": train.Momentum(0.1, 0.9), "adam": train.Adam(0.01)}[optimizer]
	x, y, classes := blobs(30, 5, 3)
	tx, ty, tclasses := blobs(7, 5, 3)
	kernels := folder
	return train.Config{
		Backend: backend, BLAS: blas, Network: f, Model: model, Optimizer: o,
		Train: train.Examples{X: x, Y: y, Classes: classes}, Test: train.Examples{X: tx, Y: ty, Classes: tclasses},
		Batch: 8, Seed: 3, Steps: 20, At: []int{1, 2, 5, 11, 20}, Probe: 10, Outputs: empirical.Full,
		Linearize: true, Predict: true, FullUpTo: 1000,
		Folder: folder, Resume: folder != "", What: tiles.Manifest{"case": optimizer},
		Theta: func(step int, g *empirical.Gram) error {
			if kernels == "" {
				return nil
			}
			b, err := json.Marshal(g.Values)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(kernels, fmt.Sprint("theta", step)), b, 0o644)
		},
		Kernel: func(step int) (v []float64, err error) {
			b, err := os.ReadFile(filepath.Join(kernels, fmt.Sprint("theta", step)))
			if err == nil {
				err = json.Unmarshal(b, &v)
			}
			return v, err
		},
	}
}

// resumable runs to the end, and returns the points without their times, and the
// weights.
func resumable(t *testing.T, optimizer, folder string) (*train.Result, map[string][]float32) {
	t.Helper()
	c := config(t, optimizer, folder)
	r, err := train.Evolve(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Points {
		r.Points[i].Seconds = 0
	}
	weights := map[string][]float32{}
	for v := range c.Network.Context().IterVariables() {
		if v.Trainable {
			err := v.MustValue().ConstFlatData(func(flat any) {
				weights[v.ScopeAndName()] = append([]float32(nil), flat.([]float32)...)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return r, weights
}

// TestCheckpointRefused holds that a run goes on with what it left, or not at all:
// every byte of the checkpoint is covered.
func TestCheckpointRefused(t *testing.T) {
	b, err := native.Open(native.Options{Backend: native.Go}) // compiles in no time
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	folder := t.TempDir()
	c := configOn(t, b.GoMLX, "sgd", folder)
	c.Linearize, c.Predict, c.Steps, c.At = false, false, 2, []int{2}
	if _, err := train.Evolve(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, train.Files[0])
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again := func(what tiles.Manifest) error {
		c := configOn(t, b.GoMLX, "sgd", folder)
		c.Linearize, c.Predict, c.Steps, c.At, c.What = false, false, 2, []int{2}, what
		_, err := train.Evolve(t.Context(), c)
		return err
	}
	if err := again(c.What); err != nil {
		t.Errorf("the checkpoint as it was written: %v", err)
	}
	err = again(tiles.Manifest{"case": "other"})
	if !errors.Is(err, train.ErrCheckpoint) || !strings.Contains(err.Error(), "case") {
		t.Errorf("a checkpoint of another computation: error %v, want %v that names the difference", err, train.ErrCheckpoint)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 6 {
		damaged := bytes.Clone(whole)
		at := r.IntN(len(damaged) / 2) // members; the directory at the end repeats their names
		damaged[at] ^= 1 << r.IntN(8)
		if err := os.WriteFile(file, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := again(c.What); !errors.Is(err, train.ErrCheckpoint) && !same(t, file, whole) {
			t.Errorf("a flipped bit of byte %d: error %v, want %v", at, err, train.ErrCheckpoint)
		}
	}
	if err := os.WriteFile(file, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := again(c.What); !errors.Is(err, train.ErrCheckpoint) {
		t.Errorf("half a checkpoint: error %v, want %v", err, train.ErrCheckpoint)
	}
}

// same reports whether a file, written anew, has the members that it had: the bit
// was one of a local header, which ZIP has twice.
func same(t *testing.T, file string, whole []byte) bool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := func(b []byte) map[string][]byte {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		all := map[string][]byte{}
		for _, m := range z.File {
			f, err := m.Open()
			if err != nil {
				t.Fatal(err)
			}
			if all[m.Name], err = io.ReadAll(f); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	return reflect.DeepEqual(read(b), read(whole))
}
