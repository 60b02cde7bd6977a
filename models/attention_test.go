package models_test

import (
	"fmt"
	"math"
	"testing"
)

// TestSelfAttention: every head, query and key by hand, over the pixels of an image.
func TestSelfAttention(t *testing.T) {
	const heads, d, nk, nv, width, tokens = 2, 3, 4, 5, 6, 6
	x := gaussian(1, 2, 2, 3, d)
	a := map[string]nd{
		"p0_Wq": gaussian(2, heads, d, nk), "p0_Wk": gaussian(3, heads, d, nk),
		"p0_Wv": gaussian(4, heads, d, nv), "p0_Wo": gaussian(5, heads*nv, width), "p0_b": gaussian(6, width),
		"p0_P": gaussian(7, 2, 3, d), "p0_bq": gaussian(8, heads, nk), "p0_bk": gaussian(9, heads, nk), "p0_bv": gaussian(10, heads, nv),
	}
	for _, tc := range []struct {
		fields                               string
		tied, causal, placed, values, biased bool
	}{
		{fields: ""},
		{fields: `"linear_scaling": true,`, tied: true},
		{fields: `"causal": true,`, causal: true},
		{fields: `"pos_emb": "SUM", "w_pos_emb_std": 0.7,`, placed: true},
		{fields: `"pos_emb": "SUM", "w_pos_emb_std": 0.7, "val_pos_emb": true, "linear_scaling": true, "causal": true,`, tied: true, causal: true, placed: true, values: true},
		{fields: `"qkv_b_std": 0.4,`, biased: true},
	} {
		for _, mechanism := range []string{"SOFTMAX", "IDENTITY", "RELU", "ABS"} {
			t.Run(mechanism+tc.fields, func(t *testing.T) {
				// project is entry f of head h of a token's query, key or value.
				project := func(name string, gain float64, place bool, bias string, n, token, h, f int) (s float64) {
					for c := range d {
						v := x.data[(n*tokens+token)*d+c]
						if place {
							v += 0.7 * a["p0_P"].data[token*d+c]
						}
						s += v * *a[name].at(h, c, f) * gain / math.Sqrt(d)
					}
					if tc.biased {
						s += 0.4 * *a[bias].at(h, f)
					}
					return s
				}
				key, divisor := "p0_Wk", math.Sqrt(nk)
				if tc.tied {
					key, divisor = "p0_Wq", nk
				}
				want := newND(2, 2, 3, width)
				for n := range 2 {
					for q := range tokens {
						y := make([]float64, heads*nv)
						for h := range heads {
							seen := tokens
							if tc.causal {
								seen = q + 1
							}
							logits, sum := make([]float64, seen), 0.0
							for k := range seen {
								for f := range nk {
									logits[k] += project("p0_Wq", 1.3, tc.placed, "p0_bq", n, q, h, f) * project(key, 1.1, tc.placed, "p0_bk", n, k, h, f) / divisor
								}
								switch mechanism {
								case "SOFTMAX":
									logits[k] = math.Exp(logits[k])
								case "RELU":
									logits[k] = math.Max(0, logits[k])
								case "ABS":
									logits[k] = math.Abs(logits[k])
								}
								sum += logits[k]
							}
							for k := range seen {
								if mechanism == "SOFTMAX" {
									logits[k] /= sum
								}
								for f := range nv {
									y[f*heads+h] += logits[k] * project("p0_Wv", 0.9, tc.values, "p0_bv", n, k, h, f)
								}
							}
						}
						for o := range width {
							z := 0.2 * a["p0_b"].data[o]
							for f := range y {
								z += 0.8 / math.Sqrt(heads*nv) * y[f] * *a["p0_Wo"].at(f, o)
							}
							want.data[(n*tokens+q)*width+o] = z
						}
					}
				}
				spec := parse(t, fmt.Sprintf(`[{"op": "self_attention", "width": 6, "heads": 2, "n_key": 4, "n_val": 5, %s
					"mechanism": %q, "wq_std": 1.3, "wk_std": 1.1, "wv_std": 0.9, "wo_std": 0.8, "b_std": 0.2}]`, tc.fields, mechanism), "ntk", 2, 3, d)
				if e := relErr(forward(t, spec, a, x), want); !(e <= 1e-12) {
					t.Errorf("relative error %g, want ≤ 1e-12", e)
				}
			})
		}
	}
}
