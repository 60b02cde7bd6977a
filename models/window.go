package models

import (
	"fmt"
	"slices"
	"strings"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// A Padding says what a window sees beyond the borders. GoMLX's own PadSame
// ignores strides, so amounts are always computed here.
type Padding string

// Paddings. An empty Padding is Valid.
const (
	Valid    Padding = "VALID"    // none
	Same     Padding = "SAME"     // zeros; ⌈in/stride⌉ outputs, the odd one behind
	Circular Padding = "CIRCULAR" // the amounts of Same, filled periodically
)

// amounts returns the padding before and after an axis of size in for a filter
// of size k:
//
//	out = ⌈in/stride⌉, total = max((out−1)·stride + (k−1)·dilation + 1 − in, 0),
//
// total/2, rounded down, of it before.
func (p Padding) amounts(in, k, stride, dilation int) [2]int {
	if p == Valid || p == "" {
		return [2]int{}
	}
	out := (in + stride - 1) / stride
	total := max((out-1)*stride+(k-1)*dilation+1-in, 0)
	return [2]int{total / 2, total - total/2}
}

// A window slides over spatial axes.
type window struct {
	size, strides, dilation []int
	padding                 Padding
}

// out returns the spatial shape of the output.
func (w window) out(spatial []int) ([]int, error) {
	n := len(spatial)
	for _, f := range []struct {
		name string
		v    []int
	}{{"the window", w.size}, {"strides", w.strides}, {"dilation", w.dilation}} {
		if len(f.v) != n {
			return nil, fmt.Errorf("%s has %d sizes for %d spatial axes", f.name, len(f.v), n)
		}
		for _, v := range f.v {
			if v < 1 || v > maxSize {
				return nil, fmt.Errorf("%s is %v; sizes must be from 1 to %d", f.name, f.v, maxSize)
			}
		}
	}
	switch w.padding {
	case Valid, Same, Circular, "":
	default:
		all := []string{string(Valid), string(Same), string(Circular)}
		return nil, fmt.Errorf("unknown padding %q%s; known are %s", w.padding, didYouMean(string(w.padding), all), strings.Join(all, ", "))
	}
	out := make([]int, n)
	for i, in := range spatial {
		p := w.pads(spatial)[i]
		span := (w.size[i]-1)*w.dilation[i] + 1
		padded := in + p[0] + p[1]
		if padded > maxSize {
			return nil, fmt.Errorf("the padded axis %d has %d positions, more than %d", i, padded, maxSize)
		}
		if span > padded {
			return nil, fmt.Errorf("the window spans %d positions of axis %d, which has %d", span, i, padded)
		}
		out[i] = (padded-span)/w.strides[i] + 1
	}
	return out, nil
}

// pads returns the amounts for every spatial axis.
func (w window) pads(spatial []int) [][2]int {
	p := make([][2]int, len(spatial))
	for i, in := range spatial {
		p[i] = w.padding.amounts(in, w.size[i], w.strides[i], w.dilation[i])
	}
	return p
}

// apply pads x itself where no op of XLA's does it, and returns the amounts
// that remain.
func (w window) apply(x *gx.Node) (padded *gx.Node, rest [][2]int) {
	spatial := spatialDims(x)
	p := w.pads(spatial)
	if w.padding != Circular {
		return x, p
	}
	return padWith(x, p, wrapAround), make([][2]int, len(spatial))
}

// padWith extends the spatial axes of x by concatenation, which every backend
// can differentiate; Pad is not.
func padWith(x *gx.Node, amounts [][2]int, fill func(x *gx.Node, axis, n int, before bool) *gx.Node) *gx.Node {
	for i, p := range amounts {
		axis := i + 1
		parts := []*gx.Node{x}
		if p[0] > 0 {
			parts = slices.Insert(parts, 0, fill(x, axis, p[0], true))
		}
		if p[1] > 0 {
			parts = append(parts, fill(x, axis, p[1], false))
		}
		if len(parts) > 1 {
			x = gx.Concatenate(parts, axis)
		}
	}
	return x
}

// wrapAround returns the n entries before or after x on a periodic axis.
func wrapAround(x *gx.Node, axis, n int, before bool) *gx.Node {
	size := x.Shape().Dim(axis)
	var parts []*gx.Node
	for range n / size {
		parts = append(parts, x)
	}
	if r := n % size; r > 0 && before {
		parts = slices.Insert(parts, 0, gx.SliceAxis(x, axis, gx.AxisRange(size-r, size)))
	} else if r > 0 {
		parts = append(parts, gx.SliceAxis(x, axis, gx.AxisRange(0, r)))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return gx.Concatenate(parts, axis)
}

// zeros returns n zeros along an axis of x.
func zeros(x *gx.Node, axis, n int, _ bool) *gx.Node {
	dims := slices.Clone(x.Shape().Dimensions)
	dims[axis] = n
	return gx.Zeros(x.Graph(), shapes.Make(x.DType(), dims...))
}

// spatialDims returns the axes of x between batch and channels.
func spatialDims(x *gx.Node) []int {
	d := x.Shape().Dimensions
	return d[1 : len(d)-1]
}
