package models_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

// drawnArrays draws the weights of s as its variables are tagged.
func drawnArrays(t *testing.T, s *models.Spec, seed uint64) map[string]nd {
	t.Helper()
	tagged := map[string]graph.Variable{}
	for _, v := range record(t, s, 2).Variables {
		tagged[v.ScopeAndName()] = v
	}
	infos, err := s.Params()
	if err != nil {
		t.Fatal(err)
	}
	a := map[string]nd{}
	for _, p := range infos {
		v := tagged[p.Scope+"/"+p.VarName]
		w, err := graph.Draw(v.Distribution, seed, v.ScopeAndName(), shapes.Make(dtypes.Float64, p.Shape...))
		if err != nil {
			t.Fatal(err)
		}
		a[p.Name] = nd{p.Shape, tensors.MustCopyFlatData[float64](w)}
	}
	return a
}

// TestOrthogonalFamilies: which weights of a network are orthogonal.
func TestOrthogonalFamilies(t *testing.T) {
	for initializer, conv := range map[graph.Family]graph.Family{graph.Orthogonal: graph.Orthogonal, graph.DeltaOrthogonal: graph.DeltaOrthogonal} {
		s := parse(t, `[{"op": "conv", "width": 4, "filter": [3], "w_std": 1, "b_std": 1}, {"op": "conv_local", "width": 4, "filter": [2], "w_std": 1, "b_std": 1},
			{"op": "conv_transpose", "width": 4, "filter": [2], "w_std": 1}, {"op": "class_token"}, {"op": "position_embedding"},
			{"op": "self_attention", "width": 2, "heads": 2, "n_key": 3, "n_val": 3, "b_std": 1, "qkv_b_std": 1}, {"op": "rnn", "width": 3, "u_std": 1, "w_std": 1},
			{"op": "layer_norm", "affine": true}, {"op": "dense", "width": 2, "w_std": 1}]`, "ntk", 9, 3)
		s.Initializer = initializer
		const normal, matrix, blocks = graph.Normal, graph.Orthogonal, graph.OrthogonalBlocks
		want := map[string]graph.Family{
			"/p0/W": conv, "/p0/b": normal, "/p1/W": blocks, "/p1/b": normal, "/p2/W": conv, "/p3/W": normal, "/p4/P": normal,
			"/p5/Wq": blocks, "/p5/Wk": blocks, "/p5/Wv": blocks, "/p5/Wo": matrix, "/p5/b": normal, "/p5/bq": normal, "/p5/bk": normal, "/p5/bv": normal,
			"/p6/U": matrix, "/p6/W": matrix, "/p7/scale": normal, "/p7/shift": normal, "/p8/W": matrix,
		}
		seen := 0
		for _, v := range record(t, s, 2).Variables {
			if got := v.Distribution.Family; got != want[v.ScopeAndName()] {
				t.Errorf("%s: %s is drawn from %s, want %q", initializer, v.ScopeAndName(), got, want[v.ScopeAndName()])
			}
			seen++
		}
		if seen != len(want) {
			t.Errorf("%d variables, want %d", seen, len(want))
		}
		for name, a := range drawnArrays(t, s, 1) { // all shapes can be drawn
			if len(a.data) == 0 {
				t.Errorf("%s is empty", name)
			}
		}
	}
}

// TestOrthogonalKeepsNorms: square matrices, and circular convolutions with
// delta-orthogonal filters, are σ times an isometry; with σ = 1 sequences of
// them are isometries too. Normal filters are not: that this can fail.
func TestOrthogonalKeepsNorms(t *testing.T) {
	const circular = `{"op": "conv", "width": 6, "filter": [3, 2], "padding": "CIRCULAR", "w_std": 1.5}`
	for _, tc := range []struct {
		initializer graph.Family
		layers      string
		gain        float64
		input       []int
	}{
		{graph.Orthogonal, `{"op": "dense", "width": 6, "w_std": 1.5}`, 1.5, []int{6}},
		{graph.Orthogonal, `{"op": "dense", "width": 6, "w_std": 1}, {"op": "dense", "width": 6, "w_std": 1}`, 1, []int{6}},
		{graph.DeltaOrthogonal, circular, 1.5, []int{4, 5, 6}},
		{graph.DeltaOrthogonal, circular + "," + circular, 2.25, []int{4, 5, 6}},
	} {
		ratio := func(initializer graph.Family, seed uint64) float64 {
			s := parse(t, "["+tc.layers+"]", "ntk", tc.input...)
			s.Initializer = initializer
			x := gaussian(seed, append([]int{1}, tc.input...)...)
			y := forward(t, s, drawnArrays(t, s, seed), x)
			return norm(y) / norm(x)
		}
		for seed := range uint64(3) {
			if r := ratio(tc.initializer, seed); !(math.Abs(r/tc.gain-1) <= 1e-13) {
				t.Errorf("%s of %s: norms grow by %.15g, want %g", tc.initializer, tc.layers, r, tc.gain)
			}
		}
		if r := ratio(graph.Normal, 1); math.Abs(r/tc.gain-1) < 1e-3 {
			t.Errorf("normal of %s: norms grow by %g, exactly as orthogonal ones: this test shows nothing", tc.layers, r)
		}
	}
}

func norm(a nd) float64 {
	s := 0.0
	for _, v := range a.data {
		s += v * v
	}
	return math.Sqrt(s)
}

// TestOrthogonalWide: n inputs, m outputs, m > n: W Wᵀ = I·m/n·σ², so that each
// output has the variance that it has with independent weights.
func TestOrthogonalWide(t *testing.T) {
	for _, width := range []int{9, 3} {
		s := parse(t, fmt.Sprintf(`[{"op": "dense", "width": %d, "w_std": 1}]`, width), "ntk", 6)
		s.Initializer = graph.Orthogonal
		mean := 0.0
		const seeds = 300
		x := gaussian(1, 1, 6)
		for seed := range uint64(seeds) {
			r := norm(forward(t, s, drawnArrays(t, s, seed), x)) / norm(x)
			mean += r * r / seeds
			if width > 6 && !(math.Abs(r*r-1.5) <= 1e-13) {
				t.Errorf("square of the norm grows by %g, want 9/6", r*r)
			}
		}
		// A projection of 6 onto 3 axes: |y|²/|x|² is 1/2 on average (Beta(3/2, 3/2),
		// standard deviation 1/4).
		if width < 6 && !(math.Abs(mean-0.5) <= 5*0.25/math.Sqrt(seeds)) {
			t.Errorf("square of the norm grows by %g on average, want 3/6", mean)
		}
	}
}
