// Package npz reads and writes arrays of .npz files, which are ZIP archives of .npy
// files, as tensors. What it reads is not trusted.
package npz

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"

	"github.com/gontk/ntk/internal/npy"
)

// Write appends an array to an archive.
func Write(z *zip.Writer, name string, x *tensors.Tensor) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err == nil {
		err = numpy.ToNpyWriter(x, w)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Read reads an array whose shape fits accepts, before memory is taken for it. The
// size that the archive states is not trusted: what counts is what arrives. It
// returns an error of fits, and one for an array that is damaged, by its header, its
// length or the archive's CRC-32.
func Read(m *zip.File, name string, fits func(shapes.Shape) error) (*tensors.Tensor, error) {
	r, err := m.Open()
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	defer func() { _ = r.Close() }()
	head, err := npy.Read(r)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	dt, ok := dtypeOf[head.Descr]
	if !ok {
		return nil, fmt.Errorf("array %q: dtype %q is not supported: save it as float32 or float64, little-endian", name, head.Descr)
	}
	shape := shapes.Shape{DType: dt, Dimensions: head.Shape}
	if err := fits(shape); err != nil {
		return nil, err
	}
	// The library, which trusts what it reads, gets a header that we wrote.
	rest := io.MultiReader(bytes.NewReader(head.Encode()), r)
	t, err := decode(rest)
	if err != nil {
		return nil, fmt.Errorf("array %q is damaged: %w", name, err)
	}
	// At its end the archive's checksum is compared.
	switch n, err := io.CopyN(io.Discard, rest, 1); {
	case n > 0:
		return nil, fmt.Errorf("array %q has more bytes than %s takes", name, shape)
	case err != io.EOF:
		return nil, fmt.Errorf("array %q is damaged: %w", name, err)
	}
	return t, nil
}

// decode returns what the library panics with as an error.
func decode(r io.Reader) (t *tensors.Tensor, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%v", x)
		}
	}()
	return numpy.FromNpyReader(r)
}

var dtypeOf = map[string]dtypes.DType{
	"<f4": dtypes.Float32, "<f8": dtypes.Float64, "<f2": dtypes.Float16, "<i4": dtypes.Int32, "<i8": dtypes.Int64, "<i2": dtypes.Int16,
	"<u4": dtypes.Uint32, "<u8": dtypes.Uint64, "<u2": dtypes.Uint16, "|i1": dtypes.Int8, "<i1": dtypes.Int8, "|u1": dtypes.Uint8,
	"<u1": dtypes.Uint8, "|b1": dtypes.Bool, "?": dtypes.Bool,
}
