package models

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers"

	"github.com/gontk/ntk/graph"
)

// Standardize returns (x − mean)/√(var + eps), the moments being those over
// axes, the variance biased.
func Standardize(x *gx.Node, eps float64, axes ...int) *gx.Node {
	centred := gx.Sub(x, gx.ReduceAndKeep(x, gx.ReduceMean, axes...))
	variance := gx.ReduceAndKeep(gx.Square(centred), gx.ReduceMean, axes...)
	return gx.Div(centred, gx.Sqrt(gx.AddScalar(variance, eps)))
}

// LayerNorm standardizes x over axes, which must not include the batch; with
// affine it multiplies by scale and adds shift, one of each per channel.
//
// Shapes: x [n, …, c], scale, shift [c]. The variables are scale, which starts
// at 1, and shift, which starts at 0, of ctx's scope.
func LayerNorm(ctx *mlctx.Context, x *gx.Node, eps float64, affine bool, axes ...int) *gx.Node {
	return affineOf(ctx, Standardize(x, eps, axes...), affine)
}

// BatchNorm standardizes x over all axes but the last, by the statistics of the
// batch at hand: examples interact. The rest is as in [LayerNorm].
func BatchNorm(ctx *mlctx.Context, x *gx.Node, eps float64, affine bool) *gx.Node {
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i
	}
	return affineOf(ctx, Standardize(x, eps, axes...), affine)
}

func affineOf(ctx *mlctx.Context, x *gx.Node, affine bool) *gx.Node {
	if !affine {
		return x
	}
	c := x.Shape().Dim(-1)
	gain := gx.ExpandLeftToRank(weight(ctx, x, "scale", graph.Constant(1), c), x.Rank())
	shift := gx.ExpandLeftToRank(weight(ctx, x, "shift", graph.Constant(0), c), x.Rank())
	return gx.Add(gx.Mul(x, gain), shift)
}

// normFields are common to both norms.
type normFields struct {
	Eps    float64 `json:"eps"`
	Affine bool    `json:"affine"`
	names
}

func (l *normFields) arrays(in []int) []array {
	if !l.Affine {
		return nil
	}
	c := in[len(in)-1:]
	return []array{{"scale", c, 1}, {"shift", c, 0}}
}

func (l *normFields) check() error {
	if !(l.Eps >= 0 && l.Eps <= 1) {
		return fmt.Errorf("eps is %v; it must be a number from 0 to 1", l.Eps)
	}
	return nil
}

type layerNorm struct {
	Axis []int `json:"axis"`
	normFields
}

// Op implements Layer.
func (*layerNorm) Op() string { return "layer_norm" }

func (l *layerNorm) shape(_ *check, in []int) ([]int, error) {
	if err := l.normFields.check(); err != nil {
		return nil, err
	}
	_, err := batchedAxes(l.Axis, in)
	return in, err
}

func (l *layerNorm) build(b *builder, x *gx.Node) *gx.Node {
	return LayerNorm(b.scope(l), x, l.Eps, l.Affine, l.Axis...)
}

// batchedAxes returns axes of the array [n, in…], counted from 0 and sorted;
// the batch, repetitions and an empty list are refused.
func batchedAxes(axes, in []int) ([]int, error) {
	if len(axes) == 0 {
		return nil, fmt.Errorf("axis is empty; use [-1] for the channels")
	}
	var out []int
	for _, a := range axes {
		at := a
		if at < 0 {
			at += len(in) + 1
		}
		if at < 1 || at > len(in) || slices.Contains(out, at) {
			return nil, fmt.Errorf("axis is %v; it must be distinct axes from 1 to %d (0 is the batch)", axes, len(in))
		}
		out = append(out, at)
	}
	slices.Sort(out)
	return out, nil
}

type batchNorm struct{ normFields }

// Op implements Layer.
func (*batchNorm) Op() string { return "batch_norm" }

func (l *batchNorm) shape(_ *check, in []int) ([]int, error) { return in, l.normFields.check() }

func (l *batchNorm) build(b *builder, x *gx.Node) *gx.Node {
	return BatchNorm(b.scope(l), x, l.Eps, l.Affine)
}

// dropout keeps units with a probability and divides them by it, in graphs
// that train; in others it does nothing.
type dropout struct {
	KeepRate float64 `json:"keep_rate" spec:"required"`
	Mode     string  `json:"mode,omitempty"`
	noArrays
}

// Op implements Layer.
func (*dropout) Op() string { return "dropout" }

func (l *dropout) shape(_ *check, in []int) ([]int, error) {
	if !(l.KeepRate > 0 && l.KeepRate <= 1) {
		return nil, fmt.Errorf("keep_rate is %v; it must be a probability above 0", l.KeepRate)
	}
	if l.Mode != "" && l.Mode != "train" && l.Mode != "test" {
		return nil, fmt.Errorf("unknown mode %q%s; known are train, test", l.Mode, didYouMean(l.Mode, []string{"train", "test"}))
	}
	return in, nil
}

func (l *dropout) build(b *builder, x *gx.Node) *gx.Node {
	if l.Mode == "test" {
		return x
	}
	return layers.DropoutStatic(b.ctx, x, 1-l.KeepRate)
}
