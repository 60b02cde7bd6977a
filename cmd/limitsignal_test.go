package cmd

import (
	"math"
	"strings"
	"testing"
)

// TestLimitSignal reads the maps of networks of the zoo against published values:
// tanh at σ_b² = 0.05 has its edge at σ_w² = 1.76 (Schoenholz et al., arXiv
// 1611.01232), ReLU at σ_w² = 2 keeps variances (He et al., arXiv 1502.01852).
func TestLimitSignal(t *testing.T) {
	run := func(args string) map[string]any {
		line := strings.Fields("limit --signal --json --quiet --model mlp --width 32 --depth 4 " + args)
		return decode(t, "ntk/signal/1", succeed(t, nil, line...).stdout)
	}
	j := run("--activation tanh --w-std 1.5 --b-std 0.22360679774997896")
	if n := len(at(t, j, "steps").([]any)); n != 1 {
		t.Fatalf("%d steps, want one for all weights but the first", n)
	}
	if n := len(at(t, j, "steps.0.weights").([]any)); n < 4 {
		t.Errorf("%d weights make the step, want 4 or more", n)
	}
	if w, b := at(t, j, "steps.0.weight_variance").(float64), at(t, j, "steps.0.bias_variance").(float64); math.Abs(w-2.25) > 1e-12 || math.Abs(b-0.05) > 1e-12 {
		t.Errorf("σ_w² = %g, σ_b² = %g, want 2.25 and 0.05", w, b)
	}
	// Above the edge: chaos.
	if chi, c := at(t, j, "steps.0.chi1").(float64), at(t, j, "steps.0.fixed_correlation").(float64); !(chi > 1) || !(c < 1) {
		t.Errorf("χ_1 = %g, c* = %g, want chaos", chi, c)
	}
	found := false
	for _, e := range at(t, j, "edges").([]any) {
		if at(t, e, "bias_variance") == 0.05 {
			found = math.Abs(at(t, e, "weight_variance").(float64)-1.76) <= 5e-3 // three digits are published
		}
	}
	if !found {
		t.Errorf("edges %v, want σ_w² = 1.76 at σ_b² = 0.05", at(t, j, "edges"))
	}

	j = run("--activation relu --w-std 1.4142135623730951")
	for path, want := range map[string]any{"steps.0.correlation_depth": nil, "steps.0.variance_depth": nil, "steps.0.phase": "edge of chaos"} {
		if got := at(t, j, path); got != want {
			t.Errorf("ReLU: %s is %v, want %v", path, got, want)
		}
	}
	text := succeed(t, nil, strings.Fields("limit --signal --model mlp --width 32 --activation tanh --w-std 1.1 --b-std 0.3")...).stdout
	for _, want := range []string{"edge of chaos", "tanh", "order"} {
		if !strings.Contains(text, want) {
			t.Errorf("printed is %q, without %q", text, want)
		}
	}
	if r := do(t.Context(), nil, strings.Fields("limit --signal --explain --model mlp")...); r.status != 2 || !strings.Contains(r.stderr, "--signal") {
		t.Errorf("status %d, stderr %q", r.status, r.stderr)
	}
}
