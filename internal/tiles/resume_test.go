package tiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// resumeSpec has 10 tiles: 4 on the diagonal, the last of them 1 × 1.
var resumeSpec = Spec{N1: 10, N2: 10, Tail: []int{2, 2}, DType: Float64, Symmetric: true, Block1: 3, Block2: 3}

// interrupted returns a closed file with the first n tiles done.
func interrupted(t *testing.T, s Spec, n int) string {
	t.Helper()
	f, path := create(t, s)
	for _, tile := range s.Tiles()[:n] {
		if err := f.WriteTile(tile, produce(s, tile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// finish resumes a file, checks how many tiles had to be computed, and
// compares the result with the oracle.
func finish(t *testing.T, path string, s Spec, want int) Resume {
	t.Helper()
	f, err := OpenNPY(path, s, testManifest)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	err = Compute(t.Context(), f, func(_ context.Context, tile Tile) ([]float64, error) {
		made++
		return produce(s, tile), nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if made != want {
		t.Errorf("computed %d tiles, want %d", made, want)
	}
	checkFile(t, path, s)
	return f.Resume()
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, append(read(t, path), text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestResume(t *testing.T) {
	path := interrupted(t, resumeSpec, 4)
	if _, _, _, err := ReadNPY(path); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "4 of 10") {
		t.Errorf("reading an unfinished array: %v", err)
	}
	if r := finish(t, path, resumeSpec, 6); r.Done != 4 || r.Total != 10 || r.String() != "4 of 10 tiles are done" {
		t.Errorf("resume: %+v", r)
	}
	finish(t, path, resumeSpec, 0)
}

// TestTornJournal cuts the journal at every byte of its last tile's line.
func TestTornJournal(t *testing.T) {
	path := interrupted(t, resumeSpec, 3)
	log := read(t, journalPath(path))
	array := read(t, path)
	last := strings.LastIndex(strings.TrimSuffix(string(log), "\n"), "\n") + 1
	for cut := last; cut <= len(log); cut++ {
		if err := os.WriteFile(journalPath(path), log[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(arrayPath(path), array, 0o644); err != nil {
			t.Fatal(err)
		}
		done, torn := 2, cut-last
		if cut == len(log) {
			done, torn = 3, 0
		}
		r := finish(t, path, resumeSpec, 10-done)
		if r.Done != done || r.Torn != int64(torn) {
			t.Errorf("cut at %d of %d: %+v", cut, len(log), r)
		}
		if (torn > 0) != strings.Contains(r.String(), "torn line") {
			t.Errorf("report %q", r)
		}
	}
}

// TestDamagedJournal covers what a power loss leaves at the end, and damage
// that no kill explains, which is refused and not repaired.
func TestDamagedJournal(t *testing.T) {
	for _, tail := range []string{"\x00\x00\x00\x00", "\x00\x00\n", "{\"row\":0}\n", "{}\n", strings.Repeat("\x00", 3*maxLine/2)} {
		path := interrupted(t, resumeSpec, 3)
		appendTo(t, journalPath(path), tail)
		if len(tail) > maxLine {
			_, err := OpenNPY(path, resumeSpec, testManifest)
			if !errors.Is(err, ErrJournal) || len(err.Error()) > 500 {
				t.Errorf("a MiB of zeros: %v", err)
			}
			continue
		}
		if r := finish(t, path, resumeSpec, 7); r.Torn != int64(len(tail)) {
			t.Errorf("tail %q: %+v", tail, r)
		}
	}
	for what, change := range map[string]func(log string) string{
		"damage before the end":  func(log string) string { return strings.Replace(log, `{"row":0,"col":3`, `{"row":0;"col":3`, 1) },
		"a tile off the grid":    func(log string) string { return strings.Replace(log, `{"row":0,"col":3`, `{"row":0,"col":4`, 1) },
		"a checksum of 7 digits": func(log string) string { return strings.Replace(log, `"crc32c":"`, `"crc32c":"0`, 1) },
		"a changed manifest":     func(log string) string { return strings.Replace(log, `"seed":"7"`, `"seed":"8"`, 1) },
		"a changed spec":         func(log string) string { return strings.Replace(log, `"n1":10,"n2":10`, `"n1":9,"n2":9`, 1) },
		"another version":        func(log string) string { return strings.Replace(log, `"ntk_tiles":2`, `"ntk_tiles":1`, 1) },
		"complete too early":     func(log string) string { return log + "{\"complete\":true}\n{\"complete\":true}\n" },
		"cut in its first line":  func(log string) string { return log[:50] },
		"empty":                  func(string) string { return "" },
	} {
		path := interrupted(t, resumeSpec, 3)
		log := string(read(t, journalPath(path)))
		if change(log) == log {
			t.Fatalf("%s: nothing changed in %q", what, log)
		}
		if err := os.WriteFile(journalPath(path), []byte(change(log)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenNPY(path, resumeSpec, testManifest)
		if !errors.Is(err, ErrJournal) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
		if string(read(t, journalPath(path))) != change(log) {
			t.Errorf("%s: a refused journal was changed", what)
		}
	}
}

// TestCorruptTile flips each byte of a finished array in turn. Every byte
// belongs to one tile or its mirror, so exactly one tile must fail.
func TestCorruptTile(t *testing.T) {
	s := Spec{N1: 3, N2: 3, Tail: []int{2}, DType: Float32, Symmetric: true, Block1: 2, Block2: 2}
	path := interrupted(t, s, 3)
	array, log := read(t, path), read(t, journalPath(path))
	start := len(array) - int(s.Bytes())
	for i := start; i < len(array); i++ {
		array[i] ^= 1 << (i % 8)
		if err := os.WriteFile(arrayPath(path), array, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(journalPath(path), log, 0o644); err != nil {
			t.Fatal(err)
		}
		r := finish(t, path, s, 1)
		if len(r.Bad) != 1 || r.Done != 2 || !strings.Contains(r.String(), "fail their checksum") {
			t.Errorf("byte %d: %+v", i, r)
		}
		array[i] ^= 1 << (i % 8)
	}
}

// TestCorruptThenKilled opens a complete array with a bad tile and stops
// before it is written again: the array must not pass for complete.
func TestCorruptThenKilled(t *testing.T) {
	path := interrupted(t, resumeSpec, 10)
	array := read(t, path)
	array[len(array)-1] ^= 1
	if err := os.WriteFile(arrayPath(path), array, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := OpenNPY(path, resumeSpec, testManifest)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, _, _, err := ReadNPY(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("reading: %v", err)
	}
	finish(t, path, resumeSpec, 1)
}

func TestMismatch(t *testing.T) {
	path := interrupted(t, resumeSpec, 3)
	log, array := read(t, journalPath(path)), read(t, path)
	with := func(change func(s *Spec)) Spec {
		s := resumeSpec
		change(&s)
		return s
	}
	for _, tc := range []struct {
		spec     Spec
		manifest Manifest
		want     string
	}{
		{resumeSpec, Manifest{"model": "sha256:1", "seed": "8"}, `manifest "seed" is "7" in the file and "8" in this run`},
		{resumeSpec, Manifest{"model": "sha256:1"}, `manifest "seed" is "7" in the file and nothing in this run`},
		{resumeSpec, Manifest{"model": "sha256:1", "seed": "7", "data": "x"}, `manifest "data" is nothing in the file and "x" in this run`},
		{resumeSpec, nil, `manifest "model" is "sha256:1" in the file and nothing in this run, manifest "seed" is "7" in the file and nothing in this run;`},
		{with(func(s *Spec) { s.DType = Float32 }), testManifest, `array "dtype" is "float64" in the file and "float32" in this run`},
		{with(func(s *Spec) { s.N1, s.N2 = 11, 11 }), testManifest, `array "n1" is "10" in the file and "11" in this run, array "n2" is "10" in the file and "11" in this run;`},
		{with(func(s *Spec) { s.Tail = nil }), testManifest, `array "tail" is "[2 2]" in the file and "[]" in this run`},
		{with(func(s *Spec) { s.Symmetric = false }), testManifest, `array "symmetric" is "true" in the file and "false" in this run`},
		{with(func(s *Spec) { s.Block1, s.Block2 = 4, 4 }), testManifest, `array "block1" is "3" in the file and "4" in this run, array "block2" is "3" in the file and "4" in this run;`},
	} {
		_, err := OpenNPY(path, tc.spec, tc.manifest)
		if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v\nwant …%s…", err, tc.want)
		}
	}
	if string(read(t, journalPath(path))) != string(log) || string(read(t, path)) != string(array) {
		t.Error("a refused resume changed the files")
	}
}

func TestOpenRefused(t *testing.T) {
	path := interrupted(t, resumeSpec, 3)
	array := read(t, path)
	for what, b := range map[string][]byte{
		"truncated":      array[:len(array)-1],
		"too long":       append(append([]byte{}, array...), 0),
		"another header": append(npyHeader{shape: []int{20, 20}, dtype: Float64}.encode(), make([]byte, 20*20*8)...),
		"no .npy":        []byte("PK\x03\x04"),
		"empty":          nil,
	} {
		if err := os.WriteFile(arrayPath(path), b, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenNPY(path, resumeSpec, testManifest)
		if !errors.Is(err, ErrNPY) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	os.Remove(arrayPath(path))
	if _, err := OpenNPY(path, resumeSpec, testManifest); !errors.Is(err, ErrNPY) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no array: %v", err)
	}
	os.Remove(journalPath(path))
	if _, err := OpenNPY(path, resumeSpec, testManifest); !errors.Is(err, ErrJournal) {
		t.Errorf("no journal: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenNPYContext(ctx, interrupted(t, resumeSpec, 3), resumeSpec, testManifest); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLock(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("files are not locked on this system")
	}
	_, path := create(t, resumeSpec)
	if _, err := OpenNPY(path, resumeSpec, testManifest); !errors.Is(err, ErrJournal) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second writer: %v", err)
	}
}

// TestFailedWrite closes the files under a writer: the tile fails, stays
// missing, and is computed after reopening.
func TestFailedWrite(t *testing.T) {
	f, path := create(t, resumeSpec)
	all := resumeSpec.Tiles()
	if err := f.WriteTile(all[0], produce(resumeSpec, all[0])); err != nil {
		t.Fatal(err)
	}
	f.log.f.Close()
	if err := f.WriteTile(all[1], produce(resumeSpec, all[1])); !errors.Is(err, ErrJournal) || f.Done(all[1]) {
		t.Errorf("no journal: %v, done %v", err, f.Done(all[1]))
	}
	f.data.Close()
	if err := f.WriteTile(all[2], produce(resumeSpec, all[2])); !errors.Is(err, os.ErrClosed) || f.Done(all[2]) {
		t.Errorf("no array: %v, done %v", err, f.Done(all[2]))
	}
	finish(t, path, resumeSpec, 9)
}

// killedPath tells the test's own binary, run as a child, where to write
// until it is killed.
const killedPath = "TILES_TEST_KILLED_PATH"

// TestKill kills a process that writes tiles, twice, without warning.
func TestKill(t *testing.T) {
	// Tiles enough that no machine finishes them before it is killed.
	s := Spec{N1: 600, N2: 600, DType: Float32, Symmetric: true, Block1: 2, Block2: 2}
	if path := os.Getenv(killedPath); path != "" {
		f, err := OpenNPY(path, s, testManifest)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		writeConcurrently(t, f)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Skip("the test's binary is unknown, so it cannot be run as the process to kill")
	}
	path := interrupted(t, s, 0)
	lines := func() int { return strings.Count(string(read(t, journalPath(path))), "\n") }
	for range 2 {
		child := exec.Command(self, "-test.run=^TestKill$")
		child.Env = append(os.Environ(), killedPath+"="+path)
		before := lines()
		if err := child.Start(); err != nil {
			t.Skipf("no child process can be started here: %v", err)
		}
		for deadline := time.Now().Add(10 * time.Second); lines() < before+20 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait() // fails: it was killed
		if lines() < before+20 {
			t.Fatalf("the child wrote %d tiles in 10 s, want 20", lines()-before)
		}
	}
	logged := lines() - 1
	f, err := OpenNPY(path, s, testManifest)
	if err != nil {
		t.Fatal(err)
	}
	// A process's death does not undo its writes, so not one tile of the
	// journal may fail.
	if r := f.Resume(); r.Bad != nil || r.Done != logged || r.Done == r.Total {
		t.Errorf("after two kills: %v, with %d lines", r, logged)
	}
	want := full(s)
	for _, tile := range s.Tiles() {
		if !f.Done(tile) {
			continue
		}
		buf := make([]byte, 4)
		if _, err := f.data.ReadAt(buf, f.offset+int64(tile.Row*s.N2+tile.Col)*4); err != nil {
			t.Fatal(err)
		}
		if string(Float32.encode(make([]byte, 4), want[tile.Row*s.N2+tile.Col:][:1])) != string(buf) {
			t.Errorf("tile %v: first entry differs", tile)
		}
	}
	f.Close()
}
