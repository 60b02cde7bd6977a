// Package onnx reads networks from ONNX files as ordinary GoMLX model
// functions, with their trained weights.
package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gontk/ntk/models"
)

// Options configures Load.
type Options struct {
	// Output names the tensor that is the network's output: one of the file's
	// outputs, or any value inside. Empty means the file's output, if it has one.
	Output string
	// Reinit leaves the trained weights in the file: they are drawn anew, as
	// [Model.Weights] says, and running statistics of batch norms start at 0 and 1.
	Reinit bool
	// MaxBytes bounds the file; 0 means 2 GiB, the most that ONNX allows.
	MaxBytes int64
}

const defaultMaxBytes = 2 << 30

// A Model is a network in an ONNX file. It is read-only, and may be used
// concurrently.
type Model struct {
	// Name is the graph's in the file, or else the file's.
	Name string

	opset   int64
	output  string
	reinit  bool
	graph   *graphProto
	nodes   []*node // that the output needs, in an order that can be run
	inputs  []valueInfo
	weights []*weight
	tensors map[string]*tensor // initializers that are no weights
}

// Load reads an ONNX file of opset 7 to 21.
//
// It returns one error, of one line, if the file is too large, is no ONNX file or
// a damaged one, if nodes form a cycle, read what nothing makes or apply an
// operator that is not supported (it names the node and the operator), if an
// initializer's bytes do not agree with its shape, or if there is no such output.
// Shapes that do not fit are found when the network is built, with the node's
// name. Weights stay in the memory that the file was read into.
func Load(path string, o Options) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	defer func() { _ = f.Close() }()
	limit := o.maxBytes()
	if info, err := f.Stat(); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	} else if info.IsDir() {
		return nil, fmt.Errorf("onnx: %s is a folder; want a file", path)
	} else if info.Size() > limit {
		return nil, fmt.Errorf("onnx: %s has %d bytes, more than %d", path, info.Size(), limit)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("onnx: reading %s: %w", path, err)
	}
	m, err := Parse(content, o)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, unprefixed(err))
	}
	if m.Name == "" {
		m.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return m, nil
}

func (o Options) maxBytes() int64 {
	if o.MaxBytes <= 0 {
		return defaultMaxBytes
	}
	return o.MaxBytes
}

// unprefixed takes "onnx: " off an error.
func unprefixed(err error) error {
	if text, ok := strings.CutPrefix(err.Error(), "onnx: "); ok {
		return fmt.Errorf("%s", text)
	}
	return err
}

// Parse is [Load] of the bytes of a file, which must not change afterwards.
func Parse(content []byte, o Options) (*Model, error) {
	if int64(len(content)) > o.maxBytes() {
		return nil, fmt.Errorf("onnx: the file has %d bytes, more than %d", len(content), o.maxBytes())
	}
	p, err := parseModel(content)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: %s", oneLine(err))
	}
	m := &Model{Name: printable(p.graph.name), opset: p.opset, reinit: o.Reinit, graph: p.graph}
	if err = m.chooseOutput(o.Output); err == nil {
		err = m.resolve()
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: %s", oneLine(err))
	}
	return m, nil
}

// printable returns a name of one line, empty if it is none.
func printable(name string) string {
	if q := strconv.Quote(name); q != `"`+name+`"` {
		return ""
	}
	return name
}

// Inputs returns the inputs, in order. A size that the file leaves open is −1.
func (m *Model) Inputs() []models.InputInfo {
	var in []models.InputInfo
	for _, v := range m.inputs {
		in = append(in, models.InputInfo{Name: v.name, Shape: v.example()})
	}
	return in
}

// example returns the shape of one example, nil if the file does not say.
func (v valueInfo) example() []int {
	if !v.known || len(v.dims) == 0 {
		return nil
	}
	return v.dims[1:]
}

// Outputs returns the names of the file's outputs.
func (m *Model) Outputs() []string {
	var names []string
	for _, o := range m.graph.outputs {
		names = append(names, o.name)
	}
	return names
}

// Layout returns the order of an image's axes in the input: "nchw", where a
// convolution or pooling reads it as it is, as such operators do; "" where none
// does, so that the file does not say.
func (m *Model) Layout() string {
	if len(m.inputs) != 1 {
		return ""
	}
	follow := map[string]bool{m.inputs[0].name: true}
	for _, n := range m.nodes {
		if len(n.in) == 0 || !follow[n.in[0]] {
			continue
		}
		switch n.op {
		case "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "GroupNormalization":
			return "nchw"
		case "Identity", "Cast", "Pad", "Add", "Sub", "Mul", "Div": // as preprocessing does
			follow[n.out[0]] = true
		}
	}
	return ""
}
