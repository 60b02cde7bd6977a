package weights

import (
	"archive/zip"
	"fmt"
	"os"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/npz"
)

func writeNPZ(path string, names []string, values map[string]*tensors.Tensor) error {
	return durable.Replace(path, 0o644, func(f *os.File) error {
		z := zip.NewWriter(f)
		for _, name := range names {
			if err := npz.Write(z, name, values[name]); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

func readNPZ(path string, want map[string]shapes.Shape) (map[string]*tensors.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("no .npz file, or cut short: %w", err)
	}
	members := map[string]*zip.File{}
	var names []string
	for _, m := range z.File {
		name := strings.TrimSuffix(m.Name, ".npy")
		if members[name] != nil {
			return nil, fmt.Errorf("array %q is there twice", name)
		}
		members[name] = m
		names = append(names, name)
	}
	if err := agree(want, names); err != nil {
		return nil, err
	}
	got := map[string]*tensors.Tensor{}
	for name, shape := range want {
		accept := func(s shapes.Shape) error { return fits(name, s, shape) }
		if got[name], err = npz.Read(members[name], name, accept); err != nil {
			return nil, err
		}
	}
	return got, nil
}
