package empirical

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A NotFinite is where a NaN or an infinity came up first.
type NotFinite struct {
	Example int     `json:"example"`
	Op      string  `json:"op"`
	Value   float64 `json:"-"` // NaN or an infinity, which JSON lacks
	// Of says what the op is part of: "the output" or "the gradient".
	Of string `json:"of"`
	// Source is the line of user code that built the op, and Weight the nearest
	// weight above it; "" where unknown or none.
	Source string `json:"source,omitempty"`
	Weight string `json:"weight,omitempty"`
	// Operands are the ranges of what the op read, all finite: an input or a
	// weight that is not finite is an Op of its own, "Parameter".
	Operands []Range `json:"operands,omitempty"`
}

// A Range is the least and the largest of a value's entries.
type Range struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// String is one line.
func (n *NotFinite) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "example %d: %s gives %g", n.Example, n.Op, n.Value)
	var from []string
	for _, r := range n.Operands {
		from = append(from, fmt.Sprintf("[%.3g, %.3g]", r.Min, r.Max))
	}
	if len(from) > 0 {
		fmt.Fprintf(&b, " of operands within %s", strings.Join(from, " and "))
	}
	fmt.Fprintf(&b, ", in %s", n.Of)
	if n.Source != "" {
		fmt.Fprintf(&b, ", at %s", n.Source)
	}
	if n.Weight != "" {
		fmt.Fprintf(&b, ", nearest weight %s", n.Weight)
	}
	return b.String()
}

// FirstNotFinite evaluates f and its gradient, the cotangent of all outputs
// being 1, op by op for one example of x after the other, and returns the first
// op of the first example that gives NaN or an infinity from finite operands;
// nil if none does.
//
// It holds every intermediate value of one example.
func (f *Network) FirstNotFinite(ctx context.Context, x Batch) (*NotFinite, error) {
	if err := f.checkBatch("x", x); err != nil {
		return nil, err
	}
	whole := f.gradient.program
	var values []*graph.Value
	for _, e := range whole.Eqns {
		for _, v := range e.Out {
			// Constants may be infinite on purpose: the start of a maximum.
			if v.Shape.DType == f.dtype && e.Op != backends.OpTypeConstant {
				values = append(values, v)
			}
		}
	}
	ofOutput := map[*graph.Eqn]bool{}
	for _, e := range whole.WithOutputs(whole.Outputs[0]).Prune().Eqns {
		ofOutput[e] = true
	}
	exec, err := compile(f.backend, f.dtype, whole.WithOutputs(values...))
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	for n := range x.Len() {
		if err := canceled(ctx); err != nil {
			return nil, err
		}
		ranges, err := f.ranges(exec, values, x, n)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			r := ranges[v]
			if !math.IsNaN(r.Min) && !math.IsInf(r.Min, 0) && !math.IsInf(r.Max, 0) {
				continue
			}
			return f.describe(n, v, ranges, ofOutput[v.Def]), nil
		}
	}
	return nil, nil
}

// describe fills in what is known of the op behind v.
func (f *Network) describe(example int, v *graph.Value, ranges map[*graph.Value]Range, output bool) *NotFinite {
	bad := ranges[v]
	n := &NotFinite{Example: example, Op: v.Def.Op.String(), Value: bad.Max, Of: "the gradient", Source: v.Def.Source()}
	if math.IsNaN(bad.Min) || math.IsInf(bad.Min, 0) {
		n.Value = bad.Min
	}
	if output {
		n.Of = "the output"
	}
	for _, in := range v.Def.In {
		if r, ok := ranges[in]; ok {
			n.Operands = append(n.Operands, r)
		}
	}
	isWeight := func(v *graph.Value) bool {
		return strings.HasPrefix(v.Def.Attrs.(graph.ParameterAttrs).Name, mlctx.VariableParameterPrefix)
	}
	name := f.gradient.program.NearestWeight(v.Def, isWeight)
	if a, ok := v.Def.Attrs.(graph.ParameterAttrs); ok {
		name = a.Name
		n.Of = "the data"
		if isWeight(v) {
			n.Of = "the weights"
		}
	}
	n.Weight = strings.TrimPrefix(name, mlctx.VariableParameterPrefix)
	return n
}

// ranges evaluates values for example n.
func (f *Network) ranges(exec backends.Executable, values []*graph.Value, x Batch, n int) (map[*graph.Value]Range, error) {
	p := f.gradient.program
	in := make([]backends.Buffer, len(p.Params))
	for i, v := range p.Params {
		name := p.ParamName(i)
		var b backends.Buffer
		var err error
		var k int
		switch {
		case i == f.gradient.u:
			b, err = graph.Upload(f.backend, filled(f.dtype, v.Shape.Dimensions, 1))
		case scan(name, inputName, &k):
			b, err = uploadRows(f.backend, x[k], n, 1, 1)
		default:
			if in[i], err = f.weight(name); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("empirical: looking for NaN: %w", err)
		}
		defer func() { _ = f.backend.BufferFinalize(b) }()
		in[i] = b
	}
	out, err := exec.Execute(in, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("empirical: looking for NaN: %w", err)
	}
	ranges := map[*graph.Value]Range{}
	for i, buf := range out {
		a, err := f.host(buf)
		if err != nil {
			return nil, err
		}
		ranges[values[i]] = rangeOf(a.floats(values[i].Shape.Size()))
		if err := f.free(&block{f: a}); err != nil {
			return nil, err
		}
	}
	return ranges, nil
}

// rangeOf returns the range of xs, [0, 0] of none; NaN if one is.
func rangeOf(xs []float64) Range {
	if len(xs) == 0 {
		return Range{}
	}
	return Range{slices.Min(xs), slices.Max(xs)} // both are NaN if any is
}

// filled returns a tensor of equal entries.
func filled(dt dtypes.DType, dims []int, x float64) *tensors.Tensor {
	n := product(dims)
	if dt == dtypes.Float32 {
		return tensors.FromFlatDataAndDimensions(slices.Repeat([]float32{float32(x)}, n), dims...)
	}
	return tensors.FromFlatDataAndDimensions(slices.Repeat([]float64{x}, n), dims...)
}
