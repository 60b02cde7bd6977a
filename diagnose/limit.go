package diagnose

import (
	"context"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/limits"
)

// A LimitInfo says what Θ is compared with.
type LimitInfo struct {
	// Examples is on how many examples, the first ones, it is; 0 if it is not.
	Examples int `json:"examples"`
	// Missing says why there is no limit to compare with; empty if there is.
	Missing string `json:"missing,omitempty"`
	// Distance is ‖Θ̄ − Θ∞‖/‖Θ∞‖ (Frobenius) of the mean over seeds; null if none.
	Distance *float64 `json:"distance"`
}

// A limited is the limit of a depth, where there is one.
type limited struct {
	limit   *limits.Limit
	missing string
	theta   []float64 // Θ∞, [n, n]
	n       int
	mean    []float64 // of the networks' Θ on those examples, summed
}

// limitNumbers bounds what a comparison computes: about a second.
const limitNumbers = 1e7

// derive derives the limit of a depth, or finds out why there is none.
func (c *Config) derive(model empirical.Model) *limited {
	switch {
	case c.Context != nil:
		return &limited{missing: "the weights are given, not drawn"}
	case c.Joint:
		return &limited{missing: "the examples are one batch"}
	}
	l, err := limits.Derive(mlctx.New(), model, []shapes.Shape{shapes.Make(dtypes.Float64, c.Data.Shape[1:]...)}, limits.Options{})
	if err != nil {
		return &limited{missing: plain(err)}
	}
	return &limited{limit: l}
}

// openLimit computes Θ∞ on as many examples as take about a second.
func (c *Config) openLimit(ctx context.Context, l *limited) (*LimitInfo, error) {
	switch {
	case c.Without.Limit:
		return nil, nil
	case l.limit == nil:
		return &LimitInfo{Missing: l.missing}, nil
	case len(c.Params) > 0:
		return &LimitInfo{Missing: "only some weights count"}, nil
	}
	l.n = min(c.Data.Len(), max(2, int(math.Sqrt(2*limitNumbers/float64(l.limit.PairNumbers())))))
	x, err := Examples(c.Data, dtypes.Float64)
	if err != nil {
		return nil, err
	}
	first := make([]int, l.n)
	for i := range first {
		first[i] = i
	}
	if x, err = x.Rows(first...); err != nil {
		return nil, err
	}
	g, err := l.limit.Gram(ctx, x, nil, limits.GramOptions{Memory: c.Memory})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return &LimitInfo{Missing: plain(err)}, nil
	}
	l.theta, l.mean = g.NTK, make([]float64, l.n*l.n)
	return &LimitInfo{Examples: l.n}, nil
}

// compare returns the distance of one network's Θ, Mean [n, n], and counts it
// among the mean.
func (l *limited) compare(theta []float64, n int) *float64 {
	if l.theta == nil {
		return nil
	}
	own := make([]float64, l.n*l.n)
	for i := range l.n {
		for j := range l.n {
			own[i*l.n+j] = theta[i*n+j]
			l.mean[i*l.n+j] += theta[i*n+j]
		}
	}
	return finite(relative(own, l.theta, 1))
}

// relative is ‖s·a − b‖/‖b‖.
func relative(a, b []float64, s float64) float64 {
	above, below := 0.0, 0.0
	for i, v := range b {
		above += (s*a[i] - v) * (s*a[i] - v)
		below += v * v
	}
	return math.Sqrt(above / below)
}
