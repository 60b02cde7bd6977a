package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// FuzzArchive gives the reader of checkpoints any bytes: it may not panic, nor take
// memory beyond the array that is asked for, and an array has the shape that it was
// asked for.
func FuzzArchive(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed.npz")
	err := writeArchive(path, &checkpoint{Step: 3}, func(yield func(string, *tensors.Tensor) error) error {
		return yield("w", tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	})
	if err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	want := shapes.Make(dtypes.Float32, 2, 3)
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := openArchive(path, &checkpoint{})
		if err != nil {
			return
		}
		defer a.close()
		x, err := a.array("w", want)
		if err == nil && !x.Shape().Equal(want) {
			t.Errorf("an array of shape %s", x.Shape())
		}
	})
}
