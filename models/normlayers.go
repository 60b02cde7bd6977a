package models

import (
	"fmt"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// normFields are common to all norms.
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
	return []array{{name: "scale", dims: c, gain: 1}, {name: "shift", dims: c}}
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

// rmsNorm has a scale and no shift.
type rmsNorm struct {
	Axis []int `json:"axis"`
	normFields
}

// Op implements Layer.
func (*rmsNorm) Op() string { return "rms_norm" }

func (l *rmsNorm) shape(_ *check, in []int) ([]int, error) {
	if err := l.normFields.check(); err != nil {
		return nil, err
	}
	_, err := batchedAxes(l.Axis, in)
	return in, err
}

func (l *rmsNorm) arrays(in []int) []array {
	if a := l.normFields.arrays(in); a != nil {
		return a[:1]
	}
	return nil
}

func (l *rmsNorm) build(b *builder, x *gx.Node) *gx.Node {
	return RMSNorm(b.scope(l), x, l.Eps, l.Affine, l.Axis...)
}

type groupNorm struct {
	Groups int `json:"groups" spec:"required"`
	normFields
}

// Op implements Layer.
func (*groupNorm) Op() string { return "group_norm" }

func (l *groupNorm) shape(_ *check, in []int) ([]int, error) {
	if c := in[len(in)-1]; l.Groups < 1 || c%l.Groups != 0 {
		return nil, fmt.Errorf("groups is %d; it must divide the %d channels", l.Groups, c)
	}
	return in, l.normFields.check()
}

func (l *groupNorm) build(b *builder, x *gx.Node) *gx.Node {
	return GroupNorm(b.scope(l), x, l.Groups, l.Eps, l.Affine)
}

// batchNorm uses the statistics of the batch at hand always (train, the
// default), or only in graphs that train and running ones in others (running).
type batchNorm struct {
	Mode string `json:"mode,omitempty"`
	normFields
}

// Op implements Layer.
func (*batchNorm) Op() string { return "batch_norm" }

func (l *batchNorm) shape(_ *check, in []int) ([]int, error) {
	switch l.Mode {
	case "", "train", "running":
	default:
		return nil, fmt.Errorf("unknown mode %q%s; known are train, running", l.Mode, didYouMean(l.Mode, []string{"train", "running"}))
	}
	return in, l.normFields.check()
}

func (l *batchNorm) arrays(in []int) []array {
	a := l.normFields.arrays(in)
	if l.Mode != "running" {
		return a
	}
	c := in[len(in)-1:]
	return append(a, array{name: "mean", dims: c, frozen: true}, array{name: "variance", dims: c, gain: 1, frozen: true})
}

func (l *batchNorm) build(b *builder, x *gx.Node) *gx.Node {
	if l.Mode == "running" {
		return BatchNormRunning(b.scope(l), x, l.Eps, l.Affine)
	}
	return BatchNorm(b.scope(l), x, l.Eps, l.Affine)
}
