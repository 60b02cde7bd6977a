package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDryRun writes nothing and foretells the size of the arrays: N²·O² numbers
// of 4 bytes, and matrices of N·O rows in float64 for every seed and depth.
func TestDryRun(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	own := []Model{linear("line", 2, nil), scaled("deep")}
	for _, tc := range []struct {
		args string
		disk float64
	}{
		{"gram --model line --outputs full --explain=false", 6 * 6 * 2 * 2 * 4},
		{"gram --model line --outputs mean --packed --dtype float64", 6 * 7 / 2 * 8},
		{"gram --model line --outputs diagonal --diagonal", 6 * 2 * 4},
		{"gram --model line --outputs mean --block 2 --shard 1/2", 6 * 6 * 4 / 2},
		{"diagnose --model line --seeds 3", 3 * 12 * 12 * 8},
		{"diagnose --model deep --seeds 3 --depths 1,2", 2 * 3 * 6 * 6 * 8},
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := append(strings.Fields(tc.args), "--backend", "go", "--data", file, "--examples", "all", "--out", out, "--dry-run")
		j := decode(t, "ntk/dry-run/1", succeed(t, own, append(args, "--json")...).stdout)
		if got := at(t, j, "disk"); got != tc.disk {
			t.Errorf("%s: disk %v, want %g", tc.args, got, tc.disk)
		}
		if s := at(t, j, "seconds").(float64); !(s > 0 && s < 1) { // a few hundred products
			t.Errorf("%s: %g s", tc.args, s)
		}
		if text := succeed(t, own, args...).stdout; !strings.Contains(text, "memory") || !strings.Contains(text, out) {
			t.Errorf("%s prints %q", tc.args, text)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s made its folder", tc.args)
		}
	}
}
