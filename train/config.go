package train

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/predict"
)

// Examples are inputs with targets.
type Examples struct {
	X empirical.Batch
	// Y [N, O].
	Y predict.Matrix
	// Classes has the class of every example; nil if there are none.
	Classes []int
}

// Len returns N.
func (e Examples) Len() int { return e.X.Len() }

// Config says what to train, and what to look at meanwhile. Backend, BLAS,
// Network, Model, Train, Optimizer and Steps are required.
type Config struct {
	Backend backends.Backend
	BLAS    *native.BLAS
	// Network has the weights that training starts from, and Model is what it was
	// made of. Evolve leaves the trained weights in its context.
	Network *empirical.Network
	Model   graph.Model

	Train Examples
	// Test may have no examples.
	Test Examples

	Optimizer Optimizer
	Loss      Loss
	// Batch is the number of examples in a step, 0 for all; Seed that of their order.
	Batch int
	Seed  uint64
	Steps int
	// At lists the steps to measure at, ascending; 0 is always among them. None
	// means 0, the powers of 2, and the last.
	At []int

	// Probe is on how many training examples, the first ones, Θ is measured; 0
	// means min(64, N). Outputs is Mean or Full.
	Probe   int
	Outputs empirical.Outputs
	// Joint takes examples for one batch that f is a function of.
	Joint bool

	// Linearize trains the linearized network alongside.
	Linearize bool
	// Predict says what the kernel of all training examples at the start
	// predicts, by Kernel Full, if N·O is at most FullUpTo, or else Mean.
	Predict  bool
	FullUpTo int

	// Memory is the budget in bytes; 0 means half of what is allowed.
	Memory int64

	// Folder keeps checkpoints; empty: none. What is what they depend on beside
	// the weights' values.
	Folder string
	What   tiles.Manifest
	// Every is the time between checkpoints, 0 meaning a minute; each measurement
	// makes one too.
	Every time.Duration
	// Resume goes on with the checkpoint in Folder, if there is one.
	Resume bool
	// Theta, if not nil, is handed Θ of the probe at each point; Kernel returns
	// what Theta was handed by an earlier run, which Resume needs.
	Theta  func(step int, g *empirical.Gram) error
	Kernel func(step int) ([]float64, error)

	// Progress, if not nil, hears of every step.
	Progress func(Progress)
}

// A Progress says how far a stage is.
type Progress struct {
	Stage       string
	Done, Total int
}

// defaultProbe is how many examples Θ is measured on unless the caller says.
const defaultProbe = 64

// check fills in defaults and refuses what makes no sense.
func (c *Config) check() (*Order, error) {
	n := c.Train.Len()
	if c.Steps < 0 {
		return nil, fmt.Errorf("train: %d steps", c.Steps)
	}
	order, err := NewOrder(n, c.Batch, c.Seed)
	if err != nil {
		return nil, err
	}
	if c.Outputs != empirical.Mean && c.Outputs != empirical.Full {
		return nil, fmt.Errorf("train: outputs %s; want mean or full", c.Outputs)
	}
	if c.Probe == 0 {
		c.Probe = min(defaultProbe, n)
	}
	if c.Probe < 1 || c.Probe > n {
		return nil, fmt.Errorf("train: a probe of %d of %d examples", c.Probe, n)
	}
	for name, e := range map[string]Examples{"training": c.Train, "test": c.Test} {
		if e.Len() != e.Y.Rows || e.Y.Rows > 0 && e.Y.Cols != c.Network.Outputs() {
			return nil, fmt.Errorf("train: %d %s examples have targets %d × %d; the network has %d outputs", e.Len(), name, e.Y.Rows, e.Y.Cols, c.Network.Outputs())
		}
	}
	if c.At, err = Schedule(c.At, c.Steps); err != nil {
		return nil, err
	}
	if c.Every == 0 {
		c.Every = time.Minute
	}
	return order, nil
}

// Schedule returns the steps to measure at: 0 and those given, in order; or, if
// none are, 0, the powers of 2 and the last. It returns an error for one that is
// not between 0 and steps.
func Schedule(at []int, steps int) ([]int, error) {
	out := []int{0}
	if len(at) == 0 {
		for s := 1; s < steps; s *= 2 {
			out = append(out, s)
		}
		at = []int{steps}
	}
	for _, s := range at {
		if s < 0 || s > steps {
			return nil, fmt.Errorf("train: step %d to measure at is not between 0 and %d, the last", s, steps)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// sorted goes through a map by its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
