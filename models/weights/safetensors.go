package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/nlpodyssey/safetensors"

	"github.com/gontk/ntk/internal/durable"
)

var safeTypes = map[safetensors.DType]dtypes.DType{
	safetensors.BOOL: dtypes.Bool, safetensors.U8: dtypes.Uint8, safetensors.I8: dtypes.Int8, safetensors.I16: dtypes.Int16,
	safetensors.U16: dtypes.Uint16, safetensors.F16: dtypes.Float16, safetensors.BF16: dtypes.BFloat16, safetensors.I32: dtypes.Int32,
	safetensors.U32: dtypes.Uint32, safetensors.F32: dtypes.Float32, safetensors.F64: dtypes.Float64, safetensors.I64: dtypes.Int64,
	safetensors.U64: dtypes.Uint64,
}

// A safeView is a tensor as the library writes it.
type safeView struct {
	dtype safetensors.DType
	shape []uint64
	data  []byte
}

func (v safeView) DType() safetensors.DType { return v.dtype }
func (v safeView) Shape() []uint64          { return v.shape }
func (v safeView) Data() []byte             { return v.data }
func (v safeView) DataLen() uint64          { return uint64(len(v.data)) }

func writeSafetensors(path string, names []string, values map[string]*tensors.Tensor) error {
	views := map[string]safeView{}
	for _, name := range names {
		t := values[name]
		v := safeView{dtype: 255, shape: []uint64{}}
		for safe, dt := range safeTypes {
			if dt == t.DType() {
				v.dtype = safe
			}
		}
		if v.dtype == 255 {
			return fmt.Errorf("%s is of dtype %s, which .safetensors does not have", name, t.DType())
		}
		for _, d := range t.Shape().Dimensions {
			v.shape = append(v.shape, uint64(d))
		}
		if err := t.ConstBytes(func(b []byte) { v.data = bytes.Clone(b) }); err != nil {
			return fmt.Errorf("value of %s: %w", name, err)
		}
		views[name] = v
	}
	return durable.Replace(path, 0o644, func(f *os.File) error { return safetensors.SerializeToWriter(views, nil, f) })
}

// maxSafeHeader bounds the JSON header, as the format's own library does.
const maxSafeHeader = 100_000_000

func readSafetensors(path string, want map[string]shapes.Shape) (map[string]*tensors.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	header, err := safeHeader(f, info.Size())
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range header.Tensors() {
		names = append(names, name)
	}
	if err := agree(want, names); err != nil {
		return nil, err
	}
	for name, t := range header.Tensors() {
		dims := []int{}
		for _, d := range t.Shape {
			dims = append(dims, int(min(d, 1<<62)))
		}
		if err := fits(name, shapes.Shape{DType: safeTypes[t.DType], Dimensions: dims}, want[name]); err != nil {
			return nil, err
		}
	}
	// The shapes are those of the network, and the file has the size they take.
	start, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	got := map[string]*tensors.Tensor{}
	for name, t := range header.Tensors() {
		x := tensors.FromShape(want[name])
		var rerr error
		err := x.MutableBytes(func(b []byte) { _, rerr = f.ReadAt(b, start+int64(t.DataOffsets[0])) })
		if err == nil {
			err = rerr
		}
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", name, err)
		}
		got[name] = x
	}
	return got, nil
}

// safeHeader reads the header, which states offsets, and compares the last of
// them with the file's size. It leaves f where the data begin.
func safeHeader(f *os.File, size int64) (safetensors.Metadata, error) {
	none := safetensors.Metadata{}
	start := make([]byte, 8)
	if _, err := io.ReadFull(f, start); err != nil {
		return none, fmt.Errorf("no .safetensors file: %d bytes", size)
	}
	n := binary.LittleEndian.Uint64(start)
	if n > maxSafeHeader || int64(n) > size-8 {
		return none, fmt.Errorf("no .safetensors file, or cut short: a header of %d bytes in a file of %d", n, size)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(f, text); err != nil {
		return none, err
	}
	m := safetensors.Metadata{}
	if err := m.UnmarshalJSON(text); err != nil {
		return none, fmt.Errorf("damaged header: %w", err)
	}
	end := uint64(0)
	for name, t := range m.Tensors() {
		o := t.DataOffsets
		if o[0] > o[1] || o[1] > uint64(size) {
			return none, fmt.Errorf("damaged header: %q lies at bytes %d to %d of a file of %d", name, o[0], o[1], size)
		}
		bytes := t.DType.Size()
		for _, d := range t.Shape {
			if d > 0 && bytes > uint64(size)/d {
				return none, fmt.Errorf("damaged header: %q has shape %v in a file of %d bytes", name, t.Shape, size)
			}
			bytes *= d
		}
		if o[1]-o[0] != bytes {
			return none, fmt.Errorf("damaged header: %q of shape %v takes %d bytes, and has %d", name, t.Shape, bytes, o[1]-o[0])
		}
		end = max(end, o[1])
	}
	if data := uint64(size) - 8 - n; data != end {
		return none, fmt.Errorf("%d bytes of data, want %d: cut short or damaged", data, end)
	}
	return m, nil
}
