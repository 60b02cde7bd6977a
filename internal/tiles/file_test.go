package tiles

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var testManifest = Manifest{"model": "sha256:1", "seed": "7"}

func create(t *testing.T, s Spec) (*File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "theta.npy")
	f, err := CreateNPY(path, s, testManifest)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, path
}

// read returns a file, or an unfinished array by the name that it has.
func read(t *testing.T, path string) []byte {
	t.Helper()
	path = arrayPath(path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// arrayPath returns the name that an array has: finished or not.
func arrayPath(path string) string {
	if _, err := os.Stat(path + ".partial"); err == nil {
		return path + ".partial"
	}
	return path
}

// checkFile compares a finished .npy with the oracle, and its header with
// the spec.
func checkFile(t *testing.T, path string, s Spec) {
	t.Helper()
	shape, dtype, data, err := ReadNPY(path)
	if err != nil {
		t.Error(err)
		return
	}
	want := append([]int{s.N1, s.N2}, s.Tail...)
	if s.Packed {
		want = append([]int{s.N1 * (s.N1 + 1) / 2}, s.Tail...)
	}
	if dtype != s.DType || !slices.Equal(shape, want) {
		t.Errorf("shape %v of %s, want %v of %s", shape, dtype, want, s.DType)
	}
	if err := equal(data, full(s)); err != nil {
		t.Error(err)
	}
}

func TestFile(t *testing.T) {
	variants(t, func(t *testing.T, s Spec) {
		f, path := create(t, s)
		writeShuffled(t, f, 2)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := f.WriteTile(s.Tiles()[0], produce(s, s.Tiles()[0])); !errors.Is(err, ErrClosed) {
			t.Errorf("write after Close: %v", err)
		}
		checkFile(t, path, s)
		if log := string(read(t, journalPath(path))); !strings.HasSuffix(log, "\n{\"complete\":true}\n") {
			t.Errorf("journal ends %q", log[max(0, len(log)-60):])
		}
		// Opened and closed again, a complete file does not change.
		before := read(t, journalPath(path))
		s.Block1, s.Block2 = 0, 0 // as the file was cut
		g, err := OpenNPY(path, s, testManifest)
		if err != nil {
			t.Fatal(err)
		}
		if r := g.Resume(); r.Done != r.Total || r.Total != len(f.Spec().Tiles()) || r.Torn != 0 || r.Bad != nil {
			t.Errorf("resume: %+v", r)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if after := read(t, journalPath(path)); string(after) != string(before) {
			t.Errorf("the journal grew by %q", after[len(before):])
		}
	})
}

func TestFileConcurrent(t *testing.T) {
	s := Spec{N1: 17, N2: 17, Tail: []int{3, 3}, DType: Float32, Symmetric: true, Block1: 4, Block2: 4}
	f, path := create(t, s)
	writeConcurrently(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, s)
	// The header, 15 tiles once each although written four times, complete.
	if n := strings.Count(string(read(t, journalPath(path))), "\n"); n != 17 {
		t.Errorf("journal of %d lines, want 17", n)
	}
}

func TestCreateRefused(t *testing.T) {
	s := Spec{N1: 4, N2: 4, DType: Float32}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npy")
	full := func(string) (int64, bool) { return 64, true }
	if _, err := createNPY(path, s, nil, full); !errors.Is(err, ErrSpace) {
		t.Errorf("a full disk: %v", err)
	}
	if _, err := CreateNPY(path, s, Manifest{"a": "\xff"}); !errors.Is(err, ErrJournal) {
		t.Errorf("manifest of no text: %v", err)
	}
	if _, err := CreateNPY(path, s, Manifest{"a": strings.Repeat("x", maxLine)}); !errors.Is(err, ErrJournal) {
		t.Errorf("manifest of a MiB: %v", err)
	}
	if _, err := CreateNPY(path, Spec{}, nil); !errors.Is(err, ErrSpec) {
		t.Errorf("zero spec: %v", err)
	}
	if _, err := CreateNPY(filepath.Join(dir, "none", "a.npy"), s, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("refused creations left %v", files)
	}
	if err := os.WriteFile(journalPath(path), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateNPY(path, s, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a journal in the way: %v", err)
	}
	if _, err := os.Stat(path); err == nil || string(read(t, journalPath(path))) != "mine" {
		t.Error("a refused creation left or changed a file")
	}
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateNPY(path, s, nil); !errors.Is(err, fs.ErrExist) || string(read(t, path)) != "mine" {
		t.Errorf("a file in the way: %v", err)
	}
}

func TestFreeSpace(t *testing.T) {
	n, ok := freeSpace(t.TempDir())
	if !ok {
		t.Skip("this system does not tell free disk space")
	}
	if n <= 0 {
		t.Errorf("%d bytes free where tests write", n)
	}
}

// TestNumPy reads a file as its users do, mapped.
func TestNumPy(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here to read .npy files with")
	}
	if exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("python3 has no numpy to read .npy files with")
	}
	// The array's definition, written once more in NumPy.
	const script = `
import sys, numpy as np
for mode in (None, 'r'):
    a = np.load(sys.argv[1], mmap_mode=mode)
    n1, n2, no, np_ = (int(x) for x in sys.argv[3:7])
    m, n, o, p = np.ogrid[:n1, :n2, :no, :np_]
    w = np.sqrt(2 + m + 50.0*n + 2500.0*o + 125000.0*p)
    if sys.argv[7] == 'true':
        w = np.where((m < n) | ((m == n) & (o <= p)), w, w.transpose(1, 0, 3, 2))
    w = w[np.triu_indices(n1)] if sys.argv[8] == 'true' else w
    w = w.reshape(a.shape).astype(sys.argv[2])
    assert a.dtype == w.dtype and a.flags.c_contiguous and a.flags.aligned, (a.dtype, a.flags)
    assert np.array_equal(a, w), np.abs(a - w).max()
    if mode:
        assert isinstance(a, np.memmap) and a.offset % 64 == 0, a.offset
`
	for _, s := range []Spec{
		{N1: 7, N2: 5, DType: Float32, Block1: 3, Block2: 2},
		{N1: 7, N2: 5, Tail: []int{3}, DType: Float64, Block1: 3, Block2: 2},
		{N1: 7, N2: 7, Tail: []int{3, 3}, DType: Float32, Symmetric: true, Block1: 3, Block2: 3},
		{N1: 7, N2: 7, Tail: []int{3, 3}, DType: Float32, Symmetric: true, Block1: 3, Block2: 3, Packed: true},
	} {
		f, path := create(t, s)
		writeShuffled(t, f, 3)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		no, np := outputs(s)
		args := []string{"-c", script, path, string(s.DType)}
		for _, n := range []int{s.N1, s.N2, no, np} {
			args = append(args, strconv.Itoa(n))
		}
		args = append(args, strconv.FormatBool(s.Symmetric), strconv.FormatBool(s.Packed))
		if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: numpy: %v\n%s", name(s), err, out)
		}
	}
}
