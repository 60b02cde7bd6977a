package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors/numpy"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
)

// A comparison is what all cases have in common.
type comparison struct {
	backend  backends.Backend
	python   string
	dtype    dtypes.DType
	runs     int           // of each side
	limit    time.Duration // of one run of a peer's implementation
	rate     float64       // of the host's GEMM, FLOP/s
	progress io.Writer
}

// tolerances of Θ, relative to its largest entry: two orders of summation
// differ by a few ulp times the depth, a wrong term by its share of Θ.
var tolerances = map[dtypes.DType]float64{dtypes.Float32: 1e-4, dtypes.Float64: 1e-10}

// measure times a case. First the peer's best implementation is found and both
// sides are warmed up, then they run in turn, one idle while the other computes.
func (c comparison) measure(ctx context.Context, b benchmark) (r result, err error) {
	if b.limit {
		return c.measureLimit(ctx, b)
	}
	text, err := specs.ReadFile(b.spec)
	if err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp("", "ntk-peers-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	net, err := newNetwork(c.backend, text, b.n, c.dtype)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, net.net.Close()) }()
	outputs, shape, scale := b.peerOutputs(net.net.Outputs())
	load, err := net.write(dir, outputs)
	if err != nil {
		return r, err
	}
	_, _ = fmt.Fprintf(c.progress, "%s: %d examples, %d parameters, %d outputs (%s), %s\n", b.name, b.n, net.net.Parameters(), net.net.Outputs(), b.outputs, load.DType)
	p, err := newPeer(ctx, c.python, dir, load)
	if err != nil {
		return r, err
	}
	defer p.stop()
	r = result{name: b.name, rate: c.rate, tolerance: tolerances[c.dtype], n: b.n}
	if r.impl, err = p.best(ctx, c.limit, c.progress); err != nil {
		return r, err
	}
	var theta *empirical.Gram
	err = c.alternate(ctx, func() (err error) {
		theta, err = net.net.NTK(ctx, empirical.Batch{net.x}, nil, b.options())
		return err
	}, p, &r)
	if err != nil {
		return r, err
	}
	r.ways = countWays(theta.Plan)
	if r.work, err = count(net.net, b.n, b.options(), c.progress); err != nil {
		return r, err
	}
	want, err := p.theta(ctx, shape)
	if err != nil {
		return r, err
	}
	for i := range want {
		want[i] *= scale
	}
	r.difference = relativeDifference(theta.Values, want)
	return r, nil
}

// alternate fills in r's times, of a call of ours and of the peer's in turn.
func (c comparison) alternate(ctx context.Context, call func() error, p *peer, r *result) (err error) {
	ours := func(turn time.Duration) (time.Duration, error) {
		start := time.Now()
		for calls := 1; ; calls++ {
			err := call()
			if took := time.Since(start); err != nil || took >= turn {
				return took / time.Duration(calls), err
			}
		}
	}
	if r.first, err = ours(0); err != nil {
		return err
	}
	// Its first calls are behind the peer, but perhaps a restart as well.
	if _, err = p.run(ctx, r.impl, c.limit+compileAllowance); err != nil {
		return err
	}
	if _, err = ours(turn); err != nil {
		return err
	}
	for i := range c.runs {
		a, err := ours(turn)
		if err != nil {
			return err
		}
		b, err := p.run(ctx, r.impl, c.limit+compileAllowance)
		if err != nil {
			return err
		}
		r.ours, r.peer = append(r.ours, a), append(r.peer, b)
		_, _ = fmt.Fprintf(c.progress, "  run %d of %d: ours %s ms, peer %s ms\n", i+1, c.runs, millis(a), millis(b))
	}
	return nil
}

// theta returns Θ of the peer's last run, which must have the given shape.
func (p *peer) theta(ctx context.Context, shape []int) ([]float64, error) {
	return p.array(ctx, "save", shape)
}

// array returns what a request writes: float64 copies of float32 or float64.
func (p *peer) array(ctx context.Context, do string, shape []int) ([]float64, error) {
	path := filepath.Join(p.dir, do+".npy")
	if _, err := p.w.ask(ctx, loadLimit, request{Do: do, Path: path}); err != nil {
		return nil, err
	}
	t, err := numpy.FromNpyFile(path)
	if err != nil {
		return nil, fmt.Errorf("what the peer wrote: %w", err)
	}
	if got := t.Shape().Dimensions; !slices.Equal(got, shape) {
		return nil, fmt.Errorf("the peer's result has shape %v, want %v", got, shape)
	}
	values, err := graph.Floats(t)
	if err != nil {
		return nil, fmt.Errorf("the peer's result: %w", err)
	}
	return values, nil
}

// countWays writes how many weights go each way: "factor:2,materialize:1".
func countWays(p *empirical.Plan) string {
	n := map[string]int{}
	for _, w := range p.Weights {
		n[w.Way]++
	}
	var parts []string
	for way, k := range n {
		parts = append(parts, fmt.Sprintf("%s:%d", way, k))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
