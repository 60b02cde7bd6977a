package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// diagnosed is what ntk diagnose --json writes of one depth and two seeds.
func diagnosed(conditions [2]float64, exact bool) string {
	return fmt.Sprintf(`{"schema": "ntk/diagnose/1", "result": {"model": "m", "depths": [{"depth": 4, "seeds": [
		{"condition": %g, "condition_exact": true, "max_rate_half_mean": 0.5},
		{"condition": %g, "condition_exact": %t, "max_rate_half_mean": 8}]}]}}`, conditions[0], conditions[1], exact)
}

// TestRun draws the geometric mean of 10 and 1000 with its range, and refuses
// bounds and other files.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("plain.json", diagnosed([2]float64{10, 1000}, true))
	if err := run(folder, []string{good, write("other.json", diagnosed([2]float64{7, 7}, true))}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"condition.svg": "plain: 4, 100 [10, 1000]",
		"rate.svg":      "plain: 4, 2 [0.5, 8]",
	} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) { // a point's tooltip
			t.Errorf("%s lacks %q", name, want)
		}
	}
	for name, tc := range map[string]struct{ text, want string }{
		"bound":   {diagnosed([2]float64{1, 2}, false), "depth 4: the condition number is a lower bound"},
		"another": {`{"schema": "ntk/gram/1"}`, "not what ntk diagnose"},
		"no JSON": {"{", "bad.json"},
	} {
		if err := run(folder, []string{write("bad.json", tc.text)}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
}
