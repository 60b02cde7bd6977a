package train_test

import (
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/train"
)

// TestKinks counts the kinks of activations, as GoMLX and package models write
// them, between two layers.
func TestKinks(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    func(u *gx.Node) *gx.Node
		at   []float64
	}{
		{"relu of models", models.ReLU, []float64{0}},
		{"relu of GoMLX", activations.Relu, []float64{0}},
		{"leaky relu of GoMLX", activations.LeakyRelu, []float64{0}},
		{"abrelu", func(u *gx.Node) *gx.Node { return models.ABReLU(u, 0.1, 2) }, []float64{0}},
		{"abs", gx.Abs, []float64{0}},
		{"clipped", func(u *gx.Node) *gx.Node { return gx.ClipScalar(u, -1, 6) }, []float64{-1, 6}},
		{"shifted", func(u *gx.Node) *gx.Node { return models.ReLU(gx.SubScalar(u, 3.0)) }, []float64{0}},
		{"twice", func(u *gx.Node) *gx.Node { return gx.Add(models.ReLU(u), activations.Relu(u)) }, []float64{0}},
		{"tanh", gx.Tanh, nil},
		{"gelu", func(u *gx.Node) *gx.Node { return models.GELU(u, false) }, nil},
		{"softmax", func(u *gx.Node) *gx.Node { return gx.Softmax(u, -1) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := graph.Record(mlctx.New(), graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
				x = gx.MaxScalar(x, -9.0) // of data: no weight moves it
				u := layers.Dense(ctx.In("a"), x, true, 4)
				return layers.Dense(ctx.In("b"), tc.f(u), true, 2)
			}), shapes.Make(dtypes.Float64, 2, 3))
			if err != nil {
				t.Fatal(err)
			}
			kinks := train.Kinks(r.Program)
			if len(kinks) != len(tc.at) {
				t.Fatalf("%d kinks, want %d", len(kinks), len(tc.at))
			}
			for i, k := range kinks {
				if k.At != tc.at[i] {
					t.Errorf("kink %d is at %g, want %g", i, k.At, tc.at[i])
				}
			}
		})
	}
}

// TestFlipped counts by hand: u = xW of three examples and two units.
//
//	x      W = (1, −1; 2, 1)     W' = (1, 1; −2, 1)
//	1  0    1 −1   + −            1  1   + +
//	0  1    2  1   + +           −2  1   − +
//	1 −1   −1 −2   − −            3  0   + −   (0 is not above 0)
func TestFlipped(t *testing.T) {
	model := graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		u := gx.Dot(x, ctx.VariableWithShape("w", shapes.Make(x.DType(), 2, 2)).ValueGraph(x.Graph()))
		return models.ReLU(u)
	})
	x := empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{1, 0, 0, 1, 1, -1}, 3, 2)}
	pattern := func(w ...float64) *train.Pattern {
		ctx := mlctx.New()
		ctx.VariableWithValue("w", tensors.FromFlatDataAndDimensions(w, 2, 2))
		tr := trainer(t, ctx.Checked(false), model, train.Options{Optimizer: train.SGD(1).New()}, dtypes.Float64, 2)
		p, err := tr.Pattern(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p, q := pattern(1, -1, 2, 1), pattern(1, 1, -2, 1)
	if p.Units != 6 {
		t.Errorf("%d units, want 6", p.Units)
	}
	got, err := p.Flipped(q)
	if err != nil || got != 3.0/6 {
		t.Errorf("a share of %g flipped, %v, want 3 of 6", got, err)
	}
	if got, err = p.Flipped(p); err != nil || got != 0 {
		t.Errorf("a share of %g flipped, %v, of the same", got, err)
	}
	if _, err = p.Flipped(&train.Pattern{}); err == nil {
		t.Error("patterns of two networks are compared")
	}
}
