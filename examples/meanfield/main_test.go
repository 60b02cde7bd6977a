package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
)

// TestStudy runs a small one in pure Go, and holds that densities are such, that losses
// fall and that the pictures are XML. Package train compares the limit and the networks
// with one another.
func TestStudy(t *testing.T) {
	b, err := native.Open(native.Options{Backend: native.Go})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r, err := study{backend: b.GoMLX, points: 256, widths: []int{8, 128}, draws: 3, every: 2, steps: 6}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]course{"limit": r.limit, "network": r.first[128]} {
		if n := len(c.loss); n != 4 || !(c.loss[n-1] < c.loss[0]/2) {
			t.Errorf("%s: losses %v, want four that fall", name, c.loss)
		}
		if len(c.a) != len(c.dir) || len(c.f) != places {
			t.Errorf("%s: %d units, %d angles, %d outputs", name, len(c.a), len(c.dir), len(c.f))
		}
	}
	for _, s := range r.measure().Series {
		mean := 0.0
		for _, v := range s.Y {
			mean += v / bins
		}
		if math.Abs(mean-1) > 1e-12 {
			t.Errorf("density of %s has the mean %g, want 1", s.Name, mean)
		}
	}
	folder := t.TempDir()
	if err := r.draw(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"distance", "measure", "loss"} {
		f, err := os.Open(filepath.Join(folder, "meanfield-"+name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(f)
		for err == nil {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		_ = f.Close()
	}
}

// TestAngles compares with those of the axes.
func TestAngles(t *testing.T) {
	got := angles(predict.Matrix{Rows: 3, Cols: 2, Data: []float64{2, 0, 0, 3, -1, 0}})
	for i, want := range []float64{0, 90, 180} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("angle %d is %g, want %g", i, got[i], want)
		}
	}
}
