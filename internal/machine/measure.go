package machine

import (
	"fmt"
	"math"
	"time"
)

const (
	// measureDefault is how long Measure repeats when not told.
	measureDefault = 100 * time.Millisecond
	// measureBatch is the least time to read off the clock: a thousand of
	// its ticks on the coarsest systems, so that a reading errs by 0.1 %
	// where the clock ticks in 100 ns.
	measureBatch = 100 * time.Microsecond
)

// Measure times f, which does flops floating-point operations a call, and
// returns its rate in the fastest repetition: what disturbs a timing only
// ever slows it down. It calls f once to warm up, then repeats for at least
// min (0 means 100 ms), timing calls under 100 µs in batches.
//
// Bytes is left at 0. A caller who knows that a call moves b bytes sets it to
// FLOPs·b/flops.
//
// It returns an error if flops is not a positive finite number, and f's error
// as soon as it returns one.
func Measure(name string, flops float64, min time.Duration, f func() error) (Rate, error) {
	if !(flops > 0) || math.IsInf(flops, 1) {
		return Rate{}, fmt.Errorf("measure %s: %g floating-point operations a call, want a positive finite number", name, flops)
	}
	if min < 0 {
		return Rate{}, fmt.Errorf("measure %s: minimum time %v is negative", name, min)
	}
	if min == 0 {
		min = measureDefault
	}
	batch := func(calls int) (time.Duration, error) {
		start := time.Now()
		for range calls {
			if err := f(); err != nil {
				return 0, fmt.Errorf("measure %s: %w", name, err)
			}
		}
		return time.Since(start), nil
	}
	if _, err := batch(1); err != nil {
		return Rate{}, err
	}
	best, calls := math.Inf(1), 1
	for start := time.Now(); time.Since(start) < min || math.IsInf(best, 1); {
		d, err := batch(calls)
		if err != nil {
			return Rate{}, err
		}
		if d < measureBatch {
			calls *= 2
			continue
		}
		best = math.Min(best, d.Seconds()/float64(calls))
	}
	return Rate{Form: name, FLOPs: flops / best}, nil
}
