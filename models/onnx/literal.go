package onnx

import (
	"fmt"
	"math"
	"slices"
)

// A kind is what the entries of a value are. The width is chosen when a value
// enters the graph: real numbers have the dtype of the network's inputs.
type kind int

const (
	real kind = iota
	whole
	logical
)

// A literal is a value known while the graph is built: a constant, a shape, what
// follows from them. Exporters compute the arguments of Reshape and its like from
// shapes, by ordinary nodes; the host evaluates those. Whole numbers are exact up
// to 2^53; beyond, as ends of slices are, they stay beyond.
type literal struct {
	kind kind
	dims []int
	v    []float64
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// wholes returns a list of whole numbers as a literal.
func wholes(v ...int) *literal {
	l := &literal{whole, []int{len(v)}, make([]float64, len(v))}
	for i, x := range v {
		l.v[i] = float64(x)
	}
	return l
}

// ints returns the entries as ints, those beyond ±maxSize as ±maxSize.
func (l *literal) ints() ([]int, error) {
	if l.kind != whole {
		return nil, fmt.Errorf("want whole numbers")
	}
	out := make([]int, len(l.v))
	for i, x := range l.v {
		out[i] = int(math.Max(-maxSize, math.Min(maxSize, x)))
	}
	return out, nil
}

// hostSize returns the number of entries of a literal of shape dims.
func hostSize(dims []int) (int, error) {
	span := slices.Clone(dims)
	for i, d := range span {
		span[i] = max(d, 1)
	}
	if n, ok := sizeOf(span); !ok || n > maxHost {
		return 0, fmt.Errorf("a constant of shape %v has more than %d entries", dims, maxHost)
	}
	n, _ := sizeOf(dims)
	return n, nil
}

// strides returns how far apart entries are along each axis, in C order.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = n
		n *= dims[i]
	}
	return s
}

// gathered returns the literal of shape dims whose entry i lies at
// Σ_k at[k][i_k] of l.
func (l *literal) gathered(dims []int, at [][]int) (*literal, error) {
	n, err := hostSize(dims)
	if err != nil {
		return nil, err
	}
	out := &literal{l.kind, dims, make([]float64, n)}
	s := strides(dims)
	for i := range out.v {
		from := 0
		for k := range dims {
			from += at[k][i/s[k]%dims[k]]
		}
		out.v[i] = l.v[from]
	}
	return out, nil
}

// pick takes the entries index along an axis.
func (l *literal) pick(axis int, index []int) (*literal, error) {
	at := l.offsets()
	dims := slices.Clone(l.dims)
	dims[axis] = len(index)
	s := strides(l.dims)[axis]
	at[axis] = make([]int, len(index))
	for i, x := range index {
		at[axis][i] = x * s
	}
	return l.gathered(dims, at)
}

// offsets returns, per axis and index along it, where the entries lie.
func (l *literal) offsets() [][]int {
	s := strides(l.dims)
	at := make([][]int, len(l.dims))
	for k, d := range l.dims {
		at[k] = make([]int, d)
		for i := range at[k] {
			at[k][i] = i * s[k]
		}
	}
	return at
}

// transpose permutes the axes.
func (l *literal) transpose(perm []int) (*literal, error) {
	at := l.offsets()
	dims, moved := make([]int, len(perm)), make([][]int, len(perm))
	for k, p := range perm {
		dims[k], moved[k] = l.dims[p], at[p]
	}
	return l.gathered(dims, moved)
}

// broadcast repeats l to a shape that it fits.
func (l *literal) broadcast(dims []int) (*literal, error) {
	if slices.Equal(l.dims, dims) {
		return l, nil
	}
	if _, err := hostSize(dims); err != nil {
		return nil, err
	}
	skip := len(dims) - len(l.dims)
	own := l.offsets()
	at := make([][]int, len(dims))
	for k, d := range dims {
		if k < skip || l.dims[k-skip] == 1 {
			at[k] = make([]int, d)
			continue
		}
		at[k] = own[k-skip]
	}
	return l.gathered(dims, at)
}

// reshape gives l other dims of the same size.
func (l *literal) reshape(dims []int) *literal { return &literal{l.kind, dims, l.v} }

// concat joins literals along an axis.
func concat(parts []*literal, axis int) (*literal, error) {
	dims := slices.Clone(parts[0].dims)
	dims[axis] = 0
	for _, p := range parts {
		dims[axis] += p.dims[axis]
	}
	n, err := hostSize(dims)
	if err != nil {
		return nil, err
	}
	out := &literal{parts[0].kind, dims, make([]float64, 0, n)}
	outer := 1
	for _, d := range dims[:axis] {
		outer *= d
	}
	for o := range outer {
		for _, p := range parts {
			chunk := len(p.v) / outer
			out.v = append(out.v, p.v[o*chunk:(o+1)*chunk]...)
		}
	}
	return out, nil
}

// broadcastDims returns the shape that operands take together: aligned at the
// last axis, sizes equal or 1.
//
// Source: ONNX, docs/Broadcasting.md, multidirectional broadcasting.
func broadcastDims(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	dims := slices.Repeat([]int{1}, rank)
	for _, s := range shapes {
		for i, d := range s {
			k := rank - len(s) + i
			if dims[k] == 1 {
				dims[k] = d
			} else if d != 1 && d != dims[k] {
				return nil, fmt.Errorf("shapes %v do not fit together: axis %d from the right has sizes %d and %d", shapes, rank-k, dims[k], d)
			}
		}
	}
	return dims, nil
}

// combine applies f to the entries of operands, broadcast together.
func combine(k kind, f func(v []float64) float64, in ...*literal) (*literal, error) {
	shapes := make([][]int, len(in))
	for i, l := range in {
		shapes[i] = l.dims
	}
	dims, err := broadcastDims(shapes...)
	if err != nil {
		return nil, err
	}
	wide := make([]*literal, len(in))
	for i, l := range in {
		if wide[i], err = l.broadcast(dims); err != nil {
			return nil, err
		}
	}
	n, err := hostSize(dims)
	if err != nil {
		return nil, err
	}
	out := &literal{k, dims, make([]float64, n)}
	args := make([]float64, len(in))
	for i := range out.v {
		for j, l := range wide {
			args[j] = l.v[i]
		}
		out.v[i] = f(args)
	}
	return out, nil
}
