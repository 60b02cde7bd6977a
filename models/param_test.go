package models_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

// TestDistributions: s, τ and η of a network 3 → 8 → 4 → 2 with gains 1.5 and
// 0.2, against the formulas of the papers written out for these sizes.
func TestDistributions(t *testing.T) {
	type want struct{ s, tau, eta float64 }
	r := math.Sqrt
	for param, byName := range map[string]map[string]want{
		"ntk": {
			"p0_W": {1.5 / r(3), 1, 1}, "p0_b": {0.2, 1, 1}, "p1_W": {1.5 / r(8), 1, 1}, "p2_W": {1.5 / r(4), 1, 1}, "p2_b": {0.2, 1, 1},
		},
		"standard": {
			"p0_W": {1, 1.5 / r(3), 1}, "p0_b": {1, 0.2, 1}, "p1_W": {1, 1.5 / r(8), 1}, "p2_W": {1, 1.5 / r(4), 1}, "p2_b": {1, 0.2, 1},
		},
		"mup": {
			"p0_W": {r(8), 1.5 / r(3*8), 1}, "p0_b": {r(8), 0.2 / r(8), 1},
			"p1_W": {1, 1.5 / r(8), 1}, "p1_b": {r(4), 0.2 / r(4), 1},
			"p2_W": {1 / r(4), 1.5 / r(4), 1}, "p2_b": {0.2, 1, 1},
		},
	} {
		t.Run(param, func(t *testing.T) {
			s := parse(t, `[{"op": "dense", "width": 8, "w_std": 1.5, "b_std": 0.2}, {"op": "relu"},
				{"op": "dense", "width": 4, "w_std": 1.5, "b_std": 0.2}, {"op": "relu"},
				{"op": "dense", "width": 2, "w_std": 1.5, "b_std": 0.2}]`, param, 3)
			rec := record(t, s, 2)
			for _, v := range rec.Variables {
				name := strings.ReplaceAll(v.ScopeAndName()[1:], "/", "_")
				w, ok := byName[name]
				if !ok {
					continue
				}
				if d := v.Distribution; relDiff(d.Tau, w.tau) > 1e-15 || relDiff(d.Eta, w.eta) > 1e-15 {
					t.Errorf("%s: τ %g, η %g, want %g, %g", name, d.Tau, d.Eta, w.tau, w.eta)
				}
			}
			// f is linear in the last bias and, at x = 0 with biases of 1, the
			// first layer is s_b: enough to see every s in the output.
			at := func(name string, value float64) float64 {
				params, err := s.Params()
				if err != nil {
					t.Fatal(err)
				}
				a := map[string]nd{}
				for _, p := range params {
					a[p.Name] = newND(p.Shape...)
					for i := range a[p.Name].data {
						a[p.Name].data[i] = 1
					}
					if strings.HasSuffix(p.Name, "_b") {
						clear(a[p.Name].data)
					}
				}
				for i := range a[name].data {
					a[name].data[i] = value
				}
				return forward(t, s, a, nd{[]int{1, 3}, []float64{1, 1, 1}}).data[0]
			}
			w := byName
			f := 3 * w["p0_W"].s * 8 * w["p1_W"].s * 4 * w["p2_W"].s // all weights 1, biases 0
			for name, v := range map[string]float64{
				"p0_W": f, "p1_W": f, "p2_W": f, "p2_b": f + w["p2_b"].s, "p0_b": f + w["p0_b"].s*8*w["p1_W"].s*4*w["p2_W"].s,
			} {
				if got := at(name, 1); relDiff(got, v) > 1e-13 {
					t.Errorf("%s: f = %g, want %g", name, got, v)
				}
			}
		})
	}
}

func relDiff(a, b float64) float64 { return math.Abs(a-b) / math.Abs(b) }

// TestMeanField: (1/n) Σ a φ(w·x), hidden units at the rate n.
func TestMeanField(t *testing.T) {
	const one = `{"op": "dense", "width": 8, "w_std": 1, "b_std": 0.2}, {"op": "relu"}`
	const last = `{"op": "dense", "width": 2, "w_std": 1, "b_std": 0.2}`
	s := parse(t, "["+one+","+last+"]", "mean-field", 3)
	for _, v := range record(t, s, 2).Variables {
		want := 8.0
		if v.ScopeAndName() == "/p1/b" {
			want = 1
		}
		if d := v.Distribution; d.Eta != want || d.Tau != 1 {
			t.Errorf("%s: τ %g, η %g, want 1, %g", v.ScopeAndName(), d.Tau, d.Eta, want)
		}
	}
	a := map[string]nd{"p0_W": gaussian(1, 3, 8), "p0_b": gaussian(2, 8), "p1_W": gaussian(3, 8, 2), "p1_b": gaussian(4, 2)}
	x, want := gaussian(5, 1, 3), newND(1, 2)
	for o := range 2 {
		want.data[o] = 0.2 * a["p1_b"].data[o]
		for k := range 8 {
			z := 0.2 * a["p0_b"].data[k]
			for i := range 3 {
				z += x.data[i] * *a["p0_W"].at(i, k) / math.Sqrt(3)
			}
			want.data[o] += math.Max(z, 0) * *a["p1_W"].at(k, o) / 8
		}
	}
	if e := relErr(forward(t, s, a, x), want); !(e <= sumTol) {
		t.Errorf("relative error %g, want ≤ %g", e, sumTol)
	}
}

// TestGains: the default gain of an activation against ∫ φ² dN by the midpoint
// rule on [−12, 12], exact to rounding for smooth functions and to h² = 4e-9 at
// the kinks; 1e-7 is more than enough to tell a wrong digit.
func TestGains(t *testing.T) {
	for _, tc := range activations {
		name, ok := strings.CutSuffix(strings.TrimPrefix(tc.layer, `"op": "`), `"`)
		if !ok {
			continue
		}
		got, err := models.DefaultGain(name)
		if err != nil {
			continue // the table of gains is shorter
		}
		const n = 400000
		h, sum := 24.0/n, 0.0
		for i := range n {
			z := -12 + (float64(i)+0.5)*h
			sum += h * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) * tc.f(z) * tc.f(z)
		}
		if relDiff(got, 1/math.Sqrt(sum)) > 1e-7 {
			t.Errorf("%s: gain %g, want %g", name, got, 1/math.Sqrt(sum))
		}
	}
}
