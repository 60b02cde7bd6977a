package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

const (
	examples, width = 48, 64
	steps           = 200
	verdictSeeds    = 2
	conditionSeeds  = 10
)

// A lab is what all networks share.
type lab struct {
	set     *data.Set
	backend *native.Backend
	blas    *native.BLAS
}

// A network is an MLP of the grid.
type network struct {
	Depth      int     `json:"depth"`
	Activation string  `json:"activation"`
	Variance   float64 `json:"variance"` // σ_w²
	Remedy     string  `json:"remedy"`   // "" or one of models.Remedies
}

// grid crosses depths, variances, activations and residual connections.
func grid() (all []network) {
	for _, remedy := range []string{"", "residual"} {
		for _, activation := range []string{"tanh", "relu"} {
			for _, depth := range []int{2, 6, 20} {
				for _, v := range []float64{0.25, 0.5, 1, 2, 4, 8} {
					all = append(all, network{depth, activation, v, remedy})
				}
			}
		}
	}
	return all
}

func (n network) spec(input []int, outputs int) (*models.Spec, error) {
	build, err := models.Lookup("mlp")
	if err != nil {
		return nil, err
	}
	s, err := build(models.Config{Depth: n.Depth, Width: width, Outputs: outputs, Activation: n.Activation, WStd: math.Sqrt(n.Variance), InputShape: input})
	if err != nil || n.Remedy == "" {
		return s, err
	}
	for _, r := range models.Remedies() {
		if r.Name == n.Remedy {
			return r.Apply(s)
		}
	}
	return nil, fmt.Errorf("no remedy %q", n.Remedy)
}

func (n network) args(seeds int) []string {
	return []string{fmt.Sprintf("%+v, width %d, %d examples, %d seeds, %d steps", n, width, examples, seeds, steps)}
}

// diagnosed is the diagnosis of a network.
func (l *lab) diagnosed(ctx context.Context, n network, seeds int) (*diagnose.Depth, error) {
	r, err := diagnose.Run(ctx, diagnose.Config{
		Source: diagnose.Source{Name: "mlp", Build: func(_ int, input []int, outputs int) (empirical.Model, error) {
			s, err := n.spec(input, outputs)
			if err != nil {
				return nil, err
			}
			return s.Model()
		}},
		Data: l.set, Seed: 1, Seeds: seeds, Steps: steps, Without: diagnose.Without{Limit: true}, Backend: l.backend.GoMLX, BLAS: l.blas,
	})
	if err != nil {
		return nil, err
	}
	return &r.Depths[0], nil
}

// A verdict is a network's, beside what training gave.
type verdict struct {
	Network network            `json:"network"`
	Judged  diagnose.Judgement `json:"judged"`
	// Trained is the loss after the steps over that of outputs 0, mean over seeds of
	// the better of the rates; nil if all diverged.
	Trained *float64 `json:"trained"`
}

func (l *lab) verdictCells() (all []cells.Cell[verdict]) {
	for i, n := range grid() {
		all = append(all, cells.Cell[verdict]{Name: fmt.Sprintf("verdict-%02d", i+1), Args: n.args(verdictSeeds), Compute: func(ctx context.Context) (*verdict, error) {
			d, err := l.diagnosed(ctx, n, verdictSeeds)
			if err != nil {
				return nil, err
			}
			v := &verdict{Network: n, Judged: d.Judge()}
			left := 0.0
			for _, s := range d.Seeds {
				best := math.Inf(1)
				for _, part := range rateParts {
					loss, err := l.train(ctx, n, s.Seed, part*s.Learning.Rate)
					if err != nil && !errors.Is(err, train.ErrDiverged) {
						return nil, err
					}
					if err == nil {
						best = min(best, loss)
					}
				}
				left += best / float64(len(d.Seeds))
			}
			if !math.IsInf(left, 0) && !math.IsNaN(left) {
				v.Trained = &left
			}
			return v, nil
		}})
	}
	return all
}

// rateParts are of half the largest stable rate of the kernel at the start, N·O/λ1:
// the one that the verdict assumes, and a careful one.
var rateParts = []float64{1, 0.25}

// train returns the loss after the steps, over that of outputs 0.
func (l *lab) train(ctx context.Context, n network, seed uint64, rate float64) (float64, error) {
	s, err := n.spec(l.set.Shape[1:], l.set.Classes)
	if err != nil {
		return 0, err
	}
	model, err := s.Model()
	if err != nil {
		return 0, err
	}
	weights := mlctx.New()
	input := shapes.Make(dtypes.Float32, l.set.Shape[1:]...)
	f, err := empirical.New(l.backend.GoMLX, weights, model, input)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(graph.Initialize(weights, seed, true), f.Close()); err != nil {
		return 0, err
	}
	t, err := train.New(l.backend.GoMLX, weights, model, train.Options{Optimizer: train.SGD(rate).New()}, input)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Close() }()
	x, err := diagnose.Examples(l.set, dtypes.Float32)
	if err != nil {
		return 0, err
	}
	classes := make([]int, l.set.Len())
	for i, c := range l.set.Y {
		classes[i] = int(c)
	}
	y, err := predict.OneHot(classes, l.set.Classes, true)
	if err != nil {
		return 0, err
	}
	zero, loss := 0.0, 0.0
	for _, v := range y.Data {
		zero += v * v / 2 / float64(len(y.Data))
	}
	for range steps + 1 { // the last step tells the loss after those before
		if loss, err = t.Step(ctx, x, y); err != nil {
			return 0, err
		}
	}
	return loss / zero, nil
}

// A condition has the condition numbers of a network over seeds.
type condition struct {
	Network network   `json:"network"`
	Values  []float64 `json:"values"`
	Bound   bool      `json:"bound"` // one of them is a lower bound
}

var conditionNetworks = []network{
	{0, "relu", 2, ""},
	{0, "relu", 2, "residual"},
	{0, "relu", 2, "layer-norm"},
	{0, "relu", 2, "dks"},
	{0, "tanh", 2, ""},
	{0, "tanh", 2, "residual"},
	{0, "tanh", 2, "layer-norm"},
	{0, "tanh", 2, "dks"},
}

var conditionDepths = []int{2, 4, 8, 16, 32}

func (l *lab) conditionCells() (all []cells.Cell[condition]) {
	for i, n := range conditionNetworks {
		for _, depth := range conditionDepths {
			n.Depth = depth
			all = append(all, cells.Cell[condition]{Name: fmt.Sprintf("condition-%d-%02d", i+1, depth), Args: n.args(conditionSeeds), Compute: func(ctx context.Context) (*condition, error) {
				d, err := l.diagnosed(ctx, n, conditionSeeds)
				if err != nil {
					return nil, err
				}
				c := &condition{Network: n}
				for _, s := range d.Seeds {
					c.Values = append(c.Values, s.Condition)
					c.Bound = c.Bound || !s.Exact
				}
				return c, nil
			}})
		}
	}
	return all
}
