package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/limits"
)

// A row is the root mean square over draws of what was measured at a width.
type row struct {
	draws int
	rms   float64
	error float64 // standard error of rms
}

// rms returns √(mean v²). Its error is that of the mean of squares over 2·rms.
func rms(v []float64) row {
	n := float64(len(v))
	mean, spread := 0.0, 0.0
	for _, x := range v {
		mean += x * x / n
	}
	for _, x := range v {
		spread += (x*x - mean) * (x*x - mean)
	}
	r := row{draws: len(v), rms: math.Sqrt(mean), error: math.NaN()}
	if len(v) > 1 {
		r.error = math.Sqrt(spread/(n-1)/n) / (2 * r.rms)
	}
	return r
}

// A column is one quantity against the width.
type column struct {
	name string
	want string // its exponent
	rows map[int]row
}

// power fits the exponent of a column.
func (c column) power(widths []int) limits.Power {
	var x, y, e []float64
	for _, n := range widths {
		if r, ok := c.rows[n]; ok {
			x, y, e = append(x, float64(n)), append(y, r.rms), append(e, r.error)
		}
	}
	return limits.FitPower(x, y, e)
}

// columnOf gathers one number of the cells of every width.
func columnOf[T any](name, want string, all []cells.Cell[T], width func(name string) (int, bool), of func(*T) float64) column {
	values := map[int][]float64{}
	for _, c := range all {
		if n, ok := width(c.Name); ok && c.Result != nil {
			values[n] = append(values[n], of(c.Result))
		}
	}
	out := column{name: name, want: want, rows: map[int]row{}}
	for n, v := range values {
		out.rows[n] = rms(v)
	}
	return out
}

// scanned reads the width in a cell's name.
func scanned(format string) func(string) (int, bool) {
	return func(name string) (n int, ok bool) {
		var seed int
		_, err := fmt.Sscanf(name, format, &n, &seed)
		return n, err == nil
	}
}

func columns(gaps []cells.Cell[gap], steps []cells.Cell[firstStep]) []column {
	fixed, over := scanned("step-%d-1-%d"), scanned("step-%d-2-%d")
	draws := scanned("gap-%d-%d")
	return []column{
		columnOf("own Θ0", "−1", gaps, draws, func(g *gap) float64 { return g.Own }),
		columnOf("Θ∞", "−1/2", gaps, draws, func(g *gap) float64 { return g.Limit }),
		columnOf("η = c: ΔΘ/n", "0", steps, fixed, func(s *firstStep) float64 { return s.Moved }),
		columnOf("largest abs(f)", "1", steps, fixed, func(s *firstStep) float64 { return s.Largest }),
		columnOf("η = c/n: ΔΘ/n", "−2", steps, over, func(s *firstStep) float64 { return s.Moved }),
		columnOf("largest abs(f)", "0", steps, over, func(s *firstStep) float64 { return s.Largest }),
	}
}

// document writes the table of the cells that are there.
func document(gaps []cells.Cell[gap], steps []cells.Cell[firstStep]) string {
	var b strings.Builder
	all := columns(gaps, steps)
	b.WriteString("| width | draws |")
	for _, c := range all {
		fmt.Fprintf(&b, " %s |", c.name)
	}
	fmt.Fprintf(&b, "\n|---|---|%s\n", strings.Repeat("---|", len(all)))
	for _, n := range widths {
		fmt.Fprintf(&b, "| %d | %d, %d |", n, all[0].rows[n].draws, all[2].rows[n].draws)
		for _, c := range all {
			r, ok := c.rows[n]
			if !ok {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(&b, " %.3g ± %.2g |", r.rms, r.error)
		}
		b.WriteString("\n")
	}
	b.WriteString("| exponent | |")
	for _, c := range all {
		p := c.power(widths)
		fmt.Fprintf(&b, " %.3f ± %.3f |", p.Exponent, p.Error)
	}
	b.WriteString("\n| expected | |")
	for _, c := range all {
		fmt.Fprintf(&b, " %s |", c.want)
	}
	learned, count := 0.0, 0
	for _, c := range gaps {
		if c.Result != nil {
			learned, count = learned+c.Result.Learned, count+1
		}
	}
	start, starts := 0.0, 0
	for _, c := range steps {
		if c.Result != nil {
			start, starts = start+c.Result.Start, starts+1
		}
	}
	fmt.Fprintf(&b, "\n\nTraining in the first two columns leaves %.1g %% of the loss on average; ‖Θ0‖/(nN) in the others is %.3g. Written at commit\n%s on %s.\n",
		100*learned/float64(count), start/float64(starts), cells.Revision(context.Background()), machine.Describe())
	return b.String()
}
