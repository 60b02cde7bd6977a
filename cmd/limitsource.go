package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/predict"
)

// A limitSource computes K or Θ of infinitely wide networks. It keeps the
// kernel of each depth, where there is a folder for it.
type limitSource struct {
	app    *app
	study  *study
	name   kernelName
	train  int
	points int // of the grid, for progress
	point  int // those done
	keep   *drawStore
	all    empirical.Batch
}

func (a *app) newLimitSource(s *study, name kernelName, train, points int, keep *drawStore) (*limitSource, error) {
	x, err := diagnose.Examples(s.set, dtypes.Float64)
	return &limitSource{app: a, study: s, name: name, train: train, points: points, keep: keep, all: x}, err
}

// derive derives the limit of a depth; what has none is refused before work begins.
func (s *limitSource) derive(p kernelPoint) (*limits.Limit, error) {
	shape := s.study.set.Shape[1:]
	model, err := s.study.source.Build(p.Depth, shape, s.study.set.Classes)
	if err != nil {
		return nil, err
	}
	l, err := limits.Derive(mlctx.New(), model, []shapes.Shape{shapes.Make(dtypes.Float64, shape...)}, limits.Options{})
	if r := (*limits.Refusal)(nil); errors.As(err, &r) {
		r.MonteCarlo = fmt.Sprintf("%s predict --kernel %s --draws 10", s.app.program, s.name.of)
	}
	return l, err
}

func (s *limitSource) whole(ctx context.Context, p kernelPoint, columns []int) (predict.Matrix, error) {
	n := s.all.Len()
	k, there, err := s.keep.load(p, n, len(columns))
	if err != nil || there > 0 {
		return k, err
	}
	l, err := s.derive(p)
	if err != nil {
		return k, err
	}
	bar := s.app.newProgress()
	defer bar.done()
	defer func() { s.point++ }()
	add := func(from, to int, x2 empirical.Batch, done, share float64) error {
		x1, err := rowsFrom(s.all, from, to)
		if err != nil {
			return err
		}
		values, err := s.gram(ctx, l, x1, x2, func(part float64) {
			bar.update((float64(s.point)+done+share*part)/float64(s.points), "kernel of the limit")
		})
		copy(k.Data[from*k.Cols:], values)
		return err
	}
	x2, err := s.all.Rows(columns...)
	if err != nil {
		return k, err
	}
	if len(columns) < s.train {
		err = add(0, n, x2, 0, 1)
	} else {
		own, other := float64(s.train)/2, float64(n-s.train)
		err = add(0, s.train, nil, 0, own/(own+other))
		if err == nil && n > s.train {
			err = add(s.train, n, x2, own/(own+other), other/(own+other))
		}
	}
	if err != nil {
		return k, err
	}
	return k, s.keep.save(p, k, 1)
}

// gram computes both kernels and returns the one that was asked for.
func (s *limitSource) gram(ctx context.Context, l *limits.Limit, x1, x2 empirical.Batch, report func(float64)) ([]float64, error) {
	g, err := l.Gram(ctx, x1, x2, limits.GramOptions{
		Memory: s.study.budget.Bytes, DType: s.study.dtype, BLAS: s.study.blas, Only: s.name.limit,
		Progress: func(done, total int) { report(float64(done) / float64(max(1, total))) },
	})
	if err != nil {
		return nil, err
	}
	if s.name.limit == limits.NNGP {
		return g.NNGP, nil
	}
	return g.NTK, nil
}

func (s *limitSource) diagonal(ctx context.Context, p kernelPoint, first int) ([]float64, error) {
	l, err := s.derive(p)
	if err != nil {
		return nil, err
	}
	var out []float64
	err = inBlocks(first, s.all.Len(), func(from, to int) error {
		x, err := rowsFrom(s.all, from, to)
		if err != nil {
			return err
		}
		values, err := s.gram(ctx, l, x, nil, func(float64) {})
		for i := 0; err == nil && i < to-from; i++ {
			out = append(out, values[i*(to-from)+i])
		}
		return err
	})
	return out, err
}

// rowsFrom returns the examples from from to to−1.
func rowsFrom(x empirical.Batch, from, to int) (empirical.Batch, error) {
	idx := make([]int, to-from)
	for i := range idx {
		idx[i] = from + i
	}
	return x.Rows(idx...)
}
