package predict_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/predict"
)

// TestFolds: every example is tested once and never trained on then; sizes and
// classes differ by one at most; a seed is an order.
func TestFolds(t *testing.T) {
	const n, k = 50, 4
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i * i % 3
	}
	for _, by := range [][]int{nil, labels} {
		splits, err := predict.Folds(n, k, by, 7)
		if err != nil {
			t.Fatal(err)
		}
		var tested []int
		for _, s := range splits {
			if len(s.Test) < n/k || len(s.Test) > n/k+1 {
				t.Errorf("a fold of %d examples of %d", len(s.Test), n)
			}
			both := slices.Concat(s.Train, s.Test)
			slices.Sort(both)
			for i, v := range both {
				if i != v {
					t.Fatalf("train and test do not make up all examples: %v", both)
				}
			}
			tested = append(tested, s.Test...)
			for c := range 3 {
				count := func(idx []int) (m int) {
					for _, i := range idx {
						if labels[i] == c {
							m++
						}
					}
					return m
				}
				whole := make([]int, n)
				for i := range whole {
					whole[i] = i
				}
				if all, got := count(whole), count(s.Test); by != nil && (got < all/k || got > all/k+1) {
					t.Errorf("class %d: %d of %d examples in a fold of %d", c, got, all, k)
				}
			}
		}
		slices.Sort(tested)
		if len(slices.Compact(tested)) != n {
			t.Errorf("%d examples tested, want %d", len(tested), n)
		}
		again, _ := predict.Folds(n, k, by, 7)
		other, _ := predict.Folds(n, k, by, 8)
		if !slices.Equal(splits[0].Test, again[0].Test) || slices.Equal(splits[0].Test, other[0].Test) {
			t.Error("a seed is not an order of its own")
		}
	}
	for _, k := range []int{1, n + 1} {
		if _, err := predict.Folds(n, k, nil, 0); err == nil {
			t.Errorf("%d folds: no error", k)
		}
	}
}

// TestGridSearch: the best mean wins, the first of equals, and errors say where.
func TestGridSearch(t *testing.T) {
	splits, err := predict.Folds(4, 2, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	score := func(_ context.Context, p float64, s predict.Split) (float64, error) {
		if p > 9 {
			return 0, errors.New("too large")
		}
		return -(p-2)*(p-2) + float64(s.Test[0])/100, nil
	}
	s, err := predict.GridSearch(t.Context(), []float64{0, 1, 3, 2.5, 1.5}, splits, score)
	if err != nil || s.Best != 2.5 || s.Index != 3 {
		t.Errorf("best %v at %d, %v; want 2.5 at 3, the first of two equals", s.Best, s.Index, err)
	}
	if _, err := predict.GridSearch(t.Context(), []float64{1, 10}, splits, score); err == nil || err.Error() != "parameter 10: split 0: too large" {
		t.Errorf("error %v", err)
	}
	if _, err := predict.GridSearch(t.Context(), nil, splits, score); err == nil {
		t.Error("empty grid: no error")
	}
}

// TestRunUCI counts what the protocol does with a fit that returns the share of
// examples it trains on.
func TestRunUCI(t *testing.T) {
	labels := make([]int, 80)
	for i := range labels {
		labels[i] = i % 2
	}
	var calls []int
	u, err := predict.RunUCI(t.Context(), labels, []string{"a", "b"}, 1, func(_ context.Context, p string, s predict.Split) (float64, error) {
		calls = append(calls, len(s.Train))
		if p == "b" {
			return 0.9, nil
		}
		return 0.5, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(calls, []int{40, 40, 60, 60, 60, 60}) || u.Chosen != "b" || u.Validation != 0.9 || !(math.Abs(u.Accuracy-0.9) < 1e-15) {
		t.Errorf("trained on %v examples, chose %+v", calls, u)
	}
}

// TestStandings is worked out by hand.
func TestStandings(t *testing.T) {
	s, err := predict.Standings(matrixOf(2, 3, []float64{0.8, 0.72, 0.8, 0.5, 1, 0.95}))
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, c := range s {
		got = append(got, c.Mean, c.Rank, c.P90, c.P95, c.PMA)
	}
	kerneltest.Close(t, "standings", got, []float64{
		0.65, 2.25, 0.5, 0.5, 0.75,
		0.86, 2, 1, 0.5, 0.95,
		0.875, 1.75, 1, 1, 0.975,
	}, 1e-15)
	if _, err := predict.Standings(predict.NewMatrix(1, 2)); err == nil {
		t.Error("no accuracy above 0: no error")
	}
}

func TestClassify(t *testing.T) {
	got := predict.Classify(matrixOf(2, 3, []float64{1, 3, 3, -1, -2, -3}))
	if !slices.Equal(got, []int{1, 0}) {
		t.Errorf("classes %v, want the first of equals", got)
	}
	y, err := predict.OneHot([]int{1, 0}, 2, true)
	if err != nil || !slices.Equal(y.Data, []float64{-0.5, 0.5, 0.5, -0.5}) {
		t.Errorf("targets %v, %v", y.Data, err)
	}
	if a, err := predict.Accuracy([]int{1, 2, 3, 4}, []int{1, 2, 3, 5}); err != nil || a != 0.75 {
		t.Errorf("accuracy %g, %v", a, err)
	}
}
