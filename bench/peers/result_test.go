package main

import (
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestResultLine(t *testing.T) {
	ms := func(t ...float64) (s sample) {
		for _, x := range t {
			s = append(s, time.Duration(x*float64(time.Millisecond)))
		}
		return s
	}
	r := result{
		name: "P3", ours: ms(20, 10, 12.5), peer: ms(25, 27, 26), first: 512500 * time.Microsecond,
		impl: "STRUCTURED_DERIVATIVES", work: work{planned: 2.5e9, fewest: 1e9}, rate: 2e11,
		difference: 2e-6, tolerance: 1e-4, n: 16, ways: "factor:3",
	}
	// By hand: 12.5/25 … the peer's median is 26; 1e9/2e11 s; 2.5 GFLOP in 12.5 ms.
	const want = "P3 ours 12.50 peer 26.00 ratio 0.481 floor 5.000 gflops 200.0 compile 0.50 " +
		"peer_impl STRUCTURED_DERIVATIVES spread_ours 10.00-20.00 spread_peer 25.00-27.00 difference 2.0e-06 " +
		"examples 16 runs 3 gemm_gflops 200 ways factor:3"
	if got := r.String(); got != want {
		t.Errorf("line\n%s\nwant\n%s", got, want)
	}
	for _, d := range []float64{2e-4, math.NaN(), math.Inf(1)} {
		if r.difference = d; r.agrees() || !strings.HasSuffix(r.String(), " MISMATCH 1.0e-04") {
			t.Errorf("difference %g: %s", d, r)
		}
	}
}

func TestMedian(t *testing.T) {
	s := sample{4, 1, 3, 2}
	if m := s.median(); m != 2 { // (2+3)/2 in whole nanoseconds
		t.Errorf("median %d, want 2", m)
	}
	if s[0] != 4 {
		t.Error("median reorders the runs")
	}
}

func TestMillis(t *testing.T) {
	for ns, want := range map[time.Duration]string{
		0: "0.000", 1500: "0.002", 9_999_400: "9.999", 12_345_678: "12.35", 123_456_789: "123.5",
		1_234_567_890: "1235", 123_456_789_000: "123457",
	} {
		if got := millis(ns); got != want {
			t.Errorf("millis(%d) = %s, want %s", int64(ns), got, want)
		}
	}
}

func TestRelativeDifference(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		name      string
		got, want []float64
		d         float64
	}{
		{"equal", []float64{1, -4}, []float64{1, -4}, 0},
		{"of the largest entry, whatever its sign", []float64{1.5, -4}, []float64{1, -4}, 0.125},
		{"NaN in ours, before a larger difference", []float64{nan, 9}, []float64{1, 1}, nan},
		{"NaN in the peer's", []float64{1, 9}, []float64{1, nan}, nan},
		{"all zero", []float64{0}, []float64{0}, nan},
		{"sizes", []float64{1}, []float64{1, 1}, nan},
	} {
		if d := relativeDifference(tc.got, tc.want); d != tc.d && !(d != d && tc.d != tc.d) {
			t.Errorf("%s: %g, want %g", tc.name, d, tc.d)
		}
	}
}

func TestParse(t *testing.T) {
	c, err := parse([]string{"-cases", "P3b, P1", "-runs", "9"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.cases) != 2 || c.cases[0].name != "P3b" || c.cases[0].n != 64 || c.cases[1].spec != "P1.json" || c.runs != 9 {
		t.Errorf("parsed %+v", c)
	}
	for _, args := range [][]string{
		{"-cases", "P9"}, {"-cases", ""}, {"-runs", "4"}, {"-dtype", "float16"}, {"-limit", "0s"}, {"P1"}, {"-x"},
	} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("parse(%q): no error", args)
		}
	}
}

func TestCheckVersions(t *testing.T) {
	if err := checkVersions(pins); err != nil {
		t.Error(err)
	}
	later := map[string]string{"neural-tangents": "0.6.5", "jax": "0.4.30", "jaxlib": "0.4.25"}
	if err := checkVersions(later); err == nil || !strings.Contains(err.Error(), "0.4.30") {
		t.Errorf("jax 0.4.30: error %v", err)
	}
	if err := checkVersions(nil); err == nil {
		t.Error("no versions: no error")
	}
}
