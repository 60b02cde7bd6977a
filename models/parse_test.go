package models_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

// TestParseErrors: one line that names the layer, the field and what to write.
func TestParseErrors(t *testing.T) {
	const dense = `{"op": "dense", "width": 4, "w_std": 1, "b_std": null}`
	whole := func(layers string) string {
		return `{"layers": ` + layers + `, "parameterization": "ntk", "input_shape": [12]}`
	}
	image := func(layers string) string {
		return `{"layers": ` + layers + `, "parameterization": "ntk", "input_shape": [8, 8, 3]}`
	}
	for _, tc := range []struct{ name, text, want string }{
		{"no JSON", "{\n\"layers\": [\n", "the spec is no JSON: line 3"},
		{"not an object", `[]`, "want an object, got []"},
		{"null", `null`, "want an object, got null"},
		{"unknown field", `{"layer": []}`, `unknown field "layer" (did you mean "layers"?)`},
		{"no layers", `{"parameterization": "ntk", "input_shape": [2]}`, `field "layers" is missing`},
		{"layers null", whole("null"), `field "layers": want a list of layers, got null`},
		{"layers an object", whole("{}"), `field "layers": want a list of layers`},
		{"twice", `{"layers": [], "layers": []}`, `field "layers" is given twice`},
		{"parameterization", `{"layers": [], "parameterization": "nkt", "input_shape": [2]}`, `unknown parameterization "nkt" (did you mean "ntk"?)`},
		{"no input", `{"layers": [], "parameterization": "ntk", "input_shape": []}`, "input_shape is empty"},
		{"negative input", `{"layers": [], "parameterization": "ntk", "input_shape": [-1]}`, "sizes must be from 1"},
		{"fractional input", `{"layers": [], "parameterization": "ntk", "input_shape": [1.5]}`, `field "input_shape": want a list, each entry a whole number, got [1.5]`},
		{"layer a number", whole(`[7]`), "layer 0: want an object, got 7"},
		{"no op", whole(`[{}]`), `layer 0: field "op" is missing`},
		{"op a number", whole(`[{"op": 1}]`), `layer 0: field "op": want the name of an op, got 1`},
		{"unknown op", whole(`[` + dense + `, {"op": "rleu"}]`), `layer 1: unknown op "rleu" (did you mean "relu"?)`},
		{"nothing near", whole(`[{"op": "transmogrify"}]`), `layer 0: unknown op "transmogrify"`},
		{"kernel only", whole(`[{"op": "exp_normalized"}]`), `layer 0: op "exp_normalized" cannot be built: it is a kernel without a network`},
		{"unknown layer field", image(`[{"op": "conv", "width": 4, "filter": [3,3], "stride": [1,1], "w_std": 1}]`), `layer 0 (conv): unknown field "stride" (did you mean "strides"?)`},
		{"op of the spec", `{"op": "x", "layers": []}`, `unknown field "op"`},
		{"layer field twice", whole(`[{"op": "dense", "width": 4, "width": 5, "w_std": 1}]`), `layer 0: field "width" is given twice`},
		{"missing", whole(`[{"op": "dense", "w_std": 1}]`), `layer 0 (dense): field "width" is missing`},
		{"null width", whole(`[{"op": "dense", "width": null, "w_std": 1}]`), `layer 0 (dense): field "width": want a whole number, got null`},
		{"text width", whole(`[{"op": "dense", "width": "4", "w_std": 1}]`), `layer 0 (dense): field "width": want a whole number, got "4"`},
		{"width 0", whole(`[{"op": "dense", "width": 0, "w_std": 1}]`), `layer 0 (dense): width is 0; it must be from 1`},
		{"huge weight", whole(`[{"op": "dense", "width": 1000000, "w_std": 1}, {"op": "dense", "width": 1000000000, "w_std": 1}]`), `layer 1 (dense): weight W has shape [1000000 1000000000]: 1e+15 entries`},
		{"negative gain", whole(`[{"op": "dense", "width": 4, "w_std": -1}]`), `layer 0 (dense): w_std is -1`},
		{"bias", whole(`[{"op": "dense", "width": 4, "w_std": 1, "b_std": true}]`), `field "b_std": want a number or null, got true`},
		{"s needs standard", whole(`[{"op": "dense", "width": 4, "w_std": 1, "s": [1, 2]}]`), `layer 0 (dense): s is for parameterization standard, this is ntk`},
		{"padding", image(`[{"op": "conv", "width": 4, "filter": [3,3], "padding": "SMAE", "w_std": 1}]`), `layer 0 (conv): unknown padding "SMAE" (did you mean "SAME"?)`},
		{"rank", image(`[{"op": "conv", "width": 4, "filter": [3], "padding": "SAME", "w_std": 1}]`), `layer 0 (conv): the window has 1 sizes for 2 spatial axes`},
		{"too wide", image(`[{"op": "conv", "width": 4, "filter": [9, 3], "w_std": 1}]`), `layer 0 (conv): the window spans 9 positions of axis 0, which has 8`},
		{"groups", image(`[{"op": "conv", "width": 4, "filter": [3,3], "groups": 2, "w_std": 1}]`), `layer 0 (conv): groups is 2; it must divide the 3 input channels and the width 4`},
		{"convolution of a vector", whole(`[{"op": "conv", "width": 4, "filter": [3], "w_std": 1}]`), `layer 0 (conv): its input [12] has no spatial axis`},
		{"pool of a vector", whole(`[{"op": "global_avg_pool"}]`), `layer 0 (global_avg_pool): its input [12] has no spatial axis`},
		{"batch axis", whole(`[{"op": "layer_norm", "axis": [0]}]`), `layer 0 (layer_norm): axis is [0]; it must be distinct axes from 1 to 1 (0 is the batch)`},
		{"residual", whole(`[{"op": "residual", "main": [` + dense + `]}]`), `layer 0 (residual): main gives [4] and shortcut [12]`},
		{"nested op", whole(`[{"op": "residual", "main": [{"op": "relu"}, {"op": "tahn"}]}]`), `layer 0, main layer 1: unknown op "tahn" (did you mean "tanh"?)`},
		{"nested field", whole(`[{"op": "concat", "branches": [[], [{"op": "dense", "width": 4}]]}]`), `layer 0, branch 1 layer 0 (dense): field "w_std" is missing`},
		{"nested shape", whole(`[{"op": "prod", "branches": [[{"op": "dense", "width": -1, "w_std": 1}]]}]`), `layer 0, branch 0 layer 0 (dense): width is -1`},
		{"no branches", whole(`[{"op": "prod", "branches": []}]`), `layer 0 (prod): branches is empty`},
		{"same name", whole(`[{"op": "dense", "width": 4, "w_std": 1, "name": "p1"}, ` + dense + `]`), `layer 1 (dense): name "p1" is that of layer 0 already; to use the same weights, say "share": "p1"`},
		{"same params", whole(`[{"op": "dense", "width": 4, "w_std": 1, "params": {"W": "a_W"}}, {"op": "dense", "width": 4, "w_std": 1, "params": {"W": "a_W"}}]`), `layer 1 (dense): name "a" is that of layer 0 already`},
		{"name", whole(`[{"op": "dense", "width": 4, "w_std": 1, "name": "a/b"}]`), `layer 0 (dense): name is "a/b"`},
		{"params without b", whole(`[{"op": "dense", "width": 4, "w_std": 1, "b_std": 1, "params": {"W": "p0_W"}}]`), `layer 0 (dense): params names no b`},
		{"params with b", whole(`[{"op": "dense", "width": 4, "w_std": 1, "params": {"W": "p0_W", "b": "p0_b"}}]`), `layer 0 (dense): params names "b" (did you mean "W"?), which it does not have; it has W`},
		{"odd params", whole(`[{"op": "dense", "width": 4, "w_std": 1, "params": {"W": "weight"}}]`), `layer 0 (dense): params.W is "weight", want`},
		{"share unknown", whole(`[` + dense + `, {"op": "dense", "width": 4, "w_std": 1, "share": "q0"}]`), `layer 1 (dense): share names "q0" (did you mean "p0"?), which no earlier layer has; earlier are p0`},
		{"share shape", whole(`[` + dense + `, {"op": "dense", "width": 4, "w_std": 1, "share": "p0"}]`), `layer 1 (dense): it shares the weights of "p0", which are W [12 4] of gain 1, but needs W [4 4] of gain 1`},
		{"share op", whole(`[{"op": "layer_norm", "affine": true}, {"op": "dense", "width": 12, "w_std": 1, "share": "p0"}]`), `layer 1 (dense): it shares the weights of "p0", which is of op layer_norm (layer 0)`},
		{
			"concatenated positions", `{"layers": [{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "pos_emb": "CONCAT"}], "parameterization": "ntk", "input_shape": [6, 8]}`,
			`layer 0 (self_attention): pos_emb CONCAT cannot be built; use "SUM", or "NONE"`,
		},
		{"unknown positions", image(`[{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "pos_emb": "SUMM"}]`), `layer 0 (self_attention): unknown pos_emb "SUMM" (did you mean "SUM"?)`},
		{"positions of values alone", image(`[{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "val_pos_emb": true}]`), `layer 0 (self_attention): val_pos_emb needs pos_emb "SUM"`},
		{"biases of tied keys", image(`[{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "linear_scaling": true, "qkv_b_std": 1}]`), `layer 0 (self_attention): qkv_b_std is for layers without linear_scaling`},
		{"gain of keys", image(`[{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "wk_std": -2}]`), `layer 0 (self_attention): wk_std is -2`},
		{
			"large mask", `{"layers": [{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "causal": true}], "parameterization": "ntk", "input_shape": [10000, 8]}`,
			`layer 0 (self_attention): causal over 10000 positions needs a mask of more than 67108864 entries`,
		},
		{"dense of the batch", image(`[{"op": "dense", "width": 4, "w_std": 1, "axis": 0}]`), `layer 0 (dense): axis is [0]; it must be distinct axes from 1 to 3 (0 is the batch)`},
		{"late embedding", whole(`[` + dense + `, {"op": "embedding", "vocabulary": 9, "width": 4, "w_std": 1}]`), `layer 1 (embedding): it reads numbers of words, but its input depends on weights`},
		{"vocabulary", whole(`[{"op": "embedding", "vocabulary": 0, "width": 4, "w_std": 1}]`), `layer 0 (embedding): vocabulary is 0; it must be from 1 to 16777216`},
		{"kind of positions", image(`[{"op": "position_embedding", "kind": "wave"}]`), `layer 0 (position_embedding): unknown kind "wave" (did you mean "waves"?)`},
		{"waves of pixels", image(`[{"op": "position_embedding", "kind": "waves"}]`), `layer 0 (position_embedding): kind waves is for sequences`},
		{"token of an image", image(`[{"op": "class_token"}]`), `layer 0 (class_token): its input [8 8 3] is no sequence [positions, channels]; put tokens in front`},
		{"tokens of a vector", whole(`[{"op": "tokens"}]`), `layer 0 (tokens): its input [12] has no positions`},
		{"recurrence of an image", image(`[{"op": "gru", "width": 4, "u_std": 1, "w_std": 1}]`), `layer 0 (gru): its input [8 8 3] is no sequence`},
		{"recurrent output", `{"layers": [{"op": "rnn", "width": 4, "u_std": 1, "w_std": 1, "output": "first"}], "parameterization": "ntk", "input_shape": [6, 8]}`, `layer 0 (rnn): unknown output "first"`},
		{"recurrent activation", `{"layers": [{"op": "rnn", "width": 4, "u_std": 1, "w_std": 1, "activation": "tahn"}], "parameterization": "ntk", "input_shape": [6, 8]}`, `layer 0 (rnn): unknown activation "tahn" (did you mean "tanh"?)`},
		{"odd glu", image(`[{"op": "glu"}]`), `layer 0 (glu): its input [8 8 3] has 3 channels, which cannot be halved`},
		{"groups of a norm", image(`[{"op": "group_norm", "groups": 2}]`), `layer 0 (group_norm): groups is 2; it must divide the 3 channels`},
		{"norm's mode", image(`[{"op": "batch_norm", "mode": "test"}]`), `layer 0 (batch_norm): unknown mode "test"`},
		{"initializer", `{"layers": [], "parameterization": "ntk", "initializer": "orthogonol", "input_shape": [2]}`, `unknown initializer "orthogonol" (did you mean "orthogonal"?)`},
		{"orthogonal groups", `{"layers": [{"op": "conv", "width": 3, "filter": [3], "groups": 3, "w_std": 1}], "parameterization": "ntk", "initializer": "orthogonal", "input_shape": [8, 3]}`, `layer 0 (conv): groups is 3; initializer orthogonal is for convolutions without groups`},
		{"parameterization a number", `{"layers": [], "parameterization": 3, "input_shape": [2]}`, `field "parameterization": want a name or an object, got 3`},
		{"parameterization without a name", `{"layers": [], "parameterization": {"all": {"weight": {}}}, "input_shape": [2]}`, `field "parameterization": field "name" is missing`},
		{"parameterization without parts", `{"layers": [], "parameterization": {"name": "mine", "input": {"weight": {}}}, "input_shape": [2]}`, `field "parameterization": field "hidden" is missing`},
		{"parameterization of all and one", `{"layers": [], "parameterization": {"name": "mine", "all": {"weight": {}}, "output": {"weight": {}}}, "input_shape": [2]}`, `it has both "all" and "output"`},
		{"parameterization with a taken name", `{"layers": [], "parameterization": {"name": "mup", "all": {"weight": {}}}, "input_shape": [2]}`, `parameterization "mup" differs from the one of that name`},
		{"field of a power", `{"layers": [], "parameterization": {"name": "mine", "all": {"weight": {"tau": {"inn": 1}}}}, "input_shape": [2]}`, `field "parameterization": all: weight: tau: unknown field "inn" (did you mean "in"?)`},
		{"exponent", `{"layers": [], "parameterization": {"name": "mine", "all": {"weight": {"tau": {"in": 9}}}}, "input_shape": [2]}`, `parameterization "mine" has an exponent 9`},
		{"slice", image(`[{"op": "slice", "spatial": [[0, 9, 1], [0, 8, 1]]}]`), `layer 0 (slice): spatial[0] is [0 9 1]`},
		{"mean field is shallow", `{"layers": [` + dense + `,` + dense + `,` + dense + `], "parameterization": "mean-field", "input_shape": [2]}`, `parameterization mean-field is for networks with 0 weights between the first and the last, this one has 1`},
		{"mup of one layer", `{"layers": [` + dense + `], "parameterization": "mup", "input_shape": [2]}`, `layer 0 (dense): parameterization mup needs a hidden layer before the last`},
		{"mup of a norm", `{"layers": [` + dense + `,{"op": "layer_norm", "affine": true},` + dense + `], "parameterization": "mup", "input_shape": [2]}`, `layer 1 (layer_norm): parameterization mup is for the weights of dense and conv`},
		{"degree", whole(`[{"op": "monomial", "degree": 0}]`), `layer 0 (monomial): degree is 0; it must be from 1 to 64`},
		{"no coefficients", whole(`[{"op": "polynomial", "coef": []}]`), `layer 0 (polynomial): coef has 0 entries`},
		{"rbf", whole(`[{"op": "rbf", "gamma": -1}]`), `layer 0 (rbf): gamma is -1`},
		{"fn", whole(`[{"op": "numerical", "fn": "tahn"}]`), `layer 0 (numerical): unknown fn "tahn" (did you mean "tanh"?)`},
		{"keep rate", whole(`[{"op": "dropout", "keep_rate": 0}]`), `layer 0 (dropout): keep_rate is 0`},
		{"dropout mode", whole(`[{"op": "dropout", "keep_rate": 0.5, "mode": "tain"}]`), `layer 0 (dropout): unknown mode "tain" (did you mean "train"?)`},
		{"eps", whole(`[{"op": "batch_norm", "eps": -1}]`), `layer 0 (batch_norm): eps is -1`},
		{"flag", whole(`[{"op": "gelu", "approximate": 1}]`), `layer 0 (gelu): field "approximate": want true or false, got 1`},
		{"text gain", whole(`[{"op": "erf", "a": "1"}]`), `layer 0 (erf): field "a": want a number, got "1"`},
		{"concat", image(`[{"op": "concat", "branches": [[], [{"op": "slice", "spatial": [[0, 2, 1], [0, 8, 1]]}]]}]`), `layer 0 (concat): branch 0 gives [8 8 3] and branch 1 [2 8 3]; they must agree but along axis -1`},
		{"prod", image(`[{"op": "prod", "branches": [[], [{"op": "flatten"}]]}]`), `layer 0 (prod): branch 0 gives [8 8 3] and branch 1 [192]`},
		{"transposed groups", image(`[{"op": "conv_transpose", "width": 3, "filter": [3,3], "groups": 3, "w_std": 1}]`), `layer 0 (conv_transpose): groups is 3; only conv has groups`},
		{"transposed dilation", image(`[{"op": "conv_transpose", "width": 3, "filter": [3,3], "dilation": [1,2], "w_std": 1}]`), `layer 0 (conv_transpose): dilation is [1 2]; only conv has dilation`},
		{"transposed circle", image(`[{"op": "conv_transpose", "width": 3, "filter": [3,3], "padding": "CIRCULAR", "w_std": 1}]`), `layer 0 (conv_transpose): padding is CIRCULAR`},
		{"taps", image(`[{"op": "conv_local", "width": 3, "filter": [300,300], "padding": "SAME", "w_std": 1}]`), `layer 0 (conv_local): filter is [300 300]`},
		{"stride 0", image(`[{"op": "avg_pool", "window": [2,2], "strides": [0,1]}]`), `layer 0 (avg_pool): strides is [0 1]; sizes must be from 1`},
		{"resize rank", image(`[{"op": "image_resize", "shape": [4]}]`), `layer 0 (image_resize): shape is [4] for 2 spatial axes`},
		{"resize method", image(`[{"op": "image_resize", "shape": [4,4], "method": "cubic"}]`), `layer 0 (image_resize): unknown method "cubic"; known are linear, nearest`},
		{"resize too large", image(`[{"op": "image_resize", "shape": [100000000,1]}]`), `layer 0 (image_resize): resizing [8 8] to [100000000 1] needs a matrix of more than 67108864 entries`},
		{"pattern", image(`[{"op": "aggregate", "pattern": "x"}]`), `layer 0 (aggregate): pattern is "x"; it must name an input other than x`},
		{"pattern of two shapes", `{"layers": [{"op": "aggregate"}, {"op": "aggregate", "axis": 2}], "parameterization": "ntk", "input_shape": [4, 5, 3]}`, `layer 1 (aggregate): pattern "pattern" has shape [4 4] already, here it would be [5 5]`},
		{
			"mechanism", `{"layers": [{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "mechanism": "SOFTMIN"}], "parameterization": "ntk", "input_shape": [6, 8]}`,
			`layer 0 (self_attention): unknown mechanism "SOFTMIN" (did you mean "SOFTMAX"?)`,
		},
		{
			"tied keys", `{"layers": [{"op": "self_attention", "width": 4, "heads": 1, "n_key": 2, "n_val": 2, "wq_std": 0, "linear_scaling": true}], "parameterization": "ntk", "input_shape": [6, 8]}`,
			`layer 0 (self_attention): wq_std is 0`,
		},
		{"last weight nested", `{"layers": [{"op": "residual", "main": [{"op": "dense", "width": 2, "w_std": 1}]}], "parameterization": "mup", "input_shape": [2]}`, `parameterization mup needs the network's last weight in the outermost list`},
		{"share of norms without weights", whole(`[{"op": "layer_norm", "share": "p0"}]`), `layer 0 (layer_norm): it has no weights, but names some`},
		{"deep", whole(strings.Repeat(`[{"op": "residual", "main": `, 70) + "[]" + strings.Repeat("}]", 70)), "nest more than 16 deep"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := models.ParseSpec(strings.NewReader(tc.text))
			if err == nil {
				t.Fatalf("no error, want %q", tc.want)
			}
			if msg := err.Error(); !strings.Contains(msg, tc.want) || strings.Contains(msg, "\n") || !strings.HasPrefix(msg, "models: ") || len(msg) > 400 {
				t.Errorf("error %q, want one line with %q", msg, tc.want)
			}
		})
	}
	_, err := models.ParseSpec(strings.NewReader(whole(`[{"op": "exp_normalized"}]`)))
	if !errors.Is(err, models.ErrNotBuilt) {
		t.Errorf("errors.Is(%v, ErrNotBuilt) is false", err)
	}
}

// TestRoundTrip: a Spec's JSON describes the same network.
func TestRoundTrip(t *testing.T) {
	for _, c := range oracleCases(t) {
		if c.Layers == nil || c.refused(t) {
			continue
		}
		s, err := c.spec()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := models.ParseSpec(strings.NewReader(string(text)))
		if err != nil {
			t.Fatalf("%s: %v in %s", c.Name, err, text)
		}
		if !reflect.DeepEqual(s, again) {
			t.Errorf("%s: %s came back as\n%v, not\n%v", c.Name, text, again, s)
		}
	}
	for _, p := range []models.Param{
		{Input: models.MuP.Input, MaxHidden: -1}, // no name
		{Name: "standard", MaxHidden: -1},        // not that of this name
	} {
		if text, err := json.Marshal(&models.Spec{Parameterization: p, InputShape: []int{2}}); err == nil {
			t.Errorf("parameterization %+v was written as %s", p, text)
		}
	}
}

// TestOwnParam: a parameterization as data is read, applied and written.
func TestOwnParam(t *testing.T) {
	const layers = `"layers": [{"op": "dense", "width": 8, "w_std": 1.5, "b_std": 0.2}, {"op": "relu"}, {"op": "dense", "width": 2, "w_std": 1.5}], "input_shape": [3]`
	const part = `{"weight": {"s": {"gain": 1, "in": -0.5}, "tau": {"out": 0.5}, "eta": {"out": 2}}, "bias": {"tau": {"gain": 2}}}`
	for name, param := range map[string]string{
		"all":      `{"name": "mine", "all": ` + part + `}`,
		"position": `{"name": "mine", "input": ` + part + `, "hidden": {"weight": {}}, "output": ` + part + `, "max_hidden": 0}`,
	} {
		s, err := models.ParseSpec(strings.NewReader(`{"parameterization": ` + param + `, ` + layers + `}`))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := map[string][2]float64{"/p0/W": {math.Sqrt(8), 64}, "/p0/b": {0.04, 1}, "/p1/W": {math.Sqrt(2), 4}}
		for _, v := range record(t, s, 2).Variables {
			d, w := v.Distribution, want[v.ScopeAndName()]
			if relDiff(d.Tau, w[0]) > 1e-15 || relDiff(d.Eta, w[1]) > 1e-15 {
				t.Errorf("%s: %s has τ %g, η %g, want %v", name, v.ScopeAndName(), d.Tau, d.Eta, w)
			}
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := models.ParseSpec(strings.NewReader(string(text)))
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("%s: %s came back as %v, %v", name, text, again, err)
		}
	}
}

// FuzzParseSpec: no text makes it panic, and what it accepts has shapes.
func FuzzParseSpec(f *testing.F) {
	f.Add(`{"layers": [{"op": "dense", "width": 4, "w_std": 1, "b_std": null}, {"op": "relu"}], "parameterization": "ntk", "input_shape": [12]}`)
	f.Add(`{"layers": [{"op": "conv", "width": 4, "filter": [3,3], "w_std": 1}, {"op": "residual", "main": [], "shortcut": []}], "parameterization": "mup", "input_shape": [8, 8, 3]}`)
	f.Add(`{"layers": [{"op": "conv_local", "width": 4, "filter": [3,-3], "w_std": 1}, {"op": "aggregate"}], "parameterization": "standard", "input_shape": [8, 8]}`)
	f.Add(`{"layers": [{"op": "conv_transpose", "width": 4, "filter": [3], "strides": [1000000000], "w_std": 1}, {"op": "image_resize", "shape": [1]}], "parameterization": "", "input_shape": [8, 8]}`)
	f.Add(`{"layers": [{"op": "embedding", "vocabulary": 4, "width": 4, "w_std": 1}, {"op": "class_token"}, {"op": "gru", "width": 2, "w_std": 1, "u_std": 1}, {"op": "glu"}], "parameterization": {"name": "a", "all": {"weight": {}}}, "initializer": "uniform", "input_shape": [8]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := models.ParseSpec(strings.NewReader(text))
		if err != nil {
			return
		}
		if _, err := s.OutputShape(); err != nil {
			t.Error(err)
		}
		_ = s.String()
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	})
}
