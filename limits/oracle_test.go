package limits_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// refusedOracle says why a case is refused, "" if it is not. Both are kernels
// that are not the limit of a network as it stands: exp_normalized has no
// function, and logits scaled by 1/√d stay random at every width (the case is
// a limit of infinitely many heads).
func refusedOracle(c kerneltest.Case) string {
	switch layers := string(c.Layers); {
	case strings.Contains(layers, "exp_normalized"):
		return `op "exp_normalized" cannot be built`
	case strings.Contains(layers, `"linear_scaling": false`):
		return "is no mean: its deviation stays"
	}
	return ""
}

// The oracle is neural-tangents 0.6.5 in float64; see testdata/oracles/README.md,
// which also says why the tolerance is what it is. The models are those of
// package models; nothing in limits knows an architecture.
func TestOracle(t *testing.T) {
	for _, c := range kerneltest.Oracles(t, "analytic") {
		t.Run(c.Name, func(t *testing.T) {
			l, err := oracleLimit(t, c)
			if want := refusedOracle(c); want != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			a := c.Arrays(t)
			x1, x2 := empirical.Batch{a["x1"]}, empirical.Batch{a["x2"]}
			if p := a["pattern1"]; p != nil {
				x1, x2 = append(x1, p), append(x2, a["pattern2"])
			}
			g, err := l.Gram(t.Context(), x1, x2, limits.GramOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c.Check(t, "nngp", g.NNGP, settled(a, "nngp"))
			c.Check(t, "ntk", g.NTK, settled(a, "ntk"))
			if a["nngp_11"] == nil {
				return
			}
			if g, err = l.Gram(t.Context(), x1, nil, limits.GramOptions{}); err != nil {
				t.Fatal(err)
			}
			c.Check(t, "nngp_11", g.NNGP, settled(a, "nngp_11"))
			c.Check(t, "ntk_11", g.NTK, settled(a, "ntk_11"))
			kerneltest.Symmetric(t, "ntk_11", g.N1, g.NTK)
			kerneltest.PSD(t, "ntk_11", g.N1, g.NTK, 1e-9) // coincident and nearly parallel rows
		})
	}
}

// settled prefers the converged array, where neural-tangents uses quadrature.
func settled(a map[string]*tensors.Tensor, name string) *tensors.Tensor {
	if ref := a[name+"_ref"]; ref != nil {
		return ref
	}
	return a[name]
}

func oracleLimit(t *testing.T, c kerneltest.Case) (*limits.Limit, error) {
	t.Helper()
	spec, err := models.ParseSpec(bytes.NewReader(c.Spec(t)))
	if err != nil {
		return nil, err
	}
	f, err := spec.Model()
	if err != nil {
		return nil, err
	}
	inputs, err := spec.Inputs()
	if err != nil {
		return nil, err
	}
	var in []shapes.Shape
	for _, x := range inputs {
		in = append(in, shapes.Make(dtypes.Float64, x.Shape...))
	}
	// Cases with dropout are those of networks in training.
	return limits.Derive(mlctx.New(), f, in, limits.Options{Training: bytes.Contains(c.Layers, []byte(`"dropout"`))})
}
