//go:build unix

package cmd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests whose names start with TestFaults do what machines do: they kill,
// flip bits, fill the disk, take the network away. "make test-faults" sets
// NTK_FAULTS=1 for as many trials as the acceptance asks for; else a few.

// trials is how often a fault is tried.
func trials(all, few int) int {
	if os.Getenv("NTK_FAULTS") == "1" {
		return all
	}
	return few
}

// childArgs tells the test's own binary, run as a child, which command line of
// ntk to be.
const childArgs = "NTK_TEST_ARGS"

// TestChild is the process that others kill.
func TestChild(t *testing.T) {
	line, ok := os.LookupEnv(childArgs)
	if !ok {
		t.Skip("it is run by other tests, as a process of its own")
	}
	progressEvery = 0 // a line for every tile: they are counted
	os.Args = append([]string{"ntk"}, strings.Split(line, "\n")...)
	Main(linear("line", 2, nil))
}

// child prepares a process that runs a command line; its stderr goes to a file,
// which loses nothing when the process is killed.
func child(t *testing.T, env []string, prefix []string, args ...string) (c *exec.Cmd, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Skip("the test's binary is unknown, so it cannot be run as the process to kill")
	}
	words := append(prefix, self, "-test.run=^TestChild$")
	c = exec.Command(words[0], words[1:]...)
	c.Env = append(append(os.Environ(), env...), childArgs+"="+strings.Join(args, "\n"))
	log, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	c.Stderr = log
	return c, log.Name()
}

// A victim is a computation that is killed and resumed.
type victim struct {
	args  []string
	tiles int
	want  string // theta.npy of a run that was left alone
	// took is the time of that run, counted from its first tile if late is
	// set, as of all that are killed: where compiling takes most of the time,
	// few kills would hit a tile.
	took time.Duration
	late bool
}

// begun waits for the process to be ready for a kill: at once or, if v is late,
// when the first tile is done. It returns false if the process ends before.
func (v *victim) begun(stderr string, ended <-chan struct{}) bool {
	for v.late {
		if text, err := os.ReadFile(stderr); err == nil && strings.Contains(string(text), "ntk: tile ") {
			break
		}
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

// at runs a process to its end, and calls do a while after it has begun.
func (v *victim) at(c *exec.Cmd, stderr string, after time.Duration, do func()) error {
	ended := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if !v.begun(stderr, ended) {
			return
		}
		select {
		case <-ended:
		case <-time.After(after):
			do()
		}
	})
	err := c.Wait()
	close(ended)
	waiting.Wait()
	return err
}

func newVictim(t *testing.T, late bool, args ...string) *victim {
	t.Helper()
	v := &victim{args: args, want: filepath.Join(t.TempDir(), "whole"), late: late}
	c, stderr := child(t, nil, nil, append(args, "--out", v.want)...)
	if err := c.Start(); err != nil {
		t.Skipf("no child process can be started here: %v", err)
	}
	start := time.Now()
	if err := v.at(c, stderr, 0, func() { start = time.Now() }); err != nil {
		b, _ := os.ReadFile(stderr)
		t.Fatalf("the run that is left alone: %v, %s", err, b)
	}
	v.took = time.Since(start)
	v.want = filepath.Join(v.want, "theta.npy")
	v.tiles, _ = counts(t, v.want)
	return v
}

// run starts or resumes the computation in a folder and, after a time, kills it.
// It returns whether the process ended by itself.
func (v *victim) run(t *testing.T, out string, after time.Duration, how syscall.Signal) bool {
	t.Helper()
	array := filepath.Join(out, "theta.npy")
	before, _ := counts(t, array)
	c, stderr := child(t, nil, nil, append(v.args, "--resume", "--out", out)...)
	if err := c.Start(); err != nil {
		t.Skipf("no child process can be started here: %v", err)
	}
	err := v.at(c, stderr, after, func() { _ = c.Process.Signal(how) }) // too late is no error
	ended := err == nil
	text, rerr := os.ReadFile(stderr)
	if rerr != nil {
		t.Fatal(rerr)
	}
	status := c.ProcessState.ExitCode()
	switch {
	case ended:
	case how == syscall.SIGKILL && status == -1:
	case how != syscall.SIGKILL && status == exitInterrupted && strings.Contains(string(text), "interrupted by a signal"):
	case how != syscall.SIGKILL && status == -1: // before the program hears signals
	default:
		t.Fatalf("it ended with status %d: %s", status, text)
	}
	// Each line of progress is a tile that this process computed and stored. Had
	// it computed one that was finished, it would have more lines than the
	// journal has new records.
	made := strings.Count(string(text), "ntk: tile ")
	after2, _ := counts(t, array)
	if added := max(0, after2) - max(0, before); made > added || ended && (made != added || after2 != v.tiles) {
		t.Fatalf("computed %d tiles, the journal has %d more, %d of %d: %s", made, added, after2, v.tiles, text)
	}
	return ended
}

// TestFaultsKill kills gram without warning at random times and resumes it: the
// result is that of a run that was left alone, to the bit, and no finished tile
// is computed again.
func TestFaultsKill(t *testing.T) {
	v := newVictim(t, false, strings.Fields("gram --model mlp --width 16 --data digits --examples 100 --outputs full --block 5 --backend go")...)
	if v.tiles != 210 { // of 20 × 20 those on and above the diagonal
		t.Fatalf("%d tiles, want 210", v.tiles)
	}
	v.kill(t, trials(50, 3), syscall.SIGKILL)
}

// TestFaultsSignals does so with the signals of batch systems, which are obeyed.
func TestFaultsSignals(t *testing.T) {
	v := newVictim(t, false, strings.Fields("gram --model mlp --width 16 --data digits --examples 100 --outputs full --block 5 --backend go")...)
	v.kill(t, trials(5, 1), syscall.SIGTERM)
	v.kill(t, trials(5, 1), syscall.SIGUSR1)
}

// TestFaultsKillXLA does so where XLA computes.
func TestFaultsKillXLA(t *testing.T) {
	if os.Getenv("NTK_FAULTS") != "1" {
		t.Skip("starting XLA 30 times takes a minute: set NTK_FAULTS=1")
	}
	if r := do(t.Context(), nil, "doctor", "--backend", "xla", "--quick"); r.status != 0 {
		t.Skipf("no XLA here: %s", r.stderr)
	}
	v := newVictim(t, true, strings.Fields("gram --model resnet-small --width 4 --data digits --examples 40 --block 1 --backend xla")...)
	v.kill(t, 10, syscall.SIGKILL)
}

func (v *victim) kill(t *testing.T, trials int, how syscall.Signal) {
	t.Helper()
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, uint64(how)))
	hits, midway := 0, 0
	for trial := range trials {
		out := filepath.Join(t.TempDir(), fmt.Sprint("killed", trial))
		// Every second trial is killed again on its way back, and so on.
		for again := true; again; again = rng.IntN(2) == 0 {
			if !v.run(t, out, time.Duration(rng.Float64()*float64(v.took)), how) {
				hits++
				if n, _ := counts(t, filepath.Join(out, "theta.npy")); n > 0 && n < v.tiles {
					midway++
				}
			}
		}
		if !v.run(t, out, time.Hour, how) {
			t.Fatalf("trial %d: it did not end by itself", trial)
		}
		if !sameFile(t, filepath.Join(out, "theta.npy"), v.want) {
			t.Errorf("trial %d: theta.npy differs from that of a run that was left alone", trial)
		}
		if n, twice := counts(t, filepath.Join(out, "theta.npy")); n != v.tiles || twice != 0 {
			t.Errorf("trial %d: the journal has %d tiles, %d of them twice, want %d", trial, n, twice, v.tiles)
		}
		if r := do(t.Context(), nil, "verify", out); r.status != 0 {
			t.Errorf("trial %d: verify: %s", trial, r.stderr)
		}
	}
	if trials >= 10 && midway < trials/3 {
		t.Errorf("%d of %d kills hit a process between two tiles: too few to tell", midway, trials)
	}
	t.Logf("%d processes ended by %v in %d trials, %d of them between two tiles; left alone it takes %v", hits, how, trials, midway, v.took)
}

// TestFaultsClock resumes beside files that a clock that jumped has dated.
func TestFaultsClock(t *testing.T) {
	file := write(t, "x.npy", npy("(6, 3)", integers(6, 3)...))
	own := []Model{linear("line", 2, nil)}
	for _, year := range []int{1970, 2100} {
		out := filepath.Join(t.TempDir(), "theta")
		args := strings.Fields("gram --model line --backend go --examples all --block 2 --data " + file + " --out " + out)
		interruptAt(t, "tile 2 of 6", own, args...)
		entries, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			when := time.Date(year, 1, 1, 12, 0, 0, 0, time.UTC)
			if err := os.Chtimes(filepath.Join(out, e.Name()), when, when); err != nil {
				t.Fatal(err)
			}
		}
		if r := succeed(t, own, append(args, "--resume")...); !strings.Contains(r.stderr, "2 of 6 tiles are done") {
			t.Errorf("%d: stderr %q", year, r.stderr)
		}
		succeed(t, nil, "verify", out)
	}
	// A bar whose clock is set back or forth says no nonsense.
	var b bytes.Buffer
	defer func(d time.Duration) { progressEvery = d }(progressEvery)
	progressEvery = -1 << 62
	now := time.Now().Round(0) // without the monotonic reading
	p := &progress{w: &b, clock: func() time.Time { return now }}
	for i := range 5 {
		p.update(float64(i)/5, "tile")
		now = now.Add([]time.Duration{24 * time.Hour, -48 * time.Hour}[i%2])
	}
	if strings.Contains(b.String(), "about -") || strings.Count(b.String(), "\n") != 5 {
		t.Errorf("with a clock that jumps it says %q", b.String())
	}
}
