package models

import "fmt"

func mlp(c Config) ([]Layer, error) {
	var ls []Layer
	if len(c.InputShape) > 1 {
		ls = append(ls, newWhole("flatten"))
	}
	for range c.Depth {
		ls = c.hidden(append(ls, c.dense(c.Width)))
	}
	return append(ls, c.dense(c.Outputs)), nil
}

func shallow(c Config) ([]Layer, error) {
	if c.Depth != 1 {
		return nil, fmt.Errorf("depth is %d; shallow has one hidden layer: use mlp", c.Depth)
	}
	return mlp(c)
}

func cnn(readout func(Config) []Layer) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		if err := needImages(c); err != nil {
			return nil, err
		}
		var ls []Layer
		for range c.Depth {
			ls = c.hidden(append(ls, c.convolution(c.Width, 3, 1, c.biased())))
		}
		return append(append(ls, readout(c)...), c.dense(c.Outputs)), nil
	}
}

// myrtle is the network of Shankar et al. (arXiv 2003.02237, section 4): stages of
// 3×3 convolutions with 2×2 average pools behind, of which three follow the last.
func myrtle(stages ...int) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		if err := needImages(c); err != nil {
			return nil, err
		}
		var ls []Layer
		sides := append([]int{}, c.InputShape[:len(c.InputShape)-1]...)
		for _, n := range c.repeats(stages) {
			for range n {
				ls = c.hidden(append(ls, c.convolution(c.Width, 3, 1, c.unbiased())))
			}
			ls = halved(ls, sides, false)
		}
		for range 2 {
			ls = halved(ls, sides, false)
		}
		g := c.unbiased()
		return append(ls, newWhole("flatten"), &dense{Width: c.Outputs, gains: g}), nil
	}
}

// repeats returns what each stage repeats: Depth, or the published numbers.
func (c Config) repeats(published []int) []int {
	if c.Depth == 0 {
		return published
	}
	all := make([]int, len(published))
	for i := range all {
		all[i] = max(0, c.Depth)
	}
	return all
}

// vgg is the network of Simonyan and Zisserman (arXiv 1409.1556, table 1): stages
// of 3×3 convolutions of widths c.Width · 1, 2, 4, 8, 8 with pools behind. Images
// that leave more than one position, such as the published 224 × 224, get its two
// hidden layers of 64 · c.Width features.
func vgg(stages ...int) func(Config) ([]Layer, error) {
	return func(c Config) ([]Layer, error) {
		if err := needImages(c); err != nil {
			return nil, err
		}
		var ls []Layer
		sides := append([]int{}, c.InputShape[:len(c.InputShape)-1]...)
		for stage, n := range c.repeats(stages) {
			for range n {
				ls = c.hidden(append(ls, c.convolution(c.Width<<min(stage, 3), 3, 1, c.biased())))
			}
			ls = halved(ls, sides, c.Published)
		}
		ls = append(ls, newWhole("flatten"))
		if product(sides) > 1 {
			for range 2 {
				ls = c.activated(append(ls, c.dense(64*c.Width)))
			}
		}
		return append(ls, c.dense(c.Outputs)), nil
	}
}
