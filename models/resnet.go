package models

import "slices"

// resnet18 is the pre-activation ResNet of He et al. (arXiv 1603.05027) for
// images of 32 × 32: a 3×3 stem, four stages of c.Depth blocks with widths c.Width · 1,
// 2, 4, 8, all but the first halving the image, global average pooling. With
// two blocks a stage it is ResNet-18. Where a block changes the shape its
// shortcut is a 1×1 convolution.
func resnet18(norm string) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		if err := needImages(c); err != nil {
			return nil, err
		}
		if norm != "" {
			c.Norm = norm
		}
		width := c.Width
		ls := []Layer{c.conv3()}
		for stage := range 4 {
			for block := range c.Depth {
				stride, changes := 1, block == 0 && stage > 0
				if changes {
					stride = 2
				}
				c.Width = width << stage
				r := &residual{Main: c.hidden(nil)}
				r.Main = append(r.Main, c.strided(3, stride))
				r.Main = append(c.hidden(r.Main), c.conv3())
				if changes {
					r.Shortcut = []Layer{c.strided(1, stride)}
				}
				ls = append(ls, r)
			}
		}
		ls = c.hidden(ls)
		return append(append(ls, averaged(c)...), c.dense(c.Outputs)), nil
	}
}

// strided is a SAME convolution with filters of the given size and stride.
func (c Config) strided(size, stride int) Layer {
	n := max(0, len(c.InputShape)-1)
	return &conv{Convolution: Convolution{
		Width: c.Width, Filter: slices.Repeat([]int{size}, n), Strides: slices.Repeat([]int{stride}, n), Padding: Same,
	}, gains: c.gains()}
}
