package empirical

import (
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// staysOnDevice reports whether Jacobians are contracted where they are: on a
// device with memory of its own, such as a GPU, if all of them are materialized.
// Then only tiles of Θ come to the host.
func (f *Network) staysOnDevice(ways []Way) bool {
	other := func(w Way) bool { return w != Materialize }
	return !f.backend.HasSharedBuffers() && !slices.ContainsFunc(ways, other)
}

// A deviceContraction adds up the terms of all weights by XLA: the products in
// the network's dtype, their sum in float64.
type deviceContraction struct {
	f        *Network
	plan     *Plan
	size     int // examples of a block
	parts    [][]int
	compiled map[deviceKey]compiled
	sum      []float64
	term     []float64
}

// A deviceKey says which Program of a contraction is meant.
type deviceKey struct {
	part        int // of the parts
	same, pairs bool
}

// newDeviceContraction compiles what the tiles need.
func newDeviceContraction(f *Network, size int, p *Plan) (*deviceContraction, error) {
	c := &deviceContraction{f: f, plan: p, size: size, compiled: map[deviceKey]compiled{}}
	c.parts = [][]int{span(0, len(p.sel.weights))}
	if p.terms != nil {
		c.parts = nil
		for _, t := range p.terms {
			c.parts = append(c.parts, t.members)
		}
	}
	for part := range c.parts {
		var keys []deviceKey
		switch {
		case p.Pairs:
			keys = []deviceKey{{part, p.Symmetric, true}}
		case !p.Symmetric:
			keys = []deviceKey{{part, false, false}}
		case p.Tiles == 1:
			keys = []deviceKey{{part, true, false}}
		default:
			keys = []deviceKey{{part, true, false}, {part, false, false}}
		}
		for _, k := range keys {
			program, err := c.program(k)
			if err != nil {
				return nil, err
			}
			if c.compiled[k], err = f.compiled(program); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// Parameters of the Programs are the Jacobians [size·O, P] of the i-th weight.
const (
	leftName  = "left:"
	rightName = "right:"
)

// program records the sum of the terms of some weights over two blocks, float64
// and as tail says, [size, size, …] or of pairs [size, …]; and, if the two are
// the same, ‖J_n‖² summed over outputs for each weight, [weights, size].
func (c *deviceContraction) program(k deviceKey) (*graph.Program, error) {
	rec := graph.NewRecorder("contraction")
	var outs []graph.Op
	err := graph.Catch(func() {
		b := graph.Ops{It: rec}
		var total graph.Op
		var norms []graph.Op
		for _, i := range c.parts[k.part] {
			w := c.plan.sel.weights[i]
			shape := shapes.Make(c.f.dtype, c.size*c.plan.O, w.size())
			left := b.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: fmt.Sprint(leftName, i), Shape: shape})
			right := left
			if !k.same {
				right = b.Do(backends.OpTypeParameter, graph.ParameterAttrs{Name: fmt.Sprint(rightName, i), Shape: shape})
			}
			scale := w.eta
			if c.plan.Outputs == Mean {
				scale /= float64(c.plan.O)
			}
			term := wide(b, c.product(b, left, right, w.size(), k.pairs))
			term = b.Mul(term, b.BroadcastInDim(b.Scalar(dtypes.Float64, scale), b.Dims(term), nil))
			if total == nil {
				total = term
			} else {
				total = b.Add(total, term)
			}
			if k.same {
				all := b.Reshape(left, c.size, c.plan.O*w.size())
				norm := b.DotGeneral(all, []int{1}, []int{0}, all, []int{1}, []int{0})
				norms = append(norms, b.Reshape(wide(b, norm), 1, c.size))
			}
		}
		outs = append(outs, c.arrange(b, total, k.pairs))
		if k.same {
			outs = append(outs, b.Concatenate(0, norms...))
		}
	})
	if err != nil {
		return nil, err
	}
	return rec.Program(outs...), nil
}

// wide converts to float64.
func wide(b graph.Ops, x graph.Op) graph.Op {
	if b.DType(x) == dtypes.Float64 {
		return x
	}
	return b.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dtypes.Float64}, x)
}

// product multiplies the Jacobians [n·O, p] of one weight: [n·O, n·O] for Full,
// [O, n, n] for Diagonal, [n, n] else; of pairs [n, O, O], [n, O] and [n].
func (c *deviceContraction) product(b graph.Ops, left, right graph.Op, p int, pairs bool) graph.Op {
	n, o := c.size, c.plan.O
	var dims, contract, batch []int
	switch c.plan.Outputs {
	case Full:
		dims, contract, batch = []int{n * o, p}, []int{1}, nil
		if pairs {
			dims, contract, batch = []int{n, o, p}, []int{2}, []int{0}
		}
	case Diagonal:
		dims, contract, batch = []int{n, o, p}, []int{2}, []int{1}
		if pairs {
			batch = []int{0, 1}
		}
	default:
		dims, contract, batch = []int{n, o * p}, []int{1}, nil
		if pairs {
			batch = []int{0}
		}
	}
	return b.DotGeneral(b.Reshape(left, dims...), contract, batch, b.Reshape(right, dims...), contract, batch)
}

// arrange puts the axes of what product returns as a tile has them.
func (c *deviceContraction) arrange(b graph.Ops, x graph.Op, pairs bool) graph.Op {
	switch {
	case pairs:
		return x
	case c.plan.Outputs == Full:
		return b.Transpose(b.Reshape(x, c.size, c.plan.O, c.size, c.plan.O), 0, 2, 1, 3)
	case c.plan.Outputs == Diagonal:
		return b.Transpose(x, 1, 2, 0)
	}
	return x
}

// tile implements contractor.
func (c *deviceContraction) tile(b1, b2 *block, each func(int, []float64) error) ([]float64, []float64, error) {
	return c.add(b1, b2, false, each)
}

// pairs implements contractor.
func (c *deviceContraction) pairs(b1, b2 *block, each func(int, []float64) error) ([]float64, []float64, error) {
	return c.add(b1, b2, true, each)
}

func (c *deviceContraction) add(b1, b2 *block, pairs bool, each func(int, []float64) error) ([]float64, []float64, error) {
	traces := make([]float64, len(c.plan.sel.weights))
	for part := range c.parts {
		values, err := c.execute(deviceKey{part, b1 == b2, pairs}, b1, b2, traces)
		if err != nil {
			return nil, nil, err
		}
		if each != nil {
			if err := each(part, values); err != nil {
				return nil, nil, err
			}
		}
		if part == 0 {
			copy(grow(&c.sum, len(values)), values)
			continue
		}
		for i, x := range values {
			c.sum[i] += x
		}
	}
	return c.sum, traces, nil
}

// execute returns the entries of one part, valid until the next call, and adds
// to traces the shares of its weights.
func (c *deviceContraction) execute(k deviceKey, b1, b2 *block, traces []float64) ([]float64, error) {
	e := c.compiled[k]
	in := make([]backends.Buffer, len(e.params))
	for i, name := range e.params {
		var w int
		if scan(name, leftName, &w) {
			in[i] = b1.parts[w][0].buf
		} else if scan(name, rightName, &w) {
			in[i] = b2.parts[w][0].buf
		}
	}
	out, err := e.exec.Execute(in, nil, 0)
	if err != nil {
		return nil, err
	}
	all, err := graph.TakeFloats(c.f.backend, out[0])
	if err != nil {
		return nil, err
	}
	tail := product(c.plan.Outputs.tail(c.plan.O))
	if k.same {
		norms, err := graph.TakeFloats(c.f.backend, out[1])
		if err != nil {
			return nil, err
		}
		for j, i := range c.parts[k.part] {
			for _, x := range norms[j*c.size:][:b1.rows] {
				traces[i] += c.plan.sel.weights[i].eta * x
			}
		}
	}
	if k.pairs {
		return all[:b1.rows*tail], nil
	}
	// Rows and columns that fill up a short block do not count.
	values := grow(&c.term, b1.rows*b2.rows*tail)
	for n := range b1.rows {
		copy(values[n*b2.rows*tail:][:b2.rows*tail], all[n*c.size*tail:])
	}
	return values, nil
}

// times implements contractor: one Program has all weights' terms.
func (c *deviceContraction) times() []time.Duration { return nil }

// done implements contractor.
func (c *deviceContraction) done() {}
