package empirical

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Draws of two entries, one far from zero, and their moments in two passes.
func twoPass(draws [][]float64) (mean, variance []float64) {
	n := float64(len(draws))
	mean, variance = make([]float64, len(draws[0])), make([]float64, len(draws[0]))
	for _, x := range draws {
		for i, v := range x {
			mean[i] += v / n
		}
	}
	for _, x := range draws {
		for i, v := range x {
			variance[i] += (v - mean[i]) * (v - mean[i]) / (n - 1)
		}
	}
	return mean, variance
}

func someDraws(n int) [][]float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	draws := make([][]float64, n)
	for i := range draws {
		draws[i] = []float64{rng.NormFloat64(), 1000 + rng.NormFloat64(), rng.ExpFloat64(), 4}
	}
	return draws
}

func estimateOf(draws [][]float64) *Estimate {
	e := newEstimate(len(draws[0]))
	for _, x := range draws {
		e.add(x)
	}
	return e
}

// One stream and blocks of uneven sizes merged, against two passes.
func TestEstimateAgainstTwoPasses(t *testing.T) {
	draws := someDraws(1000)
	mean, variance := twoPass(draws)
	merged := estimateOf(draws[:7])
	for _, cut := range [][2]int{{7, 8}, {8, 400}, {400, 401}, {401, 1000}} {
		merged = merge(merged, estimateOf(draws[cut[0]:cut[1]]))
	}
	for name, e := range map[string]*Estimate{"stream": estimateOf(draws), "merged": merged} {
		if e.Draws != 1000 {
			t.Errorf("%s: %d draws, want 1000", name, e.Draws)
		}
		v, se := e.Variance(), e.StdErr()
		for i := range mean {
			// Updates err by n·ε·max|x| ≈ 2e-10 at the entry near 1000, and much
			// less elsewhere; so does the loop.
			if d := math.Abs(e.Mean[i] - mean[i]); !(d <= 1e-12*math.Max(1, math.Abs(mean[i]))) {
				t.Errorf("%s: mean %d is off by %g", name, i, d)
			}
			// The loop's mean of a constant is off by an ulp: its variance is not 0.
			if d := math.Abs(v[i] - variance[i]); !(d <= 1e-9*variance[i]+1e-28) {
				t.Errorf("%s: variance %d is %g, want %g", name, i, v[i], variance[i])
			}
			if want := math.Sqrt(variance[i] / 1000); !(math.Abs(se[i]-want) <= 1e-9*want+1e-15) {
				t.Errorf("%s: standard error %d is %g, want %g", name, i, se[i], want)
			}
		}
	}
}

// Bands of 8 draws: the quantiles are those of printed tables (Abramowitz and
// Stegun, tables 26.10 and 26.5).
func TestBandQuantiles(t *testing.T) {
	e := estimateOf(someDraws(8))
	se := e.StdErr()
	for _, tc := range []struct {
		law   Law
		level float64
		want  float64
	}{{Student, 0.95, 2.365}, {Student, 0.99, 3.499}, {Gauss, 0.95, 1.960}, {Gauss, 0.99, 2.576}} {
		low, high, err := e.Band(tc.level, tc.law)
		if err != nil {
			t.Fatal(err)
		}
		for i := range se {
			mid, half := (low[i]+high[i])/2, (high[i]-low[i])/2
			if !(math.Abs(mid-e.Mean[i]) <= 1e-12*math.Abs(mid)) {
				t.Errorf("band around %g, want %g", mid, e.Mean[i])
			}
			// Tables have 3 decimals; the difference of two limits near 1000 loses 1e-13.
			if !(math.Abs(half-tc.want*se[i]) <= 6e-4*se[i]+1e-12) {
				t.Errorf("law %d, level %g, entry %d: half width %g, want %g", tc.law, tc.level, i, half, tc.want*se[i])
			}
		}
	}
	for _, level := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := e.Band(level, Student); err == nil {
			t.Errorf("level %g: no error", level)
		}
	}
	one := estimateOf(someDraws(1))
	if _, _, err := one.Band(0.95, Student); err == nil {
		t.Error("a band of one draw: no error")
	}
	if v := one.StdErr(); !math.IsInf(v[0], 1) {
		t.Errorf("standard error of one draw is %g, want infinite", v[0])
	}
}

// Normal draws, few of them: Student's band covers the level exactly, Gauss's
// covers P(|t| < 1.96) = 0.8552 with 3 degrees of freedom.
func TestBandCoversNormalDraws(t *testing.T) {
	const reps, n = 40_000, 4
	rng := rand.New(rand.NewPCG(3, 4))
	for law, want := range map[Law]float64{Student: 0.95, Gauss: 0.8552} {
		covered := 0
		for range reps {
			e := newEstimate(1)
			for range n {
				e.add([]float64{5 + 2*rng.NormFloat64()})
			}
			low, high, err := e.Band(0.95, law)
			if err != nil {
				t.Fatal(err)
			}
			if low[0] <= 5 && 5 <= high[0] {
				covered++
			}
		}
		got := float64(covered) / reps
		if se := math.Sqrt(want * (1 - want) / reps); !(math.Abs(got-want) <= 4*se) {
			t.Errorf("law %d covers %.4f, want %.4f ± %.4f", law, got, want, 4*se)
		}
	}
}

// The bits of merged blocks do not depend on the order they come in; they are
// those of the tree ((0 1)(2 3))((4 5) 6), built here by hand.
func TestMergeBlocksFixedTree(t *testing.T) {
	draws := someDraws(7*8 - 3)
	blocks := make([]*DrawBlock, 7)
	leaf := make([]*Estimate, 7)
	for i := range blocks {
		leaf[i] = estimateOf(draws[i*8 : min(i*8+8, len(draws))])
		blocks[i] = &DrawBlock{Index: i, Theta: leaf[i], NNGP: leaf[i]}
	}
	four := merge(merge(leaf[0], leaf[1]), merge(leaf[2], leaf[3]))
	want := merge(four, merge(merge(leaf[4], leaf[5]), leaf[6]))
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		rng.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
		theta, nngp, err := MergeBlocks(blocks...)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []*Estimate{theta, nngp} {
			if e.Draws != len(draws) {
				t.Fatalf("%d draws, want %d", e.Draws, len(draws))
			}
			for i := range want.Mean {
				if e.Mean[i] != want.Mean[i] || e.M2[i] != want.M2[i] {
					t.Fatalf("entry %d: %v and %v, want the bits of %v and %v", i, e.Mean[i], e.M2[i], want.Mean[i], want.M2[i])
				}
			}
		}
	}
	mean, _ := twoPass(draws) // and they are the moments
	for i := range mean {
		if !(math.Abs(want.Mean[i]-mean[i]) <= 1e-12*math.Max(1, math.Abs(mean[i]))) {
			t.Errorf("mean %d is %g, want %g", i, want.Mean[i], mean[i])
		}
	}
}

func TestMergeBlocksRefuses(t *testing.T) {
	e, wide := estimateOf(someDraws(8)), newEstimate(9)
	for name, blocks := range map[string][]*DrawBlock{
		"none":            nil,
		"a gap":           {{Index: 0, Theta: e}, {Index: 2, Theta: e}},
		"twice":           {{Index: 0, Theta: e}, {Index: 0, Theta: e}},
		"not from 0":      {{Index: 1, Theta: e}},
		"another size":    {{Index: 0, Theta: e}, {Index: 1, Theta: wide}},
		"NNGP of some":    {{Index: 0, Theta: e}, {Index: 1, Theta: e, NNGP: e}},
		"another NNGP":    {{Index: 0, Theta: e, NNGP: e}, {Index: 1, Theta: e, NNGP: wide}},
		"nothing after 0": {{Index: 0, Theta: e}, {Index: 1, Theta: e}, {Index: 3, Theta: e}},
	} {
		if _, _, err := MergeBlocks(blocks...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Checkpoints leave at most an eighth of the blocks between them.
func TestCheckpoints(t *testing.T) {
	last := 0
	for n := 1; n <= 4096; n++ {
		if !checkpoint(n) {
			continue
		}
		if n > 16 && float64(n-last) > float64(last)/8 || n <= 16 && n != last+1 {
			t.Errorf("from %d blocks to %d without a look", last, n)
		}
		last = n
	}
	if last != 4096 {
		t.Errorf("the last checkpoint is %d, want 4096", last)
	}
	if checkpoint(17) || checkpoint(33) || checkpoint(34) || !checkpoint(36) {
		t.Error("checkpoints beyond 16 blocks, want every 2nd up to 32 and every 4th up to 64")
	}
}
