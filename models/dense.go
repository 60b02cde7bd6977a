// Package models holds networks as ordinary GoMLX model functions: layers in
// every parameterization, architectures as JSON ([Spec]), and a zoo of them.
package models

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// Dense acts on x's last axis:
//
//	z = s·x W + s_b·b.
//
// Shapes: x [n, …, in], W [in, width], b [width], z [n, …, width]. The
// variables are W and b of ctx's scope. The scale multiplies the product, not
// W, so that the op that reads W is the product itself.
func Dense(ctx *mlctx.Context, x *gx.Node, width int, w Weights) *gx.Node {
	return denseNamed(ctx, x, "W", width, w)
}

// denseNamed is Dense with a name for W.
func denseNamed(ctx *mlctx.Context, x *gx.Node, name string, width int, w Weights) *gx.Node {
	in := x.Shape().Dim(-1)
	s, d := w.matrix(w.WStd, in, width)
	z := scale(contractLast(x, weight(ctx, x, name, d, in, width)), s)
	return addBias(ctx, z, in, w, width)
}

// DenseAlong is [Dense] on another axis of x, which it resizes to width: with the
// axis of the tokens it is the token mixing of an MLP-Mixer. The axis counts
// the batch; the bias [width] lies along the same axis.
func DenseAlong(ctx *mlctx.Context, x *gx.Node, axis, width int, w Weights) *gx.Node {
	axis = gx.AdjustAxisToOperandRank(x, axis)
	if axis == x.Rank()-1 {
		return Dense(ctx, x, width, w)
	}
	in := x.Shape().Dim(axis)
	s, d := w.matrix(w.WStd, in, width)
	z := gx.DotGeneral(x, []int{axis}, nil, weight(ctx, x, "W", d, in, width), []int{0}, nil)
	return lastTo(addBias(ctx, scale(z, s), in, w, width), axis)
}

// addBias adds s_b·b to z, b of shape dims being that of z's last axes.
func addBias(ctx *mlctx.Context, z *gx.Node, fanIn int, w Weights, dims ...int) *gx.Node {
	return addBiasNamed(ctx, z, "b", fanIn, w, dims...)
}

// addBiasNamed is addBias with a name for b.
func addBiasNamed(ctx *mlctx.Context, z *gx.Node, name string, fanIn int, w Weights, dims ...int) *gx.Node {
	if w.BStd == nil {
		return z
	}
	s, d := w.bias(fanIn, dims[len(dims)-1])
	b := weight(ctx, z, name, d, dims...)
	return gx.Add(z, scale(gx.ExpandLeftToRank(b, z.Rank()), s))
}

// contractLast returns x·w over x's last and w's first axis.
func contractLast(x, w *gx.Node) *gx.Node {
	return gx.DotGeneral(x, []int{-1}, nil, w, []int{0}, nil)
}

// weight returns the variable name of ctx's scope on x's graph, in x's dtype.
func weight(ctx *mlctx.Context, x *gx.Node, name string, d graph.Distribution, dims ...int) *gx.Node {
	return graph.Weight(ctx, name, shapes.Make(x.DType(), dims...), d).ValueGraph(x.Graph())
}

func scale(x *gx.Node, s float64) *gx.Node {
	if s == 1 {
		return x
	}
	return gx.MulScalar(x, s)
}

// gains are the fields of the weights of a layer.
type gains struct {
	WStd float64  `json:"w_std" spec:"required"`
	BStd *float64 `json:"b_std"`
}

func (g gains) check() error {
	if err := checkGain("w_std", g.WStd); err != nil {
		return err
	}
	if g.BStd != nil && !(*g.BStd >= 0 && *g.BStd <= maxGain) {
		return fmt.Errorf("b_std is %v; it must be a number from 0 to %g, or null for no bias", *g.BStd, maxGain)
	}
	return nil
}

func checkGain(field string, v float64) error {
	if !(v >= 0 && v <= maxGain) {
		return fmt.Errorf("%s is %v; it must be a number from 0 to %g", field, v, maxGain)
	}
	return nil
}

// arrays returns W, of shape dims, and b, of shape bias.
func (g gains) arrays(dims []int, bias ...int) []array {
	a := []array{{name: "W", dims: dims, gain: g.WStd}}
	if g.BStd != nil {
		a = append(a, array{name: "b", dims: bias, gain: *g.BStd})
	}
	return a
}

type dense struct {
	Width int `json:"width" spec:"required"`
	gains
	S []int `json:"s,omitempty"`
	// Axis counts the batch, as in layer_norm; nil means the channels.
	Axis *int `json:"axis,omitempty"`
	names
}

// Op implements Layer.
func (*dense) Op() string { return "dense" }

// split returns s0 and s1.
func (l *dense) split() (s0, s1 int) {
	if len(l.S) == 2 {
		return l.S[0], l.S[1]
	}
	return 1, 1
}

// axis returns the axis that l acts on, without the batch.
func (l *dense) axis(in []int) (int, error) {
	if l.Axis == nil {
		return len(in) - 1, nil
	}
	axes, err := batchedAxes([]int{*l.Axis}, in)
	if err != nil {
		return 0, err
	}
	return axes[0] - 1, nil
}

func (l *dense) shape(_ *check, in []int) ([]int, error) {
	if err := positive("width", l.Width); err != nil {
		return nil, err
	}
	if err := l.gains.check(); err != nil {
		return nil, err
	}
	if l.S != nil && (len(l.S) != 2 || l.S[0] < 1 || l.S[1] < 1 || l.S[0] > maxSize || l.S[1] > maxSize) {
		return nil, fmt.Errorf("s is %v; it must be two numbers from 1 to %d", l.S, maxSize)
	}
	at, err := l.axis(in)
	if err != nil {
		return nil, err
	}
	s0, s1 := l.split()
	if n := in[at]; n%s0 != 0 {
		return nil, fmt.Errorf("s[0] is %d, which does not divide the %d input features", s0, n)
	}
	out := slices.Clone(in)
	out[at] = s1 * l.Width
	return out, nil
}

func (l *dense) arrays(in []int) []array {
	at, err := l.axis(in)
	if err != nil { // shape reports it
		return nil
	}
	_, s1 := l.split()
	return l.gains.arrays([]int{in[at], s1 * l.Width}, s1*l.Width)
}

func (l *dense) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, l.gains)
	s0, s1 := l.split()
	w.Split = s0
	axis := -1
	if l.Axis != nil {
		axis = *l.Axis
	}
	return DenseAlong(ctx, x, axis, s1*l.Width, w)
}
