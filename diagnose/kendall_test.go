package diagnose

import (
	"math"
	"testing"
)

// TestKendall compares with scipy.stats.kendalltau(a, b).statistic of SciPy's 1.x, τ_b:
//
//	kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])  # the example of its documentation
func TestKendall(t *testing.T) {
	for _, tc := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4, 5}, []float64{1, 2, 3, 4, 5}, 1},
		{[]float64{1, 2, 3, 4, 5}, []float64{5, 4, 3, 2, 1}, -1},
		{[]float64{12, 2, 1, 12, 2}, []float64{1, 4, 7, 1, 0}, -0.4714045207910316},
		{[]float64{0.3, 0.1, 0.5, 0.4, 0.9, 0.2}, []float64{3, 1, 2, 7, 5, 4}, 0.3333333333333333},
		{[]float64{1, 1, 2, 2, 3}, []float64{1, 2, 2, 3, 3}, 0.75},
	} {
		got, err := Kendall(tc.a, tc.b)
		if err != nil || !(math.Abs(got-tc.want) <= 1e-15) {
			t.Errorf("τ of %v and %v: %.16g, error %v; want %.16g", tc.a, tc.b, got, err, tc.want)
		}
	}
	if got, err := Kendall([]float64{1, 1}, []float64{1, 2}); err != nil || !math.IsNaN(got) {
		t.Errorf("τ of a tie of all: %g, error %v; want NaN", got, err)
	}
	if _, err := Kendall([]float64{1}, []float64{1, 2}); err == nil {
		t.Error("rankings of 1 and 2 things: no error")
	}
	if _, err := Kendall([]float64{1, math.NaN()}, []float64{1, 2}); err == nil {
		t.Error("a score that is NaN: no error")
	}
}
