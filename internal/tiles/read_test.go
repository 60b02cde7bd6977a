package tiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadGram reads arrays back whole, however they are stored: with a
// journal, and what has no journal and still tells its form.
func TestReadGram(t *testing.T) {
	variants(t, func(t *testing.T, s Spec) {
		f, path := create(t, s)
		writeShuffled(t, f, 4)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		whole := s
		whole.Packed = false
		want := full(whole)
		if s.DType == Float32 {
			for i, v := range want {
				want[i] = float64(float32(v))
			}
		}
		check := func(what string) {
			spec, got, err := ReadGram(t.Context(), path)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			if spec.N1 != s.N1 || spec.N2 != s.N2 || !slices.Equal(spec.Tail, s.Tail) || spec.DType != s.DType || spec.Packed != s.Packed {
				t.Errorf("%s: spec %+v, want that of %+v", what, spec, s)
			}
			if err := equal(got, want); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		check("with a journal")
		if s.Packed && s.Tail != nil {
			return // only its journal tells what the axes are
		}
		if err := os.Remove(journalPath(path)); err != nil {
			t.Fatal(err)
		}
		check("without")
	})
}

// TestReadRefused flips each byte of a finished array's entries in turn: no
// reader may return any of it.
func TestReadRefused(t *testing.T) {
	for _, packed := range []bool{false, true} {
		s := Spec{N1: 3, N2: 3, DType: Float64, Symmetric: true, Block1: 2, Block2: 2, Packed: packed}
		path := interrupted(t, s, 3)
		array := read(t, path)
		for i := len(array) - int(s.Bytes()); i < len(array); i++ {
			array[i] ^= 1 << (i % 8)
			if err := os.WriteFile(path, array, 0o644); err != nil {
				t.Fatal(err)
			}
			array[i] ^= 1 << (i % 8)
			if _, got, err := ReadGram(t.Context(), path); !errors.Is(err, ErrDamaged) || got != nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("byte %d: ReadGram: %v", i, err)
			}
			if _, _, got, err := ReadNPY(path); !errors.Is(err, ErrDamaged) || got != nil {
				t.Errorf("byte %d: ReadNPY: %v", i, err)
			}
			c, err := Verify(t.Context(), path)
			if err != nil || len(c.Bad) != 1 || c.Done != 2 || c.Manifest["seed"] != "7" {
				t.Errorf("byte %d: Verify: %+v, %v", i, c, err)
			}
		}
		if err := os.WriteFile(path, array, 0o644); err != nil {
			t.Fatal(err)
		}
		if c, err := Verify(t.Context(), path); err != nil || c.Err(path) != nil || c.Done != 3 {
			t.Errorf("undamaged: %+v, %v", c, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := ReadGram(ctx, path); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	for _, shape := range [][]int{{}, {5}, {3, 0}, {2, 2, 2, 2, 2}} {
		path := filepath.Join(t.TempDir(), "a.npy")
		n, _ := npyHeader{shape: shape, dtype: Float64}.bytes()
		if err := os.WriteFile(path, append(npyHeader{shape: shape, dtype: Float64}.encode(), make([]byte, n)...), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadGram(t.Context(), path); !errors.Is(err, ErrSpec) {
			t.Errorf("shape %v: %v", shape, err)
		}
	}
}

// TestUnfinishedName: an array has its name only with every tile in it, so that
// NumPy never maps zeros that are no results.
func TestUnfinishedName(t *testing.T) {
	f, path := create(t, resumeSpec)
	here := func(want bool, when string) {
		t.Helper()
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("%s: %s: %v", when, path, err)
		}
	}
	here(false, "created")
	all := resumeSpec.Tiles()
	for _, tile := range all[:4] {
		if err := f.WriteTile(tile, produce(resumeSpec, tile)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	here(false, "four tiles")
	if _, _, err := ReadGram(t.Context(), path); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "4 of 10") {
		t.Errorf("read: %v", err)
	}
	finish(t, path, resumeSpec, 6)
	here(true, "finished")

	// Killed between the journal's last line and the name.
	if err := os.Rename(path, partialPath(path)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := ReadGram(t.Context(), path); err != nil || equal(got, full(resumeSpec)) != nil {
		t.Errorf("read before it has its name: %v", err)
	}
	finish(t, path, resumeSpec, 0)
	here(true, "resumed")

	// A damaged array loses its name until it is whole again.
	b := read(t, path)
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err := OpenNPY(path, resumeSpec, testManifest); err != nil {
		t.Error(err)
	} else {
		here(false, "damaged")
		f.Close()
	}
	finish(t, path, resumeSpec, 1)
	here(true, "computed again")
}

// TestAbandoned leaves what a process leaves that is killed while it makes an
// array, at each step: there is nothing to resume, and nothing in the way.
func TestAbandoned(t *testing.T) {
	for _, left := range [][]string{nil, {".partial"}, {".partial", ".journal.new"}} {
		path := filepath.Join(t.TempDir(), "theta.npy")
		for _, end := range left {
			if err := os.WriteFile(path+end, []byte("cut of"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if found, err := Abandoned(path); found != (left != nil) || err != nil {
			t.Errorf("left %v: %v, %v", left, found, err)
		}
		f, err := CreateNPY(path, resumeSpec, testManifest)
		if err != nil {
			t.Fatalf("left %v: %v", left, err)
		}
		f.Close()
	}
	path := interrupted(t, resumeSpec, 2)
	if found, err := Abandoned(path); found || err != nil {
		t.Errorf("a journal: %v, %v", found, err)
	}
	finish(t, path, resumeSpec, 8)
}
