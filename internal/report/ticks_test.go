package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// labels joins the labels of ticks; a minor tick is a dot.
func labels(ticks []tick) string {
	var out []string
	for _, t := range ticks {
		if t.label == "" {
			out = append(out, ".")
		} else {
			out = append(out, t.label)
		}
	}
	return strings.Join(out, " ")
}

// The expected ticks were written by hand.
func TestLinearTicks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		lo, hi float64
		n      int
		want   string
		factor int
	}{
		{"step 2", 0, 10, 5, "0 2 4 6 8 10", 0},
		{"step 5", 0, 21, 6, "0 5 10 15 20", 0},
		{"step 0.1, no 0.30000000000000004", 0, 0.45, 5, "0 0.1 0.2 0.3 0.4", 0},
		{"both signs", -1.1, 1.1, 6, "−1.0 −0.5 0 0.5 1.0", 0},
		{"ends between ticks", 0.3, 2.2, 4, "0.5 1.0 1.5 2.0", 0},
		{"far from zero", 1000, 1003, 3, "1000 1001 1002 1003", 0},
		{"ten thousands stay", 0, 40000, 4, "0 10000 20000 30000 40000", 0},
		{"millions leave 10⁶ out", 0, 2e6, 4, "0 0.5 1.0 1.5 2.0", 6},
		{"thousandths stay", 0, 0.004, 4, "0 0.001 0.002 0.003 0.004", 0},
		{"1e-5 leaves 10⁻⁵ out", -2e-5, 2e-5, 4, "−2 −1 0 1 2", -5},
		{"100000 has factor 5", 0, 1e5, 2, "0 0.5 1.0", 5},
		{"one step", 0, 1, 1, "0 1", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, factor := linearTicks(tc.lo, tc.hi, tc.n)
			if labels(got) != tc.want || factor != tc.factor {
				t.Errorf("got %q, factor %d; want %q, factor %d", labels(got), factor, tc.want, tc.factor)
			}
		})
	}
	ticks, _ := linearTicks(0, 0.45, 5)
	if ticks[3].value != 0.3 {
		t.Errorf("tick 3 is %v, want exactly 0.3", ticks[3].value)
	}
}

func TestLogTicks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		lo, hi float64 // log10 of the ends
		n      int
		want   string
		factor int
	}{
		{"two decades", 0, 2, 8, "1 . . . . . . . . 10 . . . . . . . . 100", 0},
		{"small powers", -7, -5, 8, "10⁻⁷ . . . . . . . . 10⁻⁶ . . . . . . . . 10⁻⁵", 0},
		{"ends between powers", -0.31, 2.1, 8, ". . . . . 1 . . . . . . . . 10 . . . . . . . . 100", 0},
		{"every fifth power", 0, 20, 6, "10⁰ . . . . 10⁵ . . . . 10¹⁰ . . . . 10¹⁵ . . . . 10²⁰", 0},
		{"one decade", 0, 1, 8, "1 2 . . 5 . . . . 10", 0},
		{"one large decade", 7, 8, 8, "10⁷ 2×10⁷ . . 5×10⁷ . . . . 10⁸", 0},
		{"within a decade: linear", math.Log10(3), math.Log10(4), 2, "3.0 3.5 4.0", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, factor := logTicks(tc.lo, tc.hi, tc.n)
			if labels(got) != tc.want || factor != tc.factor {
				t.Errorf("got %q, factor %d; want %q, factor %d", labels(got), factor, tc.want, tc.factor)
			}
		})
	}
}

// Laws of every axis, over ranges from tiny to huge: ticks ascend within the
// axis, at least two have labels, and labels differ.
func TestTicksLaws(t *testing.T) {
	for _, lo := range []float64{-1e300, -3e7, -1, -1e-9, 0, 1e-300, 1e-9, 0.1, 1, 7e5, 1e16} {
		for _, width := range []float64{1e-290, 1e-12, 1e-3, 0.7, 1, 33, 1e9, 1e300} {
			for _, log := range []bool{false, true} {
				if log && lo <= 0 {
					continue
				}
				var data span
				data.add(lo)
				data.add(lo + width)
				s := newScale(data, log)
				s.from, s.to = 40, 500
				ticks, _ := s.spacedTicks(8)
				last, seen := math.Inf(-1), map[string]bool{}
				for _, k := range ticks {
					x := s.at(k.value)
					// 0.5 units of slack: ticks are snapped to the ends by 1e-9 steps.
					if !(x >= s.from-0.5 && x <= s.to+0.5) || !(x > last) {
						t.Errorf("[%g, +%g] log %v: tick %g at %g after %g", lo, width, log, k.value, x, last)
					}
					last = x
					if k.label != "" && seen[k.label] {
						t.Errorf("[%g, +%g] log %v: label %s twice", lo, width, log, k.label)
					}
					seen[k.label] = true
				}
				delete(seen, "")
				if len(seen) < 2 {
					t.Errorf("[%g, +%g] log %v: labels %v, want two", lo, width, log, labels(ticks))
				}
			}
		}
	}
}

func TestScale(t *testing.T) {
	lin := scale{lo: 0, hi: 10, from: 100, to: 300}
	log := scale{log: true, lo: 0, hi: 4, from: 400, to: 0}
	got := []float64{lin.at(0), lin.at(2.5), lin.at(10), log.at(1), log.at(10), log.at(10000)}
	want := []float64{100, 150, 300, 400, 300, 0}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// One value gets room around it; zero, too.
	for _, v := range []float64{0, 5, -5, 1e16} {
		if s := newScale(span{v, v, true}, false); !(s.lo < v && v < s.hi) {
			t.Errorf("scale of %g alone is [%g, %g]", v, s.lo, s.hi)
		}
	}
	if s := newScale(span{0, 1, true}, false); s.lo != 0 {
		t.Errorf("values ≥ 0 start at %g", s.lo)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -2.5: "-2.5", 0.123456: "0.1235", 12345.6: "12346", 999999: "999999", 1e6: "1e6", 999999.7: "1e6",
		1234567: "1.235e6", 0.0001: "0.0001", 0.00001: "1e-5", -1.5e-10: "-1.5e-10", 1e100: "1e100", 100: "100", 99999.6: "100000",
		math.Inf(1): "+Inf", math.Inf(-1): "-Inf", 2.2e-308: "2.2e-308",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
	if got := Number(math.NaN()); got != "NaN" {
		t.Errorf("Number(NaN) = %q", got)
	}
}
