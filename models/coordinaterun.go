package models

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/graph"
)

// A coordinateCheck is a run of [CheckCoordinates].
type coordinateCheck struct {
	opts    CheckOptions
	backend backends.Backend
	build   func(width int) (*Spec, error)
	param   string
}

// runSizes are those of one layer of one network.
type runSizes struct{ start, update float64 }

// open builds the network of a width on the batch.
func (c *coordinateCheck) open(width int) (*descent, error) {
	s, err := c.build(width)
	if err != nil {
		return nil, err
	}
	c.param = s.Parameterization.String()
	x, y, err := s.randomBatch(c.opts.Examples, c.opts.Seed, c.opts.DType)
	if err != nil {
		return nil, err
	}
	return newDescent(c.backend, s, x, y)
}

// stepShare is what the first step of the chosen rate takes off the loss: little
// enough for the first order to hold for the few steps that follow.
const stepShare = 0.05

// chooseRate looks at all networks at their start.
func (c *coordinateCheck) chooseRate(ctx context.Context) error {
	if c.opts.Rate > 0 {
		return nil
	}
	rate := math.Inf(1)
	for _, w := range c.opts.Widths {
		d, err := c.open(w)
		if err != nil {
			return fmt.Errorf("models: width %d: %w", w, err)
		}
		for seed := range c.opts.Seeds {
			if err = context.Cause(ctx); err != nil {
				break
			}
			if err = d.draw(c.opts.Seed + uint64(seed)); err != nil {
				break
			}
			var m moment
			if m, err = d.run(0); err != nil {
				break
			}
			if r := stepShare * m.loss / m.fall; m.fall > 0 && r > 0 && !math.IsInf(r, 0) {
				rate = min(rate, r)
			}
		}
		d.close()
		if err != nil {
			return err
		}
	}
	if math.IsInf(rate, 0) {
		return errors.New("models: no rate found: losses or gradients at the start are 0 or not finite; give a rate, or other gains")
	}
	c.opts.Rate = rate
	return nil
}

// train returns the sizes of every layer, by seed.
func (c *coordinateCheck) train(ctx context.Context, width int) (sizes [][]runSizes, names []string, err error) {
	d, err := c.open(width)
	if err != nil {
		return nil, nil, err
	}
	defer d.close()
	for seed := range c.opts.Seeds {
		if err := d.draw(c.opts.Seed + uint64(seed)); err != nil {
			return nil, nil, err
		}
		var first, last moment
		for step := range c.opts.Steps + 1 { // the last only looks
			if err := context.Cause(ctx); err != nil {
				return nil, nil, err
			}
			rate := c.opts.Rate
			if step == c.opts.Steps {
				rate = 0
			}
			if last, err = d.run(rate); err != nil {
				return nil, nil, err
			}
			if step == 0 {
				first = last
			}
		}
		var of []runSizes
		for k, h := range first.coordinates {
			of = append(of, runSizes{rootMeanSquare(h, nil), rootMeanSquare(last.coordinates[k], h)})
		}
		sizes = append(sizes, of)
		if c.opts.Progress != nil {
			done := 0
			for _, w := range c.opts.Widths {
				if w < width {
					done += c.opts.Seeds
				}
			}
			c.opts.Progress(done+seed+1, len(c.opts.Widths)*c.opts.Seeds, fmt.Sprintf("width %d", width))
		}
	}
	return sizes, d.names, nil
}

// rootMeanSquare is that of a − b; a nil b is 0.
func rootMeanSquare(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		if b != nil {
			v -= b[i]
		}
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(a)))
}

// randomBatch draws inputs and targets.
func (s *Spec) randomBatch(n int, seed uint64, dtype dtypes.DType) (x, y *tensors.Tensor, err error) {
	out, err := s.OutputShape()
	if err != nil {
		return nil, nil, err
	}
	draw := func(name string, d graph.Distribution, shape []int) (*tensors.Tensor, error) {
		return graph.Draw(d, seed, name, shapes.Make(dtype, append([]int{n}, shape...)...))
	}
	d := graph.Gaussian(1)
	if len(s.Layers) > 0 {
		if words, ok := s.Layers[0].(*embedding); ok { // numbers from 0 to v, rounded down
			v := float64(words.Vocabulary)
			d = graph.Distribution{Family: graph.Uniform, Mean: v / 2, Tau: v / math.Sqrt(12), Eta: 1}
		}
	}
	if x, err = draw("inputs", d, s.InputShape); err != nil {
		return nil, nil, err
	}
	y, err = draw("targets", graph.Gaussian(1), out)
	return x, y, err
}
