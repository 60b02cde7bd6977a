//go:build unix

package cmd

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// untilDone starts a command line, kills it without warning after a random time,
// and starts it again, until it ends by itself. look sees what every process said;
// it returns the number of kills. took is the time of a run that is left alone.
func untilDone(t *testing.T, r *rand.Rand, took time.Duration, look func(stderr string, killed bool), args ...string) (kills int) {
	t.Helper()
	for runs := 0; ; runs++ {
		if runs > 400 {
			t.Fatal("it does not come to an end")
		}
		c, log := child(t, nil, nil, args...)
		if err := c.Start(); err != nil {
			t.Skipf("no child process can be started here: %v", err)
		}
		// Later and later, so that something new is reached.
		after := time.Duration(r.Float64()*float64(took)) + time.Duration(runs%8)*took/8
		kill := time.AfterFunc(after, func() { _ = c.Process.Kill() }) // it may have ended
		err := c.Wait()
		kept := kill.Stop()
		text, rerr := os.ReadFile(log)
		if rerr != nil {
			t.Fatal(rerr)
		}
		if kept && err != nil {
			t.Fatalf("a run that was not killed: %v, %s", err, text)
		}
		look(string(text), err != nil)
		if err == nil {
			return kills
		}
		kills++
	}
}

// said returns the numbers that a pattern finds in a text.
func said(t *testing.T, pattern, text string) []int {
	t.Helper()
	var out []int
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// stepKept returns the step of the checkpoint in a folder, 0 without one.
func stepKept(t *testing.T, out string) int {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(out, "checkpoint.npz"))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := fs.ReadFile(z, "about.json")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Step int `json:"step"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c.Step
}

// TestFaultsEvolve kills training at random times, and goes on until it is done:
// weights and kernels are those of a run that was left alone, to the bit, and no
// step that a checkpoint has is taken again.
func TestFaultsEvolve(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a dozen processes")
	}
	whole := filepath.Join(t.TempDir(), "whole")
	c, _ := child(t, nil, nil, evolveArgs("--out", whole)...)
	start := time.Now()
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	r := rand.New(rand.NewPCG(2, 7))
	kills, midway := 0, 0
	for trial := range trials(20, 2) {
		out := filepath.Join(t.TempDir(), fmt.Sprint("out", trial))
		kept := 0
		kills += untilDone(t, r, took, func(stderr string, killed bool) {
			steps := said(t, `training: step (\d+) of 12`, stderr)
			for i, s := range steps {
				if s != kept+1+i {
					t.Errorf("trial %d: a process that goes on from step %d takes the steps %v", trial, kept, steps)
					break
				}
			}
			now := stepKept(t, out)
			// After a measurement a checkpoint is there before the next step is.
			for _, s := range []int{1, 2, 4, 8} {
				if n := len(steps); n > 0 && steps[n-1] > s && now < s {
					t.Errorf("trial %d: step %d was taken, and the checkpoint is of step %d, want %d or later", trial, steps[n-1], now, s)
				}
			}
			if killed && now > 0 && now < 12 {
				midway++
			}
			kept = now
		}, evolveArgs("--out", out, "--resume")...)
		if kept != 12 {
			t.Errorf("trial %d: the checkpoint is of step %d, want 12", trial, kept)
		}
		for _, name := range []string{"weights.npz", "prediction.npz", "theta-0.npy", "theta-1.npy", "theta-8.npy", "theta-12.npy"} {
			if !bytes.Equal(bytesOf(t, out, name), bytesOf(t, whole, name)) {
				t.Errorf("trial %d: %s differs from that of a run that was left alone", trial, name)
			}
		}
		succeed(t, nil, "verify", out)
	}
	if kills == 0 {
		t.Error("nothing was killed")
	}
	if os.Getenv("NTK_FAULTS") == "1" && midway == 0 {
		t.Error("no kill hit a process between its first step and its last: too few to tell")
	}
	t.Logf("%d kills, %d of them between two steps", kills, midway)
}
