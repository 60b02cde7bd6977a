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

// TestDryRunArrays compares the size that is foretold with that of the arrays that
// the same command then writes.
func TestDryRunArrays(t *testing.T) {
	for _, tc := range []struct {
		name, args string
	}{
		{"limit", "limit --model mlp --width 8 --examples 5"},
		{"compare", "compare --model mlp --widths 4,8 --seeds 4 --examples 3 --backend go"},
		{"compare without a limit", "compare --model cnn-maxpool --depth 1 --widths 2,4 --seeds 4 --examples 2 --backend go"},
		{"evolve", "evolve --model mlp --width 8 --examples 6 --test-examples 2 --steps 4 --backend go"},
		{"evolve, mean", "evolve --model mlp --width 8 --examples 6 --steps 3 --at 1,3 --outputs mean --probe 4 --dtype float64 --linearized=false --prediction no --backend go"},
		{"ridge", "predict --kernel gaussian --examples 30 --test-examples 7"},
		{"process of a network", "predict --kernel mlp --width 8 --draws 2 --method gp --examples 20 --test-examples 5 --backend go"},
		{"falkon of a limit", "predict --kernel limit:mlp --depths 1,2 --method falkon --centres 6 --examples 20 --test-examples 5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			args := append(strings.Fields(tc.args), "--quiet", "--out", out)
			if !strings.HasPrefix(tc.args, "predict") {
				args = append(args, "--data", "digits")
			}
			j := decode(t, "ntk/dry-run/1", succeed(t, nil, append(args, "--dry-run", "--json")...).stdout)
			if _, err := os.Stat(out); err == nil {
				t.Fatal("--dry-run made the folder")
			}
			if s, m := at(t, j, "seconds").(float64), at(t, j, "memory").(float64); !(s > 0 && s < 60) || !(m > 0 && m < 1<<30) {
				t.Errorf("%g s, %g bytes", s, m)
			}
			succeed(t, nil, args...)
			entries, err := os.ReadDir(out)
			if err != nil {
				t.Fatal(err)
			}
			size := 0.0
			for _, e := range entries {
				switch {
				case filepath.Ext(e.Name()) == ".npy":
					dtype, _, values := readNPY(t, filepath.Join(out, e.Name()))
					size += float64(len(values)) * map[string]float64{"f4": 4, "f8": 8}[dtype]
				case e.Name() == "weights.npz": // 64 inputs, 3 layers of 8, 10 outputs
					size += float64(64*8+2*8*8+8*10) * map[bool]float64{true: 8, false: 4}[strings.Contains(tc.args, "float64")]
				}
			}
			if got := at(t, j, "disk"); got != size {
				t.Errorf("%v bytes foretold, the arrays have %g", got, size)
			}
		})
	}
}

// TestDryRunSpectrum needs no folder: the matrix and two copies of it, and for a
// file the same.
func TestDryRunSpectrum(t *testing.T) {
	file := write(t, "k.npy", npy("(3, 3)", 2, 0, 0, 0, 2, 0, 0, 0, 2))
	j := decode(t, "ntk/dry-run/1", succeed(t, nil, "spectrum", file, "--dry-run", "--json").stdout)
	if got := at(t, j, "memory"); got != 2*9*8. {
		t.Errorf("memory %v, want that of two matrices of 3 rows", got)
	}
	j = decode(t, "ntk/dry-run/1", succeed(t, []Model{linear("line", 2, nil)}, "spectrum", "--model", "line", "--outputs", "full", "--examples", "5", "--data", "digits", "--backend", "go", "--dry-run", "--json").stdout)
	if work := at(t, j, "work").(string); !strings.Contains(work, "10 eigenvalues") {
		t.Errorf("work %q, want 10 eigenvalues", work)
	}
}
