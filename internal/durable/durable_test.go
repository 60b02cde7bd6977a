package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gontk/ntk/internal/durable"
)

// holds compares a folder with the files that it should have, and no others.
func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("the folder has %v, want %v", entries, want)
	}
	for name, content := range want {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != content {
			t.Errorf("%s holds %q (%v), want %q", name, b, err, content)
		}
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := durable.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, map[string]string{"a": "old"})

	// While it is being written, and if that fails, the old file is there.
	failure := errors.New("no more")
	err := durable.Replace(path, 0o644, func(f *os.File) error {
		if _, err := f.WriteString("half"); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(path); string(b) != "old" {
			t.Errorf("meanwhile it holds %q, %v", b, err)
		}
		return failure
	})
	if err != failure {
		t.Errorf("error %v, want that of write", err)
	}
	holds(t, dir, map[string]string{"a": "old"})

	if err := durable.Replace(path, 0o755, func(f *os.File) error { _, err := f.WriteString("new"); return err }); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, map[string]string{"a": "new"})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v, want 0755", info.Mode(), err)
	}
	if err := durable.Write(filepath.Join(dir, "none", "a"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that does not exist: %v", err)
	}
	// What cannot get its name leaves nothing.
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := durable.Write(filepath.Join(dir, "folder"), []byte("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, durable.Partial+"*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestNew: of many at once, one makes the file, and the others hear of it.
func TestNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	var made atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch err := durable.New(path, []byte("content")); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("%d made the file", made.Load())
	}
	holds(t, dir, map[string]string{"a": "content"})
}
