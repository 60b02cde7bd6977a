package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gontk/ntk/internal/report"
)

// draw writes the pictures.
func (r *results) draw(folder string) error {
	return errors.Join(
		write(filepath.Join(folder, "meanfield-distance.svg"), r.distance()),
		write(filepath.Join(folder, "meanfield-measure.svg"), r.measure()),
		write(filepath.Join(folder, "meanfield-loss.svg"), r.losses()),
	)
}

// distance is against the width, beside 1/√n through the first point.
func (r *results) distance() report.Line {
	l := report.Line{
		Title: fmt.Sprintf("From the mean-field limit after %d steps, %d draws", r.steps, r.draws),
		X:     report.Axis{Label: "width n", Log: true}, Y: report.Axis{Label: "distance, root mean square", Log: true},
	}
	var n, root []float64
	for _, w := range r.widths {
		n = append(n, float64(w))
		root = append(root, 1/math.Sqrt(float64(w)))
	}
	l.Series = []report.Series{
		{Name: "outputs", X: n, Y: r.outputs},
		{Name: "measure of a, W1", X: n, Y: r.a},
		{Name: "measure of w's angle, W1 in degrees", X: n, Y: r.angle},
		{Name: "1/√n", X: n, Y: root},
	}
	return l
}

// bins of the histogram of angles.
const bins = 36

// measure is the density of angles of w before and after training.
func (r *results) measure() report.Line {
	l := report.Line{
		Title: "Where weights point: the measure of w's angle",
		X:     report.Axis{Label: "angle of w", Unit: "°"}, Y: report.Axis{Label: "density over that of the circle"},
	}
	wide := r.widths[len(r.widths)-1]
	for _, s := range []struct {
		name string
		dir  []float64
	}{
		{"limit, before", r.start.dir}, {"limit", r.limit.dir}, {fmt.Sprint("n = ", wide), r.first[wide].dir},
	} {
		x, y := make([]float64, bins), make([]float64, bins)
		for i := range x {
			x[i] = -180 + 360/bins*(float64(i)+0.5)
		}
		for _, t := range s.dir {
			y[min(bins-1, int((t+180)/360*bins))] += bins / float64(len(s.dir))
		}
		l.Series = append(l.Series, report.Series{Name: s.name, X: x, Y: y})
	}
	return l
}

// losses is the loss of the first draw of each width against the step.
func (r *results) losses() report.Line {
	l := report.Line{
		Title: "Training in the mean-field parameterization, and its limit",
		X:     report.Axis{Label: "step"}, Y: report.Axis{Label: "loss", Log: true},
	}
	x := make([]float64, len(r.limit.loss))
	for i := range x {
		x[i] = float64(i * r.every)
	}
	for _, n := range r.widths {
		l.Series = append(l.Series, report.Series{Name: fmt.Sprint("n = ", n), X: x, Y: r.first[n].loss})
	}
	l.Series = append(l.Series, report.Series{Name: "limit", X: x, Y: r.limit.loss})
	return l
}

func write(file string, l report.Line) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return report.WriteSVG(f, l)
}
