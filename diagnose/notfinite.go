package diagnose

import (
	"context"
	"errors"
	"fmt"

	"github.com/gontk/ntk/empirical"
)

// A NotFiniteError says where a network first gives NaN or an infinity.
type NotFiniteError struct {
	// Depth is 0 for the network's own; Seed is that of its weights.
	Depth int
	Seed  uint64
	First *empirical.NotFinite
	// Err is what the kernel failed with; nil if it was not tried.
	Err error
}

// Error is one line.
func (e *NotFiniteError) Error() string {
	at := fmt.Sprintf("seed %d", e.Seed)
	if e.Depth != 0 {
		at = fmt.Sprintf("depth %d, seed %d", e.Depth, e.Seed)
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %s; it begins at %s", at, e.Err, e.First)
	}
	return fmt.Sprintf("%s: not finite: %s", at, e.First)
}

// Unwrap returns what the kernel failed with, or [empirical.ErrNotFinite].
func (e *NotFiniteError) Unwrap() error {
	if e.Err == nil {
		return empirical.ErrNotFinite
	}
	return e.Err
}

// FindNotFinite looks at every op of the network and of its gradient, for one
// example of x after the other, and returns a [NotFiniteError] at the first that
// gives NaN or an infinity; nil if none does.
func FindNotFinite(ctx context.Context, f *empirical.Network, x empirical.Batch, depth int, seed uint64) error {
	first, err := f.FirstNotFinite(ctx, x)
	if err != nil {
		return err
	}
	if first == nil {
		return nil // and not a nil *NotFiniteError
	}
	return &NotFiniteError{Depth: depth, Seed: seed, First: first}
}

// LocateNotFinite returns err, what the kernel of x failed with. If that is
// [empirical.ErrNotFinite] it adds where it begins, where that is found.
func LocateNotFinite(ctx context.Context, f *empirical.Network, x empirical.Batch, depth int, seed uint64, err error) error {
	if !errors.Is(err, empirical.ErrNotFinite) {
		return err
	}
	e := (*NotFiniteError)(nil)
	if !errors.As(FindNotFinite(ctx, f, x, depth, seed), &e) {
		return err // the products of finite gradients overflow
	}
	e.Err = err
	return e
}
