package models_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestWithWidth: parameters of the wider network, counted by hand; the first
// width is 4.
func TestWithWidth(t *testing.T) {
	const layers = `[{"op": "dense", "width": 4, "w_std": 1, "name": "a"}, {"op": "relu"},
		{"op": "residual", "main": [{"op": "dense", "width": 8, "w_std": 1}, {"op": "dense", "width": 4, "w_std": 1}]},
		{"op": "dense", "width": 3, "w_std": 1, "b_std": 0.1}]`
	s := parse(t, layers, "mup", 5)
	wide, err := s.WithWidth(10)
	if err != nil {
		t.Fatal(err)
	}
	// 5 → 10 → 20 → 10 → 3.
	if got, want := trained(t, wide), 50+200+200+30+3; got != want {
		t.Errorf("%d parameters, want %d", got, want)
	}
	if got, want := trained(t, s), 20+32+32+12+3; got != want {
		t.Errorf("the original has %d parameters now, want %d", got, want)
	}
	if fmt.Sprint(wide.Parameterization) != "mup" {
		t.Errorf("parameterization %s", wide.Parameterization)
	}
	for layers, want := range map[string]string{
		`[{"op": "dense", "width": 3, "w_std": 1}]`: "no layer but the last has a width",
		`[{"op": "dense", "width": 3, "w_std": 1}, {"op": "residual", "main": [{"op": "dense", "width": 3, "w_std": 1}]}]`:            "its last weight is in a branch",
		`[{"op": "dense", "width": 4, "w_std": 1}, {"op": "dense", "width": 6, "w_std": 1}, {"op": "dense", "width": 1, "w_std": 1}]`: "would not have a whole width",
	} {
		if _, err := parse(t, layers, "ntk", 5).WithWidth(6 - 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", layers, err, want)
		}
	}
	if _, err := s.WithWidth(0); err == nil || !strings.Contains(err.Error(), "width is 0") {
		t.Errorf("width 0: error %v", err)
	}
}
