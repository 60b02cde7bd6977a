package cmd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gontk/ntk/predict"
)

// gridResult is one combination of parameters, and how it did.
type gridResult struct {
	Gamma float64 `json:"gamma,omitempty"`
	Depth int     `json:"depth,omitempty"`
	Ridge float64 `json:"ridge,omitempty"`
	C     float64 `json:"c,omitempty"`
	// Score is the mean over folds, or the evidence; nil if it could not be had.
	Score   *float64 `json:"score"`
	Problem string   `json:"problem,omitempty"`
}

// A choice is the best point of the grids, and the kernel there.
type choice struct {
	kernel  kernelPoint
	machine machinePoint
	rows    *kernelRows
	score   float64
}

// rows computes the kernel at a point of its grid.
func (r *prediction) rows(ctx context.Context, p kernelPoint) (*kernelRows, error) {
	start := time.Now()
	defer func() { r.kernel += time.Since(start) }()
	if f, ok := r.source.(*formulaSource); ok && r.flags.method == "falkon" {
		return newFormulaRows(ctx, f, p, r.columns)
	}
	dense, err := r.source.whole(ctx, p, r.columns)
	if err != nil {
		return nil, err
	}
	return newKernelRows(dense, r.columns)
}

// choose scores every point of the grids on splits of examples. A point that fails,
// as one whose ridge leaves the kernel singular, has no score; if all fail the error
// is the first one's. One point alone is taken as it is.
func (r *prediction) choose(ctx context.Context, splits []predict.Split) (*choice, error) {
	p := r.flags
	var best *choice
	var first error
	total, done := len(p.kernelGrid)*len(p.machineGrid), 0
	for _, kp := range p.kernelGrid {
		rows, err := r.rows(ctx, kp)
		if err != nil {
			return nil, err
		}
		if total == 1 {
			return &choice{kp, p.machineGrid[0], rows, math.NaN()}, nil
		}
		bar := r.app.newProgress() // a network's kernel has one of its own
		for _, mp := range p.machineGrid {
			scores, err := predict.CrossValidate(ctx, splits, func(ctx context.Context, s predict.Split) (float64, error) {
				a, err := r.teacher.learn(ctx, rows, mp, s.Train, s.Test)
				if err != nil {
					return 0, err
				}
				return r.teacher.score(a, s.Test), nil
			})
			done++
			bar.update(float64(done)/float64(total), "comparing "+kp.describe(mp))
			if ctx.Err() != nil {
				bar.done()
				return nil, err
			}
			g := gridResult{Gamma: kp.Gamma, Depth: kp.Depth, Ridge: mp.Ridge, C: mp.C}
			if err != nil {
				g.Problem = oneLine(err.Error())
				if first == nil {
					first = fmt.Errorf("%s: %w", kp.describe(mp), err)
				}
			} else {
				mean := 0.0
				for _, v := range scores {
					mean += v / float64(len(scores))
				}
				g.Score = &mean
				if best == nil || mean > best.score {
					best = &choice{kp, mp, rows, mean}
				}
			}
			r.grid = append(r.grid, g)
		}
		bar.done()
	}
	if best == nil {
		return nil, errors.Join(first)
	}
	return best, nil
}

// folds splits the training examples, evenly over classes.
func (r *prediction) folds() ([]predict.Split, error) {
	if len(r.flags.kernelGrid)*len(r.flags.machineGrid) == 1 {
		return nil, nil
	}
	var labels []int
	if r.teacher.labels != nil {
		labels = r.teacher.labels[:len(r.train)]
	}
	return predict.Folds(len(r.train), r.flags.folds, labels, r.flags.foldSeed)
}
