package predict

import (
	"fmt"
	"math"
	"slices"
)

// An Interval holds central intervals [M, O] that targets lie in with a probability.
type Interval struct{ Low, High Matrix }

// Intervals returns mean ± z·√variance, z the two-sided quantile of the normal
// distribution for the given level, such as 0.95, times a factor: 1, or what
// [LeaveOneOut.Calibrate] returns. Add the noise to the variance for intervals of
// targets, leave it out for those of f. It returns an error if shapes disagree, a
// variance is negative, or the level is not between 0 and 1.
func Intervals(mean Matrix, variance []float64, level, factor float64) (Interval, error) {
	z, err := quantile(level)
	if err != nil {
		return Interval{}, err
	}
	if len(variance) != mean.Rows || !(factor >= 0) {
		return Interval{}, fmt.Errorf("predict: %d variances for [%d, %d] means, and a factor of %g; want one for each row, a factor of 0 or more", len(variance), mean.Rows, mean.Cols, factor)
	}
	out := Interval{NewMatrix(mean.Rows, mean.Cols), NewMatrix(mean.Rows, mean.Cols)}
	for i, v := range variance {
		if !(v >= 0) {
			return Interval{}, fmt.Errorf("predict: variance %d is %g; want 0 or more", i, v)
		}
		for o, mu := range mean.Row(i) {
			half := factor * z * math.Sqrt(v)
			out.Low.Row(i)[o], out.High.Row(i)[o] = mu-half, mu+half
		}
	}
	return out, nil
}

// Coverage returns the share of targets y [M, O] that lie in the intervals.
func (iv Interval) Coverage(y Matrix) (float64, error) {
	if err := y.check("y", iv.Low.Rows, iv.Low.Cols); err != nil {
		return 0, err
	}
	inside := 0
	for i, v := range y.Data {
		if iv.Low.Data[i] <= v && v <= iv.High.Data[i] {
			inside++
		}
	}
	return float64(inside) / float64(len(y.Data)), nil
}

func quantile(level float64) (float64, error) {
	if !(level > 0 && level < 1) {
		return 0, fmt.Errorf("predict: level %g; want a probability between 0 and 1", level)
	}
	return math.Sqrt2 * math.Erfinv(level), nil
}

// Calibrate returns the factor by which intervals of the given level must be
// stretched, or shrunk if below 1, to hold that share of the training targets y
// [N, O] when each is predicted from the others: the ⌈(n+1)·level⌉-th smallest of
// the n = N·O standardized errors |y − μ|/σ, over the normal quantile. A model whose
// variances are right has a factor near 1. It is +Inf if n is too small for the level.
//
// It returns an error if y has another shape, or the level is not between 0 and 1.
//
// Source: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005),
// for the order statistic; that the errors are those of leaving one out makes the
// coverage approximate.
func (l *LeaveOneOut) Calibrate(y Matrix, level float64) (float64, error) {
	if err := y.check("y", l.Mean.Rows, l.Mean.Cols); err != nil {
		return 0, err
	}
	z, err := quantile(level)
	if err != nil {
		return 0, err
	}
	errors := make([]float64, len(y.Data))
	for i := range y.Rows {
		if !(l.Variance[i] > 0) {
			return 0, fmt.Errorf("predict: the variance of example %d is %g; want it positive", i, l.Variance[i])
		}
		for o, mu := range l.Mean.Row(i) {
			errors[i*y.Cols+o] = math.Abs(y.Row(i)[o]-mu) / math.Sqrt(l.Variance[i])
		}
	}
	slices.Sort(errors)
	rank := int(math.Ceil(float64(len(errors)+1)*level)) - 1
	if rank >= len(errors) {
		return math.Inf(1), nil
	}
	return errors[rank] / z, nil
}
