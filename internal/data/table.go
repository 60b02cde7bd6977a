package data

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
)

// A table is a data set on its way in: examples not chosen yet, values not
// converted. Formats differ only in how they make one.
type table struct {
	file   string // as errors call it
	name   string // as the Set will be called
	shape  []int  // [N, ...]
	layout string
	labels labels // of all N examples

	// row writes example i into dst. It need not check for NaN.
	row func(dst []float64, i int) error

	// release closes what row reads from; nil if there is nothing to close.
	release func() error

	source, license string
	notes           []string

	// scale is how to standardize if the user does not say; empty leaves
	// that to the kind of data.
	scale string
}

func (t *table) close() {
	if t.release != nil {
		// Only ever read: a failing close loses nothing.
		_ = t.release()
	}
}

// choose converts the examples that o asks for.
func (t *table) choose(ctx context.Context, o Options) (*Set, error) {
	n := t.shape[0]
	if n == 0 {
		return nil, fmt.Errorf("%s: no examples", t.file)
	}
	features, ok := product(t.shape[1:])
	if !ok || features == 0 {
		return nil, fmt.Errorf("%s: an example of shape %v holds no values that fit memory", t.file, t.shape[1:])
	}
	if err := t.labels.covers(n, t.file); err != nil {
		return nil, err
	}
	keep := n
	if o.Examples > 0 {
		keep = o.Examples
	}
	if keep > n {
		return nil, fmt.Errorf("%s: %d examples asked for, %d there; ask for fewer, or for all", t.file, keep, n)
	}
	if err := t.fits(keep, features, o.maxBytes()); err != nil {
		return nil, err
	}

	order := firstOfOrder(n, keep, o.Seed)
	x := make([]float64, keep*features)
	for k, i := range order {
		if k%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		row := x[k*features : (k+1)*features]
		if err := t.row(row, i); err != nil {
			return nil, err
		}
		if j := slices.IndexFunc(row, notFinite); j >= 0 {
			return nil, fmt.Errorf("%s: example %d, feature %d is %v", t.file, i, j, row[j])
		}
	}
	s := &Set{
		Name: t.name, X: x, Shape: append([]int{keep}, t.shape[1:]...), Layout: t.layout,
		Source: t.source, License: t.license, Note: strings.Join(t.notes, "; "),
	}
	if t.labels.values != nil {
		s.Y = gatherRows(t.labels.values, t.labels.width, order)
		s.Classes, s.ClassNames = t.labels.classes, t.labels.names
	}
	s.Note = joinNotes(s.Note, t.labels.note, orderNote(n, keep, o.Seed))
	return s, nil
}

// fits refuses sets whose values exceed limit bytes.
func (t *table) fits(examples, features int, limit int64) error {
	if values, ok := product([]int{examples, features}); ok && int64(values) <= limit/8 {
		return nil
	}
	need, ok := product([]int{examples, features, 8})
	if !ok {
		need = -1
	}
	return &LimitError{fmt.Sprintf("%s: %d examples of %d values as float64", t.file, examples, features), int64(need), limit}
}

func orderNote(n, keep int, seed uint64) string {
	switch {
	case seed != 0:
		return fmt.Sprintf("%d of %d examples in the order of seed %d", keep, n, seed)
	case keep < n:
		return fmt.Sprintf("the first %d of %d examples", keep, n)
	}
	return ""
}

// firstOfOrder returns the first keep entries of the permutation of 0..n-1
// that seed names; 0 names the identity. Fisher-Yates runs forward, so that
// the entries do not depend on keep; it is spelled out here because the
// standard library may change how it shuffles.
func firstOfOrder(n, keep int, seed uint64) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if seed == 0 {
		return order[:keep]
	}
	src := rand.NewPCG(seed, 0)
	for i := range keep {
		j := i + int(below(src, uint64(n-i)))
		order[i], order[j] = order[j], order[i]
	}
	return order[:keep]
}

// below returns a uniform integer in [0, n).
//
// Source: Lemire, Fast random integer generation in an interval, 2019.
func below(src rand.Source, n uint64) uint64 {
	hi, lo := bits.Mul64(src.Uint64(), n)
	for threshold := -n % n; lo < threshold; {
		hi, lo = bits.Mul64(src.Uint64(), n)
	}
	return hi
}

// product multiplies axis sizes; false if one is negative or it overflows.
func product(shape []int) (int, bool) {
	if len(shape) > 0 && slices.Min(shape) <= 0 {
		return 0, slices.Min(shape) == 0
	}
	p := 1
	for _, n := range shape {
		if p > math.MaxInt/n {
			return 0, false
		}
		p *= n
	}
	return p, true
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func oneOf(what, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	names := slices.DeleteFunc(slices.Clone(allowed), func(a string) bool { return a == "" })
	return fmt.Errorf("data: unknown %s %q: write one of %s", what, value, strings.Join(names, ", "))
}
