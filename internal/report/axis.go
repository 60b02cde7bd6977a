package report

import (
	"math"
	"strings"
)

// An Axis says what a direction of a plot means.
type Axis struct {
	// Label names the quantity, Unit its unit; empty means none.
	Label, Unit string
	// Log makes the axis logarithmic. Values that are not positive (or below
	// 1e-300) cannot be drawn on it; they are left out and counted in the
	// figure's notes.
	Log bool
}

// accepts reports whether v has a place on the axis.
func (a Axis) accepts(v float64) bool { return drawable(v) && (!a.Log || v >= 1e-300) }

// caption returns the axis' label with its unit and the power of ten that the
// tick labels leave out.
func (a Axis) caption(factor int) string {
	parts := []string{}
	if a.Label != "" {
		parts = append(parts, a.Label)
	}
	unit := a.Unit
	if factor != 0 {
		unit = strings.TrimSpace("×" + powerOfTen(factor) + " " + unit)
	}
	if unit != "" {
		parts = append(parts, "("+unit+")")
	}
	return strings.Join(parts, " ")
}

// name is the axis in a sentence; fallback serves an axis without a label.
func (a Axis) name(fallback string) string {
	if a.Label == "" {
		return fallback
	}
	return a.Label
}

// A scale maps values of an axis to coordinates.
type scale struct {
	log bool
	// lo and hi are the ends in the units of the axis, or their log10.
	lo, hi float64
	// from and to are the coordinates of lo and hi.
	from, to float64
}

// newScale returns a scale that shows the data with 4 % of room at both ends.
// An axis of values that are not negative does not start below zero. The
// coordinates are set later, when the margins are known.
func newScale(data span, log bool) scale {
	if !data.seen {
		data = span{lo: 1, hi: 10}
	}
	s := scale{log: log, lo: data.lo, hi: data.hi, to: 1}
	if log {
		s.lo, s.hi = math.Log10(data.lo), math.Log10(data.hi)
	}
	// Closer values than these would need tick labels of 12 digits and more.
	if gap := s.hi - s.lo; gap <= 1e-12*max(math.Abs(s.lo), math.Abs(s.hi)) || gap < 1e-290 {
		pad := math.Log10(2)
		if !log {
			if pad = 0.1 * math.Abs(s.lo); pad < 1e-290 {
				pad = 1
			}
		}
		s.lo, s.hi = s.lo-pad, s.hi+pad
		return s
	}
	pad := 0.04 * (s.hi - s.lo)
	s.lo, s.hi = s.lo-pad, s.hi+pad
	if log {
		// Ticks have to be normal float64.
		s.lo, s.hi = max(s.lo, -307), min(s.hi, 307)
	} else if data.lo >= 0 {
		s.lo = max(s.lo, 0)
	}
	return s
}

// at returns the coordinate of v, which the axis has to accept.
func (s scale) at(v float64) float64 {
	if s.log {
		v = math.Log10(v)
	}
	return s.from + (v-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// ticks returns ticks with at most about n labels.
func (s scale) ticks(n int) ([]tick, int) {
	if s.log {
		return logTicks(s.lo, s.hi, n)
	}
	return linearTicks(s.lo, s.hi, n)
}

// spacedTicks returns as many ticks as have labels clear of each other along a
// horizontal axis.
func (s scale) spacedTicks(n int) (ticks []tick, factor int) {
	for ; n >= 2; n-- {
		if ticks, factor = s.ticks(n); s.hideOverlaps(ticks) == 0 {
			return ticks, factor
		}
	}
	return ticks, factor
}

// hideOverlaps takes the labels that would touch the one before off ticks, and
// returns how many. The ticks themselves stay.
func (s scale) hideOverlaps(ticks []tick) (hidden int) {
	const gap = 10
	end := math.Inf(-1)
	for i, t := range ticks {
		if t.label == "" {
			continue
		}
		half := textWidth(t.label) / 2
		at := labelAt(s.at(t.value), t.label)
		if at-half < end+gap {
			ticks[i].label = ""
			hidden++
			continue
		}
		end = at + half
	}
	return hidden
}

// labelAt returns where a label below the point x is centred: at x, unless it
// would leave the figure.
func labelAt(x float64, label string) float64 {
	half := textWidth(label) / 2
	return max(min(x, plotWidth-half), half)
}
