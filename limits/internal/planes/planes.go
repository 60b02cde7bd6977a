// Package planes evaluates K and Θ of convolutional recursions, one displacement
// of positions at a time.
//
// A sum over the taps of a filter moves both positions of a pair alike, so that
// only pairs (p, p+d) of one displacement d meet: the plane of d runs through all
// layers in cache, from the pixels to the readout. A readout of all pairs of
// positions (global pooling) takes all displacements, one of equal positions
// (flattening) takes d = 0 alone.
//
// A plane has the squared distance D = E[(h − h')²] in place of K, which keeps the
// digits of 1 − ρ near coincident patches: K = (q + q' − D)/2 with the variances q,
// which are each example's own. Where one of two positions is outside the image,
// h' = 0 there and D = q: planes have a rim of such entries.
//
// Eight examples at a time meet one: they are the lanes of vectors, in AVX2 where
// the processor has it, in Go elsewhere.
package planes

import (
	"fmt"
	"slices"
)

// Float is the type of planes.
type Float interface{ float32 | float64 }

// Lanes is how many examples meet one at a time.
const Lanes = 8

// An Axis says which inputs the outputs along one axis sum: output p sums the
// inputs Stride·p + Offsets[i] that are in 0 … In−1, zeros elsewhere.
type Axis struct {
	In, Out, Stride int
	Offsets         []int
}

// Terms counts the inputs that all outputs sum.
func (a Axis) Terms() int {
	n := 0
	for p := range a.Out {
		for _, o := range a.Offsets {
			if i := a.Stride*p + o; i >= 0 && i < a.In {
				n++
			}
		}
	}
	return n
}

// A Sum is linear in M = E[h h'] and T = Θ_h of the positions that it adds up,
//
//	K = Variance·Σ M + BiasVariance,  Θ = Rate·Σ M + Variance·Σ T + BiasRate.
type Sum struct{ Variance, Rate, BiasVariance, BiasRate float64 }

// A Layer sums over the taps of a filter, those of Rows × those of Cols, and
// applies φ(x) = Low·min(x, 0) + High·max(x, 0), of slope High at 0.
type Layer struct {
	Rows, Cols Axis
	Sum
	Low, High float64
}

// A Readout sums over pairs of positions: of all, or of equal positions.
type Readout struct {
	Sum
	All bool
}

// A Chain is a convolutional recursion. Its input is an image of
// Rows.In × Cols.In × Channels numbers.
type Chain struct {
	Channels int
	Layers   []Layer
	Readout  Readout
}

func (c *Chain) check() error {
	if c.Channels < 1 || len(c.Layers) == 0 {
		return fmt.Errorf("planes: a chain of %d channels and %d layers; it needs one of each at least", c.Channels, len(c.Layers))
	}
	for i, l := range c.Layers {
		for _, a := range []Axis{l.Rows, l.Cols} {
			if a.In < 1 || a.Out < 1 || a.Stride < 1 || len(a.Offsets) == 0 || !slices.IsSorted(a.Offsets) {
				return fmt.Errorf("planes: layer %d has the axis %+v; sizes and strides must be positive, offsets in order", i, a)
			}
		}
		if i > 0 && (l.Rows.In != c.Layers[i-1].Rows.Out || l.Cols.In != c.Layers[i-1].Cols.Out) {
			return fmt.Errorf("planes: layer %d takes %d × %d positions, the one before has %d × %d",
				i, l.Rows.In, l.Cols.In, c.Layers[i-1].Rows.Out, c.Layers[i-1].Cols.Out)
		}
		if l.Variance <= 0 || l.BiasVariance < 0 {
			return fmt.Errorf("planes: layer %d has the variances %g and %g; the first must be positive, the second not negative", i, l.Variance, l.BiasVariance)
		}
	}
	if c.Readout.Variance <= 0 {
		return fmt.Errorf("planes: the readout has the variance %g; it must be positive", c.Readout.Variance)
	}
	return nil
}

// next is the sum after layer i.
func (c *Chain) next(i int) Sum {
	if i+1 < len(c.Layers) {
		return c.Layers[i+1].Sum
	}
	return c.Readout.Sum
}

// inputs is the number of positions of what layer i takes; that of len(Layers) is
// what the readout takes.
func (c *Chain) inputs(i int) (rows, cols int) {
	if i < len(c.Layers) {
		return c.Layers[i].Rows.In, c.Layers[i].Cols.In
	}
	return c.Layers[i-1].Rows.Out, c.Layers[i-1].Cols.Out
}
