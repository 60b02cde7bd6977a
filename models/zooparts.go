package models

import (
	"cmp"
	"fmt"
	"slices"
)

// normed appends the norm.
func (c Config) normed(ls []Layer) []Layer {
	f := normFields{Eps: 1e-5, Affine: c.Published}
	switch c.Norm {
	case "layer":
		return append(ls, &layerNorm{[]int{-1}, f})
	case "batch":
		return append(ls, &batchNorm{normFields: f})
	case "running":
		return append(ls, &batchNorm{Mode: "running", normFields: f})
	}
	return ls
}

// activated appends the activation.
func (c Config) activated(ls []Layer) []Layer {
	act, err := activation(c.Activation)
	if err != nil { // build checked it
		panic(err)
	}
	return append(ls, act)
}

// hidden appends the norm and the activation.
func (c Config) hidden(ls []Layer) []Layer { return c.activated(c.normed(ls)) }

// biased are the gains of a layer that has a bias in the published network.
func (c Config) biased() gains {
	if c.BStd == 0 && !c.Published {
		return gains{c.WStd, nil}
	}
	return gains{c.WStd, &c.BStd}
}

// unbiased are the gains of one that has none there.
func (c Config) unbiased() gains {
	if c.Published {
		return gains{c.WStd, nil}
	}
	return c.biased()
}

func (c Config) dense(width int) Layer { return &dense{Width: width, gains: c.biased()} }

// convolution is a SAME convolution with filters of the given size and stride.
func (c Config) convolution(width, size, stride int, g gains) *conv {
	l := &conv{Convolution: Convolution{Width: width, Filter: c.sides(size), Padding: Same}, gains: g}
	if stride != 1 {
		l.Strides = c.sides(stride)
	}
	return l
}

// sides repeats a size for each spatial axis.
func (c Config) sides(size int) []int {
	return slices.Repeat([]int{size}, max(0, len(c.InputShape)-1))
}

// needImages refuses inputs without positions.
func needImages(c Config) error {
	if len(c.InputShape) < 2 {
		return fmt.Errorf("a convolutional network needs inputs with positions and channels, such as [32 32 3], not %v; use mlp", c.InputShape)
	}
	return nil
}

func flattened(Config) []Layer { return []Layer{newWhole("flatten")} }
func averaged(Config) []Layer  { return []Layer{newWhole("global_avg_pool")} }

// maximal takes the maximum over all positions: one window.
func maximal(c Config) []Layer {
	whole := c.InputShape[:len(c.InputShape)-1]
	return []Layer{&pool{op: "max_pool", Pooling: Pooling{Window: slices.Clone(whole), Padding: Valid}}, newWhole("flatten")}
}

// halved appends a pool of size and stride 2, a maximum if asked, and halves
// sides; sides of a single position stay.
func halved(ls []Layer, sides []int, maximum bool) []Layer {
	p := Pooling{Window: make([]int, len(sides)), Strides: make([]int, len(sides)), Padding: Valid}
	any := false
	for i, s := range sides {
		n := min(2, s)
		p.Window[i], p.Strides[i] = n, n
		sides[i], any = s/n, any || n > 1
	}
	switch {
	case !any:
		return ls
	case maximum:
		return append(ls, &pool{op: "max_pool", Pooling: p})
	}
	return append(ls, &avgPool{Pooling: p})
}

// heads returns how many heads attention has, and the features of each.
func (c Config) heads() (n, features int, err error) {
	n = cmp.Or(c.Heads, max(1, c.Width/64))
	if c.Width%n != 0 {
		return 0, 0, fmt.Errorf("width is %d, which %d heads do not divide", c.Width, n)
	}
	return n, c.Width / n, nil
}
