package empirical_test

import (
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
)

// TestZoo: Θ of every network of the zoo at a tiny width against products of
// GoMLX's gradients of one output of one example at a time.
func TestZoo(t *testing.T) {
	image := []int{8, 8, 2}
	sequence := []int{4, 3}
	configs := map[string]models.Config{
		"mlp": {InputShape: []int{5}}, "shallow": {InputShape: []int{5}},
		"vit-tiny": {InputShape: image, Width: 4, Heads: 2}, "mixer-s": {InputShape: image, Width: 4},
		"transformer": {InputShape: sequence, Width: 4, Heads: 2}, "transformer-linear": {InputShape: sequence, Width: 4},
		"rnn": {InputShape: sequence}, "gru": {InputShape: sequence}, "deepsets": {InputShape: sequence},
	}
	quick := []string{"mlp", "cnn-maxpool", "transformer", "gru"} // compiling the others takes a minute
	for _, e := range models.List() {
		t.Run(e.Name, func(t *testing.T) {
			if testing.Short() && !slices.Contains(quick, e.Name) {
				t.Skip("compiling takes seconds")
			}
			c, ok := configs[e.Name]
			if !ok {
				c = models.Config{InputShape: image}
			}
			c.Depth, c.Outputs, c.BStd = 1, 2, 0.3
			if c.Width == 0 {
				c.Width = 3
			}
			s, err := e.Build(c)
			if err != nil {
				t.Fatal(err)
			}
			model, err := s.Model()
			if err != nil {
				t.Fatal(err)
			}
			net, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), model, shapes.Make(dtypes.Float64, c.InputShape...))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = net.Close() }()
			if err := net.Redraw(3); err != nil {
				t.Fatal(err)
			}
			x := examples(t, 3, "x", c.InputShape...)
			f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node { return model(ctx, []*gx.Node{x})[0] }
			opts := empirical.Options{Outputs: empirical.Full, Joint: e.Name == "resnet18-bn"}
			j := jacobian(t, net.Context(), f, x)
			want, _ := products(j, j, 3, 3)
			got, err := net.NTK(t.Context(), empirical.Batch{x}, nil, opts)
			if err != nil {
				t.Fatal(err)
			}
			// Sums of up to 10⁴ products, in another order.
			kerneltest.Close(t, "Θ", got.Values, want, 1e-11)
		})
	}
}
