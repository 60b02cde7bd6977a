package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of what a file may ask for.
const (
	maxRank = 16      // axes of a tensor
	maxDim  = 1 << 31 // size of an axis
	maxSize = 1 << 40 // entries of an intermediate value, for one batch
	maxHost = 1 << 22 // entries of a value that the host computes: shapes, indices, masks
)

// A tensor is a TensorProto: dims and, still encoded, its entries.
type tensor struct {
	name string
	dims []int
	elem int64
	size int // entries

	raw            []byte  // little-endian, in elem's own width
	ints           []int64 // int32_data, int64_data, uint64_data
	hasRaw, listed bool
	external       bool
}

// An elemType is a TensorProto.DataType that is read.
type elemType struct {
	name  string
	width int // bytes in raw data
	kind  kind
	value func(b []byte) float64
}

var elemTypes = map[int64]elemType{
	1:  {"float", 4, real, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	2:  {"uint8", 1, whole, func(b []byte) float64 { return float64(b[0]) }},
	3:  {"int8", 1, whole, func(b []byte) float64 { return float64(int8(b[0])) }},
	4:  {"uint16", 2, whole, func(b []byte) float64 { return float64(binary.LittleEndian.Uint16(b)) }},
	5:  {"int16", 2, whole, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }},
	6:  {"int32", 4, whole, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	7:  {"int64", 8, whole, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	9:  {"bool", 1, logical, func(b []byte) float64 { return truth(b[0] != 0) }},
	11: {"double", 8, real, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	12: {"uint32", 4, whole, func(b []byte) float64 { return float64(binary.LittleEndian.Uint32(b)) }},
	13: {"uint64", 8, whole, func(b []byte) float64 { return float64(binary.LittleEndian.Uint64(b)) }},
}

// otherElems names the types that are not read.
var otherElems = map[int64]string{
	0: "undefined", 8: "string", 10: "float16", 14: "complex64", 15: "complex128", 16: "bfloat16",
	17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
}

func elemOf(code int64) (elemType, error) {
	if e, ok := elemTypes[code]; ok {
		return e, nil
	}
	name, ok := otherElems[code]
	if !ok {
		name = "unknown"
	}
	return elemType{}, fmt.Errorf("element type %d (%s) is not supported; export in float32", code, name)
}

// parse reads a TensorProto. It copies no packed entries.
func (t *tensor) parse(message string, b []byte) error {
	var dims []int64
	var floats, doubles []byte
	err := eachField(message, b, func(f field) error {
		switch f.num {
		case 1:
			return f.integers(&dims)
		case 2:
			return f.integer(&t.elem)
		case 4:
			return f.fixed(&floats, protowire.Fixed32Type)
		case 5, 7, 11:
			t.listed = true
			return f.integers(&t.ints)
		case 8:
			return f.text(&t.name)
		case 9:
			t.raw, t.hasRaw = f.b, true
			return f.want(protowire.BytesType)
		case 10:
			return f.fixed(&doubles, protowire.Fixed64Type)
		case 13:
			t.external = true
		case 14:
			var where int64
			err := f.integer(&where)
			t.external = t.external || where == 1
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !t.hasRaw {
		switch {
		case floats != nil && t.elem == 1:
			t.raw, t.hasRaw = floats, true
		case doubles != nil && t.elem == 11:
			t.raw, t.hasRaw = doubles, true
		}
	}
	if len(dims) > maxRank {
		return fmt.Errorf("tensor %q has %d axes, more than %d", t.name, len(dims), maxRank)
	}
	t.dims = make([]int, len(dims))
	for i, d := range dims {
		if d < 0 || d > maxDim {
			return fmt.Errorf("tensor %q has an axis of size %d; want 0 to %d", t.name, d, int64(maxDim))
		}
		t.dims[i] = int(d)
	}
	var ok bool
	if t.size, ok = sizeOf(t.dims); !ok {
		return fmt.Errorf("tensor %q has dims %v: more than %d entries", t.name, dims, int64(maxSize))
	}
	return nil
}

// sizeOf returns the number of entries, false if there are more than maxSize.
// Empty axes do not excuse others of any size.
func sizeOf(dims []int) (int, bool) {
	n, empty := 1, false
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxSize/d {
			return 0, false
		}
		if d == 0 {
			empty = true
			continue
		}
		n *= d
	}
	if empty {
		return 0, true
	}
	return n, true
}

// check compares the entries with dims. It allocates nothing.
func (t *tensor) check() error {
	e, err := elemOf(t.elem)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.name, err)
	}
	switch {
	case t.external:
		return fmt.Errorf("tensor %q is kept in another file (external data); save the model as one file", t.name)
	case t.hasRaw:
		if len(t.raw) != t.size*e.width {
			return fmt.Errorf("tensor %q of dims %v and type %s has %d bytes, want %d", t.name, t.dims, e.name, len(t.raw), t.size*e.width)
		}
	case t.listed && e.kind != real:
		if len(t.ints) != t.size {
			return fmt.Errorf("tensor %q of dims %v has %d entries, want %d", t.name, t.dims, len(t.ints), t.size)
		}
	case t.size > 0:
		return fmt.Errorf("tensor %q of dims %v and type %s has no data of its type", t.name, t.dims, e.name)
	}
	return nil
}

// kind returns what the entries of a checked tensor are.
func (t *tensor) kind() kind { return elemTypes[t.elem].kind }

// values decodes the entries of a checked tensor.
func (t *tensor) values() []float64 {
	v := make([]float64, t.size)
	if e := elemTypes[t.elem]; t.hasRaw {
		for i := range v {
			v[i] = e.value(t.raw[i*e.width:])
		}
	} else if t.size > 0 {
		for i := range v {
			v[i] = float64(t.ints[i])
		}
	}
	return v
}

// literal returns a checked tensor as a value that the host knows.
func (t *tensor) literal() *literal { return &literal{t.kind(), t.dims, t.values()} }
