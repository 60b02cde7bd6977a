package models

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// ConvTranspose dilates x by the strides (s−1 zeros between positions), pads it
// by (a, t−a) and cross-correlates it with the filter, of size k:
//
//	Same:  t = k+s−2, a = k−1 if s > k−1, else ⌈t/2⌉;
//	Valid: t = k+s−2+max(k−s, 0), a = k−1.
//
// Shapes and variables are those of [Conv], without groups and dilation. The
// zeros are put in by Concatenate, as GoMLX has no gradient for a convolution
// that dilates its input.
func ConvTranspose(ctx *mlctx.Context, x *gx.Node, c Convolution, w Weights) *gx.Node {
	win := c.window()
	pads := make([][2]int, len(c.Filter))
	for i := range pads {
		pads[i] = transposePads(c.Padding, win.size[i], win.strides[i])
		x = dilate(x, i+1, win.strides[i])
	}
	return convolve(ctx, x, c, slices.Repeat([]int{1}, len(pads)), pads, w)
}

// transposePads returns a and t−a.
func transposePads(p Padding, k, s int) [2]int {
	t, a := k+s-2, k-1
	if p == Same {
		if s <= k-1 {
			a = (t + 1) / 2
		}
	} else {
		t += max(k-s, 0)
	}
	return [2]int{a, t - a}
}

// dilate puts s−1 zeros between the entries along an axis.
func dilate(x *gx.Node, axis, s int) *gx.Node {
	if s == 1 {
		return x
	}
	dims := slices.Clone(x.Shape().Dimensions)
	n := dims[axis]
	x = gx.InsertAxes(x, axis+1)
	x = gx.Concatenate([]*gx.Node{x, zeros(x, axis+1, s-1, false)}, axis+1)
	dims[axis] = n * s
	x = gx.Reshape(x, dims...)
	return gx.SliceAxis(x, axis, gx.AxisRange(0, (n-1)*s+1))
}

type convTranspose struct {
	Convolution
	gains
	names
}

// Op implements Layer.
func (*convTranspose) Op() string { return "conv_transpose" }

func (l *convTranspose) shape(_ *check, in []int) ([]int, error) {
	if err := l.validate(l.gains, in); err != nil {
		return nil, err
	}
	if err := ungrouped(l.Convolution); err != nil {
		return nil, err
	}
	spatial, win := in[:len(in)-1], l.window()
	if _, err := win.out(slices.Repeat([]int{maxSize / 2}, len(spatial))); err != nil { // fields alone
		return nil, err
	}
	if l.Padding == Circular {
		return nil, fmt.Errorf("padding is CIRCULAR; a transposed convolution has SAME or VALID")
	}
	out := make([]int, len(spatial), len(in))
	for i, n := range spatial {
		p := transposePads(l.Padding, win.size[i], win.strides[i])
		out[i] = (n-1)*win.strides[i] + 1 + p[0] + p[1] - win.size[i] + 1
	}
	return append(out, l.Width), nil
}

// ungrouped refuses what only plain convolutions have.
func ungrouped(c Convolution) error {
	if c.groups() != 1 {
		return fmt.Errorf("groups is %d; only conv has groups", c.Groups)
	}
	if slices.ContainsFunc(c.Dilation, func(d int) bool { return d != 1 }) {
		return fmt.Errorf("dilation is %v; only conv has dilation", c.Dilation)
	}
	return nil
}

func (l *convTranspose) arrays(in []int) []array {
	dims, _ := l.filter(in[len(in)-1])
	return l.gains.arrays(dims, l.Width)
}

func (l *convTranspose) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, l.gains)
	return ConvTranspose(ctx, x, l.Convolution, w)
}

// ConvLocal is a convolution with its own filter and bias at every output position.
//
// Shapes: x [n, spatial…, in], W [spatial'…, taps, in, width], b [spatial'…,
// width], z [n, spatial'…, width], taps being the filter's in C order. Groups
// and dilation must be 1.
func ConvLocal(ctx *mlctx.Context, x *gx.Node, c Convolution, w Weights) *gx.Node {
	win := c.window()
	spatial := spatialDims(x)
	out, err := win.out(spatial)
	if err != nil {
		panic(fmt.Errorf("models: local convolution: %w", err))
	}
	x, pads := win.apply(x)
	patches := stackTaps(padWith(x, pads, zeros), win, out) // [n, spatial'…, taps, in]

	in, taps, n := x.Shape().Dim(-1), product(c.Filter), len(out)
	s, d := w.matrix(w.WStd, taps*in, c.Width)
	matrices := weight(ctx, x, "W", blockwise(d), append(slices.Clone(out), taps, in, c.Width)...)
	var position, positionW, toFront []int
	for i := range n {
		position, positionW, toFront = append(position, i+1), append(positionW, i), append(toFront, i)
	}
	z := gx.DotGeneral(patches, []int{n + 1, n + 2}, position, matrices, []int{n, n + 1}, positionW)
	z = gx.TransposeAllAxes(z, append(append([]int{n}, toFront...), n+1)...)
	return addBias(ctx, scale(z, s), taps*in, w, append(slices.Clone(out), c.Width)...)
}

// stackTaps returns what each tap of the filter sees: [n, out…, taps, c].
func stackTaps(x *gx.Node, win window, out []int) *gx.Node {
	taps := make([]*gx.Node, product(win.size))
	for t := range taps {
		specs := make([]gx.SliceAxisSpec, x.Rank())
		specs[0], specs[len(specs)-1] = gx.AxisRange(), gx.AxisRange()
		rest := t
		for i := len(win.size) - 1; i >= 0; i-- {
			start := rest % win.size[i]
			rest /= win.size[i]
			specs[i+1] = gx.AxisRange(start, start+(out[i]-1)*win.strides[i]+1).Stride(win.strides[i])
		}
		taps[t] = gx.Slice(x, specs...)
	}
	return gx.Stack(taps, x.Rank()-1)
}

type convLocal struct {
	Convolution
	gains
	names
}

// Op implements Layer.
func (*convLocal) Op() string { return "conv_local" }

func (l *convLocal) shape(_ *check, in []int) ([]int, error) {
	if err := l.validate(l.gains, in); err != nil {
		return nil, err
	}
	if err := ungrouped(l.Convolution); err != nil {
		return nil, err
	}
	if product(l.Filter) > maxTaps {
		return nil, fmt.Errorf("filter is %v; a local convolution's has at most %d positions", l.Filter, maxTaps)
	}
	out, err := l.window().out(in[:len(in)-1])
	return append(out, l.Width), err
}

func (l *convLocal) arrays(in []int) []array {
	out, err := l.window().out(in[:len(in)-1])
	if err != nil { // shape reports it
		return nil
	}
	bias := append(slices.Clone(out), l.Width)
	return l.gains.arrays(append(slices.Clone(out), product(l.Filter), in[len(in)-1], l.Width), bias...)
}

func (l *convLocal) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, l.gains)
	return ConvLocal(ctx, x, l.Convolution, w)
}
