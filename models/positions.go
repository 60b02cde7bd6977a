package models

import (
	"fmt"
	"math"
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// imageResize resizes the spatial axes to shape, with half-pixel centres: a
// fixed matrix along each axis.
type imageResize struct {
	Shape     []int  `json:"shape" spec:"required"`
	Method    string `json:"method"`
	Antialias bool   `json:"antialias"`
	noArrays
}

// Op implements Layer.
func (*imageResize) Op() string { return "image_resize" }

func (l *imageResize) shape(c *check, in []int) ([]int, error) {
	if len(l.Shape) != len(in)-1 {
		return nil, fmt.Errorf("shape is %v for %d spatial axes", l.Shape, len(in)-1)
	}
	if err := c.size("the result", l.Shape); err != nil {
		return nil, err
	}
	if l.Method != "linear" && l.Method != "nearest" {
		return nil, fmt.Errorf("unknown method %q%s; known are linear, nearest", l.Method, didYouMean(l.Method, []string{"linear", "nearest"}))
	}
	for i, out := range l.Shape {
		if product([]int{out, in[i]}) > maxMatrix {
			return nil, fmt.Errorf("resizing %v to %v needs a matrix of more than %d entries", in[:len(in)-1], l.Shape, maxMatrix)
		}
	}
	return append(slices.Clone(l.Shape), in[len(in)-1]), nil
}

func (l *imageResize) build(_ *builder, x *gx.Node) *gx.Node {
	for i, out := range l.Shape {
		if in := x.Shape().Dim(i + 1); in != out {
			x = alongAxis(x, i+1, constant(x, l.matrix(in, out), out, in))
		}
	}
	return x
}

// alongAxis multiplies an axis of x by the matrix m [out, in].
func alongAxis(x *gx.Node, axis int, m *gx.Node) *gx.Node {
	return lastTo(gx.DotGeneral(x, []int{axis}, nil, m, []int{1}, nil), axis)
}

// lastTo moves the last axis of x, where DotGeneral leaves a new one, to axis.
func lastTo(x *gx.Node, axis int) *gx.Node {
	perm := make([]int, 0, x.Rank())
	for i := range x.Rank() - 1 {
		perm = append(perm, i)
	}
	return gx.TransposeAllAxes(x, slices.Insert(perm, axis, x.Rank()-1)...)
}

// matrix returns the weights [out, in] of a resized axis, in C order. Linear:
// triangles max(0, 1 − |d|/max(1, in/out)), normalized to sum 1, without
// antialias of width 1. Nearest: the position ⌊(i+½)·in/out⌋.
func (l *imageResize) matrix(in, out int) []float64 {
	m := make([]float64, out*in)
	ratio := float64(in) / float64(out)
	for i := range out {
		row := m[i*in : (i+1)*in]
		if l.Method == "nearest" {
			row[min((2*i+1)*in/(2*out), in-1)] = 1
			continue
		}
		width := 1.0
		if l.Antialias {
			width = max(1, ratio)
		}
		sum, at := 0.0, (float64(i)+0.5)*ratio-0.5
		for j := range row {
			row[j] = max(0, 1-math.Abs(float64(j)-at)/width)
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
	}
	return m
}

// slice takes [start, stop, step] of each spatial axis.
type slice struct {
	Spatial [][3]int `json:"spatial" spec:"required"`
	noArrays
}

// Op implements Layer.
func (*slice) Op() string { return "slice" }

func (l *slice) shape(_ *check, in []int) ([]int, error) {
	if len(l.Spatial) != len(in)-1 {
		return nil, fmt.Errorf("spatial has %d ranges for %d spatial axes", len(l.Spatial), len(in)-1)
	}
	out := slices.Clone(in)
	for i, r := range l.Spatial {
		if r[0] < 0 || r[1] <= r[0] || r[1] > in[i] || r[2] < 1 {
			return nil, fmt.Errorf("spatial[%d] is %v; it must be [start, stop, step] with 0 ≤ start < stop ≤ %d and step ≥ 1", i, r, in[i])
		}
		out[i] = (r[1]-r[0]-1)/r[2] + 1
	}
	return out, nil
}

func (l *slice) build(_ *builder, x *gx.Node) *gx.Node {
	specs := []gx.SliceAxisSpec{gx.AxisRange()}
	for _, r := range l.Spatial {
		specs = append(specs, gx.AxisRange(r[0], r[1]).Stride(r[2]))
	}
	return gx.Slice(x, append(specs, gx.AxisRange())...)
}

// aggregate sums over the nodes of a graph, out[j] = Σ_i pattern[i, j] x[i],
// pattern [n, V, V] being an input of the model.
type aggregate struct {
	Axis    int    `json:"axis"`
	Pattern string `json:"pattern"`
	noArrays
}

// Op implements Layer.
func (*aggregate) Op() string { return "aggregate" }

func (l *aggregate) shape(c *check, in []int) ([]int, error) {
	axes, err := batchedAxes([]int{l.Axis}, in)
	if err != nil {
		return nil, err
	}
	v := in[axes[0]-1]
	if l.Pattern == "" || l.Pattern == "x" {
		return nil, fmt.Errorf("pattern is %q; it must name an input other than x", l.Pattern)
	}
	for _, known := range c.inputs {
		if known.Name != l.Pattern {
			continue
		}
		if !slices.Equal(known.Shape, []int{v, v}) {
			return nil, fmt.Errorf("pattern %q has shape %v already, here it would be [%d %d]", l.Pattern, known.Shape, v, v)
		}
		return in, nil
	}
	c.inputs = append(c.inputs, InputInfo{l.Pattern, []int{v, v}})
	return in, nil
}

func (l *aggregate) build(b *builder, x *gx.Node) *gx.Node {
	axis := gx.AdjustAxisToOperandRank(x, l.Axis)
	return lastTo(gx.DotGeneral(x, []int{axis}, []int{0}, b.inputs[l.Pattern], []int{1}, []int{0}), axis)
}
