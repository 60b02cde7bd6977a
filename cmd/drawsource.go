package cmd

import (
	"context"
	"fmt"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/predict"
)

// A drawSource computes the mean over draws of Θ of a network, averaged over outputs.
// It keeps the sum of the draws so far, where there is a folder for it.
type drawSource struct {
	app    *app
	study  *study
	train  int
	draws  int
	points int // of the grid, for progress
	point  int // those done
	keep   *drawStore
	all    empirical.Batch
}

func (a *app) newDrawSource(s *study, train, draws, points int, keep *drawStore) (*drawSource, error) {
	x, err := s.examples()
	return &drawSource{app: a, study: s, train: train, draws: draws, points: points, keep: keep, all: x}, err
}

// plan finds what is wrong with a network on n examples before work begins.
func (s *drawSource) plan(p kernelPoint, n int) error {
	f, err := s.study.network(p.Depth)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = f.Plan(n, s.train, s.study.options(empirical.Mean))
	return err
}

// eachDraw calls use for the network of every draw from first on.
func (s *drawSource) eachDraw(p kernelPoint, first int, use func(draw int, f *empirical.Network) error) error {
	f, err := s.study.network(p.Depth)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for draw := first; draw < s.draws; draw++ {
		if !s.study.flags.trained() {
			if err := f.Redraw(s.study.flags.seed + uint64(draw)); err != nil {
				return err
			}
		}
		if err := use(draw, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *drawSource) whole(ctx context.Context, p kernelPoint, columns []int) (predict.Matrix, error) {
	n, c := s.all.Len(), len(columns)
	sum, first, err := s.keep.load(p, n, c)
	if err != nil {
		return predict.Matrix{}, err
	}
	defer func() { s.point++ }()
	if first == s.draws {
		return sum, nil
	}
	bar := s.app.newProgress()
	defer bar.done()
	err = s.eachDraw(p, first, func(draw int, f *empirical.Network) error {
		if draw == first && s.point == 0 {
			if err := s.app.debugNaN(ctx, s.study, f); err != nil {
				return err
			}
		}
		seed := s.study.flags.seed + uint64(draw)
		report := func(done float64) {
			bar.update((float64(s.point)+(float64(draw)+done)/float64(s.draws))/float64(s.points), fmt.Sprintf("Θ of seed %d", seed))
		}
		if err := s.add(ctx, f, sum, columns, report); err != nil {
			return s.app.locate(ctx, s.study, f, err)
		}
		if draw+1 == s.draws {
			for i := range sum.Data {
				sum.Data[i] /= float64(s.draws)
			}
		}
		return s.keep.save(p, sum, draw+1)
	})
	return sum, err
}

// add adds the kernel of one network. That of the training examples with themselves
// is exactly symmetric where all of them are columns.
func (s *drawSource) add(ctx context.Context, f *empirical.Network, sum predict.Matrix, columns []int, report func(float64)) error {
	opts := s.study.options(empirical.Mean)
	add := func(from, to int, x2 empirical.Batch, done, share float64) error {
		x1, err := rowsFrom(s.all, from, to)
		if err != nil {
			return err
		}
		opts.Progress = func(e empirical.Progress) { report(done + share*float64(e.Done)/float64(max(1, e.Total))) }
		g, err := f.NTK(ctx, x1, x2, opts)
		if err != nil {
			return err
		}
		for i, v := range g.Values {
			sum.Data[from*sum.Cols+i] += v
		}
		return nil
	}
	n := s.all.Len()
	x2, err := s.all.Rows(columns...)
	if err != nil {
		return err
	}
	if len(columns) < s.train {
		return add(0, n, x2, 0, 1)
	}
	// In units of pairs of examples.
	own, other := float64(s.train)/2, float64(n-s.train)
	if err := add(0, s.train, nil, 0, own/(own+other)); err != nil || n == s.train {
		return err
	}
	return add(s.train, n, x2, own/(own+other), other/(own+other))
}

func (s *drawSource) diagonal(ctx context.Context, p kernelPoint, first int) ([]float64, error) {
	n := s.all.Len()
	out := make([]float64, n-first)
	x, err := rowsFrom(s.all, first, n)
	if err != nil {
		return nil, err
	}
	opts := s.study.options(empirical.Mean)
	opts.Pairs = true
	err = s.eachDraw(p, 0, func(_ int, f *empirical.Network) error {
		g, err := f.NTK(ctx, x, nil, opts)
		if err != nil {
			return err
		}
		for i, v := range g.Values {
			out[i] += v / float64(s.draws)
		}
		return nil
	})
	return out, err
}
