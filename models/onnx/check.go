package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// Opsets that the converters follow.
const (
	firstOpset = 7
	lastOpset  = 21
)

// check validates what concerns the whole file.
func (m *modelProto) check() error {
	switch {
	case m.graph == nil:
		return fmt.Errorf("the file has no graph: it is empty, cut short or no ONNX model")
	case m.opset < firstOpset || m.opset > lastOpset:
		return fmt.Errorf("the file is of opset %d; opsets %d to %d are supported: export again with one of them", m.opset, firstOpset, lastOpset)
	case m.functions > 0:
		return fmt.Errorf("the file defines %d functions of its own, which are not supported: export with functions inlined", m.functions)
	case m.graph.sparse > 0:
		return fmt.Errorf("the file has %d sparse initializers, which are not supported", m.graph.sparse)
	case len(m.graph.outputs) == 0:
		return fmt.Errorf("the graph has no output")
	}
	for _, t := range m.graph.tensors {
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}

// chooseOutput finds the tensor called name; empty means the only output.
func (m *Model) chooseOutput(name string) error {
	outs := m.Outputs()
	if name == "" {
		if len(outs) != 1 {
			return fmt.Errorf("the file has %d outputs (%s): choose one by name", len(outs), listed(outs))
		}
		m.output = outs[0]
		return nil
	}
	m.output = name
	made := slices.ContainsFunc(m.graph.nodes, func(n *node) bool { return slices.Contains(n.out, name) })
	if !made {
		return fmt.Errorf("no node makes a tensor called %q; the file's outputs are %s", name, listed(outs))
	}
	return nil
}

// listed writes at most ten names.
func listed(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// resolve finds the nodes that the output needs and what every name means. ONNX
// wants nodes in an order that can be run, so that one pass suffices.
func (m *Model) resolve() error {
	g := m.graph
	tensors := map[string]*tensor{}
	for _, t := range g.tensors {
		if t.name == "" || tensors[t.name] != nil {
			return fmt.Errorf("two initializers are called %q", t.name)
		}
		tensors[t.name] = t
	}
	made := map[string]*node{}
	for _, n := range g.nodes {
		for _, o := range n.out {
			switch {
			case o == "":
			case made[o] != nil:
				return fmt.Errorf("%s and %s both make %q", made[o], n, o)
			case tensors[o] != nil:
				return fmt.Errorf("%s makes %q, which is an initializer", n, o)
			default:
				made[o] = n
			}
		}
	}
	for _, in := range g.inputs {
		if tensors[in.name] != nil { // a default, in files of IR version 3
			continue
		}
		if made[in.name] != nil {
			return fmt.Errorf("%s makes %q, which is an input", made[in.name], in.name)
		}
		if in.elem == 0 {
			return fmt.Errorf("input %q is no tensor, or its type is missing", in.name)
		}
		if _, err := elemOf(in.elem); err != nil {
			return fmt.Errorf("input %q: %w", in.name, err)
		}
		m.inputs = append(m.inputs, in)
	}
	if len(m.inputs) == 0 {
		return fmt.Errorf("the graph has no input besides its initializers")
	}
	if err := m.sort(tensors, made); err != nil {
		return err
	}
	return m.findWeights(tensors)
}

// sort collects the nodes that the output needs, and checks them.
func (m *Model) sort(tensors map[string]*tensor, made map[string]*node) error {
	known := map[string]bool{}
	for _, in := range m.inputs {
		known[in.name] = true
	}
	last := made[m.output]
	if last == nil {
		return fmt.Errorf("no node makes the output %q", m.output)
	}
	need := map[*node]bool{last: true}
	for i := last.index; i >= 0; i-- { // what comes later cannot be needed
		n := m.graph.nodes[i]
		if !need[n] {
			continue
		}
		for _, in := range n.in {
			if d := made[in]; d != nil {
				if d.index >= n.index {
					return fmt.Errorf("%s reads %q, which %s makes only later: the nodes form a cycle or are not sorted", n, in, d)
				}
				need[d] = true
			}
		}
	}
	for _, n := range m.graph.nodes[:last.index+1] {
		if !need[n] {
			continue
		}
		if err := n.check(m.opset); err != nil {
			return err
		}
		for _, in := range n.in {
			if in != "" && made[in] == nil && tensors[in] == nil && !known[in] {
				return fmt.Errorf("%s reads %q, which is no input, no initializer and made by no node", n, in)
			}
		}
		m.nodes = append(m.nodes, n)
	}
	return nil
}

// check looks whether the operator is supported and its arguments are in place.
func (n *node) check(opset int64) error {
	o, ok := ops[n.op]
	if !ok || !isDefaultDomain(n.domain) {
		return fmt.Errorf("%s: this operator is not supported", n)
	}
	required := 0
	for i, in := range n.in {
		if in != "" {
			required = i + 1
		}
	}
	if required < o.min || required > o.max {
		return fmt.Errorf("%s has %d inputs; want %d to %d", n, required, o.min, o.max)
	}
	for i, in := range n.in[:o.min] {
		if in == "" {
			return fmt.Errorf("%s lacks its input %d", n, i)
		}
	}
	if len(n.out) == 0 || n.out[0] == "" {
		return fmt.Errorf("%s has no output", n)
	}
	for name, a := range n.attrs {
		if a.kind == kindTensor && a.t == nil {
			return fmt.Errorf("%s: attribute %s has no tensor", n, name)
		}
		if a.t != nil {
			if err := a.t.check(); err != nil {
				return fmt.Errorf("%s: attribute %s: %w", n, name, err)
			}
		}
	}
	return nil
}
