package data

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/gontk/ntk/internal/npy"
)

// A number decodes one stored value; false if a float64 cannot hold it.
type number struct {
	width   int // bytes
	integer bool
	value   func(b []byte) (float64, bool)
}

// npyNumber returns how a .npy file's values are stored.
func npyNumber(descr string) (number, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if len(descr) != 3 {
		return number{}, fmt.Errorf("dtype %q is not supported, save as float64", descr)
	}
	switch {
	case descr[0] == '<', descr[0] == '|' && descr[2] == '1':
	case descr[0] == '>':
		order = binary.BigEndian
	default:
		return number{}, fmt.Errorf("dtype %q has no byte order, save as float64", descr)
	}
	integer := func(width int, value func(b []byte) (float64, bool)) (number, error) {
		return number{width, true, value}, nil
	}
	switch descr[1:] {
	case "f8":
		return number{8, false, func(b []byte) (float64, bool) { return math.Float64frombits(order.Uint64(b)), true }}, nil
	case "f4":
		return number{4, false, func(b []byte) (float64, bool) { return float64(math.Float32frombits(order.Uint32(b))), true }}, nil
	case "b1", "u1":
		return integer(1, func(b []byte) (float64, bool) { return float64(b[0]), true })
	case "i1":
		return integer(1, func(b []byte) (float64, bool) { return float64(int8(b[0])), true })
	case "u2":
		return integer(2, func(b []byte) (float64, bool) { return float64(order.Uint16(b)), true })
	case "i2":
		return integer(2, func(b []byte) (float64, bool) { return float64(int16(order.Uint16(b))), true })
	case "u4":
		return integer(4, func(b []byte) (float64, bool) { return float64(order.Uint32(b)), true })
	case "i4":
		return integer(4, func(b []byte) (float64, bool) { return float64(int32(order.Uint32(b))), true })
	case "u8":
		return integer(8, func(b []byte) (float64, bool) {
			v := order.Uint64(b)
			return float64(v), v <= maxExactInteger
		})
	case "i8":
		return integer(8, func(b []byte) (float64, bool) {
			v := int64(order.Uint64(b))
			return float64(v), -maxExactInteger <= v && v <= maxExactInteger
		})
	}
	return number{}, fmt.Errorf("dtype %q is not supported, save as float64", descr)
}

// maxExactInteger is where the integers that a float64 holds get gaps.
const maxExactInteger = 1 << 53

// A npyArray is an array whose header and size have been checked, its values
// still in the file.
type npyArray struct {
	*blob
	npy.Header
	number
	fields  int   // values of one example
	offsets []int // of those in the file if it is in Fortran order
}

// readNpyArray reads the header of a .npy file, of at least one axis. A file
// in Fortran order, where an example lies scattered, is moved into memory, up
// to limit bytes; others are read example by example.
func readNpyArray(ctx context.Context, b *blob, limit int64) (*npyArray, error) {
	h, err := npy.Read(io.NewSectionReader(b, 0, b.size))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.file, err)
	}
	num, err := npyNumber(h.Descr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.file, err)
	}
	if len(h.Shape) == 0 {
		return nil, fmt.Errorf("%s: a single number, an array of examples expected", b.file)
	}
	total, ok := product(h.Shape)
	if !ok || int64(total) > (math.MaxInt64-h.Size)/int64(num.width) {
		return nil, fmt.Errorf("%s: shape %v is more than any file holds, %d bytes found", b.file, h.Shape, b.size)
	}
	if err := b.expectSize(h.Size+int64(total)*int64(num.width), fmt.Sprintf("shape %v of %s", h.Shape, h.Descr)); err != nil {
		return nil, err
	}
	a := &npyArray{blob: b, Header: h, number: num}
	if total > 0 {
		a.fields = total / h.Shape[0]
	}
	if h.Fortran && len(h.Shape) > 1 && total > 0 {
		content, err := b.bytes(ctx, limit)
		if err != nil {
			return nil, err
		}
		a.blob = bytesBlob(b.file, content)
		a.offsets = fortranOffsets(h.Shape, a.fields)
	}
	return a, nil
}

// fortranOffsets returns where a file in Fortran order has the values of
// example 0, in the order of the rows of a C array.
func fortranOffsets(shape []int, fields int) []int {
	offsets := make([]int, fields)
	stride, repeat := shape[0], fields
	for _, n := range shape[1:] {
		// This axis' index advances every repeat values.
		repeat /= n
		for k := range offsets {
			offsets[k] += k / repeat % n * stride
		}
		stride *= n
	}
	return offsets
}

// row returns a function that writes example i, for one goroutine.
func (a *npyArray) row() func(dst []float64, i int) error {
	buf := make([]byte, a.fields*a.width)
	return func(dst []float64, i int) error {
		if a.offsets != nil {
			for k, off := range a.offsets {
				if err := a.readFull(buf[k*a.width:(k+1)*a.width], a.Size+int64((off+i)*a.width)); err != nil {
					return err
				}
			}
		} else if err := a.readFull(buf, a.Size+int64(i*len(buf))); err != nil {
			return err
		}
		for k := range dst {
			v, exact := a.value(buf[k*a.width:])
			if !exact {
				return fmt.Errorf("%s: example %d, feature %d is an integer that float64 cannot hold", a.file, i, k)
			}
			dst[k] = v
		}
		return nil
	}
}

// labels reads the whole array as labels: [N], or [N, k] for k targets.
func (a *npyArray) labels(task string) (labels, error) {
	if len(a.Shape) > 2 {
		return labels{}, fmt.Errorf("%s: labels of shape %v, [N] or [N, k] expected", a.file, a.Shape)
	}
	if a.fields == 0 {
		return labels{}, fmt.Errorf("%s: labels of shape %v: there are none", a.file, a.Shape)
	}
	n := a.Shape[0]
	values := make([]float64, n*a.fields)
	row := a.row()
	for i := range n {
		if err := row(values[i*a.fields:(i+1)*a.fields], i); err != nil {
			return labels{}, err
		}
	}
	return numericLabels(a.file, values, a.fields, a.integer, task)
}

// table takes the array for examples.
func (a *npyArray) table() (*table, error) {
	if len(a.Shape) < 2 {
		return nil, fmt.Errorf("%s: shape %v, [N, ...] of two or more axes expected: reshape single features to [N, 1]", a.file, a.Shape)
	}
	layout, note := arrayLayout(a.Shape)
	t := &table{file: a.file, shape: a.Shape, layout: layout, row: a.row()}
	if note != "" {
		t.notes = append(t.notes, note)
	}
	return t, nil
}

// npyTable opens a .npy file and, if o names one, that of its labels.
func npyTable(ctx context.Context, path string, o Options) (t *table, err error) {
	b, err := openBlob(ctx, path, o.maxBytes())
	if err != nil {
		return nil, err
	}
	defer closeOnError(b, &err)
	a, err := readNpyArray(ctx, b, o.maxBytes())
	if err != nil {
		return nil, err
	}
	if t, err = a.table(); err != nil {
		return nil, err
	}
	t.release = b.close
	if o.Labels == "" || o.Labels == noLabels {
		return t, nil
	}
	lb, err := openBlob(ctx, o.Labels, o.maxBytes())
	if err != nil {
		return nil, err
	}
	defer lb.close()
	y, err := readNpyArray(ctx, lb, o.maxBytes())
	if err != nil {
		return nil, err
	}
	t.labels, err = y.labels(o.Task)
	return t, err
}
