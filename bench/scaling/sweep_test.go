package main

import (
	"io"
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
)

// Plans of a linear network have exponents known by hand: its one weight of
// d × O, T = 1, has cotangents that are the basis, and by factors its term costs
// 2d + 2O²·O + 2O² FLOPs a pair of N(N+1)/2.
func TestPredictedExponents(t *testing.T) {
	const d = 100000 // so that 2d rules the FLOPs
	s := sweep{network: "mlp", depth: -1, input: []int{d}, variable: "N", sizes: []size{{4, 2, 1}, {8, 2, 1}, {16, 2, 1}}}
	var y, want []float64
	for _, z := range s.sizes {
		net, err := s.build(kerneltest.Backend(t).GoMLX, z)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := net.Plan(z.n, 0, options)
		if err != nil {
			t.Fatal(err)
		}
		p := predicted(plan)
		if p.ways != "factor" {
			t.Fatalf("ways %q, want factor", p.ways)
		}
		y = append(y, plan.ContractionFLOPs)
		want = append(want, float64(z.n*(z.n+1)/2)*(2*d+2*8+2*4))
		if err := net.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range y {
		if y[i] != want[i] {
			t.Errorf("%d examples: %g FLOPs, want %g", s.sizes[i].n, y[i], want[i])
		}
	}
}

// A small sweep end to end: every number is there, and so is every line.
func TestSweep(t *testing.T) {
	s := sweep{network: "mlp", depth: 1, input: []int{5}, variable: "width", sizes: []size{{3, 2, 4}, {3, 2, 8}, {3, 2, 16}}}
	points, err := s.measure(t.Context(), kerneltest.Backend(t).GoMLX, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range points {
		for _, x := range []float64{p.cotangents, p.contraction, p.flops, p.predicted} {
			if !(x > 0) || math.IsInf(x, 0) {
				t.Errorf("point %d is %+v", i, p)
			}
		}
	}
	text := s.lines(points)
	for _, part := range []string{"width     4…16", "cotangents ", "contraction ", " ± ", "ways "} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
	if n := strings.Count(text, "\n"); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
}

// Each sweep varies what it says and nothing else, over a factor of 8 or more.
func TestSweeps(t *testing.T) {
	for _, s := range sweeps {
		x, first := s.x(), s.sizes[0]
		for i, z := range s.sizes {
			if i > 0 && !(x[i] > x[i-1]) {
				t.Errorf("%s, %s: %v is not ascending", s.network, s.variable, x)
			}
			changed := 0
			for _, c := range []bool{z.n != first.n, z.outputs != first.outputs, z.width != first.width} {
				if c {
					changed++
				}
			}
			if changed > 1 {
				t.Errorf("%s, %s: size %d differs in %d numbers from the first", s.network, s.variable, i, changed)
			}
		}
		if len(x) < 4 || x[len(x)-1] < 8*x[0] {
			t.Errorf("%s, %s: %v is too short", s.network, s.variable, x)
		}
	}
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{{"-runs", "0"}, {"cases"}, {"-unknown"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if runs, err := parse([]string{"-runs", "3"}, io.Discard); runs != 3 || err != nil {
		t.Errorf("-runs 3: %d, %v", runs, err)
	}
}
