package main

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/bench/cells"
)

// A firstStep is what one step of gradient descent does to a network in the standard
// parameterization.
type firstStep struct {
	// Moved is ‖Θ1 − Θ0‖/(nN), Start ‖Θ0‖/(nN), of N training examples in Frobenius
	// norms: what becomes of Θ/n.
	Moved float64 `json:"moved"`
	Start float64 `json:"start"`
	// Largest is the largest |f| after the step, on training and test examples.
	Largest float64 `json:"largest"`
}

// rules of the learning rate: c for all widths n, and c/n, where c/n is half of the
// largest stable rate.
var rules = []string{"c", "c/n"}

func (l *lab) stepCells(widths []int) []cells.Cell[firstStep] {
	var all []cells.Cell[firstStep]
	for _, n := range widths {
		for i, rule := range rules {
			for seed := range uint64(l.draws(n)) {
				all = append(all, cells.Cell[firstStep]{
					Name: fmt.Sprintf("step-%04d-%d-%02d", n, i+1, seed+1),
					Args: append(l.args(), fmt.Sprintf("standard, width %d, seed %d, one step at a rate %s", n, seed+1, rule)),
					Compute: func(ctx context.Context) (*firstStep, error) {
						return l.firstStep(ctx, n, i == 0, seed+1)
					},
				})
			}
		}
	}
	return all
}

// firstStep takes the step, at the rate c/n or, if it is fixed, c.
func (l *lab) firstStep(ctx context.Context, width int, fixed bool, seed uint64) (*firstStep, error) {
	limit, err := l.limit(ctx, "standard", width)
	if err != nil {
		return nil, err
	}
	rate, err := l.stableRate(ctx, limit)
	if err != nil {
		return nil, err
	}
	if fixed {
		rate *= float64(width)
	}
	net, err := l.network("standard", width, rate, seed)
	if err != nil {
		return nil, err
	}
	before, err := l.own(ctx, net.f)
	if err != nil {
		return nil, err
	}
	if _, err := net.trainer.Step(ctx, l.x, l.y); err != nil {
		return nil, err
	}
	f, err := l.outputs(ctx, net)
	if err != nil {
		return nil, err
	}
	if err := net.trainer.Sync(); err != nil {
		return nil, err
	}
	if err := net.f.Sync(); err != nil {
		return nil, err
	}
	after, err := l.own(ctx, net.f)
	if err != nil {
		return nil, err
	}
	r := &firstStep{}
	for i, v := range before.train.Data {
		d := after.train.Data[i] - v
		r.Moved, r.Start = r.Moved+d*d, r.Start+v*v
	}
	scale := float64(width * l.train)
	r.Moved, r.Start = math.Sqrt(r.Moved)/scale, math.Sqrt(r.Start)/scale
	for _, m := range [][]float64{f.train.Data, f.test.Data} {
		for _, v := range m {
			r.Largest = max(r.Largest, math.Abs(v))
		}
	}
	return r, nil
}
