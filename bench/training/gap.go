package main

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/predict"
)

// A gap is how far one network in the NTK parameterization, trained by gradient descent
// on ½mean(f−y)², is from the closed form: the largest |f − f_closed| over training and
// test examples, after 1, 2, 4, … and all steps,
//
//	f_closed(x) = f0(x) − Θ(x, X)Θ⁻¹(1 − (1 − ηΘ/N)ᵏ)(f0(X) − y)
//
// with its own f0 and, for Θ, its kernel at the start or that of infinite width.
type gap struct {
	Own   float64 `json:"own"`
	Limit float64 `json:"limit"`
	// Learned is the training loss at the end over that at the start.
	Learned float64 `json:"learned"`
}

func (l *lab) gapCells(widths []int) []cells.Cell[gap] {
	var all []cells.Cell[gap]
	for _, n := range widths {
		for seed := range uint64(l.draws(n)) {
			all = append(all, cells.Cell[gap]{
				Name: fmt.Sprintf("gap-%04d-%02d", n, seed+1),
				Args: append(l.args(), fmt.Sprintf("ntk, width %d, seed %d, %d steps", n, seed+1, l.steps)),
				Compute: func(ctx context.Context) (*gap, error) {
					return l.gap(ctx, n, seed+1)
				},
			})
		}
	}
	return all
}

func (l *lab) gap(ctx context.Context, width int, seed uint64) (*gap, error) {
	limit, err := l.limit(ctx, "ntk", widths[0]) // of any width
	if err != nil {
		return nil, err
	}
	rate, err := l.stableRate(ctx, limit)
	if err != nil {
		return nil, err
	}
	net, err := l.network("ntk", width, rate, seed)
	if err != nil {
		return nil, err
	}
	f0, err := l.outputs(ctx, net)
	if err != nil {
		return nil, err
	}
	own, err := l.own(ctx, net.f)
	if err != nil {
		return nil, err
	}
	var at []int
	for k := 1; k < l.steps; k *= 2 {
		at = append(at, k)
	}
	at = append(at, l.steps)
	byOwn, err := l.closed(ctx, own, f0, rate, at)
	if err != nil {
		return nil, err
	}
	byLimit, err := l.closed(ctx, limit, f0, rate, at)
	if err != nil {
		return nil, err
	}
	r := &gap{}
	for i, k := range at {
		for net.trainer.Steps() < k {
			if _, err := net.trainer.Step(ctx, l.x, l.y); err != nil {
				return nil, err
			}
		}
		f, err := l.outputs(ctx, net)
		if err != nil {
			return nil, err
		}
		r.Own = max(r.Own, f.farthest(byOwn[i]))
		r.Limit = max(r.Limit, f.farthest(byLimit[i]))
		r.Learned = loss(f.train, l.y) / loss(f0.train, l.y)
	}
	return r, nil
}

// stableRate is half of the largest stable rate 2N/λ1, the same for all widths.
func (l *lab) stableRate(ctx context.Context, k *kernels) (float64, error) {
	d, err := predict.NewDynamics(ctx, l.blas, k.train, predict.Matrix{}, l.y, predict.DynamicsOptions{})
	if err != nil {
		return 0, err
	}
	return d.MaxRate() / 2, nil
}

// outputs are f on training and on test examples.
type outputs struct{ train, test predict.Matrix }

func (l *lab) outputs(ctx context.Context, n *network) (o outputs, err error) {
	if o.train, err = n.trainer.Outputs(ctx, l.x); err != nil {
		return o, err
	}
	o.test, err = n.trainer.Outputs(ctx, l.held)
	return o, err
}

// closed returns f_closed after each number of steps.
func (l *lab) closed(ctx context.Context, k *kernels, f0 outputs, rate float64, at []int) ([]outputs, error) {
	d, err := predict.NewDynamics(ctx, l.blas, k.train, f0.train, l.y, predict.DynamicsOptions{})
	if err != nil {
		return nil, err
	}
	var filters []predict.Filter
	for _, steps := range at {
		f, err := d.Descent(rate, steps)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	train, err := d.Train(filters...)
	if err != nil {
		return nil, err
	}
	test, err := d.Test(ctx, k.cross, f0.test, filters...)
	if err != nil {
		return nil, err
	}
	all := make([]outputs, len(at))
	for i := range all {
		all[i] = outputs{train[i], test[i]}
	}
	return all, nil
}

// farthest is the largest difference of two outputs.
func (o outputs) farthest(p outputs) float64 {
	d := 0.0
	for i, v := range o.train.Data {
		d = max(d, math.Abs(v-p.train.Data[i]))
	}
	for i, v := range o.test.Data {
		d = max(d, math.Abs(v-p.test.Data[i]))
	}
	return d
}

func loss(f, y predict.Matrix) float64 {
	s := 0.0
	for i, v := range f.Data {
		s += (v - y.Data[i]) * (v - y.Data[i])
	}
	return s
}
