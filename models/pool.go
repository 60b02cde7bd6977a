package models

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// A Pooling configures [AvgPool], [SumPool] and [MaxPool].
type Pooling struct {
	// Window holds the window's size along each spatial axis.
	Window []int `json:"window" spec:"required"`
	// Strides, per axis; empty means 1.
	Strides []int `json:"strides,omitempty"`
	// Padding; empty means none.
	Padding Padding `json:"padding,omitempty"`
}

func (p Pooling) window() window {
	one := slices.Repeat([]int{1}, len(p.Window))
	w := window{p.Window, p.Strides, one, p.Padding}
	if len(w.strides) == 0 {
		w.strides = one
	}
	return w
}

// SumPool returns the sums over windows. Shapes: x [n, spatial…, c].
func SumPool(x *gx.Node, p Pooling) *gx.Node { return reduceWindow(x, p, backends.ReduceOpSum) }

// MaxPool returns the maxima over windows, borders padded with −∞.
// Shapes: x [n, spatial…, c].
func MaxPool(x *gx.Node, p Pooling) *gx.Node { return reduceWindow(x, p, backends.ReduceOpMax) }

// AvgPool returns the sums over windows divided by the window's size, or, with
// normalizeEdges, by how many of its positions lie inside the image.
// Shapes: x [n, spatial…, c].
func AvgPool(x *gx.Node, p Pooling, normalizeEdges bool) *gx.Node {
	sum := SumPool(x, p)
	if !normalizeEdges || p.Padding == Circular {
		return gx.MulScalar(sum, 1/float64(product(p.Window)))
	}
	counts := []float64{1}
	dims := []int{1}
	for i, in := range spatialDims(x) {
		c := insideCounts(p.window(), i, in)
		next := make([]float64, 0, len(counts)*len(c))
		for _, a := range counts {
			for _, b := range c {
				next = append(next, a*b)
			}
		}
		counts, dims = next, append(dims, len(c))
	}
	for i, c := range counts {
		counts[i] = 1 / c
	}
	return gx.Mul(sum, constant(x, counts, append(dims, 1)...))
}

// constant returns values, in C order, in x's dtype.
func constant(x *gx.Node, values []float64, dims ...int) *gx.Node {
	return gx.Reshape(gx.ConstAsDType(x.Graph(), x.DType(), values), dims...)
}

// insideCounts returns, for every output position along spatial axis i of size
// in, how many positions of the window are inside.
func insideCounts(w window, i, in int) []float64 {
	p := w.padding.amounts(in, w.size[i], w.strides[i], 1)
	var counts []float64
	for at := -p[0]; at+w.size[i] <= in+p[1]; at += w.strides[i] {
		counts = append(counts, float64(min(at+w.size[i], in)-max(at, 0)))
	}
	return counts
}

func reduceWindow(x *gx.Node, p Pooling, op backends.ReduceOpType) *gx.Node {
	win := p.window()
	x, pads := win.apply(x)
	full := func(v []int) []int { return append(append([]int{1}, v...), 1) }
	all := append(append([][2]int{{}}, pads...), [2]int{})
	return gx.BackendReduceWindow(x, op, full(win.size), full(win.strides), nil, nil, all)
}

// GlobalAvgPool returns the means over all spatial axes, which it removes.
// Shapes: x [n, spatial…, c], result [n, c].
func GlobalAvgPool(x *gx.Node) *gx.Node {
	return gx.MulScalar(GlobalSumPool(x), 1/float64(product(spatialDims(x))))
}

// GlobalSumPool returns the sums over all spatial axes, which it removes.
// Shapes: x [n, spatial…, c], result [n, c].
func GlobalSumPool(x *gx.Node) *gx.Node {
	axes := make([]int, x.Rank()-2)
	for i := range axes {
		axes[i] = i + 1
	}
	if len(axes) == 0 {
		return x
	}
	return gx.ReduceSum(x, axes...)
}

// Flatten returns x as [n, features], in C order.
func Flatten(x *gx.Node) *gx.Node {
	n := x.Shape().Dim(0)
	return gx.Reshape(x, n, x.Shape().Size()/max(1, n))
}

type pool struct {
	op string
	Pooling
	noArrays
}

// Op implements Layer.
func (l *pool) Op() string { return l.op }

func (l *pool) shape(_ *check, in []int) ([]int, error) { return l.Pooling.shape(in) }

func (p Pooling) shape(in []int) ([]int, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("its input %v has no spatial axis to pool over", in)
	}
	out, err := p.window().out(in[:len(in)-1])
	return append(out, in[len(in)-1]), err
}

func (l *pool) build(_ *builder, x *gx.Node) *gx.Node {
	if l.op == "max_pool" {
		return MaxPool(x, l.Pooling)
	}
	return SumPool(x, l.Pooling)
}

type avgPool struct {
	Pooling
	NormalizeEdges bool `json:"normalize_edges"`
	noArrays
}

// Op implements Layer.
func (*avgPool) Op() string { return "avg_pool" }

func (l *avgPool) shape(_ *check, in []int) ([]int, error) { return l.Pooling.shape(in) }

func (l *avgPool) build(_ *builder, x *gx.Node) *gx.Node {
	return AvgPool(x, l.Pooling, l.NormalizeEdges)
}

// whole is an op without fields that changes the whole shape.
type whole struct {
	op string
	noArrays
}

// Op implements Layer.
func (l *whole) Op() string { return l.op }

func (l *whole) shape(_ *check, in []int) ([]int, error) {
	if l.op == "flatten" {
		return []int{product(in)}, nil
	}
	if len(in) < 2 {
		return nil, fmt.Errorf("its input %v has no spatial axis to pool over", in)
	}
	return in[len(in)-1:], nil
}

func (l *whole) build(_ *builder, x *gx.Node) *gx.Node {
	switch l.op {
	case "flatten":
		return Flatten(x)
	case "global_sum_pool":
		return GlobalSumPool(x)
	}
	return GlobalAvgPool(x)
}
