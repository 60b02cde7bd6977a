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

// The oracle is neural-tangents 0.6.5 in float64; see testdata/oracles/README.md.
func TestOracle(t *testing.T) {
	for _, c := range kerneltest.Oracles(t, "empirical") {
		t.Run(c.Name, func(t *testing.T) {
			arrays := c.Arrays(t)
			f, err := oracleNetwork(t, c)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			x1, x2 := empirical.Batch{arrays["x1"]}, empirical.Batch(nil)
			if x := arrays["x2"]; x != nil {
				x2 = empirical.Batch{x}
			}
			for _, r := range []struct {
				outputs empirical.Outputs
				way     empirical.Way
				array   string
				block   int // uneven tiles, to cross block borders
			}{
				{empirical.Full, empirical.Materialize, "ntk_full", 0},
				{empirical.Full, empirical.Factor, "ntk_full", 3},
				{empirical.Full, empirical.Sequential, "ntk_full", 3},
				{empirical.Full, empirical.Separable, "ntk_full", 3},
				{empirical.Full, empirical.Products, "ntk_full", 3},
				// Mean over outputs, in spite of the array's name.
				{empirical.Mean, empirical.Materialize, "ntk_trace", 2},
				{empirical.Mean, empirical.Factor, "ntk_trace", 0},
				{empirical.Mean, empirical.Sequential, "ntk_trace", 3},
				{empirical.Mean, empirical.Separable, "ntk_trace", 0},
				{empirical.Mean, empirical.Products, "ntk_trace", 3},
				{empirical.Diagonal, empirical.Products, "ntk_diag", 0},
				{empirical.Diagonal, empirical.Materialize, "ntk_diag", 0},
				{empirical.Diagonal, empirical.Factor, "ntk_diag", 0},
				{empirical.Diagonal, empirical.Sequential, "ntk_diag", 3},
				{empirical.Diagonal, empirical.Separable, "ntk_diag", 2},
			} {
				if testing.Short() && r.way != empirical.Factor && r.outputs != empirical.Full {
					continue // the loop of gradients covers these
				}
				opts := empirical.Options{Outputs: r.outputs, Way: r.way, Block: r.block}
				if c.JointBatch {
					if _, err := f.NTK(t.Context(), x1, x2, opts); !errors.Is(err, empirical.ErrInteract) {
						t.Errorf("%s by %s, not joint: error %v, want %v", r.array, r.way, err, empirical.ErrInteract)
					}
					opts.Joint = true
				}
				g, err := f.NTK(t.Context(), x1, x2, opts)
				if err != nil {
					t.Fatalf("%s by %s: %v", r.array, r.way, err)
				}
				c.Check(t, r.array+" by "+r.way.String(), g.Values, arrays[r.array])
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
