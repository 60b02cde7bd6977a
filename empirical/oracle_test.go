package empirical_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
)

// refused lists, in one place, the cases that are refused and why.
var refused = map[string]error{
	"empirical_mlp_batchnorm_o3":       empirical.ErrInteract,
	"empirical_cnn_batchnorm_o2":       empirical.ErrInteract,
	"empirical_mlp_batchnorm_cross_o2": empirical.ErrInteract,
}

// The oracle is neural-tangents 0.6.5 in float64; see testdata/oracles/README.md.
func TestOracle(t *testing.T) {
	backend := kerneltest.Backend(t)
	for _, c := range kerneltest.Oracles(t, "empirical") {
		t.Run(c.Name, func(t *testing.T) {
			arrays := c.Arrays(t)
			f, err := oracleNetwork(t, c)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_ = backend
			x1, x2 := empirical.Batch{arrays["x1"]}, empirical.Batch(nil)
			if x := arrays["x2"]; x != nil {
				x2 = empirical.Batch{x}
			}
			for _, r := range []struct {
				outputs empirical.Outputs
				array   string
				block   int // uneven tiles, to cross block borders
			}{
				{empirical.Full, "ntk_full", 0},
				{empirical.Mean, "ntk_trace", 2}, // a mean over outputs, in spite of its name
				{empirical.Diagonal, "ntk_diag", 3},
			} {
				g, err := f.NTK(t.Context(), x1, x2, empirical.Options{Outputs: r.outputs, Block: r.block})
				if want, ok := refused[c.Name]; ok {
					if !errors.Is(err, want) {
						t.Errorf("%s: error %v, want %v", r.array, err, want)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", r.array, err)
				}
				c.Check(t, r.array, g.Values, arrays[r.array])
			}
		})
	}
}

// oracleNetwork builds the case's network with its weights, in float64.
func oracleNetwork(t *testing.T, c kerneltest.Case) (*empirical.Network, error) {
	t.Helper()
	spec, err := models.ParseSpec(bytes.NewReader(c.Spec(t)))
	if err != nil {
		return nil, err
	}
	model, err := spec.Model()
	if err != nil {
		return nil, err
	}
	ctx := mlctx.New()
	arrays := c.Arrays(t)
	params, err := spec.Params()
	if err != nil {
		return nil, err
	}
	for _, p := range params {
		a := arrays[p.Name]
		if a == nil {
			t.Fatalf("no array for parameter %s", p.Name)
		}
		ctx.InAbsPath(p.Scope).VariableWithValue(p.VarName, a)
	}
	return empirical.New(kerneltest.Backend(t).GoMLX, ctx, model, shapes.Make(dtypes.Float64, c.InputShape...))
}
