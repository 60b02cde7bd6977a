package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

//go:embed P*.json
var specs embed.FS

// A benchmark is a network, as a spec beside this file, a number of examples and
// what becomes of the outputs.
type benchmark struct {
	name, spec string
	n          int
	outputs    empirical.Outputs
	limit      bool // Θ of the infinitely wide network, of one output
	few        int  // of the n examples, those that the peer gets; 0 means all
}

var benchmarks = []benchmark{
	{name: "P1", spec: "P1.json", n: 16, outputs: empirical.Full},   // MLP 3072-2048³-8
	{name: "P1b", spec: "P1b.json", n: 64, outputs: empirical.Full}, // MLP 784-512²-10
	{name: "P1o", spec: "P1o.json", n: 16, outputs: empirical.Full}, // MLP 3072-2048³-100
	{name: "P2", spec: "P2.json", n: 4, outputs: empirical.Full},    // ResNet-18 without normalization, 32×32×3
	{name: "P2t", spec: "P2.json", n: 4, outputs: empirical.Trace},
	{name: "P2l", spec: "P2l.json", n: 4, outputs: empirical.Full}, // with layer norm over channels
	{name: "P3", spec: "P3.json", n: 16, outputs: empirical.Full},  // CNN, 3 convolutions of 64 channels, 16×16×3
	{name: "P3b", spec: "P3.json", n: 64, outputs: empirical.Full},
	{name: "P3d", spec: "P3.json", n: 16, outputs: empirical.Diagonal},
	{name: "P4", spec: "P4.json", n: 4000, limit: true},   // five layers of ReLU
	{name: "P4e", spec: "P4e.json", n: 2000, limit: true}, // of erf
	// Five convolutions with ReLU: flattened, and pooled over all positions.
	{name: "P4b", spec: "P4b.json", n: 64, limit: true, few: 24},
	{name: "P4c", spec: "P4c.json", n: 24, limit: true, few: 2},
	{name: "P4d", spec: "P4d.json", n: 40, limit: true, few: 4},
}

// peers is how many examples the peer gets.
func (b benchmark) peers() int {
	if b.few > 0 {
		return b.few
	}
	return b.n
}

// options are those of our side.
func (b benchmark) options() empirical.Options { return empirical.Options{Outputs: b.outputs} }

// peerOutputs returns what the peer keeps of the outputs, the shape of its Θ
// for o of them, and what that is to be multiplied by: it has no trace, only
// the mean.
func (b benchmark) peerOutputs(o int) (name string, shape []int, scale float64) {
	switch b.outputs {
	case empirical.Trace:
		return "mean", []int{b.n, b.n}, float64(o)
	case empirical.Diagonal:
		return "diagonal", []int{b.n, b.n, o}, 1
	}
	return "full", []int{b.n, b.n, o, o}, 1
}

// chosen returns the benchmarks that a list of names, with commas, asks for.
func chosen(list string) ([]benchmark, error) {
	var bs []benchmark
next:
	for name := range strings.SplitSeq(list, ",") {
		for _, b := range benchmarks {
			if b.name == strings.TrimSpace(name) {
				bs = append(bs, b)
				continue next
			}
		}
		return nil, fmt.Errorf("no case %q; there are %s", name, caseNames())
	}
	return bs, nil
}

func caseNames() string {
	var names []string
	for _, b := range benchmarks {
		names = append(names, b.name)
	}
	return strings.Join(names, ",")
}

// A network is what both sides compute the same Θ of.
type network struct {
	text   []byte // the spec
	params []models.ParamInfo
	net    *empirical.Network
	x      *tensors.Tensor // [n, …]
}

// newNetwork builds the network of a spec's text. Weights are drawn by
// [graph.Initialize], n inputs from N(0, 1) by [graph.Draw], both with seed 0.
func newNetwork(backend backends.Backend, text []byte, n int, dtype dtypes.DType) (*network, error) {
	spec, err := models.ParseSpec(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	model, err := spec.Model()
	if err != nil {
		return nil, err
	}
	params, err := spec.Params()
	if err != nil {
		return nil, err
	}
	net, err := empirical.New(backend, mlctx.New(), model, shapes.Make(dtype, spec.InputShape...))
	if err != nil {
		return nil, err
	}
	x, err := graph.Draw(graph.Gaussian(1), 0, "x", shapes.Make(dtype, append([]int{n}, spec.InputShape...)...))
	if err != nil {
		return nil, errors.Join(err, net.Close())
	}
	return &network{text, params, net, x}, nil
}

// write puts weights and inputs into a new .npz in dir, and returns the request
// that makes the peer load them, for what it is to keep of the outputs.
func (n *network) write(dir, outputs string) (request, error) {
	q := request{Do: "load", Spec: n.text, Arrays: filepath.Join(dir, "arrays.npz"), DType: strings.ToLower(n.net.DType().String()), Outputs: outputs}
	arrays := map[string]*tensors.Tensor{"x": n.x}
	for _, p := range n.params {
		v := n.net.Context().GetVariableByScopeAndName(p.Scope, p.VarName)
		if v == nil {
			return q, fmt.Errorf("the network has no variable %s in %s", p.VarName, p.Scope)
		}
		value, err := v.Value()
		if err != nil {
			return q, err
		}
		if arrays[p.Name] != nil {
			return q, fmt.Errorf("two arrays are called %s; rename the layer", p.Name)
		}
		arrays[p.Name] = value
		q.Params = append(q.Params, p.Name)
	}
	f, err := os.Create(q.Arrays)
	if err != nil {
		return q, err
	}
	err = numpy.ToNpzWriter(arrays, f)
	return q, errors.Join(err, f.Close())
}
