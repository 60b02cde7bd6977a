package tiles

import (
	"errors"
	"fmt"
	"io"

	"github.com/gontk/ntk/internal/npy"
)

// ErrNPY is wrapped by errors about .npy files that cannot be read.
var ErrNPY = errors.New(".npy file")

// An npyHeader is what a .npy file says about its entries. They are in C
// order and little-endian; other files are refused.
type npyHeader struct {
	shape []int
	dtype DType
	// size is the length of the header in bytes: where the entries start.
	size int64
}

// bytes returns the size of the entries.
func (h npyHeader) bytes() (int64, bool) { return product(int64(h.dtype.Size()), h.shape...) }

// encode returns the header as NumPy writes it.
func (h npyHeader) encode() []byte {
	descr := "<f4"
	if h.dtype == Float64 {
		descr = "<f8"
	}
	return npy.Header{Descr: descr, Shape: h.shape}.Encode()
}

// readNPYHeader reads a header and refuses arrays that are not stored as ours.
func readNPYHeader(r io.Reader) (npyHeader, error) {
	head, err := npy.Read(r)
	if err != nil {
		return npyHeader{}, fmt.Errorf("%w: %w", ErrNPY, err)
	}
	h := npyHeader{shape: head.Shape, size: head.Size}
	switch head.Descr {
	case "<f4":
		h.dtype = Float32
	case "<f8":
		h.dtype = Float64
	default:
		return npyHeader{}, fmt.Errorf("%w: entries of type %q, want \"<f4\" or \"<f8\"; convert them with NumPy's astype", ErrNPY, head.Descr)
	}
	if head.Fortran {
		return npyHeader{}, fmt.Errorf("%w: entries in Fortran order, want C order; convert them with numpy.ascontiguousarray", ErrNPY)
	}
	if _, ok := h.bytes(); !ok {
		return npyHeader{}, fmt.Errorf("%w: shape %v exceeds 8 EiB", ErrNPY, h.shape)
	}
	return h, nil
}
