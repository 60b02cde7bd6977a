package weights

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/npy"
)

func writeNPZ(path string, names []string, values map[string]*tensors.Tensor) error {
	return durable.Replace(path, 0o644, func(f *os.File) error {
		z := zip.NewWriter(f)
		for _, name := range names {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
			if err != nil {
				return err
			}
			if err := numpy.ToNpyWriter(values[name], w); err != nil {
				return fmt.Errorf("%s: %w", name, err)
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
		if got[name], err = readMember(members[name], name, shape); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// readMember reads an array of a shape that is known. The size that the archive
// states is not trusted: what counts is what arrives.
func readMember(m *zip.File, name string, want shapes.Shape) (*tensors.Tensor, error) {
	r, err := m.Open()
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	defer func() { _ = r.Close() }()
	head, err := npy.Read(r)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	dt, ok := npyTypes[head.Descr]
	if !ok {
		return nil, fmt.Errorf("array %q: dtype %q is not supported: save it as float32 or float64, little-endian", name, head.Descr)
	}
	if err := fits(name, shapes.Shape{DType: dt, Dimensions: head.Shape}, want); err != nil {
		return nil, err
	}
	// The library, which trusts what it reads, gets a header that we wrote.
	var t *tensors.Tensor
	rest := io.MultiReader(bytes.NewReader(head.Encode()), r)
	cerr := graph.Catch(func() { t, err = numpy.FromNpyReader(rest) })
	if cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("array %q is damaged: %w", name, err)
	}
	// At its end the archive's checksum is compared.
	switch n, err := io.CopyN(io.Discard, rest, 1); {
	case n > 0:
		return nil, fmt.Errorf("array %q has more bytes than %s takes", name, want)
	case err != io.EOF:
		return nil, fmt.Errorf("array %q is damaged: %w", name, err)
	}
	return t, nil
}

var npyTypes = map[string]dtypes.DType{
	"<f4": dtypes.Float32, "<f8": dtypes.Float64, "<f2": dtypes.Float16, "<i4": dtypes.Int32, "<i8": dtypes.Int64, "<i2": dtypes.Int16,
	"<u4": dtypes.Uint32, "<u8": dtypes.Uint64, "<u2": dtypes.Uint16, "|i1": dtypes.Int8, "<i1": dtypes.Int8, "|u1": dtypes.Uint8,
	"<u1": dtypes.Uint8, "|b1": dtypes.Bool, "?": dtypes.Bool,
}
