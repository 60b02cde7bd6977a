package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/models"
)

// kernelFunction is the peer's only implementation of a limit.
const kernelFunction implementation = "kernel_fn"

// exactExamples is of how many examples the peer computes Θ in float64 too: what both
// sides' float32 is held against.
const exactExamples = 200

// measureLimit times a case of an infinitely wide network. Its difference is that of
// our Θ from the peer's in float64.
func (c comparison) measureLimit(ctx context.Context, b benchmark) (r result, err error) {
	text, err := specs.ReadFile(b.spec)
	if err != nil {
		return r, err
	}
	spec, err := models.ParseSpec(bytes.NewReader(text))
	if err != nil {
		return r, err
	}
	model, err := spec.Model()
	if err != nil {
		return r, err
	}
	limit, err := limits.Derive(mlctx.New(), model, []shapes.Shape{shapes.Make(dtypes.Float64, spec.InputShape...)}, limits.Options{})
	if err != nil {
		return r, err
	}
	x, err := graph.Draw(graph.Gaussian(1), 0, "x", shapes.Make(c.dtype, append([]int{b.n}, spec.InputShape...)...))
	if err != nil {
		return r, err
	}
	_, _ = fmt.Fprintf(c.progress, "%s: limit, %d examples, %s\n", b.name, b.n, c.dtype)
	r = result{
		name: b.name, rate: c.rate, tolerance: limitTolerances[c.dtype], n: b.n, impl: kernelFunction,
		entries: b.n * b.n, peerEntries: b.peers() * b.peers(),
	}
	few, err := firstExamples(x, b.peers(), c.dtype)
	if err != nil {
		return r, err
	}
	p, done, err := c.kernelPeer(ctx, text, few)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	var g *limits.Grams
	err = c.alternate(ctx, func() (err error) {
		g, err = limit.Gram(ctx, empirical.Batch{x}, nil, limits.GramOptions{DType: c.dtype, Only: limits.NTK})
		return err
	}, p, &r)
	if err != nil {
		return r, err
	}
	r.ways = strings.ReplaceAll(g.Engine, " ", "_")
	m := min(b.peers(), exactExamples)
	want, err := c.exactLimit(ctx, text, x, m)
	if err != nil {
		return r, err
	}
	got := make([]float64, 0, m*m)
	for i := range m {
		got = append(got, g.NTK[i*b.n:][:m]...)
	}
	r.difference = relativeDifference(got, want)
	return r, nil
}

// limitTolerances are those of Θ: a rounding of float32 is 6e-8.
var limitTolerances = map[dtypes.DType]float64{dtypes.Float32: 1e-6, dtypes.Float64: 1e-10}

// kernelPeer starts a peer that has the limit of a spec on x.
func (c comparison) kernelPeer(ctx context.Context, text []byte, x *tensors.Tensor) (p *peer, done func() error, err error) {
	dir, err := os.MkdirTemp("", "ntk-peers-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	load := request{Do: "limit", Spec: text, Arrays: filepath.Join(dir, "arrays.npz"), DType: strings.ToLower(x.DType().String())}
	f, err := os.Create(load.Arrays)
	if err == nil {
		err = errors.Join(numpy.ToNpzWriter(map[string]*tensors.Tensor{"x": x}, f), f.Close())
	}
	if err == nil {
		p, err = newPeer(ctx, c.python, dir, load)
	}
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return p, func() error {
		p.stop()
		return remove()
	}, nil
}

// exactLimit returns the peer's Θ of the first m examples in float64.
func (c comparison) exactLimit(ctx context.Context, text []byte, x *tensors.Tensor, m int) (theta []float64, err error) {
	first, err := firstExamples(x, m, dtypes.Float64)
	if err != nil {
		return nil, err
	}
	p, done, err := c.kernelPeer(ctx, text, first)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if _, err := p.run(ctx, kernelFunction, c.limit+compileAllowance); err != nil {
		return nil, err
	}
	return p.theta(ctx, []int{m, m})
}

// firstExamples copies the first m examples in float32 or float64.
func firstExamples(x *tensors.Tensor, m int, dtype dtypes.DType) (*tensors.Tensor, error) {
	values, err := graph.Floats(x)
	if err != nil {
		return nil, err
	}
	dims := append([]int{m}, x.Shape().Dimensions[1:]...)
	values = values[:len(values)/x.Shape().Dimensions[0]*m]
	if dtype == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(values, dims...), nil
	}
	rounded := make([]float32, len(values))
	for i, v := range values {
		rounded[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(rounded, dims...), nil
}
