package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

// A weight is an initializer that becomes a variable.
type weight struct {
	*tensor
	variable string
	frozen   bool    // a running statistic
	start    float64 // of a frozen one, when the weights are drawn anew
	// distribution that the weight is drawn from, if it is drawn anew.
	distribution graph.Distribution
}

// arguments lists the inputs that are settings rather than weights.
var arguments = map[string][]int{"Clip": {1, 2}, "Pad": {2}, "Pow": {1}, "Dropout": {1, 2}}

// findWeights splits the initializers that the nodes read: those of real numbers
// and at least one axis are weights, the means and variances of batch norms
// frozen ones; the rest are constants.
func (m *Model) findWeights(all map[string]*tensor) error {
	used := map[string]bool{}   // as a weight
	frozen := map[string]bool{} // as a running statistic
	start := map[string]float64{}
	m.tensors = map[string]*tensor{}
	for _, n := range m.nodes {
		for i, in := range n.in {
			t := all[in]
			if t == nil {
				continue
			}
			if t.kind() != real || len(t.dims) == 0 || slices.Contains(arguments[n.op], i) {
				m.tensors[in] = t
				continue
			}
			used[in] = true
			if n.op == "BatchNormalization" && i >= 3 {
				frozen[in], start[in] = true, float64(i-3) // mean 0, variance 1
			}
		}
	}
	names := map[string]string{}
	for _, t := range m.graph.tensors {
		if !used[t.name] {
			continue
		}
		delete(m.tensors, t.name)
		w := &weight{tensor: t, variable: strings.ReplaceAll(t.name, mlctx.ScopeSeparator, "|"), frozen: frozen[t.name], start: start[t.name]}
		if other, twice := names[w.variable]; twice {
			return fmt.Errorf("initializers %q and %q would both be variable %q", other, t.name, w.variable)
		}
		names[w.variable] = t.name
		w.distribution = m.initial(w)
		m.weights = append(m.weights, w)
	}
	return nil
}

// Weights returns the variables that the model has, in the file's order: Name is
// the file's, VarName the same with "|" for "/". Frozen are the running means and
// variances of batch norms, which are used as they are.
//
// Every initializer of real numbers that has an axis is a weight, for a file does
// not say which its exporter trained; constants of nodes and single numbers are
// not. [Options.Reinit] draws
//
//	W ~ N(0, g²/fan-in), g = √2 if the file has rectifiers, else 1,
//
// for convolutions and matrix products (He et al., arXiv 1502.01852, eq. (10);
// LeCun's for g = 1), N(0, 1) for tables that are looked up in; gains start at 1,
// slopes at 1/4, and what is added at 0.
func (m *Model) Weights() []models.ParamInfo {
	var out []models.ParamInfo
	for _, w := range m.weights {
		out = append(out, models.ParamInfo{
			Name: w.name, Scope: mlctx.RootScope, VarName: w.variable, Shape: slices.Clone(w.dims), Frozen: w.frozen,
		})
	}
	return out
}

// initial returns the distribution of a weight at initialization, from the first
// node that uses it.
func (m *Model) initial(w *weight) graph.Distribution {
	name, dims := w.name, w.dims
	product := func(dims []int) int {
		n := 1
		for _, d := range dims {
			n *= d
		}
		return max(n, 1)
	}
	for _, n := range m.nodes {
		at := slices.Index(n.in, name)
		if at < 0 {
			continue
		}
		last := len(dims) - 1
		switch {
		case n.op == "Transpose" && at == 0:
			perm := n.attrs["perm"]
			moved := slices.Clone(dims)
			slices.Reverse(moved)
			if perm != nil && len(perm.ints) == len(dims) {
				for i, p := range perm.ints {
					if p < 0 || int(p) >= len(dims) {
						return graph.Constant(0) // refused when the network is built
					}
					moved[i] = dims[p]
				}
			}
			name, dims = n.out[0], moved
		case n.op == "Identity":
			name = n.out[0]
		case n.op == "Conv" && at == 1:
			return m.he(product(dims[1:]))
		case n.op == "ConvTranspose" && at == 1:
			return m.he(dims[0] * product(dims[min(2, len(dims)):]))
		case n.op == "Gemm" && at < 2 && last == 1:
			t := n.attrs[[]string{"transA", "transB"}[at]]
			if (t != nil && t.i != 0) == (at == 1) {
				return m.he(dims[1])
			}
			return m.he(dims[0])
		case n.op == "MatMul" && at == 1:
			return m.he(dims[max(last-1, 0)])
		case n.op == "MatMul":
			return m.he(dims[last])
		case n.op == "Gather" && at == 0:
			return graph.Gaussian(1)
		case n.op == "PRelu" && at == 1:
			return graph.Constant(0.25)
		case n.op == "Mul" || at == 1 && strings.HasSuffix(n.op, "Normalization"):
			return graph.Constant(1)
		default:
			return graph.Constant(0)
		}
	}
	return graph.Constant(0)
}

func (m *Model) he(fanIn int) graph.Distribution {
	gain := 1.0
	for _, n := range m.nodes {
		switch n.op {
		case "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu":
			gain = math.Sqrt2
		}
	}
	return graph.Gaussian(gain / math.Sqrt(float64(max(fanIn, 1))))
}

// variables puts the weights that ctx lacks there, in the dtype of the arithmetic.
func (b *builder) variables() {
	for _, w := range b.m.weights {
		shape := shapes.Make(b.dtype, w.dims...)
		v := b.ctx.GetVariableByScopeAndName(b.ctx.Scope(), w.variable)
		switch {
		case v != nil:
			if !v.Shape().Equal(shape) {
				panic(fmt.Errorf("variable %s is %s in the context, %s in the file", v.ScopeAndName(), v.Shape(), shape))
			}
		case b.m.reinit && !w.frozen:
			v = graph.Weight(b.ctx, w.variable, shape, w.distribution)
		default:
			v = b.ctx.VariableWithValue(w.variable, w.value(b.dtype, b.m.reinit))
			graph.Tag(b.ctx, v, w.distribution)
		}
		if w.frozen {
			v.SetTrainable(false)
		}
		b.values[w.name] = &value{node: v.ValueGraph(b.g)}
	}
}

// value returns the entries in the file; anew, where a statistic starts.
func (w *weight) value(dt dtypes.DType, anew bool) *tensors.Tensor {
	v := w.values()
	if anew {
		for i := range v {
			v[i] = w.start
		}
	}
	if dt == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(v, w.dims...)
	}
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return tensors.FromFlatDataAndDimensions(f, w.dims...)
}
