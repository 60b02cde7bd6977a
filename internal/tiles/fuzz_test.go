package tiles

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// FuzzFiles gives an array and its journal any bytes. Neither reading nor
// resuming may panic or take memory that the files do not pay for, and what
// they accept is what was written.
func FuzzFiles(f *testing.F) {
	specs := []Spec{
		{N1: 3, N2: 3, DType: Float64, Symmetric: true, Block1: 2, Block2: 2},
		{N1: 3, N2: 3, DType: Float32, Symmetric: true, Packed: true, Block1: 2, Block2: 2},
		{N1: 3, N2: 2, Tail: []int{2}, DType: Float32, Block1: 2, Block2: 2},
	}
	for i, s := range specs {
		for _, n := range []int{1, len(s.Tiles())} {
			path := filepath.Join(f.TempDir(), "theta.npy")
			w, err := CreateNPY(path, s, testManifest)
			if err != nil {
				f.Fatal(err)
			}
			for _, t := range s.Tiles()[:n] {
				if err := w.WriteTile(t, produce(s, t)); err != nil {
					f.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				f.Fatal(err)
			}
			array, err := os.ReadFile(arrayPath(path))
			if err != nil {
				f.Fatal(err)
			}
			log, err := os.ReadFile(journalPath(path))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(i, array, log)
			f.Add(i, array, log[:len(log)-3])
			f.Add(i, array[:len(array)-1], []byte{})
		}
	}
	f.Fuzz(func(t *testing.T, which int, array, log []byte) {
		s := specs[uint(which)%uint(len(specs))]
		path := filepath.Join(t.TempDir(), "theta.npy")
		for name, b := range map[string][]byte{path: array, journalPath(path): log} {
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if spec, got, err := ReadGram(t.Context(), path); err == nil && len(got) != spec.N1*spec.N2*spec.tail() {
			t.Errorf("%d entries of %+v", len(got), spec)
		}
		w, err := OpenNPY(path, s, testManifest)
		if err != nil {
			return // refused
		}
		err = Compute(t.Context(), w, func(_ context.Context, tile Tile) ([]float64, error) { return produce(s, tile), nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		checkFile(t, path, s)
	})
}
