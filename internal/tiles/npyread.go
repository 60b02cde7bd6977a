package tiles

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// StatNPY returns the shape and dtype of a .npy file without reading its
// entries, so that a caller can compare their size with its budget. It
// returns [ErrNPY] for a header that is malformed or not of float32 or
// float64 in C order, and for a file whose length is not what it says.
func StatNPY(path string) (shape []int, dtype DType, err error) {
	f, h, err := openNPY(path, os.O_RDONLY)
	if err != nil {
		return nil, "", err
	}
	f.Close()
	return h.shape, h.dtype, nil
}

// ReadNPY returns the shape, dtype and entries of a .npy file: a []float32
// or []float64, row-major. It fails as [StatNPY] does before it allocates. If
// there is a journal beside the file, its tiles are verified first, and it
// fails as [Verify] and [Check.Err] do.
func ReadNPY(path string) (shape []int, dtype DType, data any, err error) {
	switch c, err := Verify(context.Background(), path); {
	case errors.Is(err, ErrJournal) && errors.Is(err, fs.ErrNotExist): // as most .npy files
	case err != nil:
		return nil, "", nil, err
	default:
		if err := c.Err(path); err != nil {
			return nil, "", nil, err
		}
	}
	f, h, err := openNPY(path, os.O_RDONLY)
	if err != nil {
		return nil, "", nil, err
	}
	defer f.Close()
	n, _ := h.bytes()
	if n > addressable {
		return nil, "", nil, fmt.Errorf("%w: %s: %d bytes are beyond the address space", ErrNPY, path, n)
	}
	if data, err = readEntries(f, h.dtype, int(n)/h.dtype.Size()); err != nil {
		return nil, "", nil, fmt.Errorf("%w: %s: %w", ErrNPY, path, err)
	}
	return h.shape, h.dtype, data, nil
}

// openNPY opens a .npy file, reads its header and compares its length.
func openNPY(path string, flag int) (_ *os.File, h npyHeader, err error) {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, h, fmt.Errorf("%w: %w", ErrNPY, err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, h, fmt.Errorf("%w: %w", ErrNPY, err)
	}
	if !info.Mode().IsRegular() {
		return nil, h, fmt.Errorf("%w: %s is not a regular file", ErrNPY, path)
	}
	if h, err = readNPYHeader(f); err != nil {
		return nil, h, fmt.Errorf("%s: %w", path, err)
	}
	n, _ := h.bytes()
	if n > math.MaxInt64-h.size || info.Size() != h.size+n {
		return nil, h, fmt.Errorf("%w: %s has %d bytes after its header, want %d for shape %v of %s",
			ErrNPY, path, info.Size()-h.size, n, h.shape, h.dtype)
	}
	return f, h, nil
}

// readEntries decodes n entries through a buffer of bounded size.
func readEntries(r io.Reader, d DType, n int) (any, error) {
	buf := make([]byte, min(int64(n)*int64(d.Size()), 1<<20))
	var f32 []float32
	var f64 []float64
	if d == Float32 {
		f32 = make([]float32, n)
	} else {
		f64 = make([]float64, n)
	}
	for at := 0; at < n; {
		k := min(n-at, len(buf)/d.Size())
		b := buf[:k*d.Size()]
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		for i := range k {
			if d == Float32 {
				f32[at+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			} else {
				f64[at+i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		at += k
	}
	if d == Float32 {
		return f32, nil
	}
	return f64, nil
}
