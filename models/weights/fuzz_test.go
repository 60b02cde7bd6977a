package weights_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/models/weights"
)

// fuzzLoad gives a loader any bytes: it may not panic, nor take memory beyond
// what the network has, and sets all variables or none.
func fuzzLoad(f *testing.F, ext string) {
	files, err := filepath.Glob("testdata/*" + ext)
	if err != nil || len(files) == 0 {
		f.Fatalf("no files to begin with: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "w"+ext)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		ctx := four(dtypes.Float32, irregular)
		err := weights.Load(path, ctx)
		got, old := entries(t, ctx), wanted(dtypes.Float32, irregular)
		if len(got) != len(old) {
			t.Fatalf("%d entries of %d", len(got), len(old))
		}
		for i := range got {
			if err != nil && got[i] != old[i] {
				t.Errorf("entry %d was set, and %v", i, err)
			}
		}
	})
}

func FuzzNPZ(f *testing.F)         { fuzzLoad(f, ".npz") }
func FuzzSafetensors(f *testing.F) { fuzzLoad(f, ".safetensors") }
