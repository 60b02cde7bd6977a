package train

import (
	"context"

	"github.com/gontk/ntk/predict"
)

// StableRate returns the largest stable learning rate of c's optimizer, but for its
// rate, at the Network's weights, by λ_1 of Θ on the probe; see Point.MaxRate. It
// is +Inf for a kernel that is zero.
func StableRate(ctx context.Context, c Config) (float64, error) {
	e := &evolution{c: c}
	var err error
	if e.order, err = e.c.check(); err != nil {
		return 0, err
	}
	probe, err := e.probe()
	if err != nil {
		return 0, err
	}
	m, err := e.matrix(ctx, "kernel of the probe", probe, nil, e.c.Outputs)
	if err != nil {
		return 0, err
	}
	s, err := predict.NewSpectrum(ctx, c.BLAS, m.Rows, m.Data)
	if err != nil {
		return 0, err
	}
	return e.c.stableRate(s, e.order.Batch), nil
}
