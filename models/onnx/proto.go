package onnx

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages below hold the fields of onnx.proto that inference needs.
//
// Source: onnx/onnx.proto of ONNX 1.16, whose field numbers never change.

// A modelProto is a file.
type modelProto struct {
	opset     int64 // of the default domain
	functions int
	graph     *graphProto
}

// A graphProto is a network.
type graphProto struct {
	name            string
	nodes           []*node
	tensors         []*tensor
	sparse          int
	inputs, outputs []valueInfo
}

// A node applies an operator.
type node struct {
	index            int // in the file
	name, op, domain string
	in, out          []string
	attrs            map[string]*attribute
}

// String names a node in errors.
func (n *node) String() string {
	if n.name == "" {
		return fmt.Sprintf("node number %d (op %s)", n.index, n.operator())
	}
	return fmt.Sprintf("node %q (op %s)", n.name, n.operator())
}

// operator names the operator, with the domain if it is not ONNX's own.
func (n *node) operator() string {
	name := n.op
	if !isDefaultDomain(n.domain) {
		name = n.domain + "." + n.op
	}
	if q := strconv.Quote(name); name == "" || q != `"`+name+`"` { // of a damaged file
		return q
	}
	return name
}

// An attribute is a static argument of a node.
type attribute struct {
	kind   int64 // AttributeProto.AttributeType
	f      float64
	i      int64
	s      string
	t      *tensor
	floats []byte
	ints   []int64
}

// Values of AttributeProto.AttributeType.
const (
	kindFloat  = 1
	kindInt    = 2
	kindString = 3
	kindTensor = 4
	kindFloats = 6
	kindInts   = 7
)

// A valueInfo is an input or output of the graph.
type valueInfo struct {
	name  string
	elem  int64 // TensorProto.DataType; 0 if it is no tensor
	known bool  // whether dims is
	dims  []int // -1 where the file leaves the size open
}

func parseModel(b []byte) (*modelProto, error) {
	m := &modelProto{}
	err := eachField("the file", b, func(f field) error {
		switch f.num {
		case 7:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			if m.graph != nil {
				return fmt.Errorf("the file has two graphs")
			}
			var err error
			m.graph, err = parseGraph(f.b)
			return err
		case 8:
			return m.parseOpset(f)
		case 25:
			m.functions++
		}
		return nil
	})
	return m, err
}

func (m *modelProto) parseOpset(f field) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	var domain string
	var version int64
	err := eachField("an opset_import", f.b, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&domain)
		case 2:
			return f.integer(&version)
		}
		return nil
	})
	if isDefaultDomain(domain) {
		m.opset = version
	}
	return err
}

func isDefaultDomain(d string) bool { return d == "" || d == "ai.onnx" }

func parseGraph(b []byte) (*graphProto, error) {
	g := &graphProto{}
	err := eachField("the graph", b, func(f field) (err error) {
		switch f.num {
		case 2:
			return f.text(&g.name)
		case 1, 5, 11, 12, 15:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
		}
		switch f.num {
		case 1:
			n := &node{index: len(g.nodes), attrs: map[string]*attribute{}}
			g.nodes = append(g.nodes, n)
			err = n.parse(f.b)
		case 5:
			t := &tensor{}
			g.tensors = append(g.tensors, t)
			err = t.parse("an initializer", f.b)
		case 11:
			g.inputs, err = appendValueInfo(g.inputs, f.b)
		case 12:
			g.outputs, err = appendValueInfo(g.outputs, f.b)
		case 15:
			g.sparse++
		}
		return err
	})
	return g, err
}

func (n *node) parse(b []byte) error {
	return eachField(fmt.Sprintf("node number %d", n.index), b, func(f field) error {
		switch f.num {
		case 1:
			return f.texts(&n.in)
		case 2:
			return f.texts(&n.out)
		case 3:
			return f.text(&n.name)
		case 4:
			return f.text(&n.op)
		case 5:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			return n.parseAttribute(f.b)
		case 7:
			return f.text(&n.domain)
		}
		return nil
	})
}

func (n *node) parseAttribute(b []byte) error {
	a := &attribute{}
	var name string
	err := eachField(fmt.Sprintf("an attribute of node number %d", n.index), b, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&name)
		case 2:
			return f.float(&a.f)
		case 3:
			return f.integer(&a.i)
		case 4:
			return f.text(&a.s)
		case 5:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			a.t = &tensor{}
			return a.t.parse(f.message, f.b)
		case 7:
			return f.fixed(&a.floats, protowire.Fixed32Type)
		case 8:
			return f.integers(&a.ints)
		case 20:
			return f.integer(&a.kind)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n.attrs[name] != nil {
		return fmt.Errorf("node number %d has attribute %q twice", n.index, name)
	}
	n.attrs[name] = a
	return nil
}

func appendValueInfo(to []valueInfo, b []byte) ([]valueInfo, error) {
	v := valueInfo{}
	err := eachField("a value's type", b, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&v.name)
		case 2:
			return f.inside("a value's type", 1, func(f field) error { // tensor_type
				return f.tensorType(&v)
			})
		}
		return nil
	})
	return append(to, v), err
}

// inside visits field num of the message that f is.
func (f field) inside(message string, num protowire.Number, visit func(f field) error) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return eachField(message, f.b, func(f field) error {
		if f.num != num {
			return nil
		}
		return visit(f)
	})
}

// tensorType reads TypeProto.Tensor.
func (f field) tensorType(v *valueInfo) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return eachField("a tensor's type", f.b, func(f field) error {
		switch f.num {
		case 1:
			return f.integer(&v.elem)
		case 2:
			v.known = true
			return f.inside("a tensor's shape", 1, func(f field) error { return v.appendDim(f) })
		}
		return nil
	})
}

func (v *valueInfo) appendDim(f field) error {
	n := int64(-1)
	err := f.inside("a dimension", 1, func(f field) error { return f.integer(&n) })
	if err != nil {
		return err
	}
	if n > maxDim {
		return fmt.Errorf("value %q has an axis of size %d, more than %d", v.name, n, int64(maxDim))
	}
	if n < 1 { // 0 and negative sizes stand for "any" in files of old exporters
		n = -1
	}
	v.dims = append(v.dims, int(n))
	if len(v.dims) > maxRank {
		return fmt.Errorf("value %q has more than %d axes", v.name, maxRank)
	}
	return nil
}
