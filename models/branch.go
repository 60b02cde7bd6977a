package models

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// residual is main(x) + shortcut(x); an empty list is the identity.
type residual struct {
	Main     layerList `json:"main" spec:"required"`
	Shortcut layerList `json:"shortcut"`
	noArrays
}

// Op implements Layer.
func (*residual) Op() string { return "residual" }

func (l *residual) shape(c *check, in []int) ([]int, error) {
	outs, err := c.branches(in, []string{"main", "shortcut"}, l.Main, l.Shortcut)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(outs[0], outs[1]) {
		return nil, fmt.Errorf("main gives %v and shortcut %v; they must agree to be added", outs[0], outs[1])
	}
	return outs[0], nil
}

func (l *residual) build(b *builder, x *gx.Node) *gx.Node {
	return gx.Add(b.sequence(l.Main, x), b.sequence(l.Shortcut, x))
}

// concat joins its branches' outputs along an axis.
type concat struct {
	Axis     int         `json:"axis"`
	Branches []layerList `json:"branches" spec:"required"`
	noArrays
}

// Op implements Layer.
func (*concat) Op() string { return "concat" }

func (l *concat) shape(c *check, in []int) ([]int, error) {
	outs, err := c.branches(in, nil, l.Branches...)
	if err != nil {
		return nil, err
	}
	axes, err := batchedAxes([]int{l.Axis}, outs[0])
	if err != nil {
		return nil, err
	}
	at := axes[0] - 1
	out := slices.Clone(outs[0])
	for i, o := range outs[1:] {
		rest := slices.Clone(o)
		if len(o) == len(out) {
			rest[at] = out[at]
		}
		if !slices.Equal(rest, out) {
			return nil, fmt.Errorf("branch 0 gives %v and branch %d %v; they must agree but along axis %d", outs[0], i+1, o, l.Axis)
		}
	}
	for _, o := range outs[1:] {
		out[at] += o[at]
	}
	return out, nil
}

func (l *concat) build(b *builder, x *gx.Node) *gx.Node {
	return gx.Concatenate(b.branches(l.Branches, x), l.Axis)
}

// glu halves the channels into a, b and returns a ⊙ φ(b): with the sigmoid,
// the gated linear unit.
//
// Source: Dauphin et al., arXiv 1612.08083, eq. (1).
type glu struct {
	Activation string `json:"activation"`
	noArrays
}

// Op implements Layer.
func (*glu) Op() string { return "glu" }

func (l *glu) shape(_ *check, in []int) ([]int, error) {
	if c := in[len(in)-1]; c%2 != 0 {
		return nil, fmt.Errorf("its input %v has %d channels, which cannot be halved", in, c)
	}
	if _, err := activation(l.Activation); err != nil {
		return nil, err
	}
	out := slices.Clone(in)
	out[len(out)-1] /= 2
	return out, nil
}

func (l *glu) build(b *builder, x *gx.Node) *gx.Node {
	act, err := activation(l.Activation)
	if err != nil { // shape checked it
		panic(err)
	}
	halves := gx.Split(x, -1, 2)
	return gx.Mul(halves[0], act.build(b, halves[1]))
}

// prod multiplies its branches' outputs elementwise.
type prod struct {
	Branches []layerList `json:"branches" spec:"required"`
	noArrays
}

// Op implements Layer.
func (*prod) Op() string { return "prod" }

func (l *prod) shape(c *check, in []int) ([]int, error) {
	outs, err := c.branches(in, nil, l.Branches...)
	if err != nil {
		return nil, err
	}
	for i, o := range outs {
		if !slices.Equal(o, outs[0]) {
			return nil, fmt.Errorf("branch 0 gives %v and branch %d %v; they must agree to be multiplied", outs[0], i, o)
		}
	}
	return outs[0], nil
}

func (l *prod) build(b *builder, x *gx.Node) *gx.Node {
	outs := b.branches(l.Branches, x)
	y := outs[0]
	for _, o := range outs[1:] {
		y = gx.Mul(y, o)
	}
	return y
}
