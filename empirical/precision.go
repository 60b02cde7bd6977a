package empirical

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Float64 returns the same network, with the same weights, in float64. It has a
// context of its own.
//
// It returns an error if the model fixes a dtype itself.
func (f *Network) Float64() (*Network, error) {
	ctx := mlctx.New()
	f.ctx.EnumerateParams(func(scope, key string, value any) {
		ctx.InAbsPath(scope).SetParam(key, value)
	})
	for v := range f.ctx.IterVariables() {
		t, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("empirical: value of %s: %w", v.ScopeAndName(), err)
		}
		if t, err = toFloat64(t); err != nil {
			return nil, err
		}
		ctx.InAbsPath(v.Scope()).VariableWithValue(v.Name(), t).SetTrainable(v.Trainable)
	}
	inputs := make([]shapes.Shape, len(f.inputs))
	for i, s := range f.inputs {
		inputs[i] = s.Clone()
		if s.DType == dtypes.Float32 {
			inputs[i].DType = dtypes.Float64
		}
	}
	g, err := New(f.backend, ctx, f.original, inputs...)
	if err != nil {
		return nil, fmt.Errorf("empirical: the model in float64: %w", err)
	}
	g.checked = f.checked
	return g, nil
}

// toFloat64 converts a float32 tensor; others are returned as they are.
func toFloat64(t *tensors.Tensor) (*tensors.Tensor, error) {
	if t.DType() != dtypes.Float32 {
		return t, nil
	}
	var out *tensors.Tensor
	err := t.ConstFlatData(func(flat any) {
		x := flat.([]float32)
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = float64(v)
		}
		out = tensors.FromFlatDataAndDimensions(y, t.Shape().Dimensions...)
	})
	return out, err
}

// Rows returns the examples of x at the given indices.
func (b Batch) Rows(indices ...int) (Batch, error) {
	out := make(Batch, len(b))
	for i, t := range b {
		var err error
		cerr := t.ConstFlatData(func(flat any) {
			switch x := flat.(type) {
			case []float32:
				out[i] = pick(x, t.Shape().Dimensions, indices)
			case []float64:
				out[i] = pick(x, t.Shape().Dimensions, indices)
			case []int32:
				out[i] = pick(x, t.Shape().Dimensions, indices)
			case []int64:
				out[i] = pick(x, t.Shape().Dimensions, indices)
			default:
				err = fmt.Errorf("empirical: inputs of dtype %s", t.DType())
			}
		})
		if cerr != nil {
			return nil, cerr
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pick[T dtypes.Supported](x []T, dims, indices []int) *tensors.Tensor {
	width := product(dims[1:])
	var y []T
	for _, i := range indices {
		y = append(y, x[i*width:(i+1)*width]...)
	}
	return tensors.FromFlatDataAndDimensions(y, append([]int{len(indices)}, dims[1:]...)...)
}

// A Precision says how far a Gram matrix in float32 is from the same in
// float64, by a sample of entries.
type Precision struct {
	// Examples is how many examples the sample covers.
	Examples int `json:"examples"`
	// RMS and Max are those of the sampled errors; Scale is max|Θ| among them.
	RMS   float64 `json:"rms"`
	Max   float64 `json:"max"`
	Scale float64 `json:"scale"`
}

// EigenvalueError estimates how far an eigenvalue of a symmetric n × n matrix
// with such errors may be off: at most ‖E‖₂ ≤ ‖E‖_F (Weyl), and ‖E‖_F ≈ n·RMS.
func (p Precision) EigenvalueError(n int) float64 { return float64(n) * p.RMS }

// sampled is how many examples Precision looks at.
const sampled = 4

// Precision compares g = Θ(x, x), as NTK returned it with its values in memory,
// with float64 on the entries of a few examples spread over x. In float64 it is
// zero. Of pairs, whose x2 must be nil, it looks at those of these examples.
func (f *Network) Precision(ctx context.Context, x Batch, g *Gram, opts Options) (Precision, error) {
	n := x.Len()
	if f.dtype == dtypes.Float64 {
		return Precision{Examples: n}, nil
	}
	entries := n * product(g.Outputs.tail(g.O))
	if !opts.Pairs {
		entries *= n
	}
	if len(g.Values) != entries || g.N1 != n || g.N2 != n {
		return Precision{}, fmt.Errorf("empirical: precision needs Θ(x, x) of %d examples in memory", n)
	}
	f64, err := f.Float64()
	if err != nil {
		return Precision{}, err
	}
	defer func() { _ = f64.Close() }()
	k := min(n, sampled)
	rows := make([]int, k)
	for i := range rows {
		rows[i] = i * n / k
	}
	f64opts := Options{Outputs: g.Outputs, Of: opts.Of, Heads: opts.Heads, Params: opts.Params, Pairs: opts.Pairs, Memory: opts.Memory, BLAS: opts.BLAS}
	sample := x
	if opts.Joint {
		f64opts.Joint, f64opts.only = true, rows
	} else if sample, err = x.Rows(rows...); err != nil {
		return Precision{}, err
	}
	sample = slices.Clone(sample)
	for i, t := range sample {
		if sample[i], err = toFloat64(t); err != nil {
			return Precision{}, err
		}
	}
	want, err := f64.NTK(ctx, sample, nil, f64opts)
	if err != nil {
		return Precision{}, fmt.Errorf("empirical: sample entries in float64: %w", err)
	}
	return compare(g, want, rows, opts.Pairs), nil
}

// compare measures the entries of g that want holds too: those of rows.
func compare(g, want *Gram, rows []int, pairs bool) Precision {
	p := Precision{Examples: len(rows)}
	tail := product(g.Outputs.tail(g.O))
	count := 0
	add := func(at, wantAt int) {
		for t := range tail {
			w := want.Values[wantAt*tail+t]
			e := math.Abs(g.Values[at*tail+t] - w)
			p.RMS += e * e
			p.Max = max(p.Max, e)
			p.Scale = max(p.Scale, math.Abs(w))
			count++
		}
	}
	for i, r := range rows {
		if pairs {
			add(r, i)
			continue
		}
		for j, c := range rows {
			add(r*g.N2+c, i*len(rows)+j)
		}
	}
	p.RMS = math.Sqrt(p.RMS / float64(count))
	return p
}
