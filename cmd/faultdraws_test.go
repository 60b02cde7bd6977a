//go:build unix

package cmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// timeAlone is the time of a run that is left alone.
func timeAlone(t *testing.T, args ...string) time.Duration {
	t.Helper()
	c, log := child(t, nil, nil, args...)
	start := time.Now()
	if err := c.Run(); err != nil {
		text, _ := os.ReadFile(log)
		t.Fatalf("the run that is left alone: %v, %s", err, text)
	}
	return time.Since(start)
}

// blocksOf returns the files of a folder's blocks of draws, each with what tells
// whether it was written again: a new file has another number on the disk, or
// another time.
func blocksOf(t *testing.T, out string) map[string]string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(out, "draws", "*", "*", "block-*.draws"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range found {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		files[f] = fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino, info.ModTime().UnixNano(), info.Size())
	}
	return files
}

// TestFaultsCompare kills Monte Carlo over widths at random times, and goes on
// until it is done: means and errors are those of a run that was left alone, to
// the bit, and no block of draws that is finished is computed again.
func TestFaultsCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a dozen processes")
	}
	args := func(out string, more ...string) []string {
		return append(strings.Fields("compare --model mlp --depth 2 --data digits --examples 12 --backend go --widths 16,32,64 --seeds 48 --out "+out), more...)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	took := timeAlone(t, args(whole)...)
	blocks := len(blocksOf(t, whole))
	if blocks < 9 {
		t.Fatalf("%d blocks of draws, too few to tell", blocks)
	}
	r := rand.New(rand.NewPCG(2, 8))
	kills, midway := 0, 0
	for trial := range trials(10, 1) {
		out := filepath.Join(t.TempDir(), fmt.Sprint("out", trial))
		kept := map[string]string{}
		kills += untilDone(t, r, took, func(_ string, killed bool) {
			now := blocksOf(t, out)
			for file, was := range kept {
				if now[file] != was {
					t.Errorf("trial %d: %s was finished, and was written again", trial, file)
				}
			}
			if killed && len(now) > 0 && len(now) < blocks {
				midway++
			}
			kept = now
		}, args(out, "--resume")...)
		if len(kept) != blocks {
			t.Errorf("trial %d: %d blocks of draws, want %d", trial, len(kept), blocks)
		}
		for _, name := range []string{"theta-mean.npy", "theta-error.npy", "nngp-mean.npy", "nngp-error.npy"} {
			if !sameFile(t, filepath.Join(out, name), filepath.Join(whole, name)) {
				t.Errorf("trial %d: %s differs from that of a run that was left alone", trial, name)
			}
		}
		succeed(t, nil, "verify", out)
	}
	enough(t, kills, midway)
}

// enough fails if too few kills hit a process between two draws.
func enough(t *testing.T, kills, midway int) {
	t.Helper()
	if kills == 0 || os.Getenv("NTK_FAULTS") == "1" && midway < 3 {
		t.Errorf("%d kills, %d of them between two draws: too few to tell", kills, midway)
	}
	t.Logf("%d kills, %d of them between two draws", kills, midway)
}

// drawsKept returns how many draws the manifest of a folder has, 0 without one.
func drawsKept(t *testing.T, out string, draws int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, manifestName))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Files []string `json:"files"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for n := draws; n > 0; n-- {
		name := fmt.Sprintf("kernel-%dof%d.npy", n, draws)
		if n == draws {
			name = "kernel.npy"
		}
		if slices.Contains(m.Files, name) {
			return n
		}
	}
	return 0
}

// TestFaultsDraws kills predict while it draws networks: predictions and the mean
// kernel are those of a run that was left alone, to the bit, and no draw that the
// manifest has is made again.
func TestFaultsDraws(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a dozen processes")
	}
	const draws = 12
	args := func(out string, more ...string) []string {
		return append(strings.Fields(fmt.Sprintf("predict --kernel mlp --width 64 --backend go --train digits --examples 60 --test-examples 20 --draws %d --ridge 0.1 --out %s", draws, out)), more...)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	took := timeAlone(t, args(whole)...)
	r := rand.New(rand.NewPCG(2, 9))
	kills, midway := 0, 0
	for trial := range trials(10, 1) {
		out := filepath.Join(t.TempDir(), fmt.Sprint("out", trial))
		kept := 0
		kills += untilDone(t, r, took, func(stderr string, killed bool) {
			now := drawsKept(t, out, draws)
			made := slices.Compact(said(t, `Θ of seed (\d+):`, stderr)) // seeds are from 1 on
			for i, n := range made {
				if n != kept+1+i {
					t.Errorf("trial %d: a process that goes on from draw %d makes the draws %v", trial, kept, made)
					break
				}
			}
			if n := len(made); n > 0 && now < made[n-1]-1 || now < kept {
				t.Errorf("trial %d: draws %v were made after %d, and %d are kept", trial, made, kept, now)
			}
			if killed && now > 0 && now < draws {
				midway++
			}
			kept = now
		}, args(out, "--resume")...)
		if kept != draws {
			t.Errorf("trial %d: %d draws are kept, want %d", trial, kept, draws)
		}
		for _, name := range []string{"kernel.npy", "predictions.npy"} {
			if !sameFile(t, filepath.Join(out, name), filepath.Join(whole, name)) {
				t.Errorf("trial %d: %s differs from that of a run that was left alone", trial, name)
			}
		}
		succeed(t, nil, "verify", out)
	}
	enough(t, kills, midway)
}
