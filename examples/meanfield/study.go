package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

// The task is cos t + sin 3t/2 at 12 points of the circle (cos t, sin t)·√2.
const (
	examples = 12
	gain     = 2.0
	rate     = 0.5
)

func task() (x predict.Matrix, y []float64) {
	x = circle(examples)
	for k := range examples {
		t := math.Atan2(x.Row(k)[1], x.Row(k)[0])
		y = append(y, math.Cos(t)+math.Sin(3*t)/2)
	}
	return x, y
}

// circle returns n points.
func circle(n int) predict.Matrix {
	x := predict.NewMatrix(n, 2)
	for k := range n {
		t := 2 * math.Pi * (float64(k) + 0.5) / float64(n)
		x.Row(k)[0], x.Row(k)[1] = math.Sqrt2*math.Cos(t), math.Sqrt2*math.Sin(t)
	}
	return x
}

// places is how many points of the circle outputs are compared at, those between
// examples too.
const places = 36

// A study says what is trained: networks of each width by a Trainer, the limit as points.
type study struct {
	backend      backends.Backend
	points       int
	widths       []int
	draws        int
	every, steps int
}

// A course is what becomes of one network, or of the limit.
type course struct {
	loss   []float64 // every so many steps
	f      []float64 // at the end, at all places
	a, dir []float64 // units at the end, dir the angles of w
}

// results has root mean squares over draws of distances from the limit, by width, and
// the first draw of each.
type results struct {
	study
	start, limit course
	first        map[int]course
	outputs      []float64 // √mean (f − f_limit)²
	a, angle     []float64 // Wasserstein distances
}

func (s study) run(ctx context.Context) (*results, error) {
	r := &results{study: s, first: map[int]course{}}
	x, y := task()
	p, err := train.GaussianParticles(s.points, 2, gain, math.Erf, func(z float64) float64 { return 2 / math.SqrtPi * math.Exp(-z*z) })
	if err != nil {
		return nil, err
	}
	r.start = course{a: append([]float64(nil), p.A...), dir: angles(p.W)}
	if r.limit, err = s.limit(ctx, p, x, y); err != nil {
		return nil, err
	}
	for _, n := range s.widths {
		all, err := s.networks(ctx, n, x, y)
		if err != nil {
			return nil, fmt.Errorf("width %d: %w", n, err)
		}
		var outputs, a, angle float64
		for _, c := range all {
			for k, f := range c.f {
				outputs += square(f-r.limit.f[k]) / places
			}
			a += square(train.Wasserstein(c.a, r.limit.a))
			angle += square(train.Wasserstein(c.dir, r.limit.dir))
		}
		over := float64(len(all))
		r.outputs = append(r.outputs, math.Sqrt(outputs/over))
		r.a, r.angle = append(r.a, math.Sqrt(a/over)), append(r.angle, math.Sqrt(angle/over))
		r.first[n] = all[0]
	}
	return r, nil
}

func (s study) limit(ctx context.Context, p *train.Particles, x predict.Matrix, y []float64) (c course, err error) {
	for k := 0; ; k += s.every {
		f, err := p.Outputs(x)
		if err != nil {
			return c, err
		}
		c.loss = append(c.loss, loss(f, y))
		if k >= s.steps {
			c.a, c.dir = p.A, angles(p.W)
			c.f, err = p.Outputs(circle(places))
			return c, err
		}
		if err := p.Descend(ctx, x, y, rate, examples, s.every); err != nil {
			return c, err
		}
	}
}

// networks trains several of a width.
func (s study) networks(ctx context.Context, width int, x predict.Matrix, y []float64) (all []course, err error) {
	build, err := models.Lookup("shallow")
	if err != nil {
		return nil, err
	}
	spec, err := build(models.Config{Width: width, Activation: "erf", WStd: gain, Parameterization: "mean-field", InputShape: []int{2}})
	if err != nil {
		return nil, err
	}
	model, err := spec.Model()
	if err != nil {
		return nil, err
	}
	input := shapes.Make(dtypes.Float64, 2)
	f, err := empirical.New(s.backend, mlctx.New(), model, input)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	t, err := train.New(s.backend, f.Context(), model, train.Options{Optimizer: train.SGD(rate).New()}, input)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	batch := empirical.Batch{tensors.FromFlatDataAndDimensions(x.Data, examples, 2)}
	everywhere := empirical.Batch{tensors.FromFlatDataAndDimensions(circle(places).Data, places, 2)}
	for seed := range uint64(s.draws) {
		if err := f.Redraw(1 + seed); err != nil {
			return nil, err
		}
		if err := t.Reload(); err != nil {
			return nil, err
		}
		c := course{}
		for {
			out, err := t.Outputs(ctx, batch)
			if err != nil {
				return nil, err
			}
			c.loss = append(c.loss, loss(out.Data, y))
			if t.Steps() >= s.steps {
				break
			}
			for range s.every {
				if _, err := t.Step(ctx, batch, predict.Matrix{Rows: examples, Cols: 1, Data: y}); err != nil {
					return nil, err
				}
			}
		}
		out, err := t.Outputs(ctx, everywhere)
		if err != nil {
			return nil, err
		}
		c.f = out.Data
		if err := t.Sync(); err != nil {
			return nil, err
		}
		if c.a, c.dir, err = units(f.Context()); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// units reads a [n, 1] and the angles of w [2, n] from a network's variables.
func units(ctx *mlctx.Context) (a, dir []float64, err error) {
	for v := range ctx.IterVariables() {
		if !v.Trainable {
			continue
		}
		values, err := graph.Floats(v.MustValue())
		if err != nil {
			return nil, nil, err
		}
		if v.Shape().Dimensions[1] == 1 {
			a = values
			continue
		}
		n := len(values) / 2
		w := predict.NewMatrix(n, 2)
		for i := range n {
			w.Row(i)[0], w.Row(i)[1] = values[i], values[n+i]
		}
		dir = angles(w)
	}
	return a, dir, nil
}

// angles are those of w in degrees, from −180 to 180.
func angles(w predict.Matrix) []float64 {
	t := make([]float64, w.Rows)
	for i := range t {
		t[i] = math.Atan2(w.Row(i)[1], w.Row(i)[0]) * 180 / math.Pi
	}
	return t
}

func loss(f, y []float64) float64 {
	s := 0.0
	for k, v := range f {
		s += square(v - y[k])
	}
	return s / 2 / float64(len(y))
}

func square(x float64) float64 { return x * x }
