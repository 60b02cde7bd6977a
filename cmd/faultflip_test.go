//go:build unix

package cmd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyFolder copies the files of a folder and returns the copy.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestFaultsFlip flips bits at random places of what gram writes, finished and
// stopped midway. Whoever reads it next either refuses, in one line that names
// the file, or gives the numbers of the run that was left alone.
func TestFaultsFlip(t *testing.T) {
	file := write(t, "x.npy", npy("(9, 3)", integers(9, 3)...))
	own := []Model{linear("line", 2, nil)}
	// The same words for every copy, since the manifest has them.
	args := func(out string) []string {
		return strings.Fields("gram --model line --backend go --quiet --examples all --outputs full --block 2 --data " + file + " --out " + out)
	}
	finished, stopped := filepath.Join(t.TempDir(), "finished"), filepath.Join(t.TempDir(), "stopped")
	succeed(t, own, args(finished)...)
	interruptAt(t, "tile 9 of 15", own, append(strings.Fields("gram --model line --backend go --examples all --outputs full --block 2 --data "+file), "--out", stopped)...)
	spectrum := func(folder string) reply {
		return do(t.Context(), nil, "spectrum", filepath.Join(folder, "theta.npy"), "--json", "--quiet")
	}
	eigenvalues := fmt.Sprint(at(t, decode(t, "ntk/spectrum/1", spectrum(finished).stdout), "eigenvalues"))

	rng := rand.New(rand.NewPCG(11, 0))
	refused := func(what string, r reply) bool {
		if r.status == 0 {
			return false
		}
		if r.status != exitFailure || strings.Count(r.stderr, "\n") != 1 || strings.Contains(r.stderr, "internal error") {
			t.Errorf("%s: status %d, stderr %q", what, r.status, r.stderr)
		}
		return true
	}
	caught := map[string]int{}
	for trial := range trials(200, 12) {
		for state, from := range map[string]string{"finished": finished, "stopped": stopped} {
			array := "theta.npy"
			if state == "stopped" {
				array += ".partial"
			}
			folder := copyFolder(t, from)
			name := []string{array, "theta.npy.journal", manifestName}[trial%3]
			path := filepath.Join(folder, name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i, bit := rng.IntN(len(b)), byte(1)<<rng.IntN(8)
			b[i] ^= bit
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, %s, byte %d of %d, bit %#02x", state, name, i, len(b), bit)

			// verify knows of every bit of a finished run.
			if !refused(what+": verify", do(t.Context(), nil, "verify", folder, "--json")) && !(name == array && i < 128) {
				t.Errorf("%s: verify found nothing", what)
			}
			if r := spectrum(folder); refused(what+": spectrum", r) {
				caught["spectrum"]++
			} else if state == "stopped" {
				t.Errorf("%s: a spectrum of what is not finished", what)
			} else if got := fmt.Sprint(at(t, decode(t, "ntk/spectrum/1", r.stdout), "eigenvalues")); got != eigenvalues {
				t.Errorf("%s: eigenvalues %s, want %s", what, got, eigenvalues)
			}
			if refused(what+": resume", do(t.Context(), own, append(args(folder), "--resume")...)) {
				caught["resume"]++
			} else if !sameFile(t, filepath.Join(folder, "theta.npy"), filepath.Join(finished, "theta.npy")) {
				t.Errorf("%s: resumed, theta.npy differs from that of a run that was left alone", what)
			} else if r := do(t.Context(), nil, "verify", folder); r.status != 0 {
				t.Errorf("%s: resumed, verify: %s", what, r.stderr)
			}
		}
	}
	t.Logf("refused of %d: %v", 2*trials(200, 12), caught)
}
