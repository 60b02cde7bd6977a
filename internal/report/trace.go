package report

import (
	"fmt"
	"strings"
)

// A point of a series that both axes accept.
type point struct {
	x, y float64
	// low and high are the ends of the interval, where hasBar is set.
	low, high float64
	hasBar    bool
}

// A trace is a series as its axes show it.
type trace struct {
	series Series
	// runs are the points between interruptions, none of them empty.
	runs [][]point
	// drawn are the runs as the plot draws them, long lines thinned.
	drawn [][]point
	// What could not be shown: points with a NaN, infinite or out of range
	// coordinate, points not positive on a logarithmic axis, intervals with
	// an end that is NaN or infinite, and intervals that reach zero or below
	// on a logarithmic axis and so are cut at its lower end.
	outOfRange, notPositive, barsLost, barsCut int
}

func (l Line) traces() []trace {
	traces := make([]trace, len(l.Series))
	for i, s := range l.Series {
		traces[i] = newTrace(s, l.X, l.Y)
	}
	x, _ := l.extent(traces)
	columns := newScale(x, l.X.Log)
	columns.to = 4 * plotWidth
	for i, t := range traces {
		for _, run := range t.runs {
			if !t.series.Points {
				run = thinRun(run, columns)
			}
			traces[i].drawn = append(traces[i].drawn, run)
		}
	}
	return traces
}

func newTrace(s Series, x, y Axis) trace {
	t := trace{series: s}
	var run []point
	flush := func() {
		if len(run) > 0 {
			t.runs = append(t.runs, run)
			run = nil
		}
	}
	for i, v := range s.Y {
		p := point{x: s.x(i), y: v}
		switch {
		case drawable(p.x) && drawable(p.y) && (x.Log && p.x <= 0 || y.Log && p.y <= 0):
			t.notPositive++
			flush()
			continue
		case !x.accepts(p.x) || !y.accepts(p.y):
			t.outOfRange++
			flush()
			continue
		}
		if s.Low != nil {
			p.low, p.high = s.Low[i], s.High[i]
			switch p.hasBar = drawable(p.low) && drawable(p.high) && y.accepts(p.high); {
			case !p.hasBar:
				t.barsLost++
			case !y.accepts(p.low):
				t.barsCut++
			}
		}
		run = append(run, p)
	}
	flush()
	return t
}

// notes say what of the series is not shown as it is.
func (t trace) notes() (notes []string) {
	note := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		if t.series.Name != "" {
			s = "“" + t.series.Name + "”: " + s
		} else {
			s = strings.ToUpper(s[:1]) + s[1:]
		}
		notes = append(notes, s)
	}
	total := len(t.series.Y)
	if total == 0 {
		note("no points were given.")
	}
	if left := t.outOfRange + t.notPositive; left > 0 {
		var why []string
		if t.outOfRange > 0 {
			why = append(why, fmt.Sprintf("%d NaN, infinite or beyond 1e±300", t.outOfRange))
		}
		if t.notPositive > 0 {
			why = append(why, fmt.Sprintf("%d zero or negative on a logarithmic axis", t.notPositive))
		}
		note("%d of %s not drawn: %s.", left, plural(total, "point"), strings.Join(why, ", "))
	}
	if t.barsLost > 0 {
		note("%s not drawn: an end is NaN or infinite, or lies wholly below a logarithmic axis.", plural(t.barsLost, "interval"))
	}
	if t.barsCut > 0 {
		note("%s to zero or below, cut at the lower end of the logarithmic axis.", plural(t.barsCut, "interval")+reach(t.barsCut))
	}
	drawn, of := 0, 0
	for i, run := range t.runs {
		drawn += len(t.drawn[i])
		of += len(run)
	}
	if drawn < of {
		note("the line visits %d of its %d points: the first, last, lowest and highest of each quarter of a plot unit.", drawn, of)
		if t.series.Low != nil {
			note("only these points have their intervals drawn.")
		}
	}
	return notes
}

func reach(n int) string {
	if n == 1 {
		return " reaches"
	}
	return " reach"
}

// extent returns the ranges of x and y that the plot has to show, intervals
// included.
func (l Line) extent(traces []trace) (x, y span) {
	for _, t := range traces {
		for _, run := range t.runs {
			for _, p := range run {
				x.add(p.x)
				y.add(p.y)
				if !p.hasBar {
					continue
				}
				y.add(p.high)
				if l.Y.accepts(p.low) {
					y.add(p.low)
				}
			}
		}
	}
	return x, y
}

// maxPoints is how many points a run may have before it is thinned.
const maxPoints = 2000

// thinRun keeps, of a long run with ascending x, the first, last, lowest and
// highest point of each column that is one unit of the scale wide: the drawn
// line looks the same. A run that turns back is kept whole.
func thinRun(run []point, columns scale) []point {
	if len(run) <= maxPoints {
		return run
	}
	for i := 1; i < len(run); i++ {
		if run[i].x < run[i-1].x {
			return run
		}
	}
	column := func(i int) int { return int(columns.at(run[i].x)) }
	var kept []point
	for start := 0; start < len(run); {
		end, low, high := start, start, start
		for ; end < len(run) && column(end) == column(start); end++ {
			if run[end].y < run[low].y {
				low = end
			}
			if run[end].y > run[high].y {
				high = end
			}
		}
		previous := -1
		for _, i := range []int{start, min(low, high), max(low, high), end - 1} {
			if i != previous {
				kept = append(kept, run[i])
				previous = i
			}
		}
		start = end
	}
	return kept
}
