package onnx

import (
	"slices"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// A window slides over the spatial axes of a value [N, C, spatial…].
type window struct {
	size, strides, dilations []int
	pads                     [][2]int
	out                      []int // spatial shape of the result
}

// window reads the attributes that convolutions and pools share.
//
// Source: ONNX, Conv and MaxPool, "auto_pad" and "ceil_mode".
func (c *call) window(spatial, size []int, ceilMode bool) window {
	n := len(spatial)
	w := window{size: size, strides: c.perAxis("strides", n, 1), dilations: c.perAxis("dilations", n, 1), pads: make([][2]int, n), out: make([]int, n)}
	if given := c.integers("kernel_shape"); given != nil && !slices.Equal(given, size) {
		c.fail("attribute kernel_shape is %v, the filter's is %v", given, size)
	}
	pads := c.integers("pads")
	if pads != nil && len(pads) != 2*n {
		c.fail("attribute pads has %d numbers for %d spatial axes", len(pads), n)
	}
	auto := c.text("auto_pad", "NOTSET")
	for i, in := range spatial {
		if w.size[i] < 1 || w.strides[i] < 1 || w.dilations[i] < 1 {
			c.fail("kernel_shape %v, strides %v, dilations %v: want positive numbers", w.size, w.strides, w.dilations)
		}
		span := (w.size[i]-1)*w.dilations[i] + 1
		switch auto {
		case "NOTSET":
			if pads != nil {
				w.pads[i] = [2]int{pads[i], pads[n+i]}
			}
		case "VALID":
		case "SAME_UPPER", "SAME_LOWER":
			total := max(((in+w.strides[i]-1)/w.strides[i]-1)*w.strides[i]+span-in, 0)
			w.pads[i] = [2]int{total / 2, total - total/2}
			if auto == "SAME_LOWER" {
				w.pads[i] = [2]int{total - total/2, total / 2}
			}
		default:
			c.fail("attribute auto_pad is %q; want NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
		}
		if w.pads[i][0] < 0 || w.pads[i][1] < 0 {
			c.fail("attribute pads is %v; want none below 0", pads)
		}
		padded := in + w.pads[i][0] + w.pads[i][1]
		if span > padded {
			c.fail("the window spans %d positions of spatial axis %d, which has %d", span, i, padded)
		}
		w.out[i] = (padded-span)/w.strides[i] + 1
		if ceilMode {
			// A window more, unless it would start behind the border.
			if up := (padded-span+w.strides[i]-1)/w.strides[i] + 1; up > w.out[i] && (up-1)*w.strides[i] < in+w.pads[i][0] {
				w.out[i] = up
			}
		}
	}
	return w
}

func (c *call) perAxis(name string, n, otherwise int) []int {
	v := c.integers(name)
	if v == nil {
		return slices.Repeat([]int{otherwise}, n)
	}
	if len(v) != n {
		c.fail("attribute %s has %d numbers for %d spatial axes", name, len(v), n)
	}
	return v
}

// images returns input 0, which must have batch, channels and spatial axes.
func (c *call) images() (x *gx.Node, spatial []int) {
	x = c.x(0)
	if x.Rank() < 3 {
		c.fail("the input has shape %v; want batch, channels and spatial axes", x.Shape().Dimensions)
	}
	return x, x.Shape().Dimensions[2:]
}
