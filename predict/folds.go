package predict

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// A Split divides examples into those to train on and those to test on.
type Split struct{ Train, Test []int }

// Folds divides n examples into k parts whose sizes differ by one at most, in an
// order drawn with the seed, and returns k splits, each testing on one part. With
// labels, one for each example, every class is spread evenly. Indices are in
// ascending order. It returns an error if k is not in 2..n or labels are not n.
func Folds(n, k int, labels []int, seed uint64) ([]Split, error) {
	if k < 2 || k > n {
		return nil, fmt.Errorf("predict: %d folds of %d examples; want 2 to %d", k, n, n)
	}
	if labels != nil && len(labels) != n {
		return nil, fmt.Errorf("predict: %d labels for %d examples", len(labels), n)
	}
	order := rand.New(rand.NewPCG(seed, 1)).Perm(n)
	if labels != nil {
		// Dealing out class by class, like cards, evens both classes and sizes.
		slices.SortStableFunc(order, func(a, b int) int { return labels[a] - labels[b] })
	}
	splits := make([]Split, k)
	for place, i := range order {
		for f := range splits {
			if place%k == f {
				splits[f].Test = append(splits[f].Test, i)
			} else {
				splits[f].Train = append(splits[f].Train, i)
			}
		}
	}
	for _, s := range splits {
		slices.Sort(s.Train)
		slices.Sort(s.Test)
	}
	return splits, nil
}

// CrossValidate returns the score of fit on every split.
func CrossValidate(ctx context.Context, splits []Split, fit func(context.Context, Split) (float64, error)) ([]float64, error) {
	scores := make([]float64, len(splits))
	for i, s := range splits {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var err error
		if scores[i], err = fit(ctx, s); err != nil {
			return nil, fmt.Errorf("split %d: %w", i, err)
		}
	}
	return scores, nil
}

// A Search is the outcome of a grid search.
type Search[P any] struct {
	// Best has the highest mean score, the first of equals.
	Best P
	// Scores are the mean scores of all parameters, in their order.
	Scores []float64
	// Index is that of Best.
	Index int
}

// GridSearch scores every one of the parameters on every split, higher being
// better. It returns an error if there are no parameters or splits, or a score is NaN.
func GridSearch[P any](ctx context.Context, params []P, splits []Split, fit func(context.Context, P, Split) (float64, error)) (*Search[P], error) {
	if len(params) == 0 || len(splits) == 0 {
		return nil, fmt.Errorf("predict: a grid of %d parameters on %d splits; want at least one of each", len(params), len(splits))
	}
	out := &Search[P]{Scores: make([]float64, len(params))}
	for i, p := range params {
		scores, err := CrossValidate(ctx, splits, func(ctx context.Context, s Split) (float64, error) { return fit(ctx, p, s) })
		if err != nil {
			return nil, fmt.Errorf("parameter %v: %w", p, err)
		}
		for _, v := range scores {
			out.Scores[i] += v / float64(len(scores))
		}
		if math.IsNaN(out.Scores[i]) {
			return nil, fmt.Errorf("parameter %v: scores %g; want numbers", p, scores)
		}
		if out.Scores[i] > out.Scores[out.Index] {
			out.Index = i
		}
	}
	out.Best = params[out.Index]
	return out, nil
}
