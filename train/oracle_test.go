package train_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// The oracle is a network of neural-tangents trained by a loop in float64; see
// testdata/oracles/README.md.
func TestOracle(t *testing.T) {
	for _, c := range kerneltest.Oracles(t, "evolution") {
		t.Run(c.Name, func(t *testing.T) {
			f, model := oracleNetwork(t, c)
			arrays := c.Arrays(t)
			linear, err := train.Linearized(f)
			if err != nil {
				t.Fatal(err)
			}
			nets := []*train.Trainer{
				newTrainer(t, c, f.Context(), model), newTrainer(t, c, linear.Context, linear.Model),
			}
			x, test := empirical.Batch{arrays["x_train"]}, empirical.Batch{arrays["x_test"]}
			y := matrix(t, kerneltest.Floats(t, arrays["y_train"]), x.Len())
			steps := kerneltest.Floats(t, arrays["steps"])
			got := map[string][]float64{}
			for i, s := range steps {
				for k, prefix := range []string{"", "lin_"} {
					for nets[k].Steps() < int(s) {
						if _, err := nets[k].Step(t.Context(), x, y); err != nil {
							t.Fatal(err)
						}
					}
					at := outputs(t, nets[k], x)
					got[prefix+"train"] = append(got[prefix+"train"], at.Data...)
					got[prefix+"test"] = append(got[prefix+"test"], outputs(t, nets[k], test).Data...)
					l := lossOf(t, c)
					got[prefix+"loss"] = append(got[prefix+"loss"], l.Of(y, l.Size(y.Rows, y.Cols)).Value(at))
				}
				if i > 0 && i < len(steps)-1 {
					continue
				}
				if err := nets[0].Sync(); err != nil {
					t.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					t.Fatal(err)
				}
				g, err := f.NTK(t.Context(), x, nil, empirical.Options{})
				if err != nil {
					t.Fatal(err)
				}
				name := "ntk_trace_first"
				if i > 0 {
					name = "ntk_trace_last"
				}
				got[name] = g.Values
			}
			for name, values := range got {
				c.Check(t, name, values, arrays[name])
			}
			if len(got) != 8 {
				t.Errorf("%d arrays were compared, want 8", len(got))
			}
		})
	}
}

func lossOf(t *testing.T, c kerneltest.Case) train.Loss {
	t.Helper()
	if strings.Contains(c.Loss, "log_softmax") {
		return train.Loss{Kind: train.CrossEntropy}
	}
	return train.Loss{}
}

func newTrainer(t *testing.T, c kerneltest.Case, ctx *mlctx.Context, model graph.Model) *train.Trainer {
	t.Helper()
	o := train.SGD(c.LearningRate)
	if c.Momentum != 0 {
		o = train.Momentum(c.LearningRate, c.Momentum)
	}
	tr, err := train.New(kerneltest.Backend(t).GoMLX, ctx, model, train.Options{Optimizer: o.New(), Loss: lossOf(t, c)},
		shapes.Make(dtypes.Float64, c.InputShape...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

func outputs(t *testing.T, tr *train.Trainer, x empirical.Batch) predict.Matrix {
	t.Helper()
	f, err := tr.Outputs(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func matrix(t *testing.T, values []float64, rows int) predict.Matrix {
	t.Helper()
	return predict.Matrix{Rows: rows, Cols: len(values) / rows, Data: values}
}

// oracleNetwork builds the case's network with its weights, in float64.
func oracleNetwork(t *testing.T, c kerneltest.Case) (*empirical.Network, graph.Model) {
	t.Helper()
	spec, err := models.ParseSpec(bytes.NewReader(c.Spec(t)))
	if err != nil {
		t.Fatal(err)
	}
	model, err := spec.Model()
	if err != nil {
		t.Fatal(err)
	}
	params, err := spec.Params()
	if err != nil {
		t.Fatal(err)
	}
	ctx, arrays := mlctx.New(), c.Arrays(t)
	for _, p := range params {
		ctx.InAbsPath(p.Scope).VariableWithValue(p.VarName, arrays[p.Name])
	}
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, model, shapes.Make(dtypes.Float64, c.InputShape...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, model
}
