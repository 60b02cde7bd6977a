package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/limits"
)

// symmetricPairs counts the pairs of n examples, each once.
func symmetricPairs(n int) float64 { return float64(n) * float64(n+1) / 2 }

// timePairs returns the time that a limit takes for a pair of examples: no rate is
// typical of it, as it depends on positions and on functions without closed forms.
// More examples are tried while that takes no tenth of a second.
func timePairs(ctx context.Context, l *limits.Limit, x empirical.Batch, memory int64) (seconds float64, err error) {
	for n := min(2, x.Len()); ; n = min(2*n, x.Len()) {
		some, err := rowsFrom(x, 0, n)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		if _, err := l.Gram(ctx, some, nil, limits.GramOptions{Memory: memory}); err != nil {
			return 0, err
		}
		took := time.Since(start).Seconds()
		if took > 0.1 || n == x.Len() || n >= 64 {
			return took / symmetricPairs(n), nil
		}
	}
}

// dryLimit says what limit would take.
func (a *app) dryLimit(ctx context.Context, l *limitFlags, set *data.Set, source diagnose.Source, derived *limits.Limit, budget machine.Budget) error {
	x, err := diagnose.Examples(set, dtypes.Float64)
	if err != nil {
		return err
	}
	pair, err := timePairs(ctx, derived, x, budget.Bytes)
	if err != nil {
		return err
	}
	memory, err := derived.Bytes(x.Len(), limits.GramOptions{Memory: budget.Bytes})
	if err != nil {
		return err
	}
	n := float64(x.Len())
	return a.printDryRun(dryRun{
		Work:    fmt.Sprintf("K and Θ of the limit of %s: %.0f pairs of %d examples", source.Name, symmetricPairs(x.Len()), x.Len()),
		Seconds: pair * symmetricPairs(x.Len()), Basis: byPairs, Memory: memory, Disk: toBytes(2 * 8 * n * n), Out: l.out,
	}, budget)
}

// dryCompare says what compare would take: the draws, and the limit at every width.
func (a *app) dryCompare(ctx context.Context, m *compareFlags, s *study, name string, model func(width int) (graph.Model, error), x empirical.Batch) error {
	r := dryRun{Out: m.out, Work: fmt.Sprintf("%d networks %s of each of the widths %s on %d examples", m.seeds, name, list(m.widths), x.Len())}
	for _, width := range m.widths {
		f, err := model(width)
		if err != nil {
			return err
		}
		network, err := empirical.New(s.backend.GoMLX, mlctx.New(), f, s.inputShape())
		if err != nil {
			return fmt.Errorf("at width %d: %w", width, err)
		}
		p, err := network.Plan(x.Len(), 0, empirical.Options{Memory: s.memory(), BLAS: s.blas})
		_ = network.Close()
		if err != nil {
			return fmt.Errorf("at width %d: %w", width, err)
		}
		r.Seconds += float64(m.seeds) * planSeconds(p)
		r.Memory = max(r.Memory, p.Bytes)
	}
	arrays := 2 // of each kernel: mean and standard error
	f, err := model(m.widths[0])
	if err != nil {
		return err
	}
	derived, err := limits.Derive(mlctx.New(), f, []shapes.Shape{shapes.Make(dtypes.Float64, s.set.Shape[1:]...)}, limits.Options{})
	if err == nil {
		arrays++
		r.Work += ", and the limit"
		all, err := diagnose.Examples(s.set, dtypes.Float64)
		if err != nil {
			return err
		}
		pair, err := timePairs(ctx, derived, all, s.budget.Bytes)
		if err != nil {
			return err
		}
		r.Seconds += pair * symmetricPairs(x.Len()) * float64(len(m.widths))
	}
	if m.out != "" {
		n, all := float64(x.Len()), float64(arrays*len(m.widths))
		if len(m.widths) > 1 {
			all += 2 // what is extrapolated, and its error
		}
		r.Disk = toBytes(8 * n * n * 2 * all)
	}
	return a.printDryRun(r, s.budget)
}
