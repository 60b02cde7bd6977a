package models_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

// TestRemedies compares what becomes of a small network with what its description
// says, as JSON written by hand.
func TestRemedies(t *testing.T) {
	dense := func(width, gain, rest string) string {
		return `{"op":"dense","width":` + width + `,"w_std":` + gain + `,"b_std":null}` + rest
	}
	plain := func(act string) string {
		return dense("4", "1.5", ",") + act + "," + dense("4", "1.5", ",") + act + "," + dense("4", "1.5", ",") + act + "," + dense("2", "1.5", "")
	}
	tanh, relu := `{"op":"tanh"}`, `{"op":"relu"}`
	norm := func(op string) string {
		return plain(`{"op":"` + op + `","eps":1e-5` + map[string]string{"layer_norm": `,"axis":[-1]`}[op] + `},` + tanh)
	}
	block := `{"op":"residual","main":[` + tanh + "," + dense("4", "1.0606601717798212", "") + `],"shortcut":[]}` // 1.5/√2
	for _, tc := range []struct {
		name, in, want, initializer, refused string
	}{
		{name: "residual", in: plain(tanh), want: dense("4", "1.5", ",") + block + "," + block + "," + tanh + "," + dense("2", "1.5", "")},
		{name: "layer-norm", in: plain(tanh), want: norm("layer_norm")},
		{name: "batch-norm", in: plain(tanh), want: norm("batch_norm")},
		{name: "orthogonal", in: plain(tanh), want: plain(tanh), initializer: "orthogonal"},
		// χ = σ_w² at q* = 0 for tanh, and σ_w²/2 for ReLU.
		{name: "edge-of-chaos", in: plain(tanh), want: strings.ReplaceAll(plain(tanh), "1.5", "1")},
		{name: "edge-of-chaos", in: plain(relu), want: strings.ReplaceAll(plain(relu), "1.5", "1.4142135623730951")},
		{name: "dks", in: plain(tanh), want: strings.ReplaceAll(plain(`{"op":"dks","fn":"tanh","depth":3}`), "1.5", "1")},
		{name: "tat", in: plain(tanh), want: strings.ReplaceAll(plain(`{"op":"tat","fn":"tanh","depth":3,"curvature":0.3}`), "1.5", "1")},
		{name: "tat", in: plain(relu), refused: "at depth 3 ReLU itself reaches"},
		{name: "residual", in: dense("2", "1", ""), refused: "no layer outside of branches keeps its shape"},
		{name: "layer-norm", in: norm("layer_norm"), refused: "every activation has a norm"},
		{name: "dks", in: norm("batch_norm"), refused: "networks without norms"},
		{name: "dks", in: plain(`{"op":"gabor"}`), refused: "nothing is known of its activation gabor"},
		{name: "tat", in: dense("4", "1", ",") + block + "," + tanh + "," + dense("2", "1", ""), refused: "plain chains"},
		{name: "edge-of-chaos", in: dense("4", "1", ",") + tanh + "," + dense("4", "1", ",") + relu + "," + dense("2", "1", ""), refused: "several activations, tanh and relu"},
	} {
		spec, err := models.ParseSpec(strings.NewReader(`{"layers":[` + tc.in + `],"parameterization":"ntk","input_shape":[3]}`))
		if err != nil {
			t.Fatal(err)
		}
		before, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var got *models.Spec
		for _, r := range models.Remedies() {
			if r.Name == tc.name {
				got, err = r.Apply(spec)
				if r.Joint != (tc.name == "batch-norm") {
					t.Errorf("%s: joint is %v", tc.name, r.Joint)
				}
			}
		}
		if tc.refused != "" {
			if err == nil || !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("%s is not refused for %q: %v", tc.name, tc.refused, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		init := ""
		if tc.initializer != "" {
			init = `,"initializer":"` + tc.initializer + `"`
		}
		wanted := `{"layers":[` + tc.want + `],"parameterization":"ntk"` + init + `,"input_shape":[3]}`
		var a, b any
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(wanted), &b); err != nil {
			t.Fatal(err)
		}
		if !contains(a, b) {
			t.Errorf("%s gives %s, want %s", tc.name, text, wanted)
		}
		if after, err := json.Marshal(spec); err != nil || string(after) != string(before) {
			t.Errorf("%s changed the network it was given", tc.name)
		}
	}
}

// contains compares JSON, numbers but for rounding; fields that b lacks do not count.
func contains(a, b any) bool {
	switch b := b.(type) {
	case map[string]any:
		m, ok := a.(map[string]any)
		for k, v := range b {
			ok = ok && contains(m[k], v)
		}
		return ok
	case []any:
		l, ok := a.([]any)
		ok = ok && len(l) == len(b)
		for i := range b {
			ok = ok && contains(l[i], b[i])
		}
		return ok
	case float64:
		x, ok := a.(float64)
		return ok && math.Abs(x-b) <= 1e-12*math.Abs(b)
	}
	return a == b
}
