package data

import (
	"context"
	"fmt"
	"slices"
)

// OpenPair loads examples to train on and examples to test on as one set: the first
// n are those of train, as o chooses them, and the others come from test, as many of
// the first, or of the random order of o.Seed, as tests says, 0 meaning all. An empty
// test means the examples of train that follow in the same order.
//
// What is subtracted and divided by is known from the training examples alone, and
// classes are those that train has. It returns an error like Open's for either, and
// one if no example is left to test on, or if shapes, layouts or labels of the two do
// not agree.
func OpenPair(ctx context.Context, train, test string, tests int, o Options) (s *Set, n int, err error) {
	if err := o.validate(); err != nil {
		return nil, 0, err
	}
	if tests < 0 {
		return nil, 0, fmt.Errorf("data: cannot test on %d examples", tests)
	}
	first := o
	if test == "" {
		first.Examples += tests
		if o.Examples == 0 || tests == 0 {
			first.Examples = 0
		}
	}
	s, scale, err := openRaw(ctx, train, first)
	if err != nil {
		return nil, 0, err
	}
	if test == "" {
		if n = o.Examples; n == 0 {
			n = s.Len() - tests
		}
		if tests == 0 {
			tests = s.Len() - n
		}
		if n < 1 || tests < 1 {
			return nil, 0, fmt.Errorf("data: %s has %d examples: none are left to test on beside %d to train on", s.Name, s.Len(), n)
		}
	} else {
		second := o
		second.Examples = tests
		other, _, err := openRaw(ctx, test, second)
		if err != nil {
			return nil, 0, err
		}
		n = s.Len()
		if s, err = s.followedBy(other, o.maxBytes()); err != nil {
			return nil, 0, err
		}
	}
	if o.Standardize != "" {
		scale = o.Standardize
	}
	if err := s.standardizeBy(ctx, scale, n, "the training examples"); err != nil {
		return nil, 0, err
	}
	s.Note = joinNotes(s.Note, fmt.Sprintf("%d to train on, %d to test on", n, s.Len()-n))
	if o.Layout != "" {
		s, err = s.WithLayout(o.Layout)
	}
	return s, n, err
}

// openRaw loads a set as it comes, and how it is standardized by default.
func openRaw(ctx context.Context, name string, o Options) (s *Set, scale string, err error) {
	t, err := openTable(ctx, name, o)
	if err != nil {
		return nil, "", err
	}
	defer t.close()
	s, err = t.choose(ctx, o)
	return s, t.scale, err
}

// followedBy returns the examples of s and then those of o.
func (s *Set) followedBy(o *Set, limit int64) (*Set, error) {
	switch {
	case !slices.Equal(s.Shape[1:], o.Shape[1:]) || s.Layout != o.Layout:
		return nil, fmt.Errorf("data: %s has examples of %s %s and %s of %s %s; want the same", s.Name, dims(s.Shape[1:]), s.Layout, o.Name, dims(o.Shape[1:]), o.Layout)
	case (s.Y == nil) != (o.Y == nil) || (s.Classes > 0) != (o.Classes > 0):
		return nil, fmt.Errorf("data: only one of %s and %s has labels, or classes; want both alike", s.Name, o.Name)
	case len(s.Y)*o.Len() != len(o.Y)*s.Len():
		return nil, fmt.Errorf("data: %s has %d targets and %s has %d; want as many", s.Name, len(s.Y)/s.Len(), o.Name, len(o.Y)/o.Len())
	case int64(len(s.X)+len(o.X)) > limit/8:
		what := fmt.Sprintf("%s and %s: %d examples of %d values as float64", s.Name, o.Name, s.Len()+o.Len(), s.Features())
		return nil, &LimitError{what, 8 * int64(len(s.X)+len(o.X)), limit}
	}
	y, err := s.classesOf(o)
	if err != nil {
		return nil, err
	}
	both := *s
	both.Shape = slices.Clone(s.Shape)
	both.Shape[0] += o.Len()
	both.X = slices.Concat(s.X, o.X)
	if s.Y != nil {
		both.Y = slices.Concat(s.Y, y)
	}
	if s.Name != o.Name {
		both.Name = s.Name + " and " + o.Name
	}
	both.Note = joinNotes(s.Note, o.Name+": "+o.Note)
	return &both, nil
}

// classesOf returns the labels of o as classes of s, by their names.
func (s *Set) classesOf(o *Set) ([]float64, error) {
	if s.Classes == 0 || slices.Equal(s.ClassNames, o.ClassNames) && s.Classes == o.Classes {
		return o.Y, nil
	}
	y := make([]float64, len(o.Y))
	for i, c := range o.Y {
		if int(c) >= len(o.ClassNames) {
			return nil, fmt.Errorf("data: %s has %d classes and %s has %d; want the same", s.Name, s.Classes, o.Name, o.Classes)
		}
		k := slices.Index(s.ClassNames, o.ClassNames[int(c)])
		if k < 0 {
			return nil, fmt.Errorf("data: %s has the class %q, which %s lacks", o.Name, o.ClassNames[int(c)], s.Name)
		}
		y[i] = float64(k)
	}
	return y, nil
}
