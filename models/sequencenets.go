package models

import "fmt"

// patches cuts an image into squares: a token of c.Width features for each.
func (c Config) patches() (ls []Layer, tokenCount int, err error) {
	if len(c.InputShape) != 3 {
		return nil, 0, fmt.Errorf("a network of patches needs images, such as [32 32 3], not %v", c.InputShape)
	}
	h, w := c.InputShape[0], c.InputShape[1]
	side := c.Patch
	switch {
	case side == 0 && min(h, w) < 64:
		side = 4
	case side == 0:
		side = 16
	}
	if side > min(h, w) {
		return nil, 0, fmt.Errorf("patch is %d, larger than the images, %d × %d", side, h, w)
	}
	l := c.convolution(c.Width, side, side, c.biased())
	l.Padding = Valid
	return []Layer{l, new(tokens)}, (h / side) * (w / side), nil
}

// perceptron is the residual block norm, dense, activation, dense, along an axis
// or, with nil, the channels.
func (c Config) perceptron(axis *int, hidden, width int) Layer {
	along := func(width int) Layer { return &dense{Width: width, gains: c.biased(), Axis: axis} }
	main := c.activated(append(c.normed(nil), along(hidden)))
	return &residual{Main: append(main, along(width))}
}

// mixer is the MLP-Mixer of Tolstikhin et al. (arXiv 2105.01601, section 2): per
// layer a perceptron along the tokens, with half as many hidden features as
// there are channels, and one along the channels, with four times as many.
func mixer(c Config) ([]Layer, error) {
	ls, count, err := c.patches()
	if err != nil {
		return nil, err
	}
	along := 1
	for range c.Depth {
		ls = append(ls, c.perceptron(&along, max(1, c.Width/2), count), c.perceptron(nil, 4*c.Width, c.Width))
	}
	return append(append(c.normed(ls), averaged(c)...), c.dense(c.Outputs)), nil
}

// transformed appends Depth pre-norm transformer layers and a norm: attention, and
// a perceptron of four times the width.
//
// Source: Vaswani et al., arXiv 1706.03762, section 3; norms in front as in Xiong
// et al., arXiv 2002.04745.
func (c Config) transformed(ls []Layer, linear bool) ([]Layer, error) {
	n, features, err := c.heads()
	if err != nil {
		return nil, err
	}
	for range c.Depth {
		a := newSelfAttention().(*selfAttention)
		a.Width, a.Heads, a.NKey, a.NVal, a.LinearScaling = c.Width, n, features, features, linear
		if b := c.biased().BStd; b != nil {
			a.BStd = b
			if !linear {
				a.QKVBStd = b
			}
		}
		ls = append(ls, &residual{Main: append(c.normed(nil), a)}, c.perceptron(nil, 4*c.Width, c.Width))
	}
	return c.normed(ls), nil
}

// visionTransformer is the ViT of Dosovitskiy et al. (arXiv 2010.11929, section
// 3.1) in the sizes of Touvron et al. (arXiv 2012.12877, table 1): a class token,
// trained positions, and the class token's features at the end.
func visionTransformer(c Config) ([]Layer, error) {
	ls, _, err := c.patches()
	if err != nil {
		return nil, err
	}
	ls = append(ls, &classToken{Std: 1}, &positionEmbedding{Std: 1})
	if ls, err = c.transformed(ls, false); err != nil {
		return nil, err
	}
	first := &slice{Spatial: [][3]int{{0, 1, 1}}}
	return append(ls, first, newWhole("flatten"), c.dense(c.Outputs)), nil
}

// members makes the input a sequence: pixels of images, words of a vocabulary.
func (c Config) members() ([]Layer, error) {
	dims := len(c.InputShape)
	switch {
	case c.Vocabulary > 0 && dims == 1:
		return []Layer{&embedding{Vocabulary: c.Vocabulary, Width: c.Width, WStd: 1}}, nil
	case c.Vocabulary > 0:
		return nil, fmt.Errorf("with a vocabulary inputs are numbers of words, [steps], not %v", c.InputShape)
	case dims < 2:
		return nil, fmt.Errorf("a network of sequences needs inputs with positions and channels, such as [16 8], not %v; numbers of words need a vocabulary", c.InputShape)
	case dims > 2:
		return []Layer{new(tokens)}, nil
	}
	return nil, nil
}

func encoder(linear bool) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		if linear { // its limit needs heads that grow with the width
			c.Heads = max(1, c.Heads)
		}
		ls, err := c.members()
		if err != nil {
			return nil, err
		}
		if c.Vocabulary == 0 {
			ls = append(ls, c.dense(c.Width))
		}
		ls = append(ls, &positionEmbedding{Std: 1, Kind: "waves"})
		if ls, err = c.transformed(ls, linear); err != nil {
			return nil, err
		}
		return append(append(ls, averaged(c)...), c.dense(c.Outputs)), nil
	}
}

// recurrent is a stack of recurrent layers. Input and state share the gain, so
// that together they weigh as one layer: σ_w/√2 each.
func recurrent(gated bool) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		ls, err := c.members()
		if err != nil {
			return nil, err
		}
		if c.Depth < 1 {
			return nil, fmt.Errorf("depth is %d; a recurrent network has at least one recurrent layer", c.Depth)
		}
		g := c.biased()
		g.WStd *= invSqrt2
		for i := range c.Depth {
			r := Recurrence{Width: c.Width, UStd: g.WStd}
			if i == c.Depth-1 {
				r.Output = "last"
			}
			if gated {
				ls = append(ls, &gru{Recurrence: r, gains: g})
			} else {
				ls = append(ls, &rnn{Recurrence: r, gains: g, Activation: c.Activation})
			}
		}
		return append(ls, c.dense(c.Outputs)), nil
	}
}

const invSqrt2 = 0.70710678118654752440084436210485

// deepSets is invariant to the order of the members of a set.
//
// Source: Zaheer et al., arXiv 1703.06114, theorem 2; with the mean in place of
// the sum, whose scale would grow with the set.
func deepSets(c Config) ([]Layer, error) {
	ls, err := c.members()
	if err != nil {
		return nil, err
	}
	each := func() {
		for range c.Depth {
			ls = c.hidden(append(ls, c.dense(c.Width)))
		}
	}
	each()
	ls = append(ls, averaged(c)...)
	each()
	return append(ls, c.dense(c.Outputs)), nil
}
