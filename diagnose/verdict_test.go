package diagnose

import (
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/report"
)

// known is a diagnosis of depths 1, 2, … with the given condition numbers, λ1
// being 10 times the depth, of 3 examples and 2 outputs.
func known(conditions ...float64) *Result {
	r := &Result{Model: "m", Examples: 3, Outputs: 2, Dimension: 3, Reduction: "mean", DType: "Float32"}
	for i, c := range conditions {
		top := 10 * float64(i+1)
		r.Depths = append(r.Depths, Depth{Depth: i + 1, Seeds: []Seed{{
			Seed: 1, Eigenvalues: []float64{top, top / 2, top / c}, EigenvalueError: 1e-9, Condition: c, Exact: true,
			MaxRateSum: 2 / top, MaxRateMean: 2 * 3 * 2 / top,
			Shares: []empirical.Share{{Weight: "/a/w", Trace: 3, Part: 0.75}, {Weight: "/b/w", Trace: 1, Part: 0.25}},
		}}})
	}
	return r
}

// bound makes the condition number of a depth a lower bound.
func bound(r *Result, depth int) *Result {
	r.Depths[depth-1].Seeds[0].Exact = false
	return r
}

// TestConditionVerdict is about growth with depth: a factor of 10 is a warning
// (geometric means round, so the test keeps clear of 10 itself).
func TestConditionVerdict(t *testing.T) {
	two := known(100)
	two.Depths[0].Seeds = append(two.Depths[0].Seeds, Seed{Seed: 2, Eigenvalues: []float64{10, 5, 0.025}, Condition: 400, Exact: true, MaxRateMean: 1})
	for _, tc := range []struct {
		name  string
		r     *Result
		level report.Level
		want  []string
	}{
		{"one depth", known(100), report.Info, []string{"The condition number is 100."}},
		{"geometric mean over seeds", two, report.Info, []string{"is 200 (100 … 400)."}}, // √(100·400)
		{"less", known(100, 50), report.Good, []string{"does not grow with depth, ×0.5: from 100 at depth 1 to 50 at depth 2"}},
		{"equal", known(100, 100), report.Good, []string{"does not grow", "×1:"}},
		{"more", known(100, 999), report.Info, []string{"grows with depth, ×9.99"}},
		{"tenfold", known(100, 7, 1001), report.Warning, []string{"grows with depth, ×10.01:", "at depth 3"}},
		{"at least tenfold", bound(known(100, 1001), 2), report.Warning, []string{"at least ×10.01:", "to ≥ 1001 at depth 2"}},
		{"at most tenfold", bound(known(100, 2000), 1), report.Info, []string{"at most ×20:", "from ≥ 100"}},
		{"unknown", bound(bound(known(100, 1000), 1), 2), report.Info, []string{"from ≥ 100 at depth 1 to ≥ 1000 at depth 2"}},
	} {
		v := tc.r.conditionVerdict()
		if v.Level != tc.level {
			t.Errorf("%s: %s, want %s: %q", tc.name, v.Level, tc.level, v.Title)
		}
		for _, w := range tc.want {
			if !strings.Contains(v.Title, w) {
				t.Errorf("%s: %q lacks %q", tc.name, v.Title, w)
			}
		}
		if (v.Remedy != "") != (tc.level == report.Warning) {
			t.Errorf("%s: %s has the remedy %q", tc.name, v.Level, v.Remedy)
		}
	}
}

// TestVerdicts lists what applies, worst cases named by depth and seed.
func TestVerdicts(t *testing.T) {
	negative := func(by float64) *Result {
		r := known(100, 100)
		s := &r.Depths[1].Seeds[0]
		s.EigenvalueError = 1
		s.Eigenvalues[2] = by
		return r
	}
	double := bound(known(100, 100), 2)
	double.DType = "Float64"
	for _, tc := range []struct {
		name string
		r    *Result
		want []report.Level
		text string // in one of them
	}{
		{"nothing", &Result{}, nil, ""},
		{"good", known(100, 100), []report.Level{report.Good, report.Info}, ""},
		// 2·N·O/λ1 of λ1 = 10, 20.
		{"rates", known(100, 100), []report.Level{report.Good, report.Info}, "diverges above the rate 0.6 to 1.2."},
		{"one rate", known(100), []report.Level{report.Info, report.Info}, "diverges above the rate 1.2."},
		{"lost in float32", bound(known(100, 100), 2), []report.Level{report.Info, report.Warning, report.Info}, "Float32 arithmetic (depth 2)"},
		{"remedy in float32", bound(known(100, 100), 2), []report.Level{report.Info, report.Warning, report.Info}, "--dtype float64"},
		{"remedy in float64", double, []report.Level{report.Info, report.Warning, report.Info}, "equal examples"},
		// Twice the estimated error is what chance allows.
		{"negative by rounding", negative(-2), []report.Level{report.Good, report.Info}, ""},
		{"negative", negative(-2.1), []report.Level{report.Good, report.Bad, report.Info}, "λmin is -2.1 ± 1 (depth 2, seed 1)"},
	} {
		vs := tc.r.Verdicts()
		var all strings.Builder
		for _, v := range vs {
			all.WriteString(v.Title + " " + v.Text + " " + v.Remedy + "\n")
		}
		if len(vs) != len(tc.want) {
			t.Errorf("%s: %d verdicts, want %d: %s", tc.name, len(vs), len(tc.want), all.String())
			continue
		}
		for i, v := range vs {
			// Of depths with bounds, only that of the condition number varies.
			if v.Level != tc.want[i] && !(i == 0 && v.Level <= report.Good) {
				t.Errorf("%s: verdict %d is %s, want %s: %q", tc.name, i, v.Level, tc.want[i], v.Title)
			}
		}
		if !strings.Contains(all.String(), tc.text) {
			t.Errorf("%s: no %q in %s", tc.name, tc.text, all.String())
		}
	}
}

// TestSummary puts seeds together: rates are the largest that are stable for
// every seed.
func TestSummary(t *testing.T) {
	d := Depth{Seeds: []Seed{
		{Eigenvalues: []float64{4, 1}, EigenvalueError: 0.1, Condition: 4, Exact: true, MaxRateSum: 0.5, MaxRateMean: 2, Trace: 5, EffectiveRank: 1.5, Seconds: 1},
		{Eigenvalues: []float64{8, 0.5}, EigenvalueError: 0.3, Condition: 16, Exact: true, MaxRateSum: 0.25, MaxRateMean: 1, Trace: 9, EffectiveRank: 1.1, Seconds: 2},
	}}
	s := d.summarize()
	for _, n := range []struct {
		name      string
		got, want float64
	}{
		{"condition", s.condition, 8},
		{"low", s.low, 4},
		{"high", s.high, 16},
		{"λ1", s.max, 6},
		{"λmin", s.min, 0.75},
		{"error", s.minError, 0.3},
		{"rank", s.rank, 1.3},
		{"trace", s.trace, 7},
		{"seconds", s.seconds, 3},
		{"rate of ½ sum", s.rateSum, 0.25},
		{"rate of ½ mean", s.rateMean, 1},
	} {
		if !(math.Abs(n.got-n.want) <= 1e-14*n.want) { // a few roundings
			t.Errorf("%s is %g, want %g", n.name, n.got, n.want)
		}
	}
	if s.bound {
		t.Error("exact condition numbers are called bounds")
	}
	d.Seeds[1].Exact = false
	if got, want := d.summarize().text(2), "≥ 8 (4 … 16)"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}

// TestShares orders weights by their share of the trace.
func TestShares(t *testing.T) {
	r := known(100)
	d := &r.Depths[0]
	second := d.Seeds[0]
	second.Shares = []empirical.Share{{Weight: "/a/w", Part: 0.25}, {Weight: "/b/w", Part: 0.75}, {Weight: "/c/w", Part: 0}}
	d.Seeds = append(d.Seeds, second, second)
	// Means over three seeds: (0.75 + 2·0.25)/3 and (0.25 + 2·0.75)/3.
	best := top(d.shares(), 2)
	if len(best) != 2 || best[0].weight != "/b/w" || best[1].weight != "/a/w" {
		t.Fatalf("the two largest are %v", best)
	}
	for i, want := range []float64{1.75 / 3, 1.25 / 3} {
		if !(math.Abs(best[i].part-want) <= 1e-15) { // a few roundings
			t.Errorf("share of %s is %g, want %g", best[i].weight, best[i].part, want)
		}
	}
}

// TestReport has tables and figures of every depth, and says what is missing.
func TestReport(t *testing.T) {
	r := known(100, 2000)
	r.Depths[0].Seeds[0].theta = []float64{1, 2, 3, 2, 5, 6, 3, 6, 9}
	var b strings.Builder
	doc := r.Report(About{Command: "ntk diagnose", Labels: []float64{1, 0, 1}, ClassNames: []string{"cat", "dog"}, Incomplete: "interrupted"})
	if err := doc.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Will m train?", "This report is incomplete: interrupted.", "ntk diagnose", "depth 2", "/a/w", "cat", "dog", "×20", "Condition number against depth"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	// Examples by class: the second, of class 0, comes first.
	order, groups := byClass(3, []float64{1, 0, 1}, []string{"cat", "dog"})
	if order[0] != 1 || order[1] != 0 || order[2] != 2 || len(groups) != 2 || groups[0].Name != "cat" || groups[1].Size != 2 {
		t.Errorf("order %v, groups %v", order, groups)
	}
	got := permuted([]float64{1, 2, 3, 2, 5, 6, 3, 6, 9}, order)
	for k, want := range []float64{5, 2, 6, 2, 1, 3, 6, 3, 9} {
		if got[k] != want {
			t.Fatalf("permuted %v", got)
		}
	}
	// (1/O) Σ_o Θ[o, o] of a full matrix of one example and two outputs.
	if mean := meanKernel([]float64{4, 1, 1, 8}, 1, 2); len(mean) != 1 || mean[0] != 6 {
		t.Errorf("mean kernel %v, want 6", mean)
	}
	if empty := (&Result{Model: "m"}).Report(About{}); len(empty.Sections) != 1 {
		t.Errorf("a report of nothing has %d sections", len(empty.Sections))
	}
}
