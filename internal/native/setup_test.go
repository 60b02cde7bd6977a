package native

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestSetupFromFolder(t *testing.T) {
	cache, from := isolate(t), t.TempDir()
	p := fakePin()
	library := []byte("a library")
	writeFile(t, filepath.Join(from, p.wheel), fakeWheel(t, &p, library))
	in := installer{[]pin{p}, "no-such-python"}

	var said []string
	opts := SetupOptions{From: from, Progress: func(s string) { said = append(said, s) }}
	for i, wantAlready := range []bool{false, true} {
		said = nil
		done, err := in.run(context.Background(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(done.Libraries) != 1 || done.Libraries[0].Already != wantAlready || done.Libraries[0].Path != p.path(cache) {
			t.Fatalf("Setup %d: got %+v", i, done)
		}
		if got := strings.Contains(strings.Join(said, "\n"), "already installed"); got != wantAlready {
			t.Errorf("Setup %d said %q", i, said)
		}
	}
	if got, err := os.ReadFile(p.path(cache)); err != nil || string(got) != string(library) {
		t.Fatalf("library: %q, %v", got, err)
	}
	if files := filesIn(t, filepath.Dir(cache)); len(files) != 2 {
		t.Errorf("files: %q, want library and record", files)
	}

	// A damaged library is replaced, and a lost record renewed.
	writeFile(t, p.path(cache), []byte("a l1brary"))
	if done, err := in.run(context.Background(), opts); err != nil || done.Libraries[0].Already {
		t.Errorf("damaged library: %+v, %v", done, err)
	}
	if err := os.Remove(recordPath(p.path(cache))); err != nil {
		t.Fatal(err)
	}
	if done, err := in.run(context.Background(), opts); err != nil || !done.Libraries[0].Already || !recorded(p.path(cache), p) {
		t.Errorf("lost record: %+v, %v", done, err)
	}
}

func TestSetupLeavesNothingHalfInstalled(t *testing.T) {
	library := []byte(strings.Repeat("library ", 1000))
	for _, tc := range []struct {
		name string
		// spoil changes pin and wheel.
		spoil func(p *pin, wheel []byte) []byte
		want  string
	}{
		{"corrupted wheel", func(_ *pin, w []byte) []byte { w[len(w)/2] ^= 1; return w }, "SHA-256"},
		{"truncated wheel", func(_ *pin, w []byte) []byte { return w[:len(w)/2] }, "SHA-256"},
		{"truncated zip of the right sum", func(p *pin, w []byte) []byte {
			w = w[:len(w)/2]
			p.wheelSum = sumOf(w)
			return w
		}, "zip"},
		{"library of another sum", func(p *pin, w []byte) []byte { p.sum = sumOf(nil); return w }, "SHA-256"},
		{"library of another size", func(p *pin, w []byte) []byte { p.size--; return w }, "bytes"},
		{"no library inside", func(p *pin, w []byte) []byte { p.entry = "other.so"; return w }, "does not hold"},
		{"no wheel", func(p *pin, w []byte) []byte { p.wheel = "other.whl"; return w }, "other.whl"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cache, from := isolate(t), t.TempDir()
			p := fakePin()
			name := p.wheel
			wheel := fakeWheel(t, &p, library)
			writeFile(t, filepath.Join(from, name), tc.spoil(&p, wheel))
			_, err := installer{[]pin{p}, ""}.run(context.Background(), SetupOptions{From: from})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
			if files := filesIn(t, cache); len(files) != 0 {
				t.Errorf("left behind: %q", files)
			}
		})
	}
}

func TestSetupCancelled(t *testing.T) {
	cache, from := isolate(t), t.TempDir()
	p := fakePin()
	writeFile(t, filepath.Join(from, p.wheel), fakeWheel(t, &p, []byte("a library")))
	ctx, cancel := context.WithCancel(context.Background())
	_, err := installer{[]pin{p}, ""}.run(ctx, SetupOptions{From: from, Progress: func(s string) {
		if strings.Contains(s, "unpacking") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if files := filesIn(t, cache); len(files) != 0 {
		t.Errorf("left behind: %q", files)
	}
}

// fakePython writes a program that stands for python3: a shell script that
// sees the folder to download to as $dest.
func fakePython(t *testing.T, script string) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil || runtime.GOOS == "windows" {
		t.Skip("no shell to stand for Python")
	}
	const findDest = "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; last=$1; shift; done\n"
	return writeFile(t, filepath.Join(t.TempDir(), "python"), []byte(findDest+script+"\n"))
}

func TestSetupByPip(t *testing.T) {
	cache, store := isolate(t), t.TempDir()
	p := fakePin()
	wheel := writeFile(t, filepath.Join(store, p.wheel), fakeWheel(t, &p, []byte("a library")))
	python := fakePython(t, `[ "$last" = fake-pjrt==1.2 ] && cp '`+wheel+`' "$dest"`)
	if _, err := (installer{[]pin{p}, python}).run(context.Background(), SetupOptions{}); err != nil {
		t.Fatal(err)
	}
	if files := filesIn(t, cache); len(files) != 2 {
		t.Errorf("files: %q, want library and record", files)
	}
}

func TestSetupPipFails(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"error", "echo 'ERROR: no matching distribution'; echo '[notice] something'; exit 1", "no matching distribution"},
		{"another wheel", `touch "$dest/other.whl"`, "other.whl"},
		{"nothing", "exit 0", "not fake_pjrt"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cache := isolate(t)
			p := fakePin()
			fakeWheel(t, &p, nil)
			_, err := installer{[]pin{p}, fakePython(t, tc.script)}.run(context.Background(), SetupOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "ntk setup --from DIR") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q and advice", err, tc.want)
			}
			if files := filesIn(t, cache); len(files) != 0 {
				t.Errorf("left behind: %q", files)
			}
		})
	}
	isolate(t)
	p := fakePin()
	_, err := installer{[]pin{p}, "no-such-python"}.run(context.Background(), SetupOptions{})
	if err == nil || !strings.Contains(err.Error(), "no-such-python") || !strings.Contains(err.Error(), "ntk setup --from DIR") {
		t.Errorf("no Python: got %v", err)
	}
}

func TestSetupPipCancelled(t *testing.T) {
	cache := isolate(t)
	p := fakePin()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := installer{[]pin{p}, fakePython(t, `touch "$dest/`+p.wheel+`"; exec sleep 20`)}.run(ctx, SetupOptions{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("got %v after %v, want a deadline at once", err, time.Since(start))
	}
	if files := filesIn(t, cache); len(files) != 0 {
		t.Errorf("left behind: %q", files)
	}
}

func TestSetupWanted(t *testing.T) {
	p, gpu, foreign := fakePin(), fakePin(), fakePin()
	gpu.cuda = 12
	foreign.platform = "plan9/mips"
	for _, tc := range []struct {
		table []pin
		cuda  int
		want  int // 0: an error
	}{
		{[]pin{p, gpu, foreign}, 0, 1},
		{[]pin{p, gpu, foreign}, 12, 2},
		{[]pin{p, gpu, foreign}, 11, 0},
		{[]pin{foreign}, 0, 0},
	} {
		got, err := installer{pins: tc.table}.wanted(tc.cuda)
		if len(got) != tc.want || (err != nil) != (tc.want == 0) {
			t.Errorf("CUDA %d: got %d pins, %v, want %d", tc.cuda, len(got), err, tc.want)
		}
	}
}

func TestPinsAreComplete(t *testing.T) {
	for _, p := range pins {
		if len(p.sum) != 64 || len(p.wheelSum) != 64 || p.size <= 0 || p.entry == "" || p.file == "" || p.symbol == "" || !strings.HasSuffix(p.wheel, ".whl") || !strings.HasPrefix(p.wheel, strings.ReplaceAll(p.pkg, "-", "_")+"-"+p.version+"-") {
			t.Errorf("incomplete: %+v", p)
		}
	}
}
