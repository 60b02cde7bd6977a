package empirical

import (
	"context"
	"fmt"

	"github.com/gontk/ntk/graph"
)

// nngp returns f(x1) f(x2)ᵀ, averaged over the outputs of, at the weights that f
// has: [N1, N2]. A nil x2 means x1. Examples are run size at a time; 0 means all
// of a batch at once.
func (f *Network) nngp(ctx context.Context, x1, x2 Batch, of []int, size int) ([]float64, error) {
	y1, err := f.outputs(ctx, x1, size)
	if err != nil {
		return nil, err
	}
	y2 := y1
	if x2 != nil {
		if y2, err = f.outputs(ctx, x2, size); err != nil {
			return nil, err
		}
	}
	if len(of) == 0 {
		of = span(0, f.Outputs())
	}
	o := f.Outputs()
	n1, n2 := len(y1)/o, len(y2)/o
	k := make([]float64, n1*n2)
	for i := range n1 {
		for j := range n2 {
			sum := 0.0
			for _, p := range of {
				sum += float64(y1[i*o+p] * y2[j*o+p])
			}
			k[i*n2+j] = sum / float64(len(of))
		}
	}
	return k, nil
}

// outputs returns f(x), [N, O].
func (f *Network) outputs(ctx context.Context, x Batch, size int) (y []float64, err error) {
	if size == 0 {
		size = x.Len()
	}
	e, err := f.forwardExec(size)
	if err != nil {
		return nil, err
	}
	for from := 0; from < x.Len(); from += size {
		b, err := f.block(ctx, e, x, from)
		if err == nil {
			y = append(y, b.f.floats(b.rows*f.Outputs())...)
		}
		if ferr := f.free(b); err == nil {
			err = ferr
		}
		if err != nil {
			return nil, err
		}
	}
	return y, nil
}

// forwardExec compiles f for batches of n, once.
func (f *Network) forwardExec(n int) (*blockExec, error) {
	key := fmt.Sprint("forward ", n)
	if e, ok := f.execs[key]; ok {
		return e, nil
	}
	r, err := graph.Record(f.ctx, f.model, batched(f.inputs, n)...)
	if err != nil {
		return nil, err
	}
	e := &blockExec{sel: &selection{}, size: n}
	if e.compiled, err = f.compiled(r.Program.Prune()); err != nil {
		return nil, err
	}
	f.execs[key] = e
	return e, nil
}
