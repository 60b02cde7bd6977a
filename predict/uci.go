package predict

import (
	"context"
	"fmt"
)

// A UCI is the outcome of the protocol that classifiers are compared by on the sets
// of the UCI repository.
type UCI[P any] struct {
	// Chosen are the parameters with the highest accuracy on the second half of the
	// examples after training on the first, Validation that accuracy.
	Chosen     P
	Validation float64
	// Folds are the accuracies with them on each of four folds, Accuracy their mean.
	Folds    []float64
	Accuracy float64
}

// RunUCI chooses parameters on one random split into halves, and then takes the mean
// accuracy over four folds of all examples. Both are spread evenly over classes and
// drawn with the seed; fit returns the accuracy on a split's test examples.
//
// Examples that parameters were chosen on are tested on again, as the protocol has
// it: accuracies are slightly too high, for all classifiers alike.
//
// Source: Fernández-Delgado et al., J. Mach. Learn. Res. 15 (2014) 3133, section 2;
// Arora et al., "Harnessing the power of infinitely wide deep nets on small-data
// tasks" (ICLR 2020).
func RunUCI[P any](ctx context.Context, labels []int, params []P, seed uint64, fit func(context.Context, P, Split) (float64, error)) (*UCI[P], error) {
	halves, err := Folds(len(labels), 2, labels, seed)
	if err != nil {
		return nil, err
	}
	folds, err := Folds(len(labels), 4, labels, seed+1)
	if err != nil {
		return nil, err
	}
	search, err := GridSearch(ctx, params, halves[:1], fit)
	if err != nil {
		return nil, fmt.Errorf("choosing parameters: %w", err)
	}
	out := &UCI[P]{Chosen: search.Best, Validation: search.Scores[search.Index]}
	out.Folds, err = CrossValidate(ctx, folds, func(ctx context.Context, s Split) (float64, error) { return fit(ctx, search.Best, s) })
	if err != nil {
		return nil, err
	}
	for _, a := range out.Folds {
		out.Accuracy += a / float64(len(out.Folds))
	}
	return out, nil
}

// A Standing compares a classifier with the others that ran on the same sets.
type Standing struct {
	// Mean is the mean accuracy.
	Mean float64
	// Rank is the mean over sets of the rank by accuracy, 1 the best, equals sharing
	// the mean of their ranks (Friedman).
	Rank float64
	// P90 and P95 are the shares of sets with at least 90 and 95 % of the highest
	// accuracy that any of the classifiers has there.
	P90, P95 float64
	// PMA is the mean accuracy relative to that highest one.
	PMA float64
}

// Standings compares classifiers by their accuracies [sets, classifiers]. All are
// relative to those given, not to published ones. It returns an error if the matrix
// is empty, or a set has no accuracy above 0.
func Standings(accuracies Matrix) ([]Standing, error) {
	if err := accuracies.check("accuracies", accuracies.Rows, accuracies.Cols); err != nil {
		return nil, err
	}
	if accuracies.Rows < 1 || accuracies.Cols < 1 {
		return nil, fmt.Errorf("predict: accuracies are [%d, %d]; want sets and classifiers", accuracies.Rows, accuracies.Cols)
	}
	out, sets := make([]Standing, accuracies.Cols), float64(accuracies.Rows)
	for s := range accuracies.Rows {
		row, best := accuracies.Row(s), 0.0
		for _, a := range row {
			best = max(best, a)
		}
		if best == 0 {
			return nil, fmt.Errorf("predict: no classifier has an accuracy above 0 on set %d", s)
		}
		for c, a := range row {
			rank := 0.5
			for _, other := range row {
				switch {
				case other > a:
					rank++
				case other == a:
					rank += 0.5
				}
			}
			out[c].Mean += a / sets
			out[c].Rank += rank / sets
			out[c].PMA += a / best / sets
			// An accuracy at the threshold counts, in spite of rounding.
			if a >= 0.90*best-1e-12 {
				out[c].P90 += 1 / sets
			}
			if a >= 0.95*best-1e-12 {
				out[c].P95 += 1 / sets
			}
		}
	}
	return out, nil
}
