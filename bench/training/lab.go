package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// A setting is what all cells share.
type setting struct {
	data         string // of classes 0 … 9; the targets are 1 for those below 5, else −1
	train, test  int    // examples
	seed         uint64 // of their order
	pool         int    // side of the blocks of pixels that are averaged; 1: none
	depth, steps int
	activation   string
	most, fewest int // draws below and from width large on
	large        int
}

// protocol is that of the document. In float64, rounding is no part of what is shown.
var protocol = setting{data: "digits", train: 16, test: 16, seed: 1, pool: 1, depth: 2, steps: 100, activation: "erf", most: 30, fewest: 8, large: 1024}

// standard is that of single steps in the standard parameterization. It has one hidden
// layer: with more, Θ/n moves by more than O(1) at a rate that does not depend on n, as
// Jacobians of the weights between hidden layers grow by √n more. And it has few inputs d:
// the kernel's parts of the first and the last layer are as d to n at the start.
var standard = setting{data: "digits", train: 16, test: 16, seed: 1, pool: 4, depth: 1, steps: 1, activation: "erf", most: 30, fewest: 30, large: 1}

// widths double.
var widths = []int{128, 256, 512, 1024, 2048, 4096}

// draws is how many networks of a width there are.
func (s setting) draws(width int) int {
	if width >= s.large {
		return s.fewest
	}
	return s.most
}

// args say what cells share.
func (s setting) args() []string {
	return []string{
		fmt.Sprintf("%s %d/%d, order %d, pool %d;", s.data, s.train, s.test, s.seed, s.pool), fmt.Sprintf("mlp, depth %d, %s;", s.depth, s.activation),
	}
}

// A lab has what cells are computed with.
type lab struct {
	setting
	backend *native.Backend
	blas    *native.BLAS
	x, held empirical.Batch     // training and test examples
	y       predict.Matrix      // of the former
	net     *network            // of the last width and rate
	limits  map[string]*kernels // by parameterization and width
}

// newLab opens a backend, by the name of internal/native.
func newLab(ctx context.Context, s setting, backend string) (*lab, error) {
	l := &lab{setting: s, limits: map[string]*kernels{}}
	set, err := data.Open(ctx, s.data, data.Options{Examples: s.train + s.test, Seed: s.seed})
	if err != nil {
		return nil, err
	}
	pool(set, s.pool)
	idx := make([]int, set.Len())
	for i := range idx {
		idx[i] = i
	}
	if l.x, err = diagnose.Examples(set.Subset(idx[:s.train]), dtypes.Float64); err != nil {
		return nil, err
	}
	if l.held, err = diagnose.Examples(set.Subset(idx[s.train:]), dtypes.Float64); err != nil {
		return nil, err
	}
	l.y = predict.NewMatrix(s.train, 1)
	for i := range l.y.Data {
		l.y.Data[i] = 1
		if set.Y[i] >= 5 {
			l.y.Data[i] = -1
		}
	}
	warn := func(string) {}
	if l.blas, err = native.DefaultBLAS("", warn); err != nil {
		return nil, err
	}
	l.backend, err = native.Open(native.Options{Backend: backend, Warn: warn})
	return l, err
}

// pool averages blocks of the pixels of images [N, height, width, 1].
func pool(set *data.Set, side int) {
	n, height, width := set.Shape[0], set.Shape[1], set.Shape[2]
	x := make([]float64, 0, len(set.X)/(side*side))
	for i := range n {
		for r := 0; r < height; r += side {
			for c := 0; c < width; c += side {
				mean := 0.0
				for k := range side * side {
					mean += set.X[(i*height+r+k/side)*width+c+k%side] / float64(side*side)
				}
				x = append(x, mean)
			}
		}
	}
	set.X, set.Shape = x, []int{n, height / side, width / side, 1}
}

func (l *lab) close() {
	if l.net != nil {
		_ = l.net.close()
	}
	l.backend.Close()
}

// A network is one of a width, compiled once for all draws.
type network struct {
	of      string
	f       *empirical.Network
	trainer *train.Trainer
}

func (n *network) close() error { return errors.Join(n.trainer.Close(), n.f.Close()) }

// network returns the network of a width and a rate with the weights of a seed.
func (l *lab) network(param string, width int, rate float64, seed uint64) (*network, error) {
	of := fmt.Sprint(param, width, rate)
	if l.net == nil || l.net.of != of {
		if l.net != nil {
			if err := l.net.close(); err != nil {
				return nil, err
			}
		}
		l.net = nil
		model, err := l.model(param, width)
		if err != nil {
			return nil, err
		}
		f, err := empirical.New(l.backend.GoMLX, mlctx.New(), model, l.input())
		if err != nil {
			return nil, err
		}
		t, err := train.New(l.backend.GoMLX, f.Context(), model, train.Options{Optimizer: train.SGD(rate).New()}, l.input())
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		l.net = &network{of: of, f: f, trainer: t}
	}
	if err := l.net.f.Redraw(seed); err != nil {
		return nil, err
	}
	return l.net, l.net.trainer.Reload()
}

func (l *lab) input() shapes.Shape {
	return shapes.Make(dtypes.Float64, l.x[0].Shape().Dimensions[1:]...)
}

func (l *lab) model(param string, width int) (graph.Model, error) {
	build, err := models.Lookup("mlp")
	if err != nil {
		return nil, err
	}
	spec, err := build(models.Config{
		Depth: l.depth, Width: width, Activation: l.activation, Parameterization: param, InputShape: l.input().Dimensions,
	})
	if err != nil {
		return nil, err
	}
	return spec.Model()
}

// kernels are Θ of the training examples, and of test examples with them.
type kernels struct{ train, cross predict.Matrix }

// limit returns those of the infinitely wide network, at the width that scales which do
// not cancel it have.
func (l *lab) limit(ctx context.Context, param string, width int) (*kernels, error) {
	of := fmt.Sprint(param, width)
	if l.limits[of] != nil {
		return l.limits[of], nil
	}
	model, err := l.model(param, width)
	if err != nil {
		return nil, err
	}
	limit, err := limits.Derive(mlctx.New(), model, []shapes.Shape{l.input()}, limits.Options{})
	if err != nil {
		return nil, err
	}
	k, err := l.kernels(func(x1, x2 empirical.Batch) ([]float64, error) {
		g, err := limit.Gram(ctx, x1, x2, limits.GramOptions{})
		if err != nil {
			return nil, err
		}
		return g.NTK, nil
	})
	l.limits[of] = k
	return k, err
}

// own returns those of a network with the weights that it has.
func (l *lab) own(ctx context.Context, f *empirical.Network) (*kernels, error) {
	return l.kernels(func(x1, x2 empirical.Batch) ([]float64, error) {
		g, err := f.NTK(ctx, x1, x2, empirical.Options{BLAS: l.blas})
		if err != nil {
			return nil, err
		}
		return g.Values, nil
	})
}

func (l *lab) kernels(theta func(x1, x2 empirical.Batch) ([]float64, error)) (*kernels, error) {
	a, err := theta(l.x, nil)
	if err != nil {
		return nil, err
	}
	b, err := theta(l.held, l.x)
	if err != nil {
		return nil, err
	}
	return &kernels{predict.Matrix{Rows: l.train, Cols: l.train, Data: a}, predict.Matrix{Rows: l.test, Cols: l.train, Data: b}}, nil
}
