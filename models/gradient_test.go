package models_test

import (
	"testing"
)

// TestGradients: GoMLX can differentiate what every layer emits, and the
// gradient is that of the values. Central differences err by h² + ε/h ≈ 1e-10
// per entry, times the values' size.
func TestGradients(t *testing.T) {
	const w = `, "w_std": 1.5, "b_std": 0.3`
	for _, layers := range []string{
		`{"op": "conv", "width": 3, "filter": [3, 2], "strides": [2, 1], "padding": "SAME"` + w + `}`,
		`{"op": "conv", "width": 3, "filter": [3, 3], "strides": [2, 2], "padding": "CIRCULAR"` + w + `}`,
		`{"op": "conv", "width": 4, "filter": [3, 3], "padding": "SAME", "groups": 2` + w + `}`,
		`{"op": "conv", "width": 4, "filter": [2, 2], "padding": "VALID", "dilation": [2, 3]` + w + `}`,
		`{"op": "conv_transpose", "width": 3, "filter": [3, 3], "strides": [2, 2], "padding": "SAME"` + w + `}`,
		`{"op": "conv_local", "width": 3, "filter": [3, 3], "strides": [1, 2], "padding": "SAME"` + w + `}`,
		`{"op": "self_attention", "width": 3, "heads": 2, "n_key": 2, "n_val": 2, "b_std": 0.1}`,
		`{"op": "layer_norm", "axis": [-1], "eps": 1e-3, "affine": true}`,
		`{"op": "batch_norm", "eps": 1e-3, "affine": true}`,
		`{"op": "group_norm", "groups": 2, "eps": 1e-3, "affine": true}`,
		`{"op": "rms_norm", "eps": 1e-3, "affine": true}`,
		`{"op": "batch_norm", "mode": "running", "eps": 1e-3, "affine": true}`,
		`{"op": "self_attention", "width": 3, "heads": 2, "n_key": 2, "n_val": 2, "causal": true, "pos_emb": "SUM", "qkv_b_std": 0.1}`,
		`{"op": "tokens"}, {"op": "class_token"}, {"op": "position_embedding"}`,
		`{"op": "dense", "width": 3, "axis": 2` + w + `}`,
		`{"op": "glu"}`,
		`{"op": "tokens"}, {"op": "rnn", "width": 3, "u_std": 1` + w + `}`,
		`{"op": "tokens"}, {"op": "gru", "width": 3, "u_std": 1` + w + `}`,
		`{"op": "avg_pool", "window": [3, 3], "strides": [2, 2], "padding": "SAME", "normalize_edges": true}`,
		`{"op": "sum_pool", "window": [2, 2], "padding": "CIRCULAR"}`,
		`{"op": "max_pool", "window": [3, 3], "strides": [2, 2], "padding": "SAME"}`,
		`{"op": "global_avg_pool"}`,
		`{"op": "image_resize", "shape": [3, 9]}`,
		`{"op": "slice", "spatial": [[1, 5, 2], [0, 6, 3]]}`,
		`{"op": "concat", "branches": [[{"op": "slice", "spatial": [[0, 2, 1], [0, 6, 1]]}, {"op": "sin"}], [{"op": "slice", "spatial": [[2, 4, 1], [0, 6, 1]]}]]}`,
		`{"op": "prod", "branches": [[{"op": "sin"}], []]}`,
		`{"op": "residual", "main": [{"op": "cos"}]}`,
	} {
		t.Run(layers, func(t *testing.T) {
			// tanh in front, so that no gradient of a linear layer is a constant.
			s := parse(t, `[{"op": "tanh"}, `+layers+`, {"op": "sin", "b": 2}]`, "ntk", 5, 6, 4)
			params, err := s.Params()
			if err != nil {
				t.Fatal(err)
			}
			arrays := map[string]nd{}
			for i, p := range params {
				arrays[p.Name] = gaussian(uint64(10+i), p.Shape...)
				if p.VarName == "variance" {
					for k, v := range arrays[p.Name].data {
						arrays[p.Name].data[k] = v * v
					}
				}
			}
			x := gaussian(1, 2, 5, 6, 4)
			total := func() (sum float64) {
				for _, v := range forward(t, s, arrays, x).data {
					sum += v
				}
				return sum
			}
			got := gradient(t, s, arrays, x)
			const h = 1e-5
			checked, want := newND(7), newND(7)
			for k := range want.data {
				i := k * 37
				was := x.data[i]
				x.data[i] = was + h
				up := total()
				x.data[i] = was - h
				down := total()
				x.data[i] = was
				checked.data[k], want.data[k] = got.data[i], (up-down)/(2*h)
			}
			if e := relErr(checked, want); !(e <= 1e-7) {
				t.Errorf("relative error %g, want ≤ 1e-7", e)
			}
		})
	}
}
