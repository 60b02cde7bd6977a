package empirical_test

import (
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/batchnorm"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
)

// batchNorm is an MLP with batch normalization by the statistics of the batch.
func batchNorm(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	x = layers.Dense(ctx.In("a"), x, true, 5)
	mean := gx.ReduceAndKeep(x, gx.ReduceMean, 0)
	d := gx.Sub(x, gx.BroadcastToShape(mean, x.Shape()))
	sd := gx.Sqrt(gx.AddScalar(gx.ReduceAndKeep(gx.Square(d), gx.ReduceMean, 0), 1e-2))
	return layers.Dense(ctx.In("b"), gx.Tanh(gx.Div(d, gx.BroadcastToShape(sd, x.Shape()))), true, 2)
}

// trained is an MLP with GoMLX's batch normalization, in training mode.
func trained(ctx *mlctx.Context, x *gx.Node) *gx.Node {
	return graph.InTraining(graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = batchnorm.New(ctx.In("norm"), layers.Dense(ctx.In("a"), x, true, 5), -1).Done()
		return layers.Dense(ctx.In("b"), gx.Tanh(x), true, 2)
	}))(ctx, []*gx.Node{x})[0]
}

// A joint function against a loop of gradients of whole batches: x2 nil, of
// another size, of the same; whole and in uneven blocks of rows; and a network
// whose examples do not interact, which is no different when it is joint.
func TestJoint(t *testing.T) {
	for _, net := range []struct {
		name string
		f    func(ctx *mlctx.Context, x *gx.Node) *gx.Node
	}{{"batch norm", batchNorm}, {"GoMLX's batch norm in training", trained}, {"independent", twoLayers}} {
		t.Run(net.name, func(t *testing.T) {
			ctx := mlctx.New()
			f, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(net.f), shapes.Make(dtypes.Float64, 5))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Redraw(5); err != nil {
				t.Fatal(err)
			}
			x1 := examples(t, 5, "x1", 5)
			for _, second := range []*tensors.Tensor{nil, examples(t, 3, "x2", 5), examples(t, 5, "x3", 5)} {
				b2, other := empirical.Batch(nil), x1
				if second != nil {
					b2, other = empirical.Batch{second}, second
				}
				full, o := jointLoop(t, ctx, net.f, x1, other)
				for _, block := range []int{0, 2} {
					for outputs, want := range reductions(full, 5, other.Shape().Dimensions[0], o) {
						g, err := f.NTK(t.Context(), empirical.Batch{x1}, b2, empirical.Options{Outputs: outputs, Joint: true, Block: block})
						if err != nil {
							t.Fatal(err)
						}
						kerneltest.Close(t, outputs.String(), g.Values, want, 1e-10) // as in TestNTKAgainstLoop
					}
				}
			}
		})
	}
}

// The sampled error of a joint Θ in float32 is of the size of float32's.
func TestJointPrecision(t *testing.T) {
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(batchNorm), shapes.Make(dtypes.Float32, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := empirical.Batch{tensors.FromFlatDataAndDimensions(narrow(kerneltest.Floats(t, examples(t, 7, "x", 5))), 7, 5)}
	g, err := f.NTK(t.Context(), x, nil, empirical.Options{Joint: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Precision(t.Context(), x, g, empirical.Options{Joint: true})
	if err != nil {
		t.Fatal(err)
	}
	// ε = 6e-8, of sums of some dozens of terms; statistics of single examples
	// taken for the batch's would be off by the size of Θ.
	if p.Max > 1e-5*p.Scale || p.Scale == 0 || p.Examples != 4 {
		t.Errorf("precision %+v", p)
	}
}
