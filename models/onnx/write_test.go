package onnx_test

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Writers of the messages of onnx.proto, from its field numbers alone.

type message []byte

func (m message) number(field protowire.Number, v int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) text(field protowire.Number, v ...string) message {
	for _, s := range v {
		m = m.bytes(field, []byte(s))
	}
	return m
}

// file is a ModelProto of an opset.
func file(opset int64, graph message) []byte {
	return message(nil).number(1, 8).bytes(7, graph).bytes(8, message(nil).number(2, opset))
}

// network is a GraphProto with input x [batch, 4] and output y, of float.
func network(parts ...message) message {
	var g message
	for _, p := range parts {
		g = append(g, p...)
	}
	return append(append(g, value(11, "x", 1, -1, 4)...), value(12, "y", 1, -1, 3)...)
}

// value is a ValueInfoProto as field of a graph; -1 is an open size.
func value(field protowire.Number, name string, elem int64, dims ...int64) message {
	var shape message
	for _, d := range dims {
		var dim message
		if d < 0 {
			dim = dim.text(2, "batch")
		} else {
			dim = dim.number(1, d)
		}
		shape = shape.bytes(1, dim)
	}
	tensor := message(nil).number(1, elem).bytes(2, shape)
	return message(nil).bytes(field, message(nil).text(1, name).bytes(2, message(nil).bytes(1, tensor)))
}

// apply is a NodeProto as field of a graph.
func apply(name, op string, in, out []string, attrs ...message) message {
	n := message(nil).text(1, in...).text(2, out...).text(3, name).text(4, op)
	for _, a := range attrs {
		n = n.bytes(5, a)
	}
	return message(nil).bytes(1, n)
}

func integer(name string, v int64) message {
	return message(nil).text(1, name).number(3, v).number(20, 2)
}

func integers(name string, v ...int64) message {
	a := message(nil).text(1, name)
	for _, x := range v {
		a = a.number(8, x)
	}
	return a.number(20, 7)
}

func text(name, v string) message { return message(nil).text(1, name).text(4, v).number(20, 3) }

// dense is a TensorProto, as field 5 of a graph an initializer.
func dense(name string, elem int64, raw []byte, dims ...int64) message {
	t := message(nil)
	for _, d := range dims {
		t = t.number(1, d)
	}
	return t.number(2, elem).text(8, name).bytes(9, raw)
}

func initializer(t message) message { return message(nil).bytes(5, t) }

func float32s(v ...float32) (raw []byte) {
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

func int64s(v ...int64) (raw []byte) {
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return raw
}

// constant is an initializer of whole numbers.
func constant(name string, v ...int64) message {
	return initializer(dense(name, 7, int64s(v...), int64(len(v))))
}
