package models_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

// A layerCase is an entry of testdata/layers*.json.
type layerCase struct {
	Name, By         string
	Seed             int64
	Layers           json.RawMessage
	Parameterization json.RawMessage
	InputShape       []int `json:"input_shape"`
	Times            float64
	Inputs           map[string][]int
	Arrays           [][2]any
	OutputShape      []int `json:"output_shape"`
	Output           []float64
}

func layerCases(t *testing.T) []layerCase {
	t.Helper()
	var all []layerCase
	for _, name := range []string{"layers.json", "layers_nt.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var cases []layerCase
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, cases...)
	}
	return all
}

func (c layerCase) spec(t *testing.T) *models.Spec {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"layers": c.Layers, "parameterization": c.Parameterization, "input_shape": c.InputShape,
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := models.ParseSpec(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLayerReference: every layer against PyTorch, neural-tangents or Keras, in
// float64, with weights that both draw from one stream. Sums of at most 10² terms
// in another order, and 13 digits on file: 1e-12 is what is left, and dks and tat
// are solved to 1e-10 here.
func TestLayerReference(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range layerCases(t) {
		name := c.By + "/" + c.Name
		if seen[name] {
			t.Errorf("%s: two cases", name)
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			s := c.spec(t)
			stream := lcg(c.Seed)
			draw := func(dims ...int) nd { return stream.take(append([]int{2}, dims...)...) }
			inputs := []nd{draw(c.InputShape...)}
			if c.Times != 0 {
				for i := range inputs[0].data {
					inputs[0].data[i] *= c.Times
				}
			}
			infos, err := s.Inputs()
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range infos[1:] {
				inputs = append(inputs, draw(c.Inputs[in.Name]...))
			}
			arrays := map[string]nd{}
			for _, a := range c.Arrays {
				name, dims := a[0].(string), []int{}
				for _, d := range a[1].([]any) {
					dims = append(dims, int(d.(float64)))
				}
				w := stream.take(dims...)
				if strings.HasSuffix(name, "_variance") {
					for i, v := range w.data {
						w.data[i] = max(v, -v) + 0.5
					}
				}
				arrays[name] = w
			}
			params, err := s.Params()
			if err != nil {
				t.Fatal(err)
			}
			if len(params) != len(arrays) {
				t.Errorf("the spec has %d arrays, the reference %d", len(params), len(arrays))
			}
			for _, p := range params {
				if !slices.Equal(p.Shape, arrays[p.Name].dims) {
					t.Errorf("%s has shape %v, the reference's %v", p.Name, p.Shape, arrays[p.Name].dims)
				}
			}
			tol := 1e-12
			if strings.Contains(name, "dks") || strings.Contains(name, "tat") {
				tol = 1e-9
			}
			if e := relErr(forward(t, s, arrays, inputs...), nd{c.OutputShape, c.Output}); !(e <= tol) {
				t.Errorf("relative error %g, want ≤ %g", e, tol)
			}
		})
	}
}

// opsIn adds the ops of nested lists of layers.
func opsIn(v any, into map[string]map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			opsIn(e, into)
		}
	case map[string]any:
		if op, ok := v["op"].(string); ok {
			if into[op] == nil {
				into[op] = map[string]bool{}
			}
			for field := range v {
				into[op][field] = true
			}
		}
		for _, e := range v {
			opsIn(e, into)
		}
	}
}

// TestEveryLayerHasReference: no op and no field of an op is without a case.
func TestEveryLayerHasReference(t *testing.T) {
	seen := map[string]map[string]bool{}
	for _, c := range layerCases(t) {
		var layers any
		if err := json.Unmarshal(c.Layers, &layers); err != nil {
			t.Fatal(err)
		}
		opsIn(layers, seen)
	}
	// conv_transpose and conv_local accept no value of these but 1.
	ones := map[string][]string{"conv_transpose": {"dilation", "groups"}, "conv_local": {"dilation", "groups"}}
	for op, fields := range models.OpFields() {
		if seen[op] == nil {
			t.Errorf("op %s has no case in testdata/layers.json or layers_nt.json", op)
			continue
		}
		for _, f := range fields {
			if !seen[op][f] && !slices.Contains(ones[op], f) {
				t.Errorf("op %s: no case gives the field %s", op, f)
			}
		}
	}
}
