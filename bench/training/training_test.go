package main

import (
	"io"
	"math"
	"testing"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/internal/native"
)

// TestExponents holds, at widths and draws of seconds, that the closed form with the
// network's own kernel errs by 1/n and with that of infinite width by 1/√n; that in the
// standard parameterization a step at a fixed rate moves Θ/n as much at every width, and
// f by n; and that at a rate of c/n neither is so.
//
// The exponents are those of Lee et al. (2019), section 3.3, of perturbation theory for
// the former, and of Yang and Hu (2021), section 3. These draws give them to 0.1 or
// better; twice that, and some for the next order in 1/n, is 0.25: half of what tells
// −1, −1/2 and 0 apart.
func TestExponents(t *testing.T) {
	s := protocol
	s.most, s.train, s.test, s.steps = 16, 8, 4, 20
	narrow, wide := []int{32, 96, 288}, []int{256, 1024, 4096}
	other := standard
	other.fewest = 20
	var labs []*lab
	for _, s := range []setting{s, other} {
		l, err := newLab(t.Context(), s, native.Go) // it compiles in no time
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		labs = append(labs, l)
	}
	gaps, steps := labs[0].gapCells(narrow), labs[1].stepCells(wide)
	o := cells.Options{Folder: t.TempDir(), Progress: io.Discard}
	for _, run := range []func() (int, error){
		func() (int, error) { return cells.Run(t.Context(), gaps, o) },
		func() (int, error) { return cells.Run(t.Context(), steps, o) },
	} {
		if failed, err := run(); err != nil || failed > 0 {
			t.Fatalf("%d cells failed, error %v", failed, err)
		}
	}
	const tol = 0.25
	for i, c := range columns(gaps, steps) {
		p := c.power(narrow)
		if i > 1 {
			p = c.power(wide)
		}
		t.Logf("%s: %.3f ± %.3f", c.name, p.Exponent, p.Error)
		if !(p.Error < tol/2) {
			t.Errorf("%s: exponent to ± %.3f, want less than %g: it would tell nothing", c.name, p.Error, tol/2)
		}
		switch want := []float64{-1, -0.5, 0, 1, math.Inf(-1), 0}[i]; {
		case math.IsInf(want, -1):
			if !(p.Exponent < -tol) {
				t.Errorf("%s: exponent %.3f, want it to vanish", c.name, p.Exponent)
			}
		case !(math.Abs(p.Exponent-want) <= tol):
			t.Errorf("%s: exponent %.3f, want %g ± %g", c.name, p.Exponent, want, tol)
		}
	}
	for _, c := range gaps { // a network that has not moved is near any closed form
		if !(c.Result.Learned < 0.9) {
			t.Errorf("%s: %.2f of the loss is left", c.Name, c.Result.Learned)
		}
	}
}

// TestRMS compares with numbers by hand: the squares 1, 9, 16 have the mean 26/3 and the
// standard error √(((23/3)² + (1/3)² + (22/3)²)/2/3).
func TestRMS(t *testing.T) {
	r := rms([]float64{1, -3, 4})
	rootMean := math.Sqrt(26.0 / 3)
	of := math.Sqrt((23.0*23+1+22*22)/9/6) / (2 * rootMean)
	if r.draws != 3 || math.Abs(r.rms-rootMean) > 1e-15 || math.Abs(r.error-of) > 1e-15 {
		t.Errorf("%+v, want 3 draws, %g ± %g", r, rootMean, of)
	}
}
