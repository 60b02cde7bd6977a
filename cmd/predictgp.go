package cmd

import (
	"context"

	"github.com/gontk/ntk/predict"
)

// gpInfo is what a Gaussian process says beside its predictions. Its prior variance
// is that of a kernel whose K(x, x) is 1 on average.
type gpInfo struct {
	LogEvidence float64 `json:"log_evidence"`
	Variance    float64 `json:"prior_variance"`
	Noise       float64 `json:"noise_variance"`
	LeaveOneOut float64 `json:"leave_one_out"`
	// Level is the probability that intervals are made for, Calibration what they are
	// stretched by, nil if there are too few examples to tell, Coverage the share of
	// the test targets in them.
	Level       float64  `json:"level"`
	Calibration *float64 `json:"calibration"`
	Coverage    float64  `json:"coverage"`
}

// gpRatios bound the search for the noise over the prior variance; gpLevel is the
// probability that intervals are made for.
const (
	gpLowest, gpHighest = 1e-8, 1e3
	gpLevel             = 0.9
)

// chooseGP takes the kernel, the prior variance and the noise of most evidence.
func (r *prediction) chooseGP(ctx context.Context) (*choice, *gpInfo, error) {
	y, _ := r.teacher.centre(r.train)
	var best *choice
	info := &gpInfo{}
	for _, kp := range r.flags.kernelGrid {
		rows, err := r.rows(ctx, kp)
		if err != nil {
			return nil, nil, err
		}
		e, err := predict.NewEvidence(ctx, r.teacher.blas, rows.between(r.train, r.train), y)
		if err != nil {
			return nil, nil, err
		}
		for _, mp := range r.flags.machineGrid {
			lowest, highest := mp.Ridge, mp.Ridge
			if mp.Ridge == 0 {
				lowest, highest = gpLowest, gpHighest
			}
			scale, noise, err := e.Maximize(lowest, highest)
			if err != nil {
				return nil, nil, err
			}
			value, _, _, err := e.At(scale, noise)
			if err != nil {
				return nil, nil, err
			}
			mp.Ridge = noise / scale
			r.grid = append(r.grid, gridResult{Gamma: kp.Gamma, Depth: kp.Depth, Ridge: mp.Ridge, Score: &value})
			if best == nil || value > best.score {
				best = &choice{kp, mp, rows, value}
				info.LogEvidence, info.Variance, info.Noise = value, scale, noise
			}
		}
	}
	return best, info, nil
}

// process predicts with a Gaussian process, with the variance of the test examples'
// targets.
func (r *prediction) process(ctx context.Context, c *choice, info *gpInfo) (a *answer, variance []float64, err error) {
	y, mean := r.teacher.centre(r.train)
	g, err := predict.NewGP(ctx, r.teacher.blas, c.rows.between(r.train, r.train), y, c.machine.Ridge)
	if err != nil {
		return nil, nil, err
	}
	cross := c.rows.between(r.test, r.train)
	f, err := g.Mean(cross)
	if err != nil {
		return nil, nil, err
	}
	d, err := r.source.diagonal(ctx, c.kernel, len(r.train))
	if err != nil {
		return nil, nil, err
	}
	for i := range d {
		d[i] /= c.rows.scale
	}
	if variance, err = g.Variance(cross, d); err != nil {
		return nil, nil, err
	}
	// The process has a prior variance of 1: all of its variances scale with it.
	for i := range variance {
		variance[i] = info.Variance*variance[i] + info.Noise
	}
	a = r.teacher.answer(f, mean)
	return a, variance, r.calibrate(g, y, mean, a, variance, info)
}

// calibrate compares intervals with the targets, those of test stretched by what the
// training examples left out say.
func (r *prediction) calibrate(g *predict.GP, y predict.Matrix, mean []float64, a *answer, variance []float64, info *gpInfo) error {
	loo, err := g.LeaveOneOut()
	if err != nil {
		return err
	}
	for i := range loo.Variance {
		loo.Variance[i] *= info.Variance
	}
	factor, err := loo.Calibrate(y, gpLevel)
	if err != nil {
		return err
	}
	if info.Calibration = finite(factor); info.Calibration == nil {
		factor = 1
	}
	info.LeaveOneOut = r.teacher.score(r.teacher.answer(loo.Mean, mean), r.train)
	iv, err := predict.Intervals(a.outputs, variance, gpLevel, factor)
	if err != nil {
		return err
	}
	info.Level = gpLevel
	info.Coverage, err = iv.Coverage(r.teacher.y.Select(r.test))
	return err
}
