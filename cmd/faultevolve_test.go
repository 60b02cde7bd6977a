//go:build unix

package cmd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFaultsEvolve kills training at random times, and goes on until it is done:
// weights and kernels are those of a run that was left alone, to the bit.
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
	kills, runs := 0, 0
	for trial := range trials(20, 2) {
		out := filepath.Join(t.TempDir(), fmt.Sprint("out", trial))
		for done := false; !done; runs++ {
			if runs > 400 {
				t.Fatal("it does not come to an end")
			}
			c, log := child(t, nil, nil, evolveArgs("--out", out, "--resume")...)
			if err := c.Start(); err != nil {
				t.Skipf("no child process can be started here: %v", err)
			}
			// Later and later, so that some step is reached.
			kill := time.AfterFunc(time.Duration(r.Float64()*float64(took))+time.Duration(runs%8)*took/8, func() { _ = c.Process.Kill() })
			err := c.Wait()
			if kill.Stop() && err != nil {
				b, _ := os.ReadFile(log)
				t.Fatalf("a run that was not killed: %v, %s", err, b)
			}
			if done = err == nil; !done {
				kills++
			}
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
	t.Logf("%d kills", kills)
}
