package models

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A Convolution configures [Conv], [ConvTranspose] and [ConvLocal].
type Convolution struct {
	// Width is the number of output channels.
	Width int `json:"width" spec:"required"`
	// Filter holds the filter's size along each spatial axis.
	Filter []int `json:"filter" spec:"required"`
	// Strides, per axis; empty means 1.
	Strides []int `json:"strides,omitempty"`
	// Padding; empty means none.
	Padding Padding `json:"padding,omitempty"`
	// Groups divides input and output channels; 0 means 1.
	Groups int `json:"groups,omitempty"`
	// Dilation of the filter, per axis; empty means 1.
	Dilation []int `json:"dilation,omitempty"`
}

func (c Convolution) window() window {
	one := slices.Repeat([]int{1}, len(c.Filter))
	w := window{c.Filter, c.Strides, c.Dilation, c.Padding}
	if len(w.strides) == 0 {
		w.strides = one
	}
	if len(w.dilation) == 0 {
		w.dilation = one
	}
	return w
}

func (c Convolution) groups() int { return max(1, c.Groups) }

// filter returns the shape of W for inputs of so many channels, and the fan-in.
func (c Convolution) filter(channels int) (dims []int, fanIn int) {
	dims = append(slices.Clone(c.Filter), channels/c.groups(), c.Width)
	return dims, product(dims[:len(dims)-1])
}

// Conv is a cross-correlation over x's spatial axes, the filter not flipped:
//
//	z = s·W ⋆ x + s_b·b.
//
// Shapes: x [n, spatial…, in], W [filter…, in/groups, width], b [width], z [n,
// spatial'…, width]; fan-in is the size of the filter times in/groups. The
// variables are W and b of ctx's scope.
func Conv(ctx *mlctx.Context, x *gx.Node, c Convolution, w Weights) *gx.Node {
	win := c.window()
	x, pads := win.apply(x)
	return convolve(ctx, x, c, win.strides, pads, w)
}

// convolve is Conv after padding; the other kinds of convolution end here too.
func convolve(ctx *mlctx.Context, x *gx.Node, c Convolution, strides []int, pads [][2]int, w Weights) *gx.Node {
	dims, fanIn := c.filter(x.Shape().Dim(-1))
	s, d := w.matrix(w.WStd, fanIn, c.Width)
	n := len(c.Filter)
	z := gx.ConvGeneral(x, weight(ctx, x, "W", w.filters(d), dims...), channelsLast(n), strides, pads, nil, c.Dilation, c.groups(), 1)
	return addBias(ctx, scale(z, s), fanIn, w, c.Width)
}

// channelsLast is the layout N, spatial, C with filters spatial, I, O.
func channelsLast(n int) backends.ConvolveAxesConfig {
	from := func(a int) []int {
		s := make([]int, n)
		for i := range s {
			s[i] = a + i
		}
		return s
	}
	return backends.ConvolveAxesConfig{
		InputBatch: 0, InputSpatial: from(1), InputChannels: n + 1,
		KernelSpatial: from(0), KernelInputChannels: n, KernelOutputChannels: n + 1,
		OutputBatch: 0, OutputSpatial: from(1), OutputChannels: n + 1,
	}
}

type conv struct {
	Convolution
	gains
	names
}

// Op implements Layer.
func (*conv) Op() string { return "conv" }

func (l *conv) shape(c *check, in []int) ([]int, error) {
	if err := l.validate(l.gains, in); err != nil {
		return nil, err
	}
	if f := c.spec.Initializer; l.groups() > 1 && (f == graph.Orthogonal || f == graph.DeltaOrthogonal) {
		return nil, fmt.Errorf("groups is %d; initializer %s is for convolutions without groups", l.Groups, f)
	}
	out, err := l.window().out(in[:len(in)-1])
	return append(out, l.Width), err
}

// validate checks what all convolutions have in common.
func (c Convolution) validate(g gains, in []int) error {
	if len(in) < 2 {
		return fmt.Errorf("its input %v has no spatial axis; a convolution needs positions and channels", in)
	}
	if err := positive("width", c.Width); err != nil {
		return err
	}
	if c.Groups < 0 || c.Width%c.groups() != 0 || in[len(in)-1]%c.groups() != 0 {
		return fmt.Errorf("groups is %d; it must divide the %d input channels and the width %d", c.Groups, in[len(in)-1], c.Width)
	}
	return g.check()
}

func (l *conv) arrays(in []int) []array {
	dims, _ := l.filter(in[len(in)-1])
	return l.gains.arrays(dims, l.Width)
}

func (l *conv) build(b *builder, x *gx.Node) *gx.Node {
	ctx, w := b.weights(l, l.gains)
	return Conv(ctx, x, l.Convolution, w)
}
