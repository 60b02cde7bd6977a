package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/gontk/ntk/predict"
)

// uci runs the protocol of [predict.RunUCI]: kernels are computed once each.
func (r *prediction) uci(ctx context.Context, start time.Time) error {
	halves, err := predict.Folds(len(r.train), 2, r.teacher.labels, r.flags.foldSeed)
	if err != nil {
		return err
	}
	c, err := r.choose(ctx, halves[:1])
	if err != nil {
		return fmt.Errorf("choosing parameters: %w", err)
	}
	fit := fitInfo{}
	u, err := predict.RunUCI(ctx, r.teacher.labels, []machinePoint{c.machine}, r.flags.foldSeed, func(ctx context.Context, m machinePoint, s predict.Split) (float64, error) {
		a, err := r.teacher.learn(ctx, c.rows, m, s.Train, s.Test)
		if err != nil {
			return 0, err
		}
		fit = a.fit
		return r.teacher.score(a, s.Test), nil
	})
	if err != nil {
		return err
	}
	j := r.result(c, fit)
	j.Support, j.Steps = 0, 0 // of one fold
	j.count(u.Accuracy, float64(len(r.train)))
	j.FoldScore = u.Folds
	return r.print(j, start)
}
