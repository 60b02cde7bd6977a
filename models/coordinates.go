package models

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
)

// CheckOptions configures [CheckCoordinates]. The zero value is usable.
type CheckOptions struct {
	// Widths to build the network at, ascending; none means 64, 128, 256, 512.
	Widths []int
	// Seeds is how many networks of each width, from Seed on; 0 means 4.
	Seed  uint64
	Seeds int
	// Steps of gradient descent; 0 means 3.
	Steps int
	// Rate of all widths; 0 means the one at which, to first order, a step takes
	// 5% off the loss where it takes most.
	Rate float64
	// Examples of the batch; 0 means 16.
	Examples int
	// DType of the arithmetic; zero means float32.
	DType dtypes.DType
	// Progress, if not nil, hears of every network that is done.
	Progress func(done, total int, what string)
}

// A Coordinates says how a network's values depend on its width.
type Coordinates struct {
	Parameterization string
	Widths           []int
	Seed             uint64
	Seeds            int
	Steps            int
	Examples         int
	Rate             float64
	// Layers with weights, in the network's order; the last is its output.
	Layers []Coordinate
}

// A Coordinate is the output of a layer.
type Coordinate struct {
	Name string
	// Start is the root mean square of its entries at the start, Update that of
	// their change over all steps.
	Start  Scaled
	Update Scaled
}

// A Scaled is a size at each width, and the power of the width that it follows.
type Scaled struct {
	// Sizes are geometric means over seeds; NaN where one is not finite.
	Sizes []float64
	// Slope of log size against log width, the mean over seeds of least squares
	// fits, and its standard error: NaN if a size is 0 or not finite.
	Slope float64
	Error float64
}

// CheckCoordinates trains networks of several widths for a few steps of gradient
// descent, each weight at its own rate η, and fits the power of the width that
// the entries of every layer's output, and their changes, follow.
//
//	L = ½ Σ (f − y)²/examples,  θ ← θ − rate·η_θ·∂L/∂θ.
//
// build makes the network of a width. Inputs and targets are independent N(0, 1)
// numbers, or for an embedding words of equal probability; they depend on Seed.
//
// A slope of 0 in every row is what maximal update parameterization promises
// (but for the output at the start, −½), so that one rate serves all widths.
//
// Source: Yang et al., Tensor Programs V, arXiv 2203.03466, appendix D.1.
func CheckCoordinates(ctx context.Context, backend backends.Backend, build func(width int) (*Spec, error), opts CheckOptions) (*Coordinates, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	c := &coordinateCheck{opts: opts, backend: backend, build: build}
	if err := c.chooseRate(ctx); err != nil {
		return nil, err
	}
	logs := map[[2]int][]runSizes{} // by width's index, by seed
	names := []string(nil)
	for i, w := range opts.Widths {
		sizes, of, err := c.train(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("models: width %d: %w", w, err)
		}
		if names != nil && len(names) != len(of) {
			return nil, fmt.Errorf("models: width %d has %d layers with weights, width %d has %d", w, len(of)-1, opts.Widths[0], len(names)-1)
		}
		names = of
		for seed, s := range sizes {
			logs[[2]int{i, seed}] = s
		}
	}
	out := &Coordinates{
		Parameterization: c.param, Widths: opts.Widths, Seed: opts.Seed, Seeds: opts.Seeds,
		Steps: opts.Steps, Examples: opts.Examples, Rate: c.opts.Rate,
	}
	for k, name := range names {
		at := func(pick func(runSizes) float64) Scaled {
			perSeed := make([][]float64, opts.Seeds)
			for seed := range perSeed {
				for i := range opts.Widths {
					perSeed[seed] = append(perSeed[seed], math.Log(pick(logs[[2]int{i, seed}][k])))
				}
			}
			return scaled(opts.Widths, perSeed)
		}
		out.Layers = append(out.Layers, Coordinate{
			name,
			at(func(s runSizes) float64 { return s.start }), at(func(s runSizes) float64 { return s.update }),
		})
	}
	return out, nil
}

func (o *CheckOptions) fill() error {
	if len(o.Widths) == 0 {
		o.Widths = []int{64, 128, 256, 512}
	}
	for i, w := range o.Widths {
		if w < 1 || i > 0 && w <= o.Widths[i-1] {
			return fmt.Errorf("models: widths %v; want ascending numbers of at least 1", o.Widths)
		}
	}
	if len(o.Widths) < 2 {
		return fmt.Errorf("models: widths %v; a power needs at least two", o.Widths)
	}
	if o.Seeds < 0 || o.Steps < 0 || o.Examples < 0 || !(o.Rate >= 0) || math.IsInf(o.Rate, 0) {
		return fmt.Errorf("models: %d seeds, %d steps, %d examples, rate %g; none may be negative", o.Seeds, o.Steps, o.Examples, o.Rate)
	}
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Seeds, 4)
	def(&o.Steps, 3)
	def(&o.Examples, 16)
	if o.DType == dtypes.InvalidDType {
		o.DType = dtypes.Float32
	}
	return nil
}
