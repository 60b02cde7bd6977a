package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A field is one entry of a protobuf message.
type field struct {
	message string // it belongs to, for errors
	num     protowire.Number
	typ     protowire.Type
	n       uint64 // of a varint, fixed32 or fixed64
	b       []byte // of a length-delimited field: part of the file, not a copy
}

// eachField hands the fields of a message to visit, in order.
func eachField(message string, b []byte, visit func(f field) error) error {
	for size := len(b); len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return damaged(message, size-len(b), n)
		}
		b = b[n:]
		f := field{message: message, num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.n = uint64(v)
		case protowire.Fixed64Type:
			f.n, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.b, n = protowire.ConsumeBytes(b)
		default: // groups, which ONNX never had
			return fmt.Errorf("%s is damaged at its byte %d: field %d has wire type %d", message, size-len(b), num, typ)
		}
		if n < 0 {
			return damaged(message, size-len(b), n)
		}
		b = b[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

func damaged(message string, at, code int) error {
	return fmt.Errorf("%s is cut short or damaged at its byte %d: %w", message, at, protowire.ParseError(code))
}

func (f field) want(typ protowire.Type) error {
	if f.typ != typ {
		return fmt.Errorf("%s is damaged: field %d has wire type %d, want %d", f.message, f.num, f.typ, typ)
	}
	return nil
}

func (f field) integer(dst *int64) error {
	*dst = int64(f.n)
	return f.want(protowire.VarintType)
}

func (f field) text(dst *string) error {
	*dst = string(f.b)
	return f.want(protowire.BytesType)
}

func (f field) texts(dst *[]string) error {
	*dst = append(*dst, string(f.b))
	return f.want(protowire.BytesType)
}

// integers appends a repeated varint: packed, or one entry of an unpacked one.
func (f field) integers(dst *[]int64) error {
	if f.typ == protowire.VarintType {
		*dst = append(*dst, int64(f.n))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.b; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return damaged(f.message, len(f.b)-len(b), n)
		}
		*dst = append(*dst, int64(v))
		b = b[n:]
	}
	return nil
}

// fixed appends the little-endian bytes of a repeated fixed32 or fixed64,
// packed or not. Packed, once, they stay in the file's memory.
func (f field) fixed(dst *[]byte, unpacked protowire.Type) error {
	size := 4
	if unpacked == protowire.Fixed64Type {
		size = 8
	}
	if f.typ == unpacked {
		for k := range size {
			*dst = append(*dst, byte(f.n>>(8*k)))
		}
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	if len(f.b)%size != 0 {
		return fmt.Errorf("%s is damaged: field %d has %d bytes, no multiple of %d", f.message, f.num, len(f.b), size)
	}
	if *dst == nil {
		*dst = f.b[:len(f.b):len(f.b)]
		return nil
	}
	*dst = append(*dst, f.b...)
	return nil
}

func (f field) float(dst *float64) error {
	*dst = float64(math.Float32frombits(uint32(f.n)))
	return f.want(protowire.Fixed32Type)
}
