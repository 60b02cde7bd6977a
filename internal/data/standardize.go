package data

import (
	"context"
	"fmt"
	"math"
)

// Ways to scale examples.
const (
	scaleNone    = "none"
	scalePixel   = "pixel"
	scaleFeature = "feature"
	scaleUnit    = "unit"
)

// standardize scales s.X in place and says so in the Note.
func (s *Set) standardize(ctx context.Context, how string) error {
	return s.standardizeBy(ctx, how, s.Len(), "these examples")
}

// standardizeBy scales s.X in place by what the first n examples are like, and says
// so in the Note.
func (s *Set) standardizeBy(ctx context.Context, how string, n int, over string) error {
	if how == "" {
		how = scaleNone
		if s.Layout != "" {
			how = scalePixel
		}
	}
	d := s.Features()
	var note string
	switch how {
	case scaleNone:
		note = "not standardized"
	case scaleUnit:
		note = s.scaleToUnit(d)
	case scaleFeature:
		constant, err := s.scaleGroups(ctx, n, d, func(i int) int { return i % d })
		if err != nil {
			return err
		}
		note = "each feature standardized over " + over + constantNote(constant, "feature")
	case scalePixel:
		if s.Layout == "" {
			return fmt.Errorf("data: %s has examples of shape %v, not images: standardize by feature, unit or none", s.Name, s.Shape[1:])
		}
		channels, group := s.channelOf()
		constant, err := s.scaleGroups(ctx, n, channels, group)
		if err != nil {
			return err
		}
		note = "each channel standardized over " + over + constantNote(constant, "channel")
	}
	s.Note = joinNotes(s.Note, note)
	return nil
}

// channelOf returns the number of channels and the channel of X[i].
func (s *Set) channelOf() (int, func(i int) int) {
	if s.Layout == nchw {
		channels, pixels := s.Shape[1], s.Shape[2]*s.Shape[3]
		return channels, func(i int) int { return i / pixels % channels }
	}
	channels := s.Shape[3]
	return channels, func(i int) int { return i % channels }
}

// scaleGroups gives each group of values mean 0 and standard deviation 1 on the first
// n examples, and returns how many groups are constant there, which become 0.
//
// Deviations are divided by the largest before they are squared: neither
// 1e200 nor 1e-200 may spoil the sum.
func (s *Set) scaleGroups(ctx context.Context, n, groups int, of func(i int) int) (constant int, err error) {
	known := n * s.Features()
	count := float64(known / groups)
	mean := make([]float64, groups)
	largest := make([]float64, groups)
	squares := make([]float64, groups)
	same := make([]bool, groups)
	first := make([]float64, groups)
	seen := make([]bool, groups)

	for i, v := range s.X[:known] {
		g := of(i)
		if !seen[g] {
			seen[g], same[g], first[g] = true, true, v
		}
		same[g] = same[g] && v == first[g]
		mean[g] += v / count
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	for i, v := range s.X {
		g := of(i)
		dev := v - mean[g]
		if math.IsInf(dev, 0) {
			return 0, fmt.Errorf("data: %s spans more than a float64 at value %d: %g less the mean %g", s.Name, i, v, mean[g])
		}
		s.X[i] = dev
		if i < known {
			largest[g] = max(largest[g], math.Abs(dev))
		}
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	for i, dev := range s.X[:known] {
		if g := of(i); !same[g] {
			r := dev / largest[g]
			squares[g] += r * r
		}
	}
	for i, dev := range s.X {
		g := of(i)
		if same[g] {
			s.X[i] = 0
			continue
		}
		s.X[i] = dev / largest[g] / math.Sqrt(squares[g]/count)
	}
	for _, c := range same {
		if c {
			constant++
		}
	}
	return constant, nil
}

// scaleToUnit gives each example of d values norm √d; one of zeros stays.
func (s *Set) scaleToUnit(d int) (note string) {
	zero := 0
	for row := s.X; len(row) > 0; row = row[d:] {
		var largest, squares float64
		for _, v := range row[:d] {
			largest = max(largest, math.Abs(v))
		}
		if largest == 0 {
			zero++
			continue
		}
		for _, v := range row[:d] {
			squares += (v / largest) * (v / largest)
		}
		for j := range d {
			row[j] = row[j] / largest / math.Sqrt(squares/float64(d))
		}
	}
	note = fmt.Sprintf("each example scaled to norm √%d", d)
	if zero > 0 {
		note += fmt.Sprintf(" (%d of zeros only left as is)", zero)
	}
	return note
}

func constantNote(constant int, what string) string {
	switch constant {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" (1 constant %s set to 0)", what)
	}
	return fmt.Sprintf(" (%d constant %ss set to 0)", constant, what)
}
