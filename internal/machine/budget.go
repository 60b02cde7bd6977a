package machine

import (
	"errors"
	"fmt"
	"sync"
)

// ErrBudget is wrapped by errors about memory that the budget does not allow.
var ErrBudget = errors.New("memory budget exceeded")

// A Budget is how much memory a computation may plan with. The zero Budget
// allows nothing.
type Budget struct {
	// Bytes is the budget in bytes.
	Bytes int64
	// Source says who set it, to be printed beside it.
	Source string
}

// fallbackBudget is promised where the system does not tell its memory.
const fallbackBudget = 1 << 30

// DefaultBudget returns half of [MemoryLimit]: the other half is for the
// runtime, XLA's own buffers and page cache. Where the limit is unknown it
// is 1 GiB, and Source says so. The system is asked once.
func DefaultBudget() Budget { return defaultBudget() }

var defaultBudget = sync.OnceValue(func() Budget { return here().defaultBudget() })

func (p probe) defaultBudget() Budget {
	limit, source := p.memoryLimit()
	if limit == 0 && source == "unknown" {
		return Budget{fallbackBudget, "assumed, because this system does not tell its memory"}
	}
	return Budget{limit / 2, fmt.Sprintf("half of %s, %s", FormatBytes(limit), source)}
}

// Fits reports whether n bytes are within the budget. A negative n, the
// mark of an overflow, never fits.
func (b Budget) Fits(n int64) bool { return n >= 0 && n <= b.Bytes }

// Exceeded returns the one-line error for need bytes that do not fit: what
// they are for ("one tile of 16 examples"), and what to do other than raising
// --memory ("lower --block"; "" for nothing else).
// It wraps [ErrBudget]. A negative need is an amount beyond an int64.
func (b Budget) Exceeded(what string, need int64, remedy string) error {
	x, y := FormatBytes(need), FormatBytes(b.Bytes)
	if need < 0 {
		x = "more than 8 EiB"
	}
	if x == y { // equal only by rounding
		x, y = fmt.Sprintf("%d bytes", need), fmt.Sprintf("%d bytes", b.Bytes)
	}
	source := b.Source
	if source == "" {
		source = "unnamed source"
	}
	if remedy != "" {
		remedy = " or " + remedy
	}
	return fmt.Errorf("%w: needs %s for %s, the budget is %s (%s); raise --memory%s",
		ErrBudget, x, what, y, source, remedy)
}
