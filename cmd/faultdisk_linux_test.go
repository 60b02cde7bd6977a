package cmd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// mounts skips unless it is asked for: a test that is killed leaves its mounts.
func mounts(t *testing.T) {
	t.Helper()
	if os.Getenv("NTK_FAULTS") != "1" {
		t.Skip("it mounts a file system: set NTK_FAULTS=1")
	}
}

// mount mounts a small file system, or skips where that is not permitted.
func mount(t *testing.T, source, kind, options string) string {
	t.Helper()
	mounts(t)
	dir := t.TempDir()
	if err := unix.Mount(source, dir, kind, 0, options); err != nil {
		t.Skipf("no %s can be mounted here to fill: %v", kind, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all space that is left, to the byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Sync() // delayed allocation may find out only now that it is full
}

// A filler fills a disk when a text goes by.
type filler struct {
	bytes.Buffer
	text string
	fill func()
}

func (w *filler) Write(p []byte) (int, error) {
	if w.fill != nil && strings.Contains(string(p), w.text) {
		w.fill()
		w.fill = nil
	}
	return w.Buffer.Write(p)
}

// fillAt runs a command line, and fills the disk when a text is on stderr.
func fillAt(t *testing.T, text, path string, models []Model, args ...string) reply {
	t.Helper()
	old := progressEvery
	progressEvery = 0
	defer func() { progressEvery = old }()
	w := &filler{text: text, fill: func() { fill(t, path) }}
	var out bytes.Buffer
	status := Run(t.Context(), args, &out, w, nil, models...)
	if w.fill != nil {
		t.Fatalf("%q was not on stderr: %q", text, w.String())
	}
	lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	return reply{status, out.String(), lines[len(lines)-1]}
}

// linearGram is a command line and the Θ that it makes when it is left alone.
func linearGram(t *testing.T) (args func(out string) []string, models []Model, want, file string) {
	t.Helper()
	file = write(t, "x.npy", npy("(60, 3)", integers(60, 3)...))
	models = []Model{linear("line", 4, nil)}
	args = func(out string) []string {
		return strings.Fields("gram --model line --backend go --examples all --outputs full --block 10 --data " + file + " --out " + out)
	}
	out := filepath.Join(t.TempDir(), "whole")
	succeed(t, models, args(out)...)
	return args, models, filepath.Join(out, "theta.npy"), file // 225 KiB, 21 tiles
}

// TestFaultsDiskTooSmall: the disk is found too small before any work.
func TestFaultsDiskTooSmall(t *testing.T) {
	args, own, _, file := linearGram(t)
	disk := mount(t, "none", "tmpfs", "size=128k")
	out := filepath.Join(disk, "theta")
	r := do(t.Context(), own, args(out)...)
	if r.status != exitFailure || !strings.Contains(r.stderr, "not enough disk space") || !strings.Contains(r.stderr, "free") || strings.Contains(r.stderr, "tile 1 of") {
		t.Errorf("gram: status %d, stderr %q", r.status, r.stderr)
	}
	if left, _ := os.ReadDir(out); len(left) != 0 {
		t.Errorf("gram left %v", left)
	}
	d := strings.Fields("diagnose --model line --backend go --examples all --seeds 50 --outputs mean --data " + file)
	r = do(t.Context(), own, append(d, "--out", filepath.Join(disk, "d"))...)
	if r.status != exitFailure || !strings.Contains(r.stderr, "not enough disk space") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("diagnose: status %d, stderr %q", r.status, r.stderr)
	}
}

// TestFaultsDiskFull fills the disk under a run. Where the file system reserves
// space, the tiles are safe; where it does not, the run stops at one. Finished
// tiles are there when there is space again.
func TestFaultsDiskFull(t *testing.T) {
	args, own, want, _ := linearGram(t)
	for _, tc := range []struct {
		name     string
		reserves bool
		disk     func(t *testing.T) string
	}{
		{"tmpfs", true, func(t *testing.T) string { return mount(t, "none", "tmpfs", "size=1m") }},
		{"ext2", false, ext2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			disk := tc.disk(t)
			out, ballast := filepath.Join(disk, "theta"), filepath.Join(disk, "ballast")
			r := fillAt(t, "tile 5 of 21", ballast, own, args(out)...)
			if r.status != exitFailure || !strings.Contains(r.stderr, "no space left on device") {
				t.Fatalf("status %d, stderr %q", r.status, r.stderr)
			}
			done, _ := counts(t, filepath.Join(out, "theta.npy"))
			if done < 5 || tc.reserves != (done == 21) {
				t.Errorf("%d of 21 tiles are done when the disk is full", done)
			}
			// As long as it is full, going on fails as clearly, and loses nothing.
			r = do(t.Context(), own, append(args(out), "--resume")...)
			if r.status != exitFailure || !strings.Contains(r.stderr, "no space left on device") {
				t.Errorf("resumed on a full disk: status %d, stderr %q", r.status, r.stderr)
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			r = succeed(t, own, append(args(out), "--resume")...)
			if now, twice := counts(t, filepath.Join(out, "theta.npy")); now != 21 || twice != 0 {
				t.Errorf("resumed: %d tiles, %d of them twice", now, twice)
			}
			if !sameFile(t, filepath.Join(out, "theta.npy"), want) {
				t.Error("resumed, theta.npy differs from that of a run that was left alone")
			}
			succeed(t, nil, "verify", out)
		})
	}
}

// ext2 mounts a file system that cannot reserve space.
func ext2(t *testing.T) string {
	t.Helper()
	mounts(t)
	image := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	mkfs, err := exec.LookPath("/sbin/mkfs.ext2")
	if err != nil {
		t.Skip("no mkfs.ext2 here to make a file system that cannot reserve space")
	}
	if text, err := exec.Command(mkfs, "-q", "-m", "0", image).CombinedOutput(); err != nil {
		t.Skipf("mkfs.ext2: %v: %s", err, text)
	}
	dir := t.TempDir()
	if text, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("no loop device can be mounted here: %v: %s", err, text)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFaultsReadOnly: a folder that became read-only is refused in one line, what
// is in it can be read, and goes on when it can be written again.
func TestFaultsReadOnly(t *testing.T) {
	args, own, want, _ := linearGram(t)
	disk := mount(t, "none", "tmpfs", "size=1m")
	out := filepath.Join(disk, "theta")
	interruptAt(t, "tile 5 of 21", own, args(out)...)
	whole := filepath.Join(disk, "whole")
	succeed(t, own, args(whole)...)
	remount := func(flags uintptr) {
		if err := unix.Mount("none", disk, "tmpfs", unix.MS_REMOUNT|flags, "size=1m"); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	for _, a := range [][]string{args(filepath.Join(disk, "new")), append(args(out), "--resume"), append(args(out), "--force")} {
		r := do(t.Context(), own, append(a, "--quiet")...)
		if r.status != exitFailure || !strings.Contains(r.stderr, "read-only file system") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: status %d, stderr %q", a, r.status, r.stderr)
		}
	}
	succeed(t, nil, "verify", whole)
	succeed(t, nil, "spectrum", filepath.Join(whole, "theta.npy"))
	remount(0)
	r := succeed(t, own, append(args(out), "--resume")...)
	if !strings.Contains(r.stderr, "5 of 21 tiles are done") || !sameFile(t, filepath.Join(out, "theta.npy"), want) {
		t.Errorf("written again: %q", r.stderr)
	}
}

// bare is the environment of a machine on which nothing is installed.
func bare(t *testing.T) []string {
	home := t.TempDir()
	return []string{
		"HOME=" + home, "XDG_CACHE_HOME=" + home, "XDG_DATA_HOME=" + home, "NTK_CACHE=" + home, "NTK_XLA_PLUGIN=",
		"PJRT_PLUGIN_LIBRARY_PATH=", "LD_LIBRARY_PATH=", "NTK_DATA=", "GOPATH=" + home, "GOMODCACHE=" + home, "GOFLAGS=",
	}
}

// TestFaultsNoPlugin runs where no native library is installed.
func TestFaultsNoPlugin(t *testing.T) {
	args, _, _, _ := linearGram(t)
	c, stderr := child(t, bare(t), nil, append(args(filepath.Join(t.TempDir(), "a")), "--backend", "xla")...)
	err := c.Run()
	text, _ := os.ReadFile(stderr)
	if c.ProcessState.ExitCode() != exitFailure || !strings.Contains(string(text), "ntk setup") || strings.Count(string(text), "\n") != 1 {
		t.Errorf("--backend xla: %v, stderr %q", err, text)
	}
	out := filepath.Join(t.TempDir(), "b")
	c, stderr = child(t, bare(t), nil, append(args(out), "--backend", "auto")...)
	err = c.Run()
	if text, _ = os.ReadFile(stderr); err != nil || !strings.Contains(string(text), "ntk setup") {
		t.Fatalf("--backend auto: %v, stderr %q", err, text)
	}
	_, shape, theta := readNPY(t, filepath.Join(out, "theta.npy"))
	if len(theta) != 60*60*2*2 { // TestChild's network has two outputs
		t.Fatalf("shape %v", shape)
	}
	x := integers(60, 3)
	for k, got := range theta {
		i, j, o, p := k/240, k/4%60, k/2%2, k%2
		want := 0.0
		if o == p {
			want = inner(x, 3, i, j)
		}
		if got != want { // small integers: every sum is exact
			t.Fatalf("Θ[%d, %d, %d, %d] is %g, want %g", i, j, o, p, got, want)
		}
	}
}

// TestFaultsNoNetwork runs where there is no network: what needs none works, and
// what does says so in one line.
func TestFaultsNoNetwork(t *testing.T) {
	unshare := []string{"unshare", "--net", "--map-root-user"}
	if text, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("the network cannot be taken away from a process here: %v: %s", err, text)
	}
	args, _, _, _ := linearGram(t)
	out := filepath.Join(t.TempDir(), "a")
	c, stderr := child(t, bare(t), unshare, args(out)...)
	if err := c.Run(); err != nil {
		text, _ := os.ReadFile(stderr)
		t.Errorf("gram: %v, %s", err, text)
	}
	if os.Getenv("NTK_FAULTS") != "1" {
		return // package clients try for long before they give up
	}
	for _, line := range []string{"setup --quiet", "data fetch mnist --quiet", "data fetch uci --quiet"} {
		c, stderr := child(t, bare(t), unshare, strings.Fields(line)...)
		err := c.Run()
		text, _ := os.ReadFile(stderr)
		if c.ProcessState.ExitCode() != exitFailure || strings.Count(string(text), "\n") != 1 || len(text) > 1000 {
			t.Errorf("%s: %v, stderr %q", line, err, text)
		}
		t.Logf("%s: %s", line, text)
	}
}
