package models

// resnet is a small residual network whose blocks keep the shape.
func resnet(c Config) ([]Layer, error) {
	if err := needImages(c); err != nil {
		return nil, err
	}
	conv3 := func() Layer { return c.convolution(c.Width, 3, 1, c.unbiased()) }
	ls := []Layer{conv3()}
	for range c.Depth {
		var main []Layer
		for range 2 {
			main = append(c.hidden(main), conv3())
		}
		ls = append(ls, &residual{Main: main})
	}
	ls = c.hidden(ls)
	return append(append(ls, averaged(c)...), c.dense(c.Outputs)), nil
}

// residualStages is the pre-activation ResNet of He et al. (arXiv 1603.05027) for
// images of 32 × 32: a 3×3 stem, stages of blocks with widths c.Width · 1, 2, 4,
// …, all but the first halving the image, norm, activation, global average
// pooling. Where a block changes the shape its shortcut is a 1×1 convolution of
// the block's input.
type residualStages struct {
	// stem is the width of the first convolution; 0 means c.Width.
	stem int
	// blocks of each stage where c.Depth is 0; nil means four stages.
	blocks []int
	// bottleneck: blocks of 1×1, 3×3, 1×1 convolutions with four times the width
	// outside, in place of two of 3×3.
	bottleneck bool
}

func (r residualStages) layers(c Config) ([]Layer, error) {
	if err := needImages(c); err != nil {
		return nil, err
	}
	if r.blocks == nil {
		r.blocks = []int{c.Depth, c.Depth, c.Depth, c.Depth}
	} else {
		r.blocks = c.repeats(r.blocks)
	}
	width := r.stem
	if width == 0 {
		width = c.Width
	}
	ls := []Layer{c.convolution(width, 3, 1, c.unbiased())}
	for stage, blocks := range r.blocks {
		for block := range blocks {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			var l *residual
			l, width = r.block(c, width, c.Width<<stage, stride)
			ls = append(ls, l)
		}
	}
	ls = c.hidden(ls)
	return append(append(ls, averaged(c)...), c.dense(c.Outputs)), nil
}

// block returns a residual block of the given inner width, and its outer one.
func (r residualStages) block(c Config, in, width, stride int) (*residual, int) {
	type convolution struct{ width, size, stride int }
	inner, out := []convolution{{width, 3, stride}, {width, 3, 1}}, width
	if r.bottleneck {
		out = 4 * width
		inner = []convolution{{width, 1, 1}, {width, 3, stride}, {out, 1, 1}}
	}
	l := new(residual)
	for _, v := range inner {
		l.Main = append(c.hidden(l.Main), c.convolution(v.width, v.size, v.stride, c.unbiased()))
	}
	if in != out || stride != 1 {
		l.Shortcut = []Layer{c.convolution(out, 1, stride, c.unbiased())}
	}
	return l, out
}

// wideResnet is that of Zagoruyko and Komodakis (arXiv 1605.07146, table 1): a
// stem of 16 channels and three stages.
func wideResnet(c Config) ([]Layer, error) {
	return residualStages{stem: 16, blocks: []int{c.Depth, c.Depth, c.Depth}}.layers(c)
}

// densenet is the DenseNet-BC of Huang et al. (arXiv 1608.06993, section 3) for
// images of 32 × 32: a 3×3 stem of twice the growth rate, three blocks whose every
// layer (1×1 to four times the growth rate, 3×3) appends its channels to its
// input, between them a 1×1 convolution to half the channels and a 2×2 average
// pool.
func densenet(c Config) ([]Layer, error) {
	if err := needImages(c); err != nil {
		return nil, err
	}
	g := c.unbiased()
	channels := 2 * c.Width
	sides := append([]int{}, c.InputShape[:len(c.InputShape)-1]...)
	ls := []Layer{c.convolution(channels, 3, 1, g)}
	for block := range 3 {
		if block > 0 {
			channels /= 2
			ls = append(c.hidden(ls), c.convolution(channels, 1, 1, g))
			ls = halved(ls, sides, false)
		}
		for range c.Depth {
			grown := append(c.hidden(nil), c.convolution(4*c.Width, 1, 1, g))
			grown = append(c.hidden(grown), c.convolution(c.Width, 3, 1, g))
			ls = append(ls, &concat{Axis: -1, Branches: []layerList{{}, grown}})
			channels += c.Width
		}
	}
	ls = c.hidden(ls)
	return append(append(ls, averaged(c)...), c.dense(c.Outputs)), nil
}
