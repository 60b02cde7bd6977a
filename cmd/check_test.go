package cmd

import (
	"math"
	"strings"
	"testing"
)

// TestModelsCheck: the powers that theory has for a network with one hidden
// layer at one rate, to what 3 seeds and widths from 16 on allow, in JSON and in
// words; and a spec, whose widths are multiplied.
func TestModelsCheck(t *testing.T) {
	args := []string{"models", "check", "--widths", "16,64,256", "--seeds", "3", "--examples", "4", "--backend", "go", "--quiet"}
	zoo := func(param string) []string {
		return append(args, "--model", "shallow", "--activation", "tanh", "--input", "6", "--outputs", "2", "--parameterization", param)
	}
	for param, tc := range map[string]struct {
		slopes  []float64 // start and change of the hidden layer, of the output
		verdict string
	}{
		"ntk":      {[]float64{0, -0.5, 0, 0}, "features stay"},
		"standard": {[]float64{0, -0.5, 0, 1}, "Wider networks need smaller rates"},
		"mup":      {[]float64{0, 0, -0.5, 0}, "features are learned"},
	} {
		j := decode(t, "ntk/check/1", succeed(t, nil, append(zoo(param), "--json")...).stdout)
		i := 0
		for _, layer := range []string{"0", "1"} {
			for _, what := range []string{"start", "update"} {
				got := at(t, j, "layers."+layer+"."+what+".slope").(float64)
				if want := tc.slopes[i]; !(math.Abs(got-want) <= 0.25) {
					t.Errorf("%s, layer %s, %s: slope %.2f, want %g", param, layer, what, got, want)
				}
				i++
			}
		}
		text := succeed(t, nil, zoo(param)...).stdout
		for _, want := range append([]string{tc.verdict}, "p0 (dense)", "output", "parameterization "+param, "at n = 256") {
			if !strings.Contains(text, want) {
				t.Errorf("%s: printed is %q, without %q", param, text, want)
			}
		}
	}

	spec := write(t, "own.json", []byte(`{"name": "own", "layers": [{"op": "dense", "width": 4, "w_std": 1}, {"op": "dense", "width": 2, "w_std": 1}],
		"parameterization": {"name": "steep", "all": {"weight": {"s": {"out": 1}}, "bias": {}}}, "input_shape": [6]}`))
	// A rate so small that nothing moves in float32: no power, which JSON says as null.
	j := decode(t, "ntk/check/1", succeed(t, nil, append(args, "--model", spec, "--rate", "1e-30", "--json")...).stdout)
	if at(t, j, "model") != "own" || at(t, j, "parameterization") != "steep" || at(t, j, "layers.1.update.slope") != nil || at(t, j, "layers.1.update.sizes.0") != 0.0 {
		t.Errorf("spec: %v", j)
	}
	// s = n on standard normal weights: hidden values are n·√6, the output √n·n.
	for layer, want := range map[string]float64{"0": 1, "1": 1.5} {
		if got := at(t, j, "layers."+layer+".start.slope").(float64); !(math.Abs(got-want) <= 0.25) {
			t.Errorf("spec, layer %s: slope %.2f, want %g", layer, got, want)
		}
	}
}
