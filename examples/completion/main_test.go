package main

import (
	"math"
	"testing"

	"github.com/gontk/ntk/predict"
)

// TestCompletion holds what the example shows: that kernels err less than means that know
// as much of pixels, and the kernel that knows more, less. Package predict compares Complete
// with systems that are written out.
func TestCompletion(t *testing.T) {
	lines, err := run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4", len(lines))
	}
	for _, pair := range [][2]int{{1, 0}, {3, 2}, {3, 1}} {
		less, more := lines[pair[0]], lines[pair[1]]
		// 6 400 hidden pixels of 200 images tell errors to some percent.
		if !(less.error < 0.9*more.error) {
			t.Errorf("%s errs by %.3f, %s by %.3f; want less", less.name, less.error, more.name, more.error)
		}
	}
}

// TestScore compares with numbers by hand: hidden are 1 and 3, of the deviation 1, where
// f is off by 0.5 and −0.5; known entries count for nothing.
func TestScore(t *testing.T) {
	y := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 100, -100, 3}}
	f := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1.5, 0, 0, 2.5}}
	if s := score(y, []bool{false, true, true, false}, f); math.Abs(s-0.5) > 1e-15 {
		t.Errorf("score %g, want 0.5", s)
	}
	if m := rowMeans(y, []bool{true, false, true, true}); m.Data[1] != 1 || m.Data[2] != -48.5 {
		t.Errorf("means %v, want 1 and −48.5", m.Data)
	}
}
